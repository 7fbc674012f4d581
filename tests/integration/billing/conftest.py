"""A database of billing's own for each test."""

from collections.abc import AsyncIterator

import pytest

from services.console.stack import LocalStack
from shared.database import Connection
from tests.integration.databases import connection_to, database_as_new, migrations_of


@pytest.fixture
async def database_url(stack: LocalStack) -> AsyncIterator[str]:
    async with database_as_new(stack.database_admin_url, "billing", migrations_of("billing")) as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Connection]:
    async with connection_to(database_url) as connection:
        yield connection
