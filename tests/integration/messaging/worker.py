"""The probe service as a worker: in this process, or in one of its own that can be killed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from shared.service import Service, run, work
from shared.settings import WorkerSettings
from tests.integration.messaging.broker import Broker
from tests.integration.messaging.probe import HANDLERS

DRAIN_SECONDS = 10.0


@asynccontextmanager
async def probe_worker(broker: Broker, database_url: str, *, broker_url: str | None = None) -> AsyncIterator[None]:
    """A worker for as long as the context is open; at the end it is told to stop and must be done in time."""
    settings = WorkerSettings(
        database_url=SecretStr(database_url),
        broker_url=SecretStr(broker_url or broker.url_of("tandem.probe")),
        drain_seconds=DRAIN_SECONDS,
    )
    stopping = asyncio.Event()
    working = asyncio.create_task(work(Service(HANDLERS, settings), stopping))
    try:
        yield
    finally:
        stopping.set()
        async with asyncio.timeout(DRAIN_SECONDS):
            await working


if __name__ == "__main__":
    run(Service(HANDLERS, WorkerSettings()))
