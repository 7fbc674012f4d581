"""What every test may stand on: a real Postgres and a real RabbitMQ, started once for each process of the run."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from services.console.stack import LocalStack, Unavailable
from tests.integration.databases import drop_left

# How long one example takes depends on what else the machine does.
settings.register_profile("tandem", deadline=None)
settings.load_profile("tandem")

# The quick ones first: what is plainly wrong is told within seconds. Of the last the longest first, so that not one
# process waits for another at the end.
ORDER = ("architecture", "contracts", "unit", "integration", "simulation", "acceptance")

# A traceback with every local in colours takes a busy machine seconds, in which a worker in this process does not live.
PLAIN = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper(), PLAIN])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent

    def place(item: pytest.Item) -> tuple[int, bool]:
        folder = item.path.relative_to(here).parts[0]
        return ORDER.index(folder), folder == "acceptance" and item.get_closest_marker("slow") is None

    items.sort(key=place)


@pytest.fixture(scope="session")
def stack() -> Iterator[LocalStack]:
    """The local stack without fsync; a test that needs it fails where it cannot be had."""
    local = LocalStack(fsync=False)
    try:
        local.__enter__()
    except Unavailable as missing:
        pytest.fail(str(missing), pytrace=False)
    yield local
    asyncio.run(drop_left(local.database_admin_url))
    local.__exit__(None, None, None)
