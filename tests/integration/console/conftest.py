"""Installations: one that stands for all tests of a run, and a fresh one for each test that must have it for itself."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from services.console.installation import Installation
from services.console.stack import LocalStack
from tests.installations import fresh_installation


@pytest.fixture
async def installation(stack: LocalStack) -> AsyncIterator[Installation]:
    installed = await fresh_installation(stack, shards=2)
    yield installed
    await installed.remove()


@pytest.fixture(scope="session")
def standing(stack: LocalStack) -> Iterator[Installation]:
    installed = asyncio.run(fresh_installation(stack, shards=2))
    yield installed
    asyncio.run(installed.remove())
