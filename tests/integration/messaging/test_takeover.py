"""Replicas as processes that are killed or frozen: others take over, and each command takes effect once, in order."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from time import monotonic
from uuid import UUID

import pytest

from shared.database import Connection
from shared.ids import new_id
from shared.migrate import LIMITS
from tests import nursery
from tests.integration.messaging.broker import Broker
from tests.integration.messaging.posting import again_and_again
from tests.integration.messaging.test_runtime import do, numbers, until
from tests.integration.messaging.test_sharing import shares_are
from tests.integration.messaging.worker import share_out

TAKEOVER_SECONDS = 10.0
SUBJECTS = 20
SHARDS = 4
# Some hundred commands a second: what has to be made up for is not what is measured.
PAUSE_SECONDS = 0.05


class Traffic:
    """Commands about many subjects, numbered for each of them, for as long as the context is open."""

    def __init__(self, broker: Broker) -> None:
        self.subjects = [new_id() for _ in range(SUBJECTS)]
        self.sent_each = 0
        self._broker = broker

    def flowing(self) -> AbstractAsyncContextManager[None]:
        return again_and_again(self._send, PAUSE_SECONDS)

    async def _send(self) -> None:
        await self._broker.send(*(do(subject, self.sent_each) for subject in self.subjects))
        self.sent_each += 1

    async def decided(self, database: Connection, number: int) -> bool:
        """Whether every subject's command of this number has taken effect."""
        done = await database.fetchval("SELECT count(*) FROM tally WHERE $1 = ANY (numbers)", number)
        return bool(done == SUBJECTS)


@pytest.mark.slow
async def test_the_shards_of_a_killed_replica_are_taken_over_within_ten_seconds_in_order(
    broker: Broker, probe_url: str, probe_database: Connection, tmp_path: Path
) -> None:
    await share_out(broker, probe_database, SHARDS)
    traffic = Traffic(broker)
    async with replica(broker, probe_url, tmp_path, "a"), replica(broker, probe_url, tmp_path, "b") as killed:
        await until(lambda: shares_are(probe_database, 2, 2))
        async with traffic.flowing():
            await until(lambda: traffic.decided(probe_database, 5))
            killed.kill()
            await _taken_over_in_time("killed", traffic, probe_database)
            assert await shares_are(probe_database, SHARDS)
        await _each_took_effect_once_in_order(traffic, broker, probe_database)


@pytest.mark.slow
async def test_a_frozen_replica_loses_its_shards_and_does_no_harm_when_it_wakes(
    broker: Broker, probe_url: str, probe_database: Connection, tmp_path: Path
) -> None:
    await _limit_as_a_worker_s_role(probe_database)
    await share_out(broker, probe_database, SHARDS)
    traffic = Traffic(broker)
    async with replica(broker, probe_url, tmp_path, "a"), replica(broker, probe_url, tmp_path, "b") as frozen:
        await until(lambda: shares_are(probe_database, 2, 2))
        async with traffic.flowing():
            await until(lambda: traffic.decided(probe_database, 5))
            await _freeze_inside_a_transaction(frozen, probe_database)
            await _taken_over_in_time("frozen inside a transaction", traffic, probe_database)
            assert await shares_are(probe_database, SHARDS)
            frozen.send_signal(signal.SIGCONT)
            await until(lambda: shares_are(probe_database, 2, 2))
        await _each_took_effect_once_in_order(traffic, broker, probe_database)


async def _taken_over_in_time(what: str, traffic: Traffic, database: Connection) -> None:
    """From now on to when what is sent from now on has taken effect, whoever was to decide it."""
    since, number = monotonic(), traffic.sent_each + 1
    await until(lambda: traffic.decided(database, number), 2 * TAKEOVER_SECONDS)
    seconds = monotonic() - since
    print(f"a replica {what}: its shards were taken over after {seconds:.1f} s")
    assert seconds < TAKEOVER_SECONDS


async def _each_took_effect_once_in_order(traffic: Traffic, broker: Broker, database: Connection) -> None:
    sent = list(range(traffic.sent_each))
    await until(lambda: traffic.decided(database, sent[-1]))
    told: dict[UUID, dict[str, int]] = {subject: {} for subject in traffic.subjects}

    async def all_told() -> bool:
        for fact in await broker.read_all("nordlicht"):
            if fact["type"] == "tandem.probe.done.v1":
                told[UUID(fact["data"]["tally_id"])].setdefault(fact["id"], fact["data"]["number"])
        return all(len(facts) >= len(sent) for facts in told.values())

    await until(all_told)
    for subject, facts in told.items():
        assert await numbers(database, subject) == sent
        assert list(facts.values()) == sent


@asynccontextmanager
async def replica(broker: Broker, database_url: str, logs: Path, name: str) -> AsyncIterator[nursery.Process]:
    """A worker of the probe as a process, drained at the end where it still runs."""
    told = {
        "TANDEM_DATABASE_URL": f"{database_url}&application_name={name}",
        "TANDEM_BROKER_URL": broker.url_of("tandem.probe"),
        "TANDEM_REPLICA": name,
    }
    with (logs / f"{name}.log").open("wb") as log:
        process = nursery.launch("tests.integration.messaging.worker", os.environ | told, log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        async with asyncio.timeout(30):
            await process.ended()


async def _limit_as_a_worker_s_role(database: Connection) -> None:
    name = await database.fetchval("SELECT current_database()")
    for limit, value in LIMITS.items():
        await database.execute(f"ALTER DATABASE {name} SET {limit} = '{value}'")


async def _freeze_inside_a_transaction(process: nursery.Process, database: Connection) -> None:
    """Stop the process, and look whether the database has a turn of it open; if not, let it go on and try again."""
    async with asyncio.timeout(60):
        while True:
            process.send_signal(signal.SIGSTOP)
            if await _has_a_turn_open(database):
                return
            process.send_signal(signal.SIGCONT)
            await asyncio.sleep(0.003)


async def _has_a_turn_open(database: Connection) -> bool:
    found = await database.fetchval(
        """
        SELECT EXISTS (SELECT FROM pg_stat_activity
                       WHERE application_name = 'b' AND state = 'idle in transaction' AND query LIKE '%INTO tally%')
        """
    )
    return bool(found)
