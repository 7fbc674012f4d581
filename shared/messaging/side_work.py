"""Work without a message: what falls due by itself, and what is done outside once a turn has recorded the intent."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from tenacity import AsyncRetrying, retry_if_exception, wait_random_exponential

from shared.database import Connection, Database, is_transient
from shared.messaging import outbox
from shared.messaging.directory import Directory
from shared.messaging.letters import Correspondence
from shared.messaging.outcomes import Caused
from shared.messaging.relay import Relay

log = structlog.get_logger()

# Acts of one claim that are under way at once.
MOST_ACTS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Poller:
    """Turns what has fallen due into messages.

    `due(connection, now)` runs inside a transaction of ours, locks with SKIP LOCKED and a LIMIT, marks what it takes,
    and returns what is told of it; it is called again at once for as long as it returns something.
    """

    name: str
    due: Callable[[Connection, datetime], Awaitable[list[Caused]]]
    idle_seconds: float = 0.25


@dataclass(frozen=True, slots=True)
class Courier:
    """Acts outside, once per recorded intent and with its id as idempotency key.

    `claim(connection, now)` leases intents in a transaction; `act(intent)` works outside any transaction and answers
    with a result for every outcome, good or bad; `record(connection, results, now)` writes them in a second one.
    """

    name: str
    claim: Callable[[Connection, datetime], Awaitable[Sequence[Any]]]
    act: Callable[[Any], Awaitable[Any]]
    record: Callable[[Connection, Sequence[Any], datetime], Awaitable[list[Caused]]]
    idle_seconds: float = 0.25


SideWork = Poller | Courier


class SideWorker:
    """Runs one poller or courier of a worker, on a connection of its own."""

    def __init__(
        self,
        work: SideWork,
        *,
        database_url: str,
        directory: Directory,
        correspondence: Correspondence,
        relay: Relay,
    ) -> None:
        self._work = work
        self._database = Database(database_url)
        self._directory = directory
        self._correspondence = correspondence
        self._relay = relay

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until told to stop; the round in hand is finished."""
        while not stopping.is_set():
            busy = False
            async for attempt in AsyncRetrying(
                retry=retry_if_exception(is_transient),
                wait=wait_random_exponential(multiplier=0.1, max=5.0),
                stop=lambda _: stopping.is_set(),
            ):
                with attempt:
                    busy = await self._round()
            if not busy:
                await self._rest(stopping)

    async def _round(self) -> bool:
        async with self._database.connection() as connection:
            if isinstance(self._work, Poller):
                return await self._poll(self._work, connection)
            return await self._carry(self._work, connection)

    async def _poll(self, poller: Poller, connection: Connection) -> bool:
        async with connection.transaction():
            now = await connection.fetchval("SELECT clock_timestamp()")
            caused = await poller.due(connection, now)
            posted = await self._post(connection, caused, now)
        self._relay.hand_over(posted)
        await self._relay.room()
        return bool(caused)

    async def _carry(self, courier: Courier, connection: Connection) -> bool:
        async with connection.transaction():
            now = await connection.fetchval("SELECT clock_timestamp()")
            intents = await courier.claim(connection, now)
        if not intents:
            return False
        turns = asyncio.Semaphore(MOST_ACTS_AT_ONCE)

        async def act(intent: Any) -> Any:
            async with turns:
                return await courier.act(intent)

        results = await asyncio.gather(*(act(intent) for intent in intents))
        async with connection.transaction():
            now = await connection.fetchval("SELECT clock_timestamp()")
            posted = await self._post(connection, await courier.record(connection, results, now), now)
        self._relay.hand_over(posted)
        return True

    async def _post(self, connection: Connection, caused: list[Caused], now: datetime) -> list[outbox.Posted]:
        letters = [self._correspondence.caused(one, tell, now) for one in caused for tell in one.tell]
        return await outbox.post(connection, self._directory, letters, now)

    async def _rest(self, stopping: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(self._work.idle_seconds):
                await stopping.wait()
        except TimeoutError:
            pass
