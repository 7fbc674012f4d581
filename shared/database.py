"""Postgres: how connections are made, and what its errors mean for a turn."""

import asyncio
from typing import Any, TypeAlias

import asyncpg
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random_exponential

Connection: TypeAlias = asyncpg.Connection

CONNECT_SECONDS = 5.0
# A statement of a turn touches at most a few hundred rows by index; one that takes longer is stuck.
COMMAND_SECONDS = 15.0

# Classes of SQLSTATE in which the database refuses the data itself: trying again cannot help.
REFUSED_DATA_CLASSES = ("22", "23")


async def connect(url: str) -> Connection:
    """A connection with limits on every wait. Raises what asyncpg raises when the server cannot be reached."""
    connection: Connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS, command_timeout=COMMAND_SECONDS)
    return connection


async def connect_patiently(url: str, *, patience_seconds: float) -> Connection:
    """A connection, tried again with jittered pauses for as long as the patience lasts."""
    async for attempt in AsyncRetrying(
        retry=retry_if_exception(is_transient),
        wait=wait_random_exponential(multiplier=0.1, max=2.0),
        stop=stop_after_delay(patience_seconds),
        reraise=True,
    ):
        with attempt:
            connection: Connection = await connect(url)
            return connection
    raise AssertionError("tenacity either returns or raises")


def refuses_data(error: BaseException) -> bool:
    """Whether the database refused what it was given, so that the same data would be refused again."""
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "")[:2] in REFUSED_DATA_CLASSES
    return isinstance(error, asyncpg.DataError | UnicodeError | OverflowError)


def is_transient(error: BaseException) -> bool:
    """Whether the same work may succeed later: lost connections, locks, limits, shutdowns, time limits."""
    if refuses_data(error):
        return False
    return isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError | OSError | asyncio.TimeoutError)


def columns_of(rows: list[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """Rows turned into columns, for `unnest`: one array a column, also when there are no rows."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
