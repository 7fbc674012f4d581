"""The histories of the simulation, shorter, on the real broker and database, by workers that are killed in between."""

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from random import SystemRandom
from typing import Any
from uuid import UUID

import aio_pika
import httpx
import pytest
from aio_pika.abc import AbstractChannel
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from services.console.check import check_all
from services.console.installation import Installation
from services.console.workers import Worker
from services.ticket_sync.domain.line import MOST_IN_A_PIECE
from shared.contracts.answers import CommandRepeated
from shared.contracts.catalog import DELIVERIES, EVENTS
from shared.contracts.envelope import CONTENT_TYPE
from shared.contracts.gateway import FileUploaded
from shared.contracts.offer_handler import OutsourcingAccepted
from shared.contracts.ticket_sync import MOST_NEWS_LISTED, FileCited, FileReleased, SyncRequest
from shared.database import Connection
from shared.messaging import topology
from shared.messaging.broker_admin import broker_admin
from tests.acceptance.conftest import StartWorkers
from tests.acceptance.partners import Partner, partner, until
from tests.integration.databases import connection_to
from tests.simulation import clients
from tests.simulation.bodies import LARGE_FILES
from tests.simulation.checking import HOW_ALL_ENDED, PIECES, Ended, check_history, files_of
from tests.simulation.companies import Said
from tests.simulation.dice import Dice
from tests.simulation.model import Outsourcing
from tests.simulation.room import Room
from tests.simulation.story import GATEWAY, OURSELVES, SLUGS, Story

ACTS = 2500
TICKETS = 24
KILLS = 6
# How often something is said again, and how often an outsourcing is spoken of before its acceptance has come.
AGAIN, EARLY = 0.05, 0.3
# How soon an acceptance comes that others have overtaken, each time that something is said about it.
BELATED = 0.3
# What was waited for in vain is refused after half a minute; on a busy machine everything takes longer.
LONGEST_REST_SECONDS = 90.0
READ_AGAIN = 100
# These workers are as they are delivered.
ROOM = Room(piece=MOST_IN_A_PIECE, listed=MOST_NEWS_LISTED)
# What ticket_sync says to itself, and what passes between it and the gateway.
OF_PIECES = [piece.kind for piece in PIECES]
OF_FILES = [FileCited.kind, FileReleased.kind]


