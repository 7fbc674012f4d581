"""The histories of the simulation, shorter, on the real broker and database, by workers that are killed in between."""

import asyncio
import os
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from random import SystemRandom
from typing import Any
from uuid import UUID

import pytest

from services.console.check import check_all
from services.console.installation import Installation
from services.console.workers import Worker
from services.ticket_sync.domain.line import MOST_IN_A_PIECE
from shared.contracts.catalog import DELIVERIES, EVENTS
from shared.contracts.offer_handler import OfferAccept, OfferSend, OutsourcingAccepted, PartnerOffer
from shared.contracts.ticket_sync import MOST_NEWS_LISTED
from shared.contracts.values import Command, Payload
from shared.database import Connection
from shared.ids import new_id
from shared.messaging import topology
from shared.messaging.broker_admin import broker_admin
from tests.acceptance.conftest import StartWorkers
from tests.acceptance.partners import Partner, become_partners, partner, until
from tests.integration.databases import connection_to
from tests.simulation.acts import ACTOR
from tests.simulation.checking import Ended, check_history
from tests.simulation.companies import Said
from tests.simulation.dice import Dice
from tests.simulation.room import Room
from tests.simulation.story import PARTNERSHIPS, SLUGS, Story

ACTS = 2500
TICKETS = 12
KILLS = 6
AGAIN = 0.05
SOURCE = "/tandem/ticket_sync"
# These workers are as they are delivered.
ROOM = Room(piece=MOST_IN_A_PIECE, listed=MOST_NEWS_LISTED)


class History:
    """Three companies at the real broker, who say and hear what the dice and their copies have them say.

    What is said of one ticket is sent when the broker has what was said of it before: so it is known in which order
    it was said. What is said of different tickets is under way side by side.
    """

    def __init__(self, seed: int, partners: dict[str, Partner], partnerships: dict[tuple[str, str], UUID]) -> None:
        self.dice = Dice(seed)
        # What waits for something elsewhere keeps its ticket waiting, and here that takes its time.
        self.story = Story(self.dice, lambda: datetime.now(UTC), TICKETS, plain=True)
        self.arrived: dict[str, list[Said]] = {}
        self._partners = partners
        self._partnerships = partnerships
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._heard = dict.fromkeys(partners, 0)

    @property
    def commands(self) -> list[Said]:
        """All that the companies said to ticket_sync, each once."""
        return [said for arrived in self.arrived.values() for said in arrived if "/" not in said.sender]

    async def act(self) -> None:
        """One thing more is said, and now and then something is said again."""
        self.hear()
        if self.story.has_room:
            begun = self.story.outsource()
            assert isinstance(begun.data, OutsourcingAccepted)
            self.arrived[begun.subject] = [begun]
            await self._after_what_was_said(begun.subject, self._outsource(begun.data))
        elif said := self.story.act():
            self.arrived[said.subject].append(said)
            await self._after_what_was_said(said.subject, self._say(said))
            if self.dice.happens(AGAIN):
                earlier = self.dice.choice(self.arrived[said.subject][1:])
                await self._after_what_was_said(said.subject, self._say(earlier))

    def hear(self) -> None:
        """Take what has come; of the offers a company's people make their own picture."""
        for slug, joined in self._partners.items():
            for told in joined.deliveries[self._heard[slug] :]:
                envelope = told.envelope
                if envelope["source"] == SOURCE:
                    data = DELIVERIES[told.kind].model_validate(envelope["data"])
                    company = self.story.companies[slug]
                    company.take(UUID(told.id), envelope["subject"], int(envelope["sequence"]), data)
            self._heard[slug] = len(joined.deliveries)

    async def settle(self) -> None:
        """Everything that was said is in the hands of the broker."""
        await asyncio.gather(*self._under_way.values())

    async def _after_what_was_said(self, subject: str, saying: Any) -> None:
        if subject in self._under_way:
            await self._under_way[subject]
        self._under_way[subject] = asyncio.create_task(saying)

    async def _outsource(self, accepted: OutsourcingAccepted) -> None:
        id = accepted.outsourcing_id
        offer = PartnerOffer(partnership_id=self._partnerships[accepted.lead, accepted.service], outsourcing_id=id)
        send = OfferSend(
            actor=ACTOR,
            round_id=new_id(),
            mode="all_at_once",
            offers=(offer,),
            ticket=accepted.ticket,
            terms=accepted.terms,
        )
        await self._partners[accepted.lead].send(send)
        service = self._partners[accepted.service]
        await service.until(lambda: any(told.data.get("outsourcing_id") == str(id) for told in service.deliveries))
        await service.send(OfferAccept(actor=ACTOR, outsourcing_id=id))

    async def _say(self, said: Said) -> None:
        assert isinstance(said.data, Command)
        await self._partners[said.sender].say(said.id, said.data)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("installation", [{"shards": 2}], indirect=True)
