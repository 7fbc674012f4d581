"""A whole Tandem for one test: its own database and virtual host, and workers as processes."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from services.console.installation import Installation
from services.console.stack import LocalStack
from services.console.workers import Worker, workers
from tests import nursery
from tests.installations import fresh_installation

StartWorkers = Callable[..., AbstractContextManager[list[Worker]]]


@pytest.fixture
async def installation(stack: LocalStack, request: pytest.FixtureRequest) -> AsyncIterator[Installation]:
    """With one shard, or as the test says."""
    asked = getattr(request, "param", {})
    installed = await fresh_installation(stack, **asked)
    yield installed
    await installed.remove()


@pytest.fixture
def start(installation: Installation, tmp_path: Path) -> StartWorkers:
    """Start workers of these services against the installation."""

    def start_workers(*services: str, replicas: int = 1) -> AbstractContextManager[list[Worker]]:
        environments = {service: installation.environment_of(service) for service in services}
        return workers(environments, tmp_path, replicas=replicas, launch=nursery.launch)

    return start_workers
