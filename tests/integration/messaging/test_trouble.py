"""A worker whose broker, database or network is in trouble: nothing of it ends silently, hangs, or is out of order."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from time import perf_counter
from typing import Any

import aio_pika
import pytest
from structlog.testing import capture_logs

from shared.database import Connection, Database
from shared.ids import new_id
from shared.messaging import outbox, topology
from shared.messaging.broker import CLOSE_SECONDS, HEARTBEAT_SECONDS
from shared.messaging.consumer import LOOKS_IN_VAIN
from shared.messaging.relay import SWEEP_SECONDS, Relay
from tests.integration.messaging.broker import SHARD, Broker
from tests.integration.messaging.posting import command
from tests.integration.messaging.probe import ProbeDo
from tests.integration.messaging.proxy import CHANNEL_OPEN, Proxy
from tests.integration.messaging.test_runtime import count, do, until
from tests.integration.messaging.worker import DRAIN_SECONDS, probe_worker

LETTERS = 400
ROOM = 20


async def test_a_count_of_returns_that_the_sender_writes_leads_nobody_past_the_door(
    broker: Broker, probe_url: str, probe_database: Connection
) -> None:
    theirs = new_id()
    foreign = command(ProbeDo(actor="x", tally_id=new_id(), number=1), str(theirs), sender="alpenwerk")
    async with probe_worker(broker, probe_url):
        await broker.send_with(foreign, {"x-delivery-count": 10})
        (answer,) = await broker.read("alpenwerk", 1)
        await broker.send(do(theirs))
        (fact,) = await broker.read("nordlicht", 1)
    assert answer["data"]["type"] == "message/wrong-subject"
    assert fact["type"] == "tandem.probe.done.v1", "nobody blocks the subject of another"


async def test_a_command_with_a_bucket_that_is_none_is_refused_and_one_that_nobody_knows_is_answered(
    broker: Broker, probe_url: str, probe_database: Connection
) -> None:
    unknown = do(new_id())
    unknown = replace(unknown, body=unknown.body.replace(b"tandem.probe.do.v1", b"tandem.unheard.of.v1"))
    async with probe_worker(broker, probe_url):
        for key in ("nordlicht.probe.do.zz", "nordlicht.probe.do.123"):
            await broker.send_on(key, do(new_id()))
        await broker.send_on("nordlicht.unheard.of.00", unknown)
        await broker.send_on("nordlicht", unknown)
        answers = await broker.read("nordlicht", 4)
    problems = [answer["data"]["type"] for answer in answers]
    assert problems == ["message/wrong-key", "message/wrong-key", "message/unknown-kind", "message/unknown-kind"]


async def test_a_lane_whose_queue_is_full_is_taken_up_again_in_order(
    broker: Broker, probe_url: str, probe_database: Connection
) -> None:
    await broker.limit("alpenwerk", ROOM)
    tally = new_id()
    commands = [
        command(ProbeDo(actor="x", tally_id=tally, number=number, tell="alpenwerk"), str(tally))
        for number in range(LETTERS)
    ]
    got: dict[str, int] = {}
    async with probe_worker(broker, probe_url):
        await broker.send(*commands)
        await until(count(probe_database, "inbox", LETTERS))
        # Nobody reads until the queue is full and the relay knows it; then somebody reads slowly.
        await until(_steady(probe_database, "SELECT count(*) FROM outbox WHERE published_at IS NOT NULL"))
        async with asyncio.timeout(60):
            while len(got) < LETTERS:
                got |= {fact["id"]: fact["data"]["number"] for fact in await broker.read_all("alpenwerk")}
                await asyncio.sleep(0.01)
    assert list(got.values()) == list(range(LETTERS))


async def test_a_broker_lost_while_a_channel_is_opened_does_not_end_the_relay(broker: Broker, probe_url: str) -> None:
    async with Proxy(broker.url_of("tandem.probe")).listening() as proxy:
        proxy.cut_off_at = CHANNEL_OPEN
        relay = Relay(broker_url=proxy.url, database_url=probe_url, service="probe")
        running = asyncio.create_task(relay.run())
        try:
            await until(_true(lambda: proxy.cut_off >= 2 or running.done()))
            assert not running.done()
            proxy.cut_off_at = None
            await asyncio.wait_for(relay._channel_ready.wait(), 20)
        finally:
            await _cancelled(running)


async def test_a_letter_that_was_forgotten_is_told_however_busy_its_lane_is(
    broker: Broker, probe_url: str, probe_database: Connection
) -> None:
    tally = new_id()
    async with probe_worker(broker, probe_url):
        await broker.send(do(tally))
        await broker.read("nordlicht", 1)
    bucket = topology.bucket(str(tally))
    await probe_database.execute("UPDATE outbox SET published_at = NULL")
    [told] = await outbox.find_waiting(probe_database, "nordlicht", [bucket], 1)
    await probe_database.execute("UPDATE outbox SET published_at = now()")
    relay = Relay(broker_url=broker.url_of("tandem.probe"), database_url=probe_url, service="probe")
    await relay.take_up([bucket])
    running, forgotten = asyncio.create_task(relay.run()), asyncio.Event()

    async def keep_busy() -> None:
        """Never a moment at which nothing of this lane is under way; none of it is in the outbox."""
        while True:
            relay.hand_over([replace(told, position=0)] * 10)
            forgotten.set()
            await relay.room()
            await asyncio.sleep(0)

    await asyncio.wait_for(relay._channel_ready.wait(), 20)
    busy = asyncio.create_task(keep_busy())
    try:
        await forgotten.wait()
        await probe_database.execute("UPDATE outbox SET published_at = NULL, created_at = now() - interval '1 minute'")
        # Some sweeps, of a machine that may be busy itself; a lane that is passed over is passed over for ever.
        await until(count(probe_database, "outbox", 0, "published_at IS NULL"), 15 * SWEEP_SECONDS)
    finally:
        await _cancelled(busy)
        await _cancelled(running)


async def test_a_worker_to_which_nothing_is_delivered_while_messages_wait_says_so_and_consumes_anew(
    broker: Broker, probe_url: str
) -> None:
    reason = "messages wait and none is delivered"
    async with await aio_pika.connect(broker.url_of("tandem.probe")) as elsewhere:
        channel = await elsewhere.channel()
        await channel.set_qos(prefetch_count=1)
        # Single and active: it takes one message, and has the broker keep the others for it.
        await (await channel.get_queue(SHARD)).consume(asyncio.Queue[Any]().put)
        await broker.send(*(do(new_id()) for _ in range(3)))
        with capture_logs() as told:
            async with probe_worker(broker, probe_url):
                await until(_true(lambda: any(one.get("reason") == reason for one in told)), 3 * LOOKS_IN_VAIN)
                await elsewhere.close()
                await broker.read("nordlicht", 3)


async def test_a_watch_that_is_cut_short_by_its_client_does_not_leave_the_consumer_unwatched(
    broker: Broker, probe_url: str
) -> None:
    with capture_logs() as told:
        async with probe_worker(broker, probe_url):
            await until(lambda: broker.has_consumers(1))
            [watch] = [task for task in asyncio.all_tasks() if "_watch_queue" in repr(task.get_coro())]
            watch.cancel()
            await until(_true(lambda: any(one.get("reason") == "the watch has ended" for one in told)))
            await broker.send(do(new_id()))
            await broker.read("nordlicht", 1)


async def test_a_relay_told_to_end_while_it_closes_a_silent_connection_ends(broker: Broker, probe_url: str) -> None:
    async with Proxy(broker.url_of("tandem.probe")).listening() as proxy:
        relay = Relay(broker_url=proxy.url, database_url=probe_url, service="probe")
        running = asyncio.create_task(relay.run())
        await asyncio.wait_for(relay._channel_ready.wait(), 20)
        proxy.silent = True
        relay._channel_broken.set()
        await until(_true(lambda: relay._channel is None))
        async with asyncio.timeout(CLOSE_SECONDS + 2):
            await _cancelled(running)


async def test_sigterm_while_the_database_makes_the_replayer_wait_still_drains(
    broker: Broker, probe_url: str, probe_database: Connection, second_probe_connection: Connection
) -> None:
    database = await probe_database.fetchval("SELECT current_database()")
    await probe_database.execute(f"ALTER DATABASE {database} SET lock_timeout = '1s'")
    told_to_stop = asyncio.Event()
    stopped = asyncio.create_task(_run_until(told_to_stop, broker, probe_url))
    await broker.send(do(new_id(), 1, "raise"))
    await until(count(probe_database, "parked_subject", 1))
    async with second_probe_connection.transaction():
        await second_probe_connection.execute("LOCK TABLE parked IN ACCESS EXCLUSIVE MODE")
        waits = "wait_event_type = 'Lock' AND datname = current_database()"
        await until(_exists(probe_database, f"SELECT FROM pg_stat_activity WHERE {waits}"))
        told_to_stop.set()
        await asyncio.wait([stopped], timeout=DRAIN_SECONDS)
    assert stopped.done()
    await stopped


async def test_work_that_is_cancelled_ends_cancelled_though_its_connection_is_lost_on_the_way_out(
    probe_url: str,
) -> None:
    database, begun = Database(probe_url), asyncio.Event()

    async def work() -> None:
        async with database.connection() as connection, connection.transaction():
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                connection.terminate()

    working = asyncio.create_task(work())
    await begun.wait()
    working.cancel()
    await asyncio.wait([working])
    assert working.cancelled()


@pytest.mark.slow
async def test_a_worker_goes_on_by_itself_after_its_network_was_a_black_hole(
    broker: Broker, probe_url: str, probe_database: Connection
) -> None:
    commands = [do(new_id(), number) for number in range(1000)]
    async with (
        Proxy(broker.url_of("tandem.probe")).listening() as proxy,
        probe_worker(broker, probe_url, broker_url=proxy.url),
    ):
        await broker.send(*commands)
        await until(_exists(probe_database, "SELECT FROM inbox"))
        proxy.silent = True
        await asyncio.sleep(3 * HEARTBEAT_SECONDS)  # by then whoever listens to heartbeats has noticed
        proxy.silent = False
        await until(count(probe_database, "inbox", len(commands)), 30)
        await until(count(probe_database, "outbox", 0, "published_at IS NULL"), 30)
    assert await probe_database.fetchval("SELECT count(*) FROM tally") == len(commands)


async def _run_until(told_to_stop: asyncio.Event, broker: Broker, database_url: str) -> None:
    async with probe_worker(broker, database_url):
        await told_to_stop.wait()


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _true(condition: Callable[[], bool]) -> Callable[[], Any]:
    async def asked() -> bool:
        return condition()

    return asked


def _exists(connection: Connection, query: str) -> Callable[[], Any]:
    async def asked() -> bool:
        return bool(await connection.fetchval(f"SELECT EXISTS ({query})"))

    return asked


def _steady(connection: Connection, query: str) -> Callable[[], Any]:
    """Whether the same answer has come for a second, and is not nothing."""
    seen: list[tuple[float, int]] = []

    async def asked() -> bool:
        answer = await connection.fetchval(query)
        if seen and seen[-1][1] != answer:
            seen.clear()
        seen.append((perf_counter(), answer))
        return bool(answer and seen[-1][0] - seen[0][0] > 1.0)

    return asked
