"""Throw-away databases: a template is made once per schema, and every test gets a clone of its own in milliseconds."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from shared.database import Connection

ROOT = Path(__file__).parents[2]
RUNTIME = ROOT / "shared/messaging/migrations"
INSTANCES = (("nordlicht", "Nordlicht IT GmbH", "de"), ("alpenwerk", "Alpenwerk Systems", "en"))


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
    template = f"template_{schema}"
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
    name = f"test_{token_hex(6)}"
    admin = await asyncpg.connect(admin_url)
    try:
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        yield at(admin_url, name, schema)
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await admin.close()


@asynccontextmanager
async def connection_to(url: str) -> AsyncIterator[Connection]:
    """A connection, closed at the end."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def statements_of(connection: Connection, work: Awaitable[Any]) -> list[str]:
    """What is asked of the database while this is done."""
    asked: list[str] = []

    def note(query: Any) -> None:
        asked.append(query.query)

    connection.add_query_logger(note)
    await work
    await asyncio.sleep(0)  # the driver calls its loggers one step later
    connection.remove_query_logger(note)
    return asked


async def plan_of(connection: Connection, statement: str, *values: Any) -> str:
    """How the database means to do it with these values."""
    return "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {statement}", *values))
