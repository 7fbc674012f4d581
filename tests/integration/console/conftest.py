"""Installations: one that stands for all tests of a file, and a fresh one for each test that changes something."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from secrets import token_hex

import pytest

from services.console.installation import Installation, install
from services.console.stack import LocalStack


@pytest.fixture
async def installation(stack: LocalStack) -> AsyncIterator[Installation]:
    installed = await install(stack, name=f"test_{token_hex(6)}", shards=2)
    yield installed
    await installed.remove()


@pytest.fixture(scope="module")
def standing(stack: LocalStack) -> Iterator[Installation]:
    installed = asyncio.run(install(stack, name=f"test_{token_hex(6)}", shards=2))
    yield installed
    asyncio.run(installed.remove())
