"""Databases for the tests: each test has a fresh one of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from services.console.stack import LocalStack
from shared.database import Connection
from tests.integration.databases import connection_to, database_as_new, migrations_of

ConnectionTo = Callable[[str], Awaitable[Connection]]


@pytest.fixture
async def service_connection(stack: LocalStack) -> AsyncIterator[ConnectionTo]:
    """A connection to a fresh database with the tables of the service that is named."""
    async with AsyncExitStack() as exits:

        async def connect(service: str) -> Connection:
            as_new = database_as_new(stack.database_admin_url, service, migrations_of(service))
            url = await exits.enter_async_context(as_new)
            return await exits.enter_async_context(connection_to(url))

        yield connect
