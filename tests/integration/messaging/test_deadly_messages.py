"""Messages that kill or hang the worker process that decides them: they harm themselves, and nobody else."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from shared.database import Connection
from shared.ids import new_id
from shared.messaging.consumer import ALONE_AFTER_RETURNS, SUSPECT_AFTER_RETURNS
from shared.messaging.parking import RETRY_PAUSES_SECONDS
from tests import nursery
from tests.integration.messaging.broker import Broker
from tests.integration.messaging.probe import Behaviour
from tests.integration.messaging.test_runtime import count, do, until

STUCK_SECONDS = 1.0
HEALTHY = 40
WORKER = "tests.integration.messaging.worker"


class Supervised:
    """A worker process that is started again whenever it ends, as a container engine does."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.ends: list[int] = []
        self._environment = environment
        self.log = log

    async def run(self) -> None:
        while True:
            with self.log.open("ab") as log:
                process = nursery.launch(WORKER, os.environ | self._environment, log)
            try:
                self.ends.append(await process.ended())
            finally:
                process.kill()
                process.wait(10)


@asynccontextmanager
async def supervised(broker: Broker, database_url: str, log: Path) -> AsyncIterator[Supervised]:
    worker = Supervised(
        {
            "TANDEM_DATABASE_URL": database_url,
            "TANDEM_BROKER_URL": broker.url_of("tandem.probe"),
            "TANDEM_STUCK_SECONDS": str(STUCK_SECONDS),
        },
        log,
    )
    running = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        running.cancel()
        await asyncio.wait([running])


@pytest.mark.slow
async def test_a_message_that_kills_its_worker_is_parked_as_a_suspect_and_all_others_take_effect(
    broker: Broker, probe_url: str, probe_database: Connection, tmp_path: Path
) -> None:
    deadly = await _send_among_healthy(broker, "crash")
    async with supervised(broker, probe_url, tmp_path / "worker.log") as worker:
        await until(count(probe_database, "tally", HEALTHY), seconds=90)
        await until(count(probe_database, "parked", 1, f"subject = '{deadly}'"), seconds=90)
        error = await probe_database.fetchval("SELECT error FROM parked_subject")
        assert error == f"came back undecided {SUSPECT_AFTER_RETURNS} times"
        assert len(worker.ends) >= SUSPECT_AFTER_RETURNS
        # It goes on killing whoever tries it again, and is stuck when its attempts are used up.
        await until(lambda: _stuck_without_waiting(probe_database), seconds=90)
        ends = len(worker.ends)
        await broker.send(do(tally := new_id()))
        await until(count(probe_database, "tally", 1, f"id = '{tally}'"))
    assert len(worker.ends) == ends <= SUSPECT_AFTER_RETURNS + len(RETRY_PAUSES_SECONDS) + 1


@pytest.mark.slow
async def test_a_message_that_hangs_its_worker_ends_it_with_the_place_and_all_others_take_effect(
    broker: Broker, probe_url: str, probe_database: Connection, tmp_path: Path
) -> None:
    await _send_among_healthy(broker, "hang")
    async with supervised(broker, probe_url, tmp_path / "worker.log") as worker:
        await until(count(probe_database, "tally", HEALTHY), seconds=90)
    assert worker.ends[:ALONE_AFTER_RETURNS] == [1] * ALONE_AFTER_RETURNS
    assert "probe.py" in worker.log.read_text() and "Timeout" in worker.log.read_text()


async def _stuck_without_waiting(database: Connection) -> bool:
    """Whether it is stuck by now; whoever claimed it and died holds it no longer."""
    await database.execute("UPDATE parked_subject SET next_attempt_at = now() WHERE next_attempt_at > now()")
    return bool(await database.fetchval("SELECT status = 'stuck' FROM parked_subject"))


async def _send_among_healthy(broker: Broker, behaviour: Behaviour) -> Any:
    deadly = new_id()
    healthy = [do(new_id()) for _ in range(HEALTHY)]
    await broker.send(*healthy[: HEALTHY // 2], do(deadly, 1, behaviour), *healthy[HEALTHY // 2 :])
    return deadly
