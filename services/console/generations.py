"""Generations of shard queues: with another number of shards comes a new one, and those before are emptied first."""

import asyncio
from collections import defaultdict
from typing import Any

import asyncpg

from shared.database import Connection
from shared.messaging.broker_admin import BrokerAdmin
from shared.messaging.topology import SERVICES, generation_of
from shared.migrate import PATIENCE, TAKE_TURNS

# Within this, the broker's management has counted what is in every queue anew.
COUNTED_SECONDS = 12.0

# The shard queues of each generation of each service, as the broker counts what is in them.
Generations = dict[str, dict[int, list[dict[str, Any]]]]


async def settle_generations(url: str, broker: BrokerAdmin, wanted: int | None) -> None:
    """Have everything go to so many shards of each service, and give out to the workers which there are.

    No generation is given out before it is where everything goes. Those before it are removed by the first run that
    finds them given up by the workers and without a message.
    """
    connection = await asyncpg.connect(url, timeout=5, server_settings={"lock_timeout": PATIENCE})
    try:
        await connection.execute(TAKE_TURNS)
        await broker.declare(*next_generation(_generations(await broker.list_queues()), wanted))
        if needless := await _give_out_all(connection, broker):
            for service, generation in needless:
                await broker.close_generation(service, generation)
            await asyncio.sleep(COUNTED_SECONDS)
            for service, generation in needless & await _give_out_all(connection, broker):
                await broker.remove_generation(service, generation)
    finally:
        await connection.close()


def next_generation(there: Generations, wanted: int | None) -> tuple[int, int]:
    """Where everything is to go from now on, and how many shards that has: the newest, unless others are wanted."""
    newest = max((generation for of_service in there.values() for generation in of_service), default=0)
    shards = max((len(of_service.get(newest, ())) for of_service in there.values()), default=0)
    if newest and wanted in (None, shards):
        return newest, shards
    return newest + 1, wanted or 1


async def _give_out_all(connection: Connection, broker: BrokerAdmin) -> set[tuple[str, int]]:
    """Store the shards that there are now; tells which generations of which services are not needed any more."""
    there = _generations(await broker.list_queues())
    return {
        (service, generation)
        for service in SERVICES
        for generation in await _give_out(connection, service, there[service])
    }


async def _give_out(connection: Connection, service: str, there: dict[int, list[dict[str, Any]]]) -> list[int]:
    """Store the shards that there are; tells which generations are not needed any more."""
    await connection.execute(f"DELETE FROM {service}.shard WHERE generation <> ALL ($1::int[])", list(there))
    rows = await connection.fetch(f"SELECT DISTINCT generation FROM {service}.shard")
    given_out = {row["generation"] for row in rows}
    newest = max(there)
    needless = []
    for generation, queues in there.items():
        if generation in given_out:
            continue
        # What came so late that its queue had been given up already is decided before all that came after it.
        if generation == newest or any(queue.get("messages") for queue in queues):
            await connection.execute(
                f"INSERT INTO {service}.shard (generation, number, shards)"
                " SELECT $1, number, $2 FROM generate_series(0, $2 - 1) AS number",
                generation,
                len(queues),
            )
        # A broker that has just been started does not know yet.
        elif all(queue.get("messages") == 0 for queue in queues):
            needless.append(generation)
    return needless


def _generations(queues: list[dict[str, Any]]) -> Generations:
    there: Generations = defaultdict(lambda: defaultdict(list))
    for queue in queues:
        if found := generation_of(queue["name"]):
            service, generation = found
            there[service][generation].append(queue)
    return there
