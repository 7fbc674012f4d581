"""`tandem work` and `tandem outsourcing`: what is listed where, in which order, and by which filters."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.console import work
from services.console.installation import Installation
from services.console.work import Filter, Outsourced, Received
from services.offer_handler import store as offers
from services.offer_handler.domain.partnerships import Partnership
from services.offer_handler.domain.partnerships import State as Partnered
from services.offer_handler.domain.rounds import Outsourcing, Round, State
from services.ticket_sync import store as links
from services.ticket_sync.domain.entries import Entry, Travel
from services.ticket_sync.domain.links import Link
from services.ticket_sync.domain.links import State as Linked
from shared.contracts.offer_handler import OfferedTicket
from shared.database import Connection
from shared.ids import new_id
from tests.integration.console.test_commands import Command
from tests.integration.databases import connection_to
from tests.unit.offer_handler.offering import LEAD, NOW, SERVICE, STRANGER, send

Look = Callable[[Connection, str, Filter], Awaitable[list[dict[str, Any]]]]

DAY = timedelta(days=1)
SENT_BY = ("/instances/nordlicht", UUID("01935e7a-4c00-7000-8000-000000000001"))


@pytest.fixture(scope="module")
def known(standing: Installation) -> dict[str, UUID]:
    return asyncio.run(make_known(standing))


async def make_known(installation: Installation) -> dict[str, UUID]:
    """One outsourcing in every state, by its ticket's title; the stranger has one that is offered and one planned."""
    partnerships = {
        service: Partnership(
            *(new_id(), LEAD, service, Partnered.ACTIVE, "p@example.com", "en", ""),
            *(NOW, NOW + 30 * DAY, SENT_BY),
            accepted_at=NOW,
            organization="Nordlicht",
        )
        for service in (SERVICE, STRANGER)
    }
    offered = [
        _round(partnerships[SERVICE], "offered", State.OFFERED),
        _round(partnerships[STRANGER], "offered elsewhere", State.OFFERED),
        _round(partnerships[SERVICE], "offered first", State.OFFERED, then=partnerships[STRANGER]),
        _round(partnerships[SERVICE], "declined", State.DECLINED),
        _round(partnerships[SERVICE], "expired", State.EXPIRED),
        _round(partnerships[SERVICE], "cancelled", State.CANCELLED),
        _round(partnerships[SERVICE], "accepted", State.ACCEPTED),
        _round(partnerships[SERVICE], "in progress", State.ACCEPTED, complete_by=NOW + 5 * DAY),
        _round(partnerships[SERVICE], "awaiting approval", State.ACCEPTED, complete_by=NOW + 2 * DAY),
        # Approved this moment: the offer handler has not heard of it yet.
        _round(partnerships[SERVICE], "completed", State.ACCEPTED),
        _round(partnerships[SERVICE], "returned", State.ACCEPTED),
        _round(partnerships[SERVICE], "returned long ago", State.RETURNED),
    ]
    linked = {
        "in progress": Linked.IN_PROGRESS,
        "awaiting approval": Linked.AWAITING_APPROVAL,
        "completed": Linked.COMPLETED,
        "returned": Linked.RETURNED,
        "returned long ago": Linked.RETURNED,
    }
    async with connection_to(installation.database_url_of("offer_handler")) as connection:
        await offers.save_partnerships(connection, list(partnerships.values()))
        await offers.save_rounds(connection, offered)
    async with connection_to(installation.database_url_of("ticket_sync")) as connection:
        await links.save_links(
            connection, [_link(one, linked[one.ticket.title]) for one in offered if one.ticket.title in linked]
        )
    return {one.ticket.title: one.outsourcing_ids[0] for one in offered}


