"""A fresh database for ticket_sync, and a second connection to it where two turns meet."""

from collections.abc import AsyncIterator

import pytest

from services.console.stack import LocalStack
from shared.database import Connection
from tests.integration.databases import connection_to, database_as_new, migrations_of


@pytest.fixture
async def database_url(stack: LocalStack) -> AsyncIterator[str]:
    async with database_as_new(stack.database_admin_url, "ticket_sync", migrations_of("ticket_sync")) as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Connection]:
    async with connection_to(database_url) as connection:
        yield connection


@pytest.fixture
async def second_connection(database_url: str) -> AsyncIterator[Connection]:
    async with connection_to(database_url) as connection:
        yield connection
