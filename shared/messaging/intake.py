"""The intake: what reaches a worker by another way than the broker becomes a message in its inbox, and is decided."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TypeVar

from shared.contracts.envelope import read, write
from shared.contracts.values import Payload
from shared.database import Connection, Database
from shared.ids import new_id
from shared.messaging.arrivals import Readable, readable
from shared.messaging.patience import patiently
from shared.messaging.relay import Relay
from shared.messaging.routes import Handlers
from shared.messaging.turn import Turn

# Who brings it waits for the answer; a database that is away for longer is said so, and it is brought again.
PATIENCE_SECONDS = 5.0

T = TypeVar("T")


class NotTakenIn(Exception):
    """The database did not answer in time: nobody knows whether it took effect, and it may be brought again."""


class Intake:
    """Has what comes decided in turns of one message each, one after another, as said by the worker itself."""

    def __init__(self, *, handlers: Handlers, database_url: str, turn: Turn, relay: Relay) -> None:
        self._sender = f"tandem/{handlers.service}"
        self._models = handlers.models
        self._database = Database(database_url)
        self._one_at_a_time = asyncio.Lock()
        self._turn = turn
        self._relay = relay

    async def take(self, data: Payload, subject: str) -> None:
        """Have this decided; when it returns that is committed, and what it tells is on its way. Raises NotTakenIn."""
        message = self._message(data, subject, await self.ask(_clock))
        turned = await self.ask(partial(self._turn.take, incoming=[message]))
        self._relay.hand_over(turned.posted)

    async def ask(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """What this work on the worker's database brings, repeated while patience lasts. Raises NotTakenIn."""

        async def connected() -> tuple[T]:
            async with self._database.connection() as connection:
                return (await work(connection),)

        answer = None
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS), self._one_at_a_time:
                answer = await patiently(connected, lambda: False)
        if answer is None:
            raise NotTakenIn("the database does not answer")
        return answer[0]

    def _message(self, data: Payload, subject: str, now: datetime) -> Readable:
        body = write(data, id=new_id(now), source=f"/{self._sender}", subject=subject, time=now)
        return readable(read(body), self._sender, body, self._models)


async def _clock(connection: Connection) -> datetime:
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return now
