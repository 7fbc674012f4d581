"""`make bench-replication`: entries per second through one ticket_sync worker, beside a bare bridge in the same run."""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import median
from time import perf_counter
from typing import Any

import aio_pika
import httpx
from aio_pika.abc import AbstractChannel
from rich.console import Console

from services.console.installation import Installation, install
from services.console.stack import LocalStack
from services.console.workers import workers
from shared.database import Connection
from tests.acceptance.partners import Partner, notes, outsource, partner, until
from tests.bench.results import LOGS, Bar, keep
from tests.integration.databases import connection_to

OUTSOURCINGS = 100
# Of a bridge that stores nothing.
LEAST_RATIO = 0.8

say = Console(highlight=False).print


async def main(entries: int, rounds: int) -> None:
    """Measure round after round, tell each, and store them all."""
    results: list[dict[str, float]] = []
    with LocalStack() as stack:
        for line in stack.describe():
            say(line)
        installation = await install(stack, name="bench")
        async with (
            partner(installation, "nordlicht", "Nordlicht IT GmbH") as lead,
            partner(installation, "alpenwerk", "Alpenwerk Systems") as service,
            connection_to(installation.database_url) as database,
        ):
            with workers(_environments(installation), LOGS):
                outsourcing_ids = await outsource(lead, service, OUTSOURCINGS)
            for number in range(1, rounds + 1):
                commands = notes(outsourcing_ids, entries // OUTSOURCINGS)
                tandem = await _replicate(installation, lead, service, database, commands)
                bridge = await _bridge(stack, installation, lead, commands)
                results.append({"tandem_per_second": tandem, "bridge_per_second": bridge, "ratio": tandem / bridge})
                say(f"round {number}: {tandem:,.0f} entries/s; bare bridge {bridge:,.0f}/s; {tandem / bridge:.2f}")
    ratio = median(result["ratio"] for result in results)
    settings = {"entries": entries, "outsourcings": OUTSOURCINGS, "rounds": rounds, "fsync": True}
    path = keep("replication", settings, results, {"ratio_to_bare_bridge": Bar(ratio, at_least=LEAST_RATIO)})
    say(f"ratio {ratio:.2f} (at least {LEAST_RATIO}); kept in {path}")


async def _replicate(
    installation: Installation, lead: Partner, service: Partner, database: Connection, commands: list[Any]
) -> float:
    """From the first turn to the last confirmed delivery, with all commands waiting in the queue before."""
    before = len(service.of_kind("entry.replicated"))
    last = await database.fetchval("SELECT coalesce(max(position), 0) FROM ticket_sync.outbox")
    await lead.send(*commands)
    with workers({"ticket_sync": installation.environment_of("ticket_sync")}, LOGS):
        await service.until(lambda: len(service.of_kind("entry.replicated")) == before + len(commands), 600)
        await until(lambda: _all_marked(database))
    seconds = await database.fetchval(
        "SELECT extract(epoch FROM max(published_at) - min(created_at))::float FROM ticket_sync.outbox"
        " WHERE position > $1",
        last,
    )
    return len(commands) / float(seconds)


async def _bridge(stack: LocalStack, installation: Installation, lead: Partner, commands: list[Any]) -> float:
    """The same messages from one quorum queue into another, consumed there as the partner does."""
    url = installation.amqp_url_of("bench", "bench")
    async with _bench_channel(stack, installation) as channel:
        source = await channel.declare_queue("bench.source", durable=True, arguments={"x-queue-type": "quorum"})
        target = await channel.declare_queue("bench.target", durable=True, arguments={"x-queue-type": "quorum"})
        bodies = [lead.envelope_of(command) for command in commands]
        for start in range(0, len(bodies), 1000):
            await asyncio.gather(
                *(
                    channel.default_exchange.publish(
                        aio_pika.Message(body, message_id=id, delivery_mode=aio_pika.DeliveryMode.PERSISTENT),
                        routing_key=source.name,
                    )
                    for id, body in bodies[start : start + 1000]
                )
            )
        arrived: list[float] = []
        done = asyncio.Event()

        async def take(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            arrived.append(perf_counter())
            await message.ack()
            if len(arrived) == len(commands):
                done.set()

        await channel.set_qos(prefetch_count=500)
        await target.consume(take)
        command = [sys.executable, "-m", "tests.bench.bare_bridge", url, source.name, target.name]
        process = await asyncio.create_subprocess_exec(*command)
        await done.wait()
        process.terminate()
        await process.wait()
        await source.delete(if_unused=False, if_empty=False)
        await target.delete(if_unused=False, if_empty=False)
    return len(commands) / (arrived[-1] - arrived[0])


@asynccontextmanager
async def _bench_channel(stack: LocalStack, installation: Installation) -> AsyncIterator[AbstractChannel]:
    """A user of its own for the bridge and its queues."""
    rights = {"configure": ".*", "write": ".*", "read": ".*"}
    async with httpx.AsyncClient(base_url=stack.broker_admin_url) as http:
        (await http.put("api/users/bench", json={"password": "bench", "tags": ""})).raise_for_status()
        (await http.put(f"api/permissions/{installation.name}/bench", json=rights)).raise_for_status()
    connection = await aio_pika.connect(installation.amqp_url_of("bench", "bench"))
    async with connection:
        yield await connection.channel(on_return_raises=True)


def _environments(installation: Installation) -> dict[str, dict[str, str]]:
    return {service: installation.environment_of(service) for service in ("offer_handler", "ticket_sync")}


async def _all_marked(database: Connection) -> bool:
    waiting = await database.fetchval("SELECT EXISTS (SELECT FROM ticket_sync.outbox WHERE published_at IS NULL)")
    return not waiting


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=20_000, help="a multiple of 100")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    asyncio.run(main(asked.entries, asked.rounds))