@dataclass(frozen=True, slots=True)
class World:
    """Three companies with an installation, which hear and bring files; and all who say something at the broker."""

    partners: dict[str, Partner]
    at_gateway: dict[str, httpx.AsyncClient]
    at_broker: dict[str, AbstractChannel]
    database: Connection

    async def say(self, said: Said) -> None:
        """Until the broker has it."""
        message = clients.published(said, datetime.now(UTC))
        exchange = await self.at_broker[message.user_id].get_exchange(message.exchange, ensure=False)
        body = aio_pika.Message(
            message.body,
            message_id=message.message_id,
            type=said.data.kind,
            content_type=CONTENT_TYPE,
            user_id=message.user_id,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        await exchange.publish(body, routing_key=message.routing_key, timeout=30)

    async def bring(self, file: FileUploaded) -> None:
        """Until the gateway has it, which dies now and then."""
        gateway, headers = self.at_gateway[file.instance], {"Content-Type": file.media_type}
        trying = AsyncRetrying(
            retry=retry_if_exception_type(httpx.HTTPError), wait=wait_fixed(0.1), stop=stop_after_delay(60)
        )
        async for attempt in trying:
            with attempt:
                answer = await gateway.put(file.sha256, content=LARGE_FILES[file.sha256], headers=headers)
                answer.raise_for_status()


class History:
    """What the dice and their copies have the companies say, and what the other services tell of them.

    What is said of one ticket is sent when the broker has what was said of it before: so it is known in which order
    it was said. What is said of different tickets is under way side by side.
    """

    def __init__(self, seed: int, world: World) -> None:
        self.dice = Dice(seed)
        self.story = Story(self.dice, lambda: datetime.now(UTC), TICKETS)
        self.arrived: dict[str, list[Said]] = {}
        self._world = world
        self._belated: dict[str, Said] = {}
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._heard = dict.fromkeys(world.partners, 0)

    async def act(self) -> None:
        """One thing more happens, and now and then something is said again."""
        self.hear()
        said = self.story.go_on()
        if said is None:
            return
        if isinstance(said.data, FileUploaded):
            await self._after_what_was_before(said.data.instance, self._world.bring(said.data))
        elif isinstance(said.data, OutsourcingAccepted) and self.dice.happens(EARLY):
            self._belated[said.subject] = said
        else:
            await self.say(said)
            if said.subject in self._belated and self.dice.happens(BELATED):
                await self.say(self._belated.pop(said.subject))
            if self.dice.happens(AGAIN):
                await self._say(self.dice.choice(self.arrived[said.subject]))

    async def say(self, said: Said) -> None:
        """For the first time."""
        self.arrived.setdefault(said.subject, []).append(said)
        await self._say(said)

    def hear(self) -> None:
        """The companies take what has come."""
        for slug, joined in self._world.partners.items():
            for told in joined.deliveries[self._heard[slug] :]:
                envelope = told.envelope
                data = DELIVERIES[told.kind].model_validate(envelope["data"])
                self.story.companies[slug].take(UUID(told.id), envelope["subject"], int(envelope["sequence"]), data)
            self._heard[slug] = len(joined.deliveries)

    async def settle(self) -> None:
        """Everything that was said has come to its rest, and everything told has been heard."""
        for said in self._belated.values():
            await self.say(said)
        self._belated.clear()
        await asyncio.gather(*self._under_way.values())
        ids = [said.id for line in self.arrived.values() for said in line]
        await until(lambda: _is_at_rest(self._world, ids), LONGEST_REST_SECONDS)
        self.hear()

    async def _say(self, said: Said) -> None:
        await self._after_what_was_before(said.subject, self._world.say(said))

    async def _after_what_was_before(self, of: str, doing: Coroutine[Any, Any, None]) -> None:
        if of in self._under_way:
            await self._under_way[of]
        self._under_way[of] = asyncio.create_task(doing)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("installation", [{"shards": 2}], indirect=True)
async def test_a_history_with_workers_killed_in_between_ends_as_the_model_says(
    installation: Installation, start: StartWorkers
) -> None:
    seed = int(os.environ.get("SEED") or SystemRandom().getrandbits(32))
    print(f"say the same again with: SEED={seed} make test PYTEST_ARGS=tests/acceptance/test_histories.py")
    async with world(installation) as populated:
        with start("ticket_sync", replicas=2) as replicas, start("gateway") as gateway:
            history = History(seed, populated)
            try:
                await _play(history, [*replicas, *gateway])
            except TimeoutError:
                await _say_where_it_stands(installation, populated.database)
                raise
            models = await _check(populated.database, history)
            await _read_files(populated, history, models)
        assert all(account.balanced for account in await check_all(installation.settings))


@asynccontextmanager
async def world(installation: Installation) -> AsyncIterator[World]:
    """Everyone is connected under a user of its own."""
    async with AsyncExitStack() as exits:
        partners = {slug: await exits.enter_async_context(partner(installation, slug, slug)) for slug in SLUGS}
        urls = {slug: joined.connected.amqp_url for slug, joined in partners.items()}
        for service in ("offer_handler", "ticket_sync", "notifier"):
            user = topology.worker_user(service)
            urls[user] = installation.amqp_url_of(user, installation.passwords.of(service))
        connections = {user: await exits.enter_async_context(await aio_pika.connect(url)) for user, url in urls.items()}
        yield World(
            partners,
            {slug: await exits.enter_async_context(_client(joined)) for slug, joined in partners.items()},
            {user: await connection.channel(on_return_raises=True) for user, connection in connections.items()},
            await exits.enter_async_context(connection_to(installation.database_url)),
        )


def _client(joined: Partner) -> httpx.AsyncClient:
    token = {"Authorization": f"Bearer {joined.connected.token}"}
    return httpx.AsyncClient(base_url=joined.connected.files_url, headers=token, timeout=30)


async def _play(history: History, running: list[Worker]) -> None:
    kills = {ACTS * (kill + 1) // (KILLS + 1) for kill in range(KILLS)}
    for number in range(ACTS):
        await history.act()
        if number in kills:
            killed = history.dice.choice(running)
            killed.kill()
            killed.start()
    await history.settle()
    for said in history.story.ask_for_what_was_lost():
        await history.say(said)
    await history.settle()


async def _is_at_rest(world: World, ids: list[UUID]) -> bool:
    """Everything said was taken, nothing waits, everything told has come, and who has just asked may ask again."""
    unrest = await world.database.fetchval(
        """
        SELECT (SELECT count(*) FROM unnest($1::uuid[]) AS said (id)
                WHERE NOT EXISTS (SELECT FROM ticket_sync.inbox WHERE inbox.id = said.id))
             + (SELECT count(*) FROM ticket_sync.parked)
             + (SELECT count(*) FROM ticket_sync.outbox WHERE published_at IS NULL)
             + (SELECT count(*) FROM gateway.outbox WHERE published_at IS NULL)
             + (SELECT count(*) FROM (SELECT message_id FROM gateway.outbox WHERE kind = $2
                                      UNION SELECT message_id FROM ticket_sync.outbox WHERE kind = ANY ($3)) AS told
                WHERE NOT EXISTS (SELECT FROM ticket_sync.inbox WHERE id = message_id))
             + (SELECT count(*) FROM ticket_sync.outbox WHERE kind = ANY ($4)
                AND NOT EXISTS (SELECT FROM gateway.inbox WHERE id = message_id))
             + (SELECT count(*) FROM ticket_sync.inbox WHERE kind = $5 AND received_at > now() - interval '1 second')
        """,
        ids,
        FileUploaded.kind,
        OF_PIECES,
        OF_FILES,
        SyncRequest.kind,
    )
    if unrest:
        return False
    rows = await world.database.fetch(
        "SELECT message_id, lane FROM ticket_sync.outbox WHERE exchange = $1", topology.DELIVERIES
    )
    heard = {(told.id, slug) for slug, joined in world.partners.items() for told in joined.deliveries}
    return all((str(row["message_id"]), row["lane"]) in heard for row in rows)


async def _say_where_it_stands(installation: Installation, database: Connection) -> None:
    """What whoever looks for the reason needs to know: what waits where, and who has it."""
    for service in ("ticket_sync", "gateway"):
        for what in ("shard", "parked_subject", "outbox WHERE published_at IS NULL"):
            rows = await database.fetch(f"SELECT * FROM {service}.{what} LIMIT 20")
            print(f"{service}.{what}: {[{**row, 'body': ''} for row in rows]}")
    async with broker_admin(installation.settings.admin_broker_url.get_secret_value(), installation.name) as broker:
        print(*await broker.list_queues(), sep="\n")


async def _check(database: Connection, history: History) -> list[Outsourcing]:
    """What ticket_sync said to itself has the place that its time gives it; which files there are has any."""
    await database.execute("SET search_path = ticket_sync")
    rows = await database.fetch(HOW_ALL_ENDED, CommandRepeated.kind)
    ended = {row["id"]: Ended(row["outcome"], row["problem"], row["at"], row["place"]) for row in rows}
    uploads = [one for one in await _told_by(GATEWAY, database) if isinstance(one.data, FileUploaded)]
    events = await _told_by(OURSELVES, database)
    pieces = [one for one in events if isinstance(one.data, PIECES)]
    arrived = [*uploads, *(said for line in history.arrived.values() for said in line), *pieces]
    published = [one.data for one in events if one not in pieces]
    return check_history(arrived, ended, history.story.companies, published, room=ROOM)


async def _told_by(service: str, database: Connection) -> list[Said]:
    """All its events."""
    rows = await database.fetch(
        f"""
        SELECT message_id, kind, subject, convert_from(body, 'UTF8')::jsonb ->> 'data' AS data
        FROM {service.removeprefix("tandem/")}.outbox WHERE exchange = $1 ORDER BY position
        """,
        topology.EVENTS,
    )
    return [
        Said(row["message_id"], service, row["subject"], EVENTS[row["kind"]].model_validate_json(row["data"]))
        for row in rows
    ]


async def _read_files(world: World, history: History, models: list[Outsourcing]) -> None:
    """Whoever must find a file is given it, and nobody else anything: looked at anywhere."""
    must = {(model.id, *key): file for model in models for key, file in files_of(model).items()}
    assert must
    of_files = [(model.id, id) for model in models for id, word in model.words.items() if word.kind == "attachment"]
    for outsourcing_id, entry_id in history.dice.sample(of_files, min(READ_AGAIN, len(of_files))):
        for slug, gateway in world.at_gateway.items():
            answer = await gateway.get(f"{outsourcing_id}/{entry_id}")
            if file := must.get((outsourcing_id, slug, entry_id)):
                assert answer.content == LARGE_FILES[file[0]]
            else:
                assert (answer.status_code, answer.json()["type"]) == (404, "file/unknown")
