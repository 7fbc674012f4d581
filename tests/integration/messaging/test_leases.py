"""Leases in the database: who may take which shard, and when."""

from uuid import UUID

import pytest

from shared.database import Connection
from shared.ids import new_id
from shared.messaging import leases
from shared.messaging.leases import Division, Shard

LEASE_SECONDS = 8.0
FIRST = [Shard(1, number, 3) for number in range(3)]
SECOND = [Shard(2, number, 2) for number in range(2)]


@pytest.fixture
async def database(probe_database: Connection) -> Connection:
    await probe_database.execute("DELETE FROM shard")
    await probe_database.executemany(
        "INSERT INTO shard (generation, number, shards) VALUES ($1, $2, $3)",
        [(shard.generation, shard.number, shard.shards) for shard in (*FIRST, *SECOND)],
    )
    return probe_database


async def join(database: Connection, name: str) -> UUID:
    replica = new_id()
    await leases.save_presence(database, replica, name, LEASE_SECONDS)
    return replica


async def claim(database: Connection, replica: UUID, limit: int = 10, generation: int = 1) -> list[Shard]:
    return sorted(await leases.claim_free(database, replica, generation, limit, LEASE_SECONDS))


async def let_run_out(database: Connection, replica: UUID) -> None:
    await database.execute("UPDATE shard SET held_until = now() - interval '1 ms' WHERE holder = $1", replica)
    await database.execute("UPDATE replica SET seen_until = now() - interval '1 ms' WHERE id = $1", replica)


async def test_a_shard_has_one_holder_and_is_free_when_its_lease_has_run_out(database: Connection) -> None:
    first, second = await join(database, "a"), await join(database, "b")
    assert await claim(database, first, limit=2) == FIRST[:2]
    assert await claim(database, second) == FIRST[2:]
    await let_run_out(database, first)
    assert await claim(database, second) == FIRST[:2]
    assert await leases.renew(database, first, LEASE_SECONDS) == set()
    assert await leases.renew(database, second, LEASE_SECONDS) == set(FIRST)


async def test_who_was_late_and_has_not_been_replaced_holds_on(database: Connection) -> None:
    late = await join(database, "a")
    await claim(database, late)
    await let_run_out(database, late)
    assert await leases.renew(database, late, LEASE_SECONDS) == set(FIRST)
    assert await claim(database, await join(database, "b")) == []


async def test_two_that_claim_at_the_same_moment_get_different_shards(
    database: Connection, second_probe_connection: Connection
) -> None:
    first, second = await join(database, "a"), await join(database, "b")
    async with database.transaction(), second_probe_connection.transaction():
        taken = await claim(database, first, limit=1)
        assert await claim(second_probe_connection, second) == FIRST[1:]
    assert taken == FIRST[:1]


async def test_what_is_released_is_free_and_what_another_holds_stays_its_own(database: Connection) -> None:
    first, second = await join(database, "a"), await join(database, "b")
    await claim(database, first, limit=2)
    await claim(database, second, limit=1)
    await leases.release(database, first, FIRST)
    await leases.delete_drained(database, first, FIRST)
    assert await claim(database, first) == FIRST[:2]
    assert await leases.renew(database, second, LEASE_SECONDS) == set(FIRST[2:])


async def test_only_those_that_are_there_share_and_who_came_first_gets_what_is_left_over(database: Connection) -> None:
    first, gone, last = await join(database, "a"), await join(database, "b"), await join(database, "c")
    await let_run_out(database, gone)
    assert await leases.find_division(database, first) == Division(1, 3, superseded=True, replicas=2, rank=0)
    assert await leases.find_division(database, last) == Division(1, 3, superseded=True, replicas=2, rank=1)
    await leases.delete_presence(database, first)
    assert await leases.find_division(database, last) == Division(1, 3, superseded=True, replicas=1, rank=0)
    await let_run_out(database, last)
    assert await leases.find_division(database, last) == Division(1, 3, superseded=True, replicas=1, rank=0)


async def test_a_newer_generation_is_shared_when_every_shard_of_the_older_one_is_gone(database: Connection) -> None:
    replica = await join(database, "a")
    await claim(database, replica)
    await leases.delete_drained(database, replica, FIRST[:2])
    assert await leases.find_division(database, replica) == Division(1, 1, superseded=True, replicas=1, rank=0)
    await leases.delete_drained(database, replica, FIRST[2:])
    assert await leases.find_division(database, replica) == Division(2, 2, superseded=False, replicas=1, rank=0)
    assert await claim(database, replica, generation=2) == SECOND


async def test_where_there_are_no_shards_there_is_nothing_to_share(database: Connection) -> None:
    await database.execute("DELETE FROM shard")
    assert await leases.find_division(database, await join(database, "a")) is None


async def test_who_starts_again_under_its_name_frees_what_it_held_before(database: Connection) -> None:
    before, other = await join(database, "a"), await join(database, "b")
    await claim(database, before, limit=2)
    await claim(database, other)
    await leases.succeed(database, "a")
    assert await claim(database, await join(database, "a")) == FIRST[:2]
    assert await leases.renew(database, before, LEASE_SECONDS) == set()
    assert await leases.renew(database, other, LEASE_SECONDS) == set(FIRST[2:])
