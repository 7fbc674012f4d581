"""Throw-away databases: a template is made once per schema, and every test gets a clone of its own in milliseconds."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_hex
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
