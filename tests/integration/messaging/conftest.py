"""A fresh database for the probe service."""

from collections.abc import AsyncIterator

import pytest

from services.console.stack import LocalStack
from shared.database import Connection
from shared.messaging.directory import Directory
from shared.messaging.letters import Correspondence
from shared.messaging.turn import Turn
from tests.integration.databases import RUNTIME, connection_to, database_as_new
from tests.integration.messaging import probe
from tests.integration.messaging.broker import Broker, fresh_broker


@pytest.fixture
async def probe_url(stack: LocalStack) -> AsyncIterator[str]:
    one_shard = "INSERT INTO shard (generation, number, shards) VALUES (1, 0, 1);"
    script = (RUNTIME / "0001_runtime.sql").read_text() + probe.SCHEMA + one_shard
    async with database_as_new(stack.database_admin_url, "probe", script) as url:
        yield url


@pytest.fixture
async def probe_database(probe_url: str) -> AsyncIterator[Connection]:
    async with connection_to(probe_url) as connection:
        yield connection


@pytest.fixture
async def second_probe_connection(probe_url: str) -> AsyncIterator[Connection]:
    async with connection_to(probe_url) as connection:
        yield connection


@pytest.fixture
def turn() -> Turn:
    directory = Directory()
    return Turn(probe.HANDLERS, directory, Correspondence("probe", directory))


@pytest.fixture
async def broker(stack: LocalStack) -> AsyncIterator[Broker]:
    async with fresh_broker(stack) as broker:
        yield broker
