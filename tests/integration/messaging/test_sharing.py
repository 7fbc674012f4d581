"""Replicas that share the shards of a service: fairly, in order, and none of them twice."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from functools import partial
from typing import Any
from uuid import UUID

from shared.database import Connection
from shared.ids import new_id
from shared.messaging import topology
from shared.messaging.relay import STALE_SECONDS, SWEEP_SECONDS
from shared.messaging.sharing import LEASE_SECONDS
from tests.integration.databases import connection_to
from tests.integration.messaging.broker import Broker
from tests.integration.messaging.posting import again_and_again, command
from tests.integration.messaging.probe import ProbeDo
from tests.integration.messaging.test_runtime import count, do, numbers, until
from tests.integration.messaging.worker import probe_worker, share_out

SUBJECTS = 40
COMMANDS_EACH = 40
CONNECTED = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
)

# A replica tells that it is there in every look at the shares.
NEXT_LOOK_WAITS = "SELECT FROM replica FOR UPDATE"


async def test_who_joins_and_who_leaves_changes_the_shares_of_all_and_nothing_is_taken_twice_or_out_of_order(
    broker: Broker, probe_url: str, probe_database: Connection
) -> None:
    await share_out(broker, probe_database, shards=5)
    tallies = [new_id() for _ in range(SUBJECTS)]
    commands = [[do(tally, number) for number in range(COMMANDS_EACH)] for tally in tallies]
    async with probe_worker(broker, probe_url, name="a"), AsyncExitStack() as others:
        await until(lambda: shares_are(probe_database, 5))
        sending = asyncio.gather(*(broker.send(*of_one_tally) for of_one_tally in commands))
        await others.enter_async_context(probe_worker(broker, probe_url, name="b"))
        await until(lambda: shares_are(probe_database, 2, 3))
        await others.enter_async_context(probe_worker(broker, probe_url, name="c"))
        await until(lambda: shares_are(probe_database, 1, 2, 2))
        await others.aclose()
        await until(lambda: shares_are(probe_database, 5))
        await sending
        facts = await broker.read("nordlicht", SUBJECTS * COMMANDS_EACH)
    assert Counter(fact["type"] for fact in facts) == {"tandem.probe.done.v1": SUBJECTS * COMMANDS_EACH}
    for tally in tallies:
        told = [fact["data"]["number"] for fact in facts if fact["data"]["tally_id"] == str(tally)]
        assert told == await numbers(probe_database, tally) == list(range(COMMANDS_EACH))
    # Asked of the answers, not of the broker's count of redeliveries: what is on its way to a consumer that leaves, the
    # broker takes back itself and counts.
    assert await broker.read_all("nordlicht") == [], "what is taken twice is answered twice"


async def test_while_all_is_led_to_another_generation_each_message_goes_to_one_and_none_to_two(broker: Broker) -> None:
    sent = 0

    async def send() -> None:
        nonlocal sent
        await broker.send(do(new_id()))
        sent += 1

    async with again_and_again(send, pause_seconds=0):
        for generation in (2, 3):
            await until(partial(_some, broker, generation - 1))
            await broker.declare(generation, shards=generation)
        await until(partial(_some, broker, 3))
    assert sum([await broker.waiting(generation, generation) for generation in (1, 2, 3)]) == sent


async def test_a_replica_that_cannot_renew_its_leases_consumes_nothing_when_they_run_out(
    broker: Broker, probe_url: str, probe_database: Connection
) -> None:
    async with probe_worker(broker, probe_url):
        await broker.send(do(new_id()))
        await broker.read("nordlicht", 1)
        connected = await probe_database.fetchval(CONNECTED)
        async with probe_database.transaction():
            await probe_database.execute("LOCK TABLE shard IN ACCESS EXCLUSIVE MODE")
            await until(lambda: broker.has_consumers(0), LEASE_SECONDS)
            assert await probe_database.fetchval("SELECT held_until > clock_timestamp() FROM shard")
        await broker.send(do(new_id()))
        await broker.read("nordlicht", 1)
        assert await probe_database.fetchval(CONNECTED) <= connected, "who consumes no more keeps no connection"


async def test_a_shard_that_another_had_taken_and_left_again_is_held_by_who_consumes_it(
    broker: Broker, probe_url: str, probe_database: Connection, second_probe_connection: Connection
) -> None:
    async with probe_worker(broker, probe_url), connection_to(probe_url) as onlooker:
        await until(lambda: broker.has_consumers(1))
        taken = await _begin(probe_database, "UPDATE shard SET holder = gen_random_uuid()")
        await until(_in_line(onlooker, 1))
        first_look = await _begin(second_probe_connection, NEXT_LOOK_WAITS)
        await taken.commit()
        await until(_in_line(onlooker, 1))
        # Who waits behind the look that finds the shard taken holds up the look after it, when nothing is consumed.
        second_look = asyncio.create_task(_begin(probe_database, NEXT_LOOK_WAITS))
        await until(_in_line(onlooker, 2))
        await first_look.commit()
        left = await second_look
        await until(_in_line(onlooker, 1))
        third_look = asyncio.create_task(_begin(second_probe_connection, NEXT_LOOK_WAITS))
        await until(_in_line(onlooker, 2))
        await probe_database.execute("UPDATE shard SET holder = NULL, held_until = NULL")
        await left.commit()
        await broker.send(do(new_id()))
        await broker.read("nordlicht", 1)
        holder = await onlooker.fetchval("SELECT holder FROM shard")
        await (await third_look).commit()
        assert holder is not None


async def test_letters_that_wait_for_their_recipient_are_published_by_one_replica_each_in_order(
    broker: Broker, probe_url: str, probe_database: Connection
) -> None:
    await share_out(broker, probe_database, shards=2)
    await broker.unbind("alpenwerk")
    tallies = [_subject_in(shard, 2) for shard in (0, 1)]
    async with probe_worker(broker, probe_url, name="a"), probe_worker(broker, probe_url, name="b"):
        await until(lambda: shares_are(probe_database, 1, 1))
        await broker.send(*(_telling_alpenwerk(tally, number) for number in range(20) for tally in tallies))
        # By then each of them has looked for letters that somebody forgot.
        old = f"published_at IS NULL AND created_at < now() - interval '{STALE_SECONDS + 2 * SWEEP_SECONDS} s'"
        await until(count(probe_database, "outbox", 40, old))
        await broker.bind("alpenwerk")
        facts = await broker.read("alpenwerk", 40)
        await until(count(probe_database, "outbox", 0, "published_at IS NULL"))
    assert await broker.read_all("alpenwerk") == []
    for tally in tallies:
        told = [fact["data"]["number"] for fact in facts if fact["data"]["tally_id"] == str(tally)]
        assert told == list(range(20))


async def test_a_worker_without_shards_in_the_database_waits_for_them(
    broker: Broker, probe_url: str, probe_database: Connection
) -> None:
    await probe_database.execute("DELETE FROM shard")
    async with probe_worker(broker, probe_url):
        await broker.send(do(new_id()))
        await until(count(probe_database, "replica", 1))
        await probe_database.execute("INSERT INTO shard (generation, number, shards) VALUES (1, 0, 1)")
        await broker.read("nordlicht", 1)


async def _begin(database: Connection, statement: str) -> Any:
    """A transaction in which this was done, to be committed."""
    transaction = database.transaction()
    await transaction.start()
    await database.execute(statement)
    return transaction


def _in_line(onlooker: Connection, number: int) -> Any:
    """Whether so many wait for what another holds."""

    async def waiting() -> bool:
        return bool(await onlooker.fetchval("SELECT count(*) = $1 FROM pg_locks WHERE NOT granted", number))

    return waiting


async def _some(broker: Broker, generation: int) -> bool:
    return await broker.waiting(generation, generation) > 0


async def shares_are(database: Connection, *shares: int) -> bool:
    """Whether every shard is held, by so many replicas as there are shares, and each of these by one."""
    rows = await database.fetch("SELECT holder, count(*) AS shards FROM shard GROUP BY holder")
    held = sorted(row["shards"] for row in rows if row["holder"] is not None)
    return len(rows) == len(held) and held == sorted(shares)


def _subject_in(shard: int, shards: int) -> UUID:
    while topology.bucket(str(subject := new_id())) not in topology.buckets_of(shard, shards):
        pass
    return subject


def _telling_alpenwerk(tally: UUID, number: int) -> Any:
    return command(ProbeDo(actor="x", tally_id=tally, number=number, tell="alpenwerk"), str(tally))