@pytest.mark.parametrize(
    ("wanted", "titles"),
    [
        (Filter(list=Received.WAITING_ACCEPTANCE), ["offered", "offered first"]),
        (Filter(list=Received.IN_PROGRESS), ["in progress", "accepted"]),
        (Filter(list=Received.WAITING_APPROVAL), ["awaiting approval"]),
        (Filter(list=Received.COMPLETED), ["completed"]),
        (Filter(list=Received.CLOSED), ["declined", "expired", "cancelled", "returned", "returned long ago"]),
        (Filter(state="declined"), ["declined"]),
        (Filter(list=Received.CLOSED, state="cancelled"), ["cancelled"]),
        (Filter(state="returned"), ["returned", "returned long ago"]),
        (Filter(list=Received.COMPLETED, state="declined"), []),
        (Filter(due_before=NOW + 4 * DAY), ["offered", "offered first", "awaiting approval"]),
        (Filter(partner=STRANGER), []),
    ],
    ids=str,
)
async def test_received_work_is_listed_by_what_is_due_first(
    standing: Installation, known: dict[str, UUID], wanted: Filter, titles: list[str]
) -> None:
    async with connection_to(standing.database_url) as connection:
        assert [row["title"] for row in await work.list_received(connection, SERVICE, wanted)] == titles


@pytest.mark.parametrize(
    ("wanted", "titles"),
    [
        (
            Filter(list=Outsourced.OPEN),
            {"offered", "offered elsewhere", "offered first", "accepted", "in progress", "awaiting approval"},
        ),
        (Filter(list=Outsourced.CLOSED), {"declined", "expired", "cancelled", "returned", "returned long ago"}),
        (Filter(list=Outsourced.COMPLETED), {"completed"}),
        (Filter(partner=STRANGER), {"offered elsewhere"}),
    ],
    ids=["open", "closed", "completed", "with the stranger"],
)
async def test_outsourced_work_is_listed_for_the_lead_alone(
    standing: Installation, known: dict[str, UUID], wanted: Filter, titles: set[str]
) -> None:
    async with connection_to(standing.database_url) as connection:
        assert {row["title"] for row in await work.list_outsourced(connection, LEAD, wanted)} == titles
        assert await work.list_outsourced(connection, SERVICE, wanted) == []


async def test_nobody_lists_an_outsourcing_whose_partner_is_not_asked_yet(
    standing: Installation, known: dict[str, UUID]
) -> None:
    async with connection_to(standing.database_url) as connection:
        planned = "SELECT outsourcing_id FROM offer_handler.outsourcing WHERE state = 'planned'"
        id = await connection.fetchval(planned)
        for rows in (
            await work.list_received(connection, STRANGER, Filter()),
            await work.list_received(connection, STRANGER, Filter(state="planned")),
            await work.list_outsourced(connection, LEAD, Filter()),
            await work.list_outsourced(connection, LEAD, Filter(state="planned")),
        ):
            assert id not in [row["outsourcing_id"] for row in rows]
        assert await work.find_outsourcing(connection, id) is None


@pytest.mark.parametrize(
    ("look", "index"), [(work.list_received, "outsourcing_received"), (work.list_outsourced, "outsourcing_given")]
)
async def test_a_list_reads_the_work_of_its_instance_alone(
    standing: Installation, known: dict[str, UUID], look: Look, index: str
) -> None:
    async with connection_to(standing.database_url) as connection:
        # Of the few rows here a scan would be cheaper; of a million it is not.
        await connection.execute("SET enable_seqscan = off")
        asked: list[str] = []
        connection.add_query_logger(lambda query: asked.append(query.query))
        await look(connection, LEAD, Filter())
        await asyncio.sleep(0)  # the driver calls its loggers one step later
        plan = await connection.fetch(f"EXPLAIN {asked[0]}", LEAD, None, None, None, work.MOST_LISTED)
    lines = "\n".join(row[0] for row in plan)
    assert index in lines and "Seq Scan" not in lines, lines


