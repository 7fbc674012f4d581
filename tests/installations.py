"""Installations for the tests: the tables of all services are made once for a stack, and cloned for each of them."""

import asyncio
from secrets import token_hex

import asyncpg

from services.console.installation import Installation, install, passwords_on
from services.console.migrating import migrate_databases
from services.console.stack import LocalStack
from tests.integration.databases import at

TEMPLATE = "template_of_installations"


async def fresh_installation(stack: LocalStack, *, shards: int | None = None) -> Installation:
    """A whole Tandem of its own: with one shard, or with so many."""
    name = f"test_{token_hex(6)}"
    admin = await asyncpg.connect(stack.database_admin_url)
    try:
        if not await admin.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", TEMPLATE):
            await admin.execute(f'CREATE DATABASE "{TEMPLATE}"')
            await asyncio.to_thread(migrate_databases, at(stack.database_admin_url, TEMPLATE), passwords_on(stack))
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}" STRATEGY file_copy')
    finally:
        await admin.close()
    return await install(stack, name=name, shards=shards)
