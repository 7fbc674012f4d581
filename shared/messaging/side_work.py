"""Work without a message: what falls due by itself, and what is done outside once a turn has recorded the intent."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from shared.database import Connection, Database
from shared.messaging import outbox
from shared.messaging.directory import Directory
from shared.messaging.letters import Correspondence
from shared.messaging.outcomes import Caused
from shared.messaging.patience import patiently, rest
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
        work = self._work
        while not stopping.is_set():
            if isinstance(work, Poller):
                busy = await patiently(partial(self._poll, work), stopping.is_set)
            else:
                busy = await self._carry(work, stopping)
            if not busy:
                await rest(work.idle_seconds, stopping)

    async def _poll(self, poller: Poller) -> bool:
        async with self._transaction() as (connection, now):
            caused = await poller.due(connection, now)
            posted = await self._post(connection, caused, now)
        self._relay.hand_over(posted)
        await self._relay.room()
        return bool(caused)

    async def _carry(self, courier: Courier, stopping: asyncio.Event) -> bool:
        intents = await patiently(partial(self._claim, courier), stopping.is_set)
        if not intents:
            return False
        turns = asyncio.Semaphore(MOST_ACTS_AT_ONCE)

        async def act(intent: Any) -> Any:
            async with turns:
                return await courier.act(intent)

        results = await asyncio.gather(*(act(intent) for intent in intents), return_exceptions=True)
        for broken in (result for result in results if isinstance(result, BaseException)):
            # The intent stays claimed; when its lease is over it is tried again.
            log.error("act failed", courier=courier.name, exc_info=broken)
        done = [result for result in results if not isinstance(result, BaseException)]
        # What was done cannot be undone: its result is kept until it is written, whatever becomes of the database.
        await patiently(partial(self._record, courier, done), lambda: False)
        return True

    async def _claim(self, courier: Courier) -> Sequence[Any]:
        async with self._transaction() as (connection, now):
            return await courier.claim(connection, now)

    async def _record(self, courier: Courier, results: Sequence[Any]) -> None:
        async with self._transaction() as (connection, now):
            posted = await self._post(connection, await courier.record(connection, results, now), now)
        self._relay.hand_over(posted)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[tuple[Connection, datetime]]:
        async with self._database.connection() as connection, connection.transaction():
            yield connection, await connection.fetchval("SELECT clock_timestamp()")

    async def _post(self, connection: Connection, caused: list[Caused], now: datetime) -> list[outbox.Posted]:
        letters = [self._correspondence.caused(one, tell, now) for one in caused for tell in one.tell]
        return await outbox.post(connection, self._directory, letters, now)