async def test_the_commands_say_the_same_for_people_and_for_scripts(
    standing: Installation, known: dict[str, UUID]
) -> None:
    tandem = Command(standing)
    rows = await tandem.json("work", "received", SERVICE, "--list", "waiting-approval")
    assert [(row["title"], row["partner"], row["service_number"]) for row in rows] == [
        ("awaiting approval", LEAD, "A-1")
    ]
    assert "nothing like that" in await tandem("work", "outsourced", STRANGER)
    shown = await tandem.json("outsourcing", "show", str(known["completed"]))
    assert (shown["state"], shown["lead"], shown["history"]) == ("completed", LEAD, [])
    assert "in_progress" in await tandem("outsourcing", "show", str(known["in progress"]))
    assert "no such outsourcing" in await tandem("outsourcing", "show", str(new_id()), expect=1)


async def test_copies_that_were_not_told_are_named_and_can_be_told_again(installation: Installation) -> None:
    known = await make_known(installation)
    tandem, id = Command(installation), known["in progress"]
    note = Entry(id, new_id(), LEAD, 1, "note", "shared", "{}", Travel.DELIVERED, copy_version=1)
    async with connection_to(installation.database_url_of("ticket_sync")) as connection:
        await links.save_entries(connection, [note])
    await installation.add_instance(SERVICE, "Alpenwerk Systems", "en", "info@example.com")
    wrong = {"outsourcing_id": str(id), "side": SERVICE, "copies": 1, "untold": 1, "unconfirmed": 0}
    verdict = {"outsourcings": 5, "copies": 1, "wrong": [wrong]}
    assert await tandem.json("sync", "verify", expect=1) == verdict
    assert "untold: `tandem sync repair" in await tandem("sync", "verify", expect=1)
    assert "0 copies of 1 outsourcings" in await tandem("sync", "verify", str(known["completed"]))
    assert "no such outsourcing" in await tandem("sync", "verify", str(new_id()), expect=1)
    assert "is told all again (tickets: 1)" in await tandem("sync", "repair", str(id), "--side", SERVICE)
    assert await tandem.json("sync", "repair", "--side", SERVICE) == {"side": SERVICE, "outsourcings": 5}
    assert f"{STRANGER} has no such outsourcing" in await tandem(
        *("sync", "repair", str(id), "--side", STRANGER), expect=1
    )
    assert "has no outsourcing that is accepted" in await tandem("sync", "repair", "--side", "rheinthal", expect=1)


def _round(
    partnership: Partnership,
    title: str,
    state: State,
    *,
    complete_by: datetime | None = None,
    then: Partnership | None = None,
) -> Round:
    """A round of one, or one after another where somebody else would be asked after that."""
    sending = send(f"NL-{title}", new_id(), partnership.partnership_id, complete_by=complete_by)
    sent_by = ("/instances/nordlicht", new_id())
    asked = Outsourcing(sending.offers[0].outsourcing_id, 0, partnership.partnership_id, partnership.service)
    asked = asked.offered(sent_by, sending.terms.respond_by, NOW)
    if state is State.RETURNED:
        asked = asked.answered(State.ACCEPTED, NOW).ended(state, NOW)
    elif state is not State.OFFERED:
        asked = asked.answered(state, NOW)
    planned = () if then is None else (Outsourcing(new_id(), 1, then.partnership_id, then.service),)
    return Round(
        round_id=new_id(),
        lead=partnership.lead,
        mode="one_after_another" if then else "all_at_once",
        ticket=OfferedTicket(number=f"NL-{title}", title=title),
        terms=sending.terms,
        sent_at=NOW,
        sent_by=sent_by,
        outsourcings=(asked, *planned),
    )


def _link(of: Round, state: Linked) -> Link:
    [outsourcing] = of.outsourcings
    link = Link(outsourcing.outsourcing_id, of.lead, outsourcing.service, Linked.ACCEPTED, "EUR", of.ticket.number, NOW)
    link = link.opened("A-1", NOW, SENT_BY)
    if state is Linked.IN_PROGRESS:
        return link
    if state is Linked.RETURNED:
        return link.returned(NOW)
    link = link.submitted(new_id(), NOW)
    return link if state is Linked.AWAITING_APPROVAL else link.completed(NOW)
