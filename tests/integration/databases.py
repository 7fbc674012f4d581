"""Databases as if new: cloned from a template of their schema, and emptied for the next test, which is far cheaper."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from shared.database import Connection

ROOT = Path(__file__).parents[2]
RUNTIME = ROOT / "shared/messaging/migrations"
INSTANCES = (("nordlicht", "Nordlicht IT GmbH", "de"), ("alpenwerk", "Alpenwerk Systems", "en"))


# By server and schema, those that no test uses now.
_left: defaultdict[tuple[str, str], list[str]] = defaultdict(list)


def at(url: str, database: str, schema: str | None = None) -> str:
    """The same server, another database, and a schema to work in."""
    parts = urlsplit(url)
    query = f"options=-csearch_path%3D{schema}" if schema else ""
    return urlunsplit(parts._replace(path=f"/{database}", query=query))


def migrations_of(service: str) -> str:
    """The runtime's tables and the service's own, as one script."""
    own = ROOT / "services" / service / "migrations"
    return "\n".join(path.read_text() for folder in (RUNTIME, own) for path in sorted(folder.glob("*.sql")))


async def make_template(admin_url: str, schema: str, script: str) -> str:
    """A database with these tables in this schema and the two instances of the tests, to be cloned."""
    # Of another script there is another one: a server that is given keeps them from run to run.
    template = f"template_{schema}_{sha256(script.encode()).hexdigest()[:8]}"
    admin = await asyncpg.connect(admin_url)
    try:
        if await admin.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", template):
            return template
        await admin.execute(f'CREATE DATABASE "{template}"')
    finally:
        await admin.close()
    connection = await asyncpg.connect(at(admin_url, template))
    try:
        await connection.execute(f"CREATE SCHEMA {schema}; SET search_path = {schema}; {script}")
        await connection.executemany(
            "INSERT INTO instance (slug, name, language, email, kind) VALUES ($1, $2, $3, $1 || '@example.com', 'psa')",
            INSTANCES,
        )
    finally:
        await connection.close()
    return template


@asynccontextmanager
async def clone_of(admin_url: str, template: str, schema: str) -> AsyncIterator[str]:
    """The URL of a fresh clone of a template, dropped at the end."""
    name = await _clone(admin_url, template)
    yield at(admin_url, name, schema)
    await drop_database(admin_url, name)


@asynccontextmanager
async def database_as_new(admin_url: str, schema: str, script: str) -> AsyncIterator[str]:
    """The URL of a database that is as the template of this schema: a clone, or one that a test before has left."""
    template = await make_template(admin_url, schema, script)
    left = _left[admin_url, schema]
    url = left.pop() if left else await _clone_to_keep(admin_url, template, schema)
    yield url
    await _empty(url, schema)
    left.append(url)


async def drop_left(admin_url: str) -> None:
    """Drop what the tests have left on this server, which may go on after them."""
    for (server, _), urls in _left.items():
        while server == admin_url and urls:
            await drop_database(admin_url, urlsplit(urls.pop()).path.removeprefix("/"))


async def drop_database(admin_url: str, name: str) -> None:
    async with connection_to(admin_url) as admin:
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


async def _clone(admin_url: str, template: str) -> str:
    name = f"test_{token_hex(6)}"
    async with connection_to(admin_url) as admin:
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
    return name


async def _clone_to_keep(admin_url: str, template: str, schema: str) -> str:
    """A clone for one test after another, which remembers what the template held."""
    url = at(admin_url, await _clone(admin_url, template), schema)
    async with connection_to(url) as connection:
        await connection.execute(
            """
            CREATE SCHEMA at_first;
            CREATE TABLE public.sequence_at_first AS
                SELECT format('%I.%I', schemaname, sequencename)::regclass AS sequence,
                       coalesce(last_value, start_value) AS value, last_value IS NOT NULL AS is_used
                FROM pg_sequences;
            """
        )
        for table in await _tables_of(connection, schema):
            if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {schema}.{table})"):
                await connection.execute(f"CREATE TABLE at_first.{table} AS TABLE {schema}.{table}")
    return url


async def _empty(url: str, schema: str) -> None:
    """Every table and sequence as it was at first, and no connection of anybody else."""
    async with connection_to(url) as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        emptied = [f"DELETE FROM {schema}.{table}" for table in await _tables_of(connection, schema)]
        filled = [
            f"INSERT INTO {schema}.{table} OVERRIDING SYSTEM VALUE TABLE at_first.{table}"
            for table in await _tables_of(connection, "at_first")
        ]
        sequences = "SELECT setval(sequence, value, is_used) FROM public.sequence_at_first"
        # Nothing checks or guards what is only put back.
        await connection.execute("; ".join(("SET session_replication_role = replica", *emptied, *filled, sequences)))


async def _tables_of(connection: Connection, schema: str) -> list[str]:
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = $1", schema)
    return [row["tablename"] for row in rows]


@asynccontextmanager
async def connection_to(url: str) -> AsyncIterator[Connection]:
    """A connection, closed at the end."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def statements_of(connection: Connection, work: Awaitable[Any]) -> list[str]:
    """What is asked of the database while this is done, but for what the driver asks when it first meets a type."""
    asked: list[str] = []

    def note(query: Any) -> None:
        if not any(word in query.query for word in ("typeinfo_tree", "'jit'")):
            asked.append(query.query)

    connection.add_query_logger(note)
    await work
    await asyncio.sleep(0)  # the driver calls its loggers one step later
    connection.remove_query_logger(note)
    return asked


async def plan_of(connection: Connection, statement: str, *values: Any) -> str:
    """How the database means to do it with these values."""
    return "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {statement}", *values))