async def test_a_history_with_workers_killed_in_between_ends_as_the_model_says(
    installation: Installation, start: StartWorkers
) -> None:
    seed = int(os.environ.get("SEED") or SystemRandom().getrandbits(32))
    print(f"say the same again with: SEED={seed} make test PYTEST_ARGS=tests/acceptance/test_histories.py")
    async with AsyncExitStack() as exits:
        partners = {slug: await exits.enter_async_context(partner(installation, slug, slug)) for slug in SLUGS}
        database = await exits.enter_async_context(connection_to(installation.database_url))
        with start("offer_handler", "ticket_sync", replicas=2) as running:
            history = History(seed, partners, await _partnerships(partners))
            kills = {ACTS * (kill + 1) // (KILLS + 1) for kill in range(KILLS)}
            try:
                for number in range(ACTS):
                    await history.act()
                    if number in kills:
                        _kill_and_start(history.dice.choice(running))
                await history.settle()
                await until(lambda: _is_at_rest(database, history, partners))
            except TimeoutError:
                await _say_where_it_stands(installation, database)
                raise
        history.hear()
        await _check(database, history)
        assert all(account.balanced for account in await check_all(installation.settings))


async def _say_where_it_stands(installation: Installation, database: Connection) -> None:
    """What whoever looks for the reason needs to know: what waits where, and who has it."""
    for service in ("offer_handler", "ticket_sync"):
        for what in ("shard", "parked_subject", "outbox WHERE published_at IS NULL"):
            rows = await database.fetch(f"SELECT * FROM {service}.{what} LIMIT 20")
            print(f"{service}.{what}: {[{**row, 'body': ''} for row in rows]}")
    async with broker_admin(installation.settings.admin_broker_url.get_secret_value(), installation.name) as broker:
        print(*await broker.list_queues(), sep="\n")


async def _partnerships(partners: dict[str, Partner]) -> dict[tuple[str, str], UUID]:
    known: dict[tuple[str, str], UUID] = {}
    for lead in dict.fromkeys(lead for lead, _ in PARTNERSHIPS):
        services = [service for one, service in PARTNERSHIPS if one == lead]
        ids = await become_partners(partners[lead], *(partners[service] for service in services))
        known |= {(lead, service): id for service, id in zip(services, ids, strict=True)}
    return known


def _kill_and_start(worker: Worker) -> None:
    worker.kill()
    worker.start()


async def _is_at_rest(database: Connection, history: History, partners: dict[str, Partner]) -> bool:
    """Everything said was taken, nothing waits, and everything told has come."""
    missing = await database.fetchval(
        """
        SELECT (SELECT count(*) FROM unnest($1::uuid[]) AS said (id)
                WHERE NOT EXISTS (SELECT FROM ticket_sync.inbox WHERE inbox.id = said.id))
             + (SELECT count(*) FROM ticket_sync.parked)
             + (SELECT count(*) FROM ticket_sync.outbox WHERE published_at IS NULL)
             + (SELECT count(*) FROM offer_handler.outbox WHERE published_at IS NULL)
        """,
        [said.id for said in history.commands],
    )
    if missing:
        return False
    rows = await database.fetch(
        "SELECT message_id, lane FROM ticket_sync.outbox WHERE exchange = $1", topology.DELIVERIES
    )
    heard = {(told.id, slug) for slug, joined in partners.items() for told in joined.deliveries}
    return all((str(row["message_id"]), row["lane"]) in heard for row in rows)


async def _check(database: Connection, history: History) -> None:
    ended, begun = {}, {}
    for row in await database.fetch(
        "SELECT id, kind, subject, outcome, problem ->> 'type' AS problem FROM ticket_sync.inbox"
    ):
        ended[row["id"]] = how = Ended(row["outcome"], row["problem"])
        if row["kind"] == OutsourcingAccepted.kind:
            begun[row["subject"]] = how
    published: list[Payload] = [
        EVENTS[row["kind"]].model_validate_json(row["data"])
        for row in await database.fetch(
            """
            SELECT kind, convert_from(body, 'UTF8')::jsonb ->> 'data' AS data
            FROM ticket_sync.outbox WHERE exchange = $1
            """,
            topology.EVENTS,
        )
    ]
    assert history.arrived.keys() == begun.keys()
    for subject, arrived in history.arrived.items():
        # The acceptance was said by the offer handler, under an id of its own.
        ended[arrived[0].id] = begun[subject]
    everything = [said for arrived in history.arrived.values() for said in arrived]
    check_history(everything, ended, history.story.companies, published, room=ROOM)
