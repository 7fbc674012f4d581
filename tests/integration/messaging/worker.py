"""The probe service as a worker: in this process, or in one of its own that can be killed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from shared.database import Connection
from shared.service import Service, run, work
from shared.settings import WorkerSettings
from tests.integration.messaging.broker import Broker
from tests.integration.messaging.probe import HANDLERS

DRAIN_SECONDS = 10.0


async def share_out(broker: Broker, database: Connection, shards: int) -> None:
    """Another number of shards, before any worker has begun."""
    await broker.declare(generation=2, shards=shards)
    await database.execute("DELETE FROM shard")
    await database.execute(
        "INSERT INTO shard (generation, number, shards) SELECT 2, number, $1 FROM generate_series(0, $1 - 1) AS number",
        shards,
    )


@asynccontextmanager
async def probe_worker(
    broker: Broker, database_url: str, *, broker_url: str | None = None, name: str = "probe"
) -> AsyncIterator[None]:
    """A worker for as long as the context is open; at the end it is told to stop and must be done in time."""
    settings = WorkerSettings(
        database_url=SecretStr(database_url),
        broker_url=SecretStr(broker_url or broker.url_of("tandem.probe")),
        replica=name,
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
