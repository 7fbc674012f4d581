"""A database of billing's own for each test."""

from collections.abc import AsyncIterator

import pytest

from services.console.stack import LocalStack
from shared.database import Connection
from tests.integration.databases import clone_of, connection_to, make_template, migrations_of


@pytest.fixture
async def database_url(stack: LocalStack) -> AsyncIterator[str]:
    template = await make_template(stack.database_admin_url, "billing", migrations_of("billing"))
    async with clone_of(stack.database_admin_url, template, "billing") as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Connection]:
    async with connection_to(database_url) as connection:
        yield connection
