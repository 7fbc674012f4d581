"""Postgres: how connections are made, and what its errors mean for a turn."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import asyncpg
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random_exponential

Connection: TypeAlias = asyncpg.Connection

CONNECT_SECONDS = 5.0
# A statement of a turn touches at most a few hundred rows by index; one that takes longer is stuck.
COMMAND_SECONDS = 15.0
# Longer than a server takes to start; after that the part of the worker that needs it says so, and tries again.
PATIENCE_SECONDS = 30.0

# Classes of SQLSTATE in which the database refuses the data itself: trying again cannot help.
REFUSED_DATA_CLASSES = ("22", "23")

TRANSIENT = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, asyncio.TimeoutError)


async def connect(url: str) -> Connection:
    """A connection with limits on every wait. Raises what asyncpg raises when the server cannot be reached."""
    connection: Connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS, command_timeout=COMMAND_SECONDS)
    return connection


async def connect_patiently(url: str) -> Connection:
    """A connection, tried again with jittered pauses for as long as the patience lasts."""
    async for attempt in AsyncRetrying(
        retry=retry_if_exception(is_transient),
        wait=wait_random_exponential(multiplier=0.1, max=2.0),
        stop=stop_after_delay(PATIENCE_SECONDS),
        reraise=True,
    ):
        with attempt:
            return await connect(url)
    raise AssertionError("tenacity either returns or raises")


class Database:
    """The one connection of a part of a worker: held for as long as it is healthy, and made anew when it is not."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Connection | None = None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """The connection, for one piece of work at a time. Raises what connecting raises when patience has run out."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect_patiently(self._url)
        connection = self._connection
        try:
            yield connection
        except BaseException as error:
            if not isinstance(error, asyncpg.PostgresError):
                # Nobody knows what it is in the middle of: a call cut off can leave it unusable and not closed.
                connection.terminate()
            # A rollback that fails on the way out hides that the work was cancelled, and it would be done again.
            if (task := asyncio.current_task()) and task.cancelling():
                raise asyncio.CancelledError from error
            raise

    def disconnect(self) -> None:
        """Give the connection up; nothing is under way on it."""
        if self._connection is not None:
            self._connection.terminate()


def refuses_data(error: BaseException) -> bool:
    """Whether the database refused what it was given, so that the same data would be refused again."""
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "")[:2] in REFUSED_DATA_CLASSES
    return isinstance(error, asyncpg.DataError | UnicodeError | OverflowError)


def is_transient(error: BaseException) -> bool:
    """Whether the same work may succeed later: lost connections, locks, limits, shutdowns, time limits."""
    if refuses_data(error):
        return False
    return isinstance(error, TRANSIENT)


def columns_of(rows: list[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """Rows turned into columns, for `unnest`: one array a column, also when there are no rows."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
