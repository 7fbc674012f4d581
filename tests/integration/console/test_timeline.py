"""A small life in the turns of two services: what an operator reads of it, and that the lists follow at once."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.console import work
from services.console.installation import Installation
from services.console.work import Filter, Outsourced, Received
from services.offer_handler import handlers as offers
from services.ticket_sync import handlers as links
from shared.contracts.offer_handler import DeadlinePassed
from shared.contracts.values import Command as Said
from shared.contracts.values import Payload
from shared.database import Connection
from shared.ids import new_id
from shared.messaging.arrivals import Arrival
from shared.messaging.directory import Directory
from shared.messaging.letters import Correspondence
from shared.messaging.turn import Turn
from tests.integration.console.test_commands import Command
from tests.integration.databases import connection_to
from tests.integration.messaging.posting import command, event
from tests.unit.offer_handler.offering import LEAD, OUTSOURCING, SERVICE, accept, agree, invite, join, send
from tests.unit.ticket_sync.outsourcing import opened, reject, submit

OFFER_HANDLER, TICKET_SYNC = "offer_handler", "ticket_sync"
HANDLERS = {OFFER_HANDLER: offers.HANDLERS, TICKET_SYNC: links.HANDLERS}
HOUR = timedelta(hours=1)


class Services:
    """Two services on one installation; what one tells the other is taken at once."""

    def __init__(self, connections: dict[str, Connection]) -> None:
        self._connections = connections
        self._turns = {name: self._turn_of(name) for name in HANDLERS}

    async def hear(self, service: str, sender: str, data: Payload, id: UUID | None = None) -> UUID:
        """One message, decided; its id."""
        id = id or new_id()
        if isinstance(data, Said):
            arrival = command(data, data.subject_of() or sender, sender=sender, id=id)
        else:
            arrival = event(data, str(OUTSOURCING), service=sender, id=id)
        await self._take(service, arrival)
        return id

    async def _take(self, service: str, arrival: Arrival) -> None:
        turn = self._turns[service]
        turned = await turn.take(self._connections[service], [turn.read(arrival)])
        for letter in (one.letter for one in turned.posted if not one.letter.to_instance):
            for other in (name for name in HANDLERS if letter.kind in HANDLERS[name].models):
                told = Arrival(letter.body, f"tandem.{service}", letter.exchange, letter.routing_key, 0, 0)
                await self._take(other, told)

    def _turn_of(self, service: str) -> Turn:
        directory = Directory()
        return Turn(HANDLERS[service], directory, Correspondence(service, directory))


@pytest.fixture
async def services(installation: Installation) -> AsyncIterator[Services]:
    async with AsyncExitStack() as exits:
        connections = {
            name: await exits.enter_async_context(connection_to(installation.database_url_of(name)))
            for name in HANDLERS
        }
        services = Services(connections)
        for sender, said in ((LEAD, agree()), (LEAD, invite()), (SERVICE, join(organization="Nordlicht"))):
            await services.hear(OFFER_HANDLER, sender, said)
        yield services


async def test_an_outsourcing_s_timeline_says_of_everything_who_did_it_when_and_by_which_message(
    installation: Installation, services: Services
) -> None:
    sending = send(respond_by=datetime.now(UTC) + HOUR)
    began_at = datetime.now(UTC)
    told = DeadlinePassed(outsourcing_id=OUTSOURCING, due_at=sending.terms.respond_by - HOUR / 2)
    async with connection_to(installation.database_url) as connection:
        sent = await services.hear(OFFER_HANDLER, LEAD, sending)
        # What the poller does when half of the time is over.
        await connection.execute("UPDATE offer_handler.outsourcing SET next_due_at = NULL")
        due = await services.hear(OFFER_HANDLER, OFFER_HANDLER, told)
        accepted = await services.hear(OFFER_HANDLER, SERVICE, accept())
        requested = await connection.fetchval("SELECT id FROM ticket_sync.inbox")
        linked = await services.hear(TICKET_SYNC, SERVICE, opened(outsourcing_id=OUTSOURCING))
        submitted = await services.hear(TICKET_SYNC, SERVICE, submit(outsourcing_id=OUTSOURCING))
        work_of = await connection.fetchval("SELECT snapshot_id FROM ticket_sync.snapshot")
        rejected = await services.hear(TICKET_SYNC, LEAD, reject(OUTSOURCING))
    by_lead, by_service, by_us = "/instances/nordlicht", "/instances/alpenwerk", "/tandem/offer_handler"
    reminded, asked = "alpenwerk reminded", "ticket requested from alpenwerk"
    expected: list[tuple[str, str, str, str, str, UUID]] = [
        (OFFER_HANDLER, "k.sommer", "offered to alpenwerk", "offer.send", by_lead, sent),
        (OFFER_HANDLER, "tandem/offer_handler", reminded, "deadline.passed", by_us, due),
        (OFFER_HANDLER, "l.gruber", "accepted", "offer.accept", by_service, accepted),
        (TICKET_SYNC, "tandem/offer_handler", asked, "outsourcing.accepted", by_us, requested),
        (TICKET_SYNC, "l.gruber", "linked with A-7", "ticket.opened", by_service, linked),
        (TICKET_SYNC, "l.gruber", f"submitted as {work_of}", "completion.submit", by_service, submitted),
        (TICKET_SYNC, "k.sommer", "submission rejected", "completion.reject", by_lead, rejected),
    ]
    tandem = Command(installation)
    history = (await tandem.json("outsourcing", "show", str(OUTSOURCING)))["history"]
    assert [_as_said(row) for row in history] == expected
    instants = [datetime.fromisoformat(row["at"]) for row in history]
    assert instants == sorted(instants) and began_at <= instants[0] and instants[-1] <= datetime.now(UTC)
    screen = await tandem.wide("outsourcing", "show", str(OUTSOURCING))
    lines = [line for line in screen.splitlines() if "tandem." in line]
    assert len(lines) == len(expected)
    for line, row in zip(lines, history, strict=True):
        at = datetime.fromisoformat(row["at"]).isoformat(timespec="seconds")
        assert all(part in line for part in (at, row["actor"], row["event"], row["message"], row["cause_id"])), line


async def test_a_list_shows_what_was_decided_from_that_moment_on(
    installation: Installation, services: Services
) -> None:
    sending = send(respond_by=datetime.now(UTC) + HOUR)
    open, submission = opened(outsourcing_id=OUTSOURCING), submit(outsourcing_id=OUTSOURCING)
    steps: list[tuple[str, str, Payload, Received, Outsourced]] = [
        (OFFER_HANDLER, LEAD, sending, Received.WAITING_ACCEPTANCE, Outsourced.OPEN),
        (OFFER_HANDLER, SERVICE, accept(), Received.IN_PROGRESS, Outsourced.OPEN),
        (TICKET_SYNC, SERVICE, open, Received.IN_PROGRESS, Outsourced.OPEN),
        (TICKET_SYNC, SERVICE, submission, Received.WAITING_APPROVAL, Outsourced.WAITING_APPROVAL),
        (TICKET_SYNC, LEAD, reject(OUTSOURCING), Received.IN_PROGRESS, Outsourced.OPEN),
    ]
    async with connection_to(installation.database_url) as connection:
        for service, sender, said, received, outsourced in steps:
            await services.hear(service, sender, said)
            of_partner = {one: await work.list_received(connection, SERVICE, Filter(list=one)) for one in Received}
            assert [one for one, rows in of_partner.items() if rows] == [received]
            assert await work.list_outsourced(connection, LEAD, Filter(list=outsourced))


def _as_said(row: dict[str, Any]) -> tuple[str, str, str, str, str, UUID]:
    kind = row["message"].removeprefix("tandem.").removesuffix(".v1")
    return row["service"], row["actor"], row["event"], kind, row["cause_source"], UUID(row["cause_id"])
