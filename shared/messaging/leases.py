"""Leases: which replica of a service consumes which shard, until when; only the database's clock counts."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from shared.database import Connection, columns_of
from shared.ids import new_id


@dataclass(frozen=True, slots=True, order=True)
class Shard:
    """One shard queue of one generation, which has so many `shards`."""

    generation: int
    number: int
    shards: int


@dataclass(frozen=True, slots=True)
class Division:
    """What there is to share at the moment: the shards of the oldest generation, among the replicas that are there.

    `rank` counts the replicas that are there longer than this one. A generation is `superseded` by any newer one.
    """

    generation: int
    shards: int
    superseded: bool
    replicas: int
    rank: int

    @property
    def fair_share(self) -> int:
        """How many shards this replica is to hold; what cannot be divided evenly goes to those longest there."""
        even, rest = divmod(self.shards, self.replicas)
        return even + (self.rank < rest)


async def succeed(connection: Connection, name: str) -> UUID:
    """A new replica's id. What was held by who went by its name before is free, and by those not there any more."""
    now = await connection.fetchval(
        """
        WITH gone AS (DELETE FROM replica WHERE name = $1 OR seen_until < clock_timestamp() RETURNING id),
             freed AS (UPDATE shard SET holder = NULL, held_until = NULL FROM gone WHERE holder = gone.id)
        SELECT clock_timestamp()
        """,
        name,
    )
    return new_id(now)


async def save_presence(connection: Connection, replica: UUID, name: str, lease_seconds: float) -> None:
    """Be counted as one of those that share the work."""
    await connection.execute(
        """
        INSERT INTO replica (id, name, seen_until) VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))
        ON CONFLICT (id) DO UPDATE SET seen_until = excluded.seen_until
        """,
        replica,
        name,
        lease_seconds,
    )


async def delete_presence(connection: Connection, replica: UUID) -> None:
    """Be counted no longer; what is still held stays held until it is released."""
    await connection.execute("DELETE FROM replica WHERE id = $1", replica)


async def renew(connection: Connection, replica: UUID, lease_seconds: float) -> set[Shard]:
    """Hold on to what this replica holds; tells what that is."""
    rows = await connection.fetch(
        """
        UPDATE shard SET held_until = clock_timestamp() + make_interval(secs => $2) WHERE holder = $1
        RETURNING generation, number, shards
        """,
        replica,
        lease_seconds,
    )
    return {Shard(**dict(row)) for row in rows}


async def find_division(connection: Connection, replica: UUID) -> Division | None:
    """What there is to share, and among how many: whoever asks is there. None while there are no shards."""
    row = await connection.fetchrow(
        """
        SELECT generation, count(*) AS shards, generation < max(max(generation)) OVER () AS superseded,
               (SELECT count(*) FROM replica WHERE seen_until > clock_timestamp() OR id = $1) AS replicas,
               (SELECT count(*) FROM replica WHERE seen_until > clock_timestamp() AND id < $1) AS rank
        FROM shard GROUP BY generation ORDER BY generation LIMIT 1
        """,
        replica,
    )
    return None if row is None else Division(**dict(row))


async def claim_free(
    connection: Connection, replica: UUID, generation: int, limit: int, lease_seconds: float
) -> set[Shard]:
    """Take so many shards of a generation at most that nobody holds, or whose holder let its lease run out."""
    rows = await connection.fetch(
        """
        WITH free AS (
            SELECT number FROM shard WHERE generation = $2 AND (holder IS NULL OR held_until < clock_timestamp())
            ORDER BY number LIMIT $3 FOR UPDATE SKIP LOCKED)
        UPDATE shard SET holder = $1, held_until = clock_timestamp() + make_interval(secs => $4)
        FROM free WHERE generation = $2 AND shard.number = free.number
        RETURNING generation, shard.number, shards
        """,
        replica,
        generation,
        limit,
        lease_seconds,
    )
    return {Shard(**dict(row)) for row in rows}


async def release(connection: Connection, replica: UUID, shards: Iterable[Shard]) -> None:
    """Free these for others, if this replica holds them."""
    await connection.execute(
        """
        UPDATE shard SET holder = NULL, held_until = NULL
        FROM unnest($2::int[], $3::int[]) AS free (generation, number)
        WHERE (shard.generation, shard.number) = (free.generation, free.number) AND holder = $1
        """,
        replica,
        *_places(shards),
    )


async def delete_drained(connection: Connection, replica: UUID, shards: Iterable[Shard]) -> None:
    """Consume these no more, nobody: nothing is left in them, and nothing comes any more."""
    await connection.execute(
        """
        DELETE FROM shard USING unnest($2::int[], $3::int[]) AS drained (generation, number)
        WHERE (shard.generation, shard.number) = (drained.generation, drained.number) AND holder = $1
        """,
        replica,
        *_places(shards),
    )


def _places(shards: Iterable[Shard]) -> list[list[int]]:
    return columns_of([(shard.generation, shard.number) for shard in shards], 2)
