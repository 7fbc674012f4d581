"""`tandem work` and `tandem outsourcing`: what is listed where, in which order, and by which filters."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.console import work
from services.console.installation import Installation
from services.console.work import Filter, Outsourced, Received
from services.offer_handler import store as offers
from services.offer_handler.domain.offers import Outsourcing, State
from services.offer_handler.domain.partnerships import Partnership
from services.offer_handler.domain.partnerships import State as Partnered
from services.ticket_sync import store as links
from services.ticket_sync.domain.links import Link
from services.ticket_sync.domain.links import State as Linked
from shared.contracts.offer_handler import Ticket
from shared.ids import new_id
from tests.integration.console.test_commands import Command
from tests.integration.databases import connection_to
from tests.unit.offer_handler.offering import LEAD, NOW, SERVICE, STRANGER, send

DAY = timedelta(days=1)


@pytest.fixture
async def known(installation: Installation) -> dict[str, UUID]:
    """One outsourcing in every state, by its ticket's title; those of the stranger are offered."""
    partnerships = {
        service: Partnership(
            new_id(), LEAD, service, Partnered.ACTIVE, "p@example.com", "en", "", NOW, NOW + 30 * DAY, NOW, "Nordlicht"
        )
        for service in (SERVICE, STRANGER)
    }
    offered = [
        _outsourcing(partnerships[SERVICE], "offered", State.OFFERED),
        _outsourcing(partnerships[STRANGER], "offered elsewhere", State.OFFERED),
        _outsourcing(partnerships[SERVICE], "declined", State.DECLINED),
        _outsourcing(partnerships[SERVICE], "expired", State.EXPIRED),
        _outsourcing(partnerships[SERVICE], "accepted", State.ACCEPTED),
        _outsourcing(partnerships[SERVICE], "in progress", State.ACCEPTED, complete_by=NOW + 5 * DAY),
        _outsourcing(partnerships[SERVICE], "awaiting approval", State.ACCEPTED, complete_by=NOW + 2 * DAY),
        # Approved this moment: the offer handler has not heard of it yet.
        _outsourcing(partnerships[SERVICE], "completed", State.ACCEPTED),
    ]
    linked = {
        "in progress": Linked.IN_PROGRESS,
        "awaiting approval": Linked.AWAITING_APPROVAL,
        "completed": Linked.COMPLETED,
    }
    async with connection_to(installation.database_url_of("offer_handler")) as connection:
        await offers.save_partnerships(connection, list(partnerships.values()))
        await offers.save_outsourcings(connection, offered)
    async with connection_to(installation.database_url_of("ticket_sync")) as connection:
        await links.save_links(
            connection, [_link(one, linked[one.ticket.title]) for one in offered if one.ticket.title in linked]
        )
    return {one.ticket.title: one.outsourcing_id for one in offered}


@pytest.mark.parametrize(
    ("wanted", "titles"),
    [
        (Filter(list=Received.WAITING_ACCEPTANCE), ["offered"]),
        (Filter(list=Received.IN_PROGRESS), ["in progress", "accepted"]),
        (Filter(list=Received.WAITING_APPROVAL), ["awaiting approval"]),
        (Filter(list=Received.COMPLETED), ["completed"]),
        (Filter(state="declined"), ["declined"]),
        (Filter(list=Received.COMPLETED, state="declined"), []),
        (Filter(due_before=NOW + 4 * DAY), ["offered", "awaiting approval"]),
        (Filter(partner=STRANGER), []),
    ],
    ids=str,
)
async def test_received_work_is_listed_by_what_is_due_first(
    installation: Installation, known: dict[str, UUID], wanted: Filter, titles: list[str]
) -> None:
    async with connection_to(installation.database_url) as connection:
        assert [row["title"] for row in await work.list_received(connection, SERVICE, wanted)] == titles


@pytest.mark.parametrize(
    ("wanted", "titles"),
    [
        (
            Filter(list=Outsourced.OPEN),
            {"offered", "offered elsewhere", "accepted", "in progress", "awaiting approval"},
        ),
        (Filter(list=Outsourced.CLOSED), {"declined", "expired"}),
        (Filter(partner=STRANGER), {"offered elsewhere"}),
    ],
    ids=str,
)
async def test_outsourced_work_is_listed_for_the_lead_alone(
    installation: Installation, known: dict[str, UUID], wanted: Filter, titles: set[str]
) -> None:
    async with connection_to(installation.database_url) as connection:
        assert {row["title"] for row in await work.list_outsourced(connection, LEAD, wanted)} == titles
        assert await work.list_outsourced(connection, SERVICE, wanted) == []


async def test_the_commands_say_the_same_for_people_and_for_scripts(
    installation: Installation, known: dict[str, UUID]
) -> None:
    tandem = Command(installation)
    rows = await tandem.json("work", "received", SERVICE, "--list", "waiting-approval")
    assert [(row["title"], row["partner"], row["service_number"]) for row in rows] == [
        ("awaiting approval", LEAD, "A-1")
    ]
    assert "nothing like that" in await tandem("work", "outsourced", STRANGER)
    shown = await tandem.json("outsourcing", "show", str(known["completed"]))
    assert (shown["state"], shown["lead"], shown["history"]) == ("completed", LEAD, [])
    assert "in_progress" in await tandem("outsourcing", "show", str(known["in progress"]))
    assert "no such outsourcing" in await tandem("outsourcing", "show", str(new_id()), expect=1)


def _outsourcing(
    partnership: Partnership, title: str, state: State, complete_by: datetime | None = None
) -> Outsourcing:
    terms = send(complete_by=complete_by).terms
    more: dict[str, Any] = {} if state is State.OFFERED else {"answered_at": NOW}
    ticket = Ticket(number=f"NL-{title}", title=title)
    sent_by = ("/instances/nordlicht", new_id())
    return Outsourcing(
        *(new_id(), new_id(), partnership.partnership_id, partnership.lead, partnership.service),
        *(ticket, terms, state, NOW, sent_by),
        **more,
    )


def _link(of: Outsourcing, state: Linked) -> Link:
    link = Link(of.outsourcing_id, of.lead, of.service, Linked.ACCEPTED, "EUR", of.ticket.number, NOW)
    link = link.opened("A-1", NOW)
    if state is Linked.IN_PROGRESS:
        return link
    link = link.submitted(new_id(), NOW)
    return link if state is Linked.AWAITING_APPROVAL else link.completed(NOW)
