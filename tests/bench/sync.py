"""`make bench-sync`: replicated entries per second through one worker, beside a bare bridge and a framework's way."""

import argparse
import asyncio
import json
import os
import subprocess
import sys
from asyncio import StreamReader
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from statistics import median, quantiles
from typing import Any
from uuid import UUID

import aio_pika
import httpx
import uvloop
from rich.console import Console

from services.console.installation import Connected, Installation, install
from services.console.stack import LocalStack
from services.console.workers import workers
from shared.contracts.envelope import write
from shared.contracts.ticket_sync import EntryPut
from shared.database import Connection
from shared.ids import new_id
from shared.messaging import topology
from shared.messaging.broker import channel_of
from shared.messaging.outbox import Letter
from shared.messaging.publishing import frames_of, publish
from tests.acceptance.partners import lead_and_service, outsource, until
from tests.bench.bars import (
    LEAST_OF_A_BARE_BRIDGE,
    LEAST_OF_A_FRAMEWORK,
    MOST_P50_MILLISECONDS,
    MOST_P99_MILLISECONDS,
)
from tests.bench.cores import shares_of_a_core
from tests.bench.entries import entries
from tests.bench.peers import POOL, PREFETCH, SOURCE, TABLES, TARGET
from tests.bench.results import LOGS, Bar, keep
from tests.bench.sender import send
from tests.integration.databases import connection_to

TICKETS = 200
PUBLISHED_AT_ONCE = 500
# The first ones come while a contender is still starting; they say nothing about how fast it is.
COUNTED_FROM = 0.05
LATENCY_SECONDS = 20.0
ROUND_SECONDS = 600.0

say = Console(highlight=False, soft_wrap=True).print


@dataclass(frozen=True, slots=True)
class Course:
    """Where it is run: the installation, the receiving partner, and the tickets that are written on."""

    installation: Installation
    lead: Connected
    service: Connected
    database: Connection
    outsourcing_ids: list[UUID]

    @property
    def bench_url(self) -> str:
        return self.installation.amqp_url_of("bench", "bench")


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do it: how messages get to it, what runs it, where its results are read, and what it must store."""

    name: str
    user: str
    sender_url: Callable[[Course], str]
    addressed: Callable[[Letter], Letter]
    running: Callable[[Course], Any]
    url: Callable[[Course], str]
    queue: Callable[[Course], str]
    stored: Callable[[Course], Awaitable[dict[str, int]]]


async def main(number: int, rounds: int) -> None:
    """Measure round after round, each contender once a round, tell each, and store them all."""
    with LocalStack() as stack:
        for line in stack.describe():
            say(line)
        async with _course(stack) as course:
            results: list[dict[str, float]] = []
            sizes: list[int] = []
            for place in range(1, rounds + 1):
                commands = list(entries(course.outsourcing_ids, number, seed=place))
                rates = {one.name: await _rate_of(one, course, commands, sizes) for one in _in_turns(place)}
                results.append(rates)
                say(f"round {place}: " + ", ".join(f"{name} {rate:,.0f}/s" for name, rate in sorted(rates.items())))
            half = median(rates["tandem"] for rates in results) / 2
            latencies = {one.name: await _latency_at(half, one, course) for one in (BRIDGE, TANDEM)}
            settings = await _settings(course, number, rounds, sizes)
        _tell(settings, results, half, latencies)


def _in_turns(place: int) -> list[Contender]:
    """Another one begins in every round: what the machine does beside it hits all alike."""
    return [CONTENDERS[(place + offset) % len(CONTENDERS)] for offset in range(len(CONTENDERS))]


async def _rate_of(contender: Contender, course: Course, commands: list[EntryPut], sizes: list[int]) -> float:
    """Entries per second, once all of them wait in its queue; raises where not every one is stored and read."""
    before = await contender.stored(course)
    letters = [_letter(command) for command in commands]
    sizes += [len(letter.body) for letter in letters]
    await _post(contender, course, letters)
    async with _reader(contender.url(course), contender.queue(course), len(commands)) as reader:
        with contender.running(course):
            arrivals = sorted((await reader.came()).values())

            async def all_stored() -> bool:
                after = await contender.stored(course)
                return {name: after[name] - before[name] for name in after} == dict.fromkeys(after, len(commands))

            await until(all_stored, 60)
    first = int(len(arrivals) * COUNTED_FROM)
    return (len(arrivals) - first - 1) / (arrivals[-1] - arrivals[first])


async def _latency_at(per_second: float, contender: Contender, course: Course) -> dict[str, Any]:
    """From the moment a command is handed to the broker until its delivery is read, at this rate; in milliseconds.

    With it, how much of a core each of those took that carry it.
    """
    first, *commands = entries(course.outsourcing_ids, int(per_second * LATENCY_SECONDS), seed=0)
    letters = {f"{command.entry_id} {command.version}": contender.addressed(_letter(command)) for command in commands}
    url, queue = contender.url(course), contender.queue(course)
    async with _reader(url, queue, 1 + len(commands), "--parse") as reader:
        with contender.running(course):
            # Until the first one is through, the worker is starting.
            await _post(contender, course, [_letter(first)])
            await reader.first()
            async with channel_of(contender.sender_url(course), "bench") as channel:
                frames = {entry: frames_of(channel, letter, contender.user) for entry, letter in letters.items()}
                with shares_of_a_core() as shares:
                    sent = await send(channel, frames, per_second)
            arrivals = await reader.came()
    took = sorted((arrivals[key] - at) * 1000 for key, at in sent.items())
    cut = quantiles(took, n=1000, method="inclusive")
    return {"per_second": per_second, "p50_ms": cut[499], "p99_ms": cut[989], "max_ms": took[-1], "cores": shares}


def _letter(command: EntryPut) -> Letter:
    """A command as the lead publishes it."""
    id, subject = new_id(), str(command.outsourcing_id)
    body = write(command, id=id, source="/instances/nordlicht", subject=subject, time=command.happened_at)
    key = topology.command_key("nordlicht", command.kind, subject)
    return Letter(id, "", topology.COMMANDS, key, command.kind, subject, body, id, "")


def _to_source(letter: Letter) -> Letter:
    """The same bytes straight into the queue that the peers read."""
    return replace(letter, exchange="", routing_key=SOURCE)


async def _post(contender: Contender, course: Course, letters: list[Letter]) -> None:
    there = [contender.addressed(letter) for letter in letters]
    async with channel_of(contender.sender_url(course), "bench") as channel:
        for start in range(0, len(there), PUBLISHED_AT_ONCE):
            at_once = there[start : start + PUBLISHED_AT_ONCE]
            await asyncio.gather(*(publish(channel, one, contender.user) for one in at_once))


@dataclass(frozen=True, slots=True)
class Reader:
    """The receiving client, which reads until everything has come."""

    process: Process
    says: StreamReader

    async def first(self) -> None:
        """Wait until something has come."""
        async with asyncio.timeout(ROUND_SECONDS):
            assert await self.says.readline() == b"the first came\n"

    async def came(self) -> dict[str, float]:
        """Wait until everything has come; when each came."""
        async with asyncio.timeout(ROUND_SECONDS):
            said, _ = await self.process.communicate()
        arrivals: dict[str, float] = json.loads(said.splitlines()[-1])
        return arrivals


@asynccontextmanager
async def _reader(url: str, queue: str, number: int, *more: str) -> AsyncIterator[Reader]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.reader", url, queue, str(number), *more),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"reading\n"
    try:
        yield Reader(process, process.stdout)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _tandem(course: Course) -> Any:
    return workers({"ticket_sync": course.installation.environment_of("ticket_sync")}, LOGS)


@contextmanager
def _peer(course: Course, *command: str) -> Any:
    """A peer as a process of its own, ended at the end."""
    environment = {
        **os.environ,
        "PEER_BROKER_URL": course.bench_url,
        "PEER_DATABASE_URL": course.installation.database_url,
    }
    with (
        (LOGS / "peer.log").open("ab") as log,
        subprocess.Popen([sys.executable, "-m", *command], env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            yield
        finally:
            process.terminate()


async def _counts(database: Connection, **tables: str) -> dict[str, int]:
    return {name: await database.fetchval(f"SELECT count(*) FROM {what}") for name, what in tables.items()}


async def _stored_by_tandem(course: Course) -> dict[str, int]:
    return await _counts(
        course.database,
        inbox="ticket_sync.inbox WHERE kind = 'tandem.entry.put.v1' AND outcome = 'applied'",
        told="ticket_sync.outbox WHERE kind = 'tandem.entry.replicated.v1' AND published_at IS NOT NULL",
    )


async def _stored_by_framework(course: Course) -> dict[str, int]:
    return await _counts(course.database, inbox="peer.inbox", told="peer.outbox WHERE published_at IS NOT NULL")


async def _stored_by_bridge(_: Course) -> dict[str, int]:
    return {}


CONTENDERS = (
    Contender(
        "tandem",
        "nordlicht",
        lambda course: course.lead.amqp_url,
        lambda letter: letter,
        _tandem,
        lambda course: course.service.amqp_url,
        lambda course: course.service.queue,
        _stored_by_tandem,
    ),
    Contender(
        "bare bridge",
        "bench",
        lambda course: course.bench_url,
        _to_source,
        lambda course: _peer(course, "tests.bench.peer_bridge"),
        lambda course: course.bench_url,
        lambda _: TARGET,
        _stored_by_bridge,
    ),
    Contender(
        "faststream",
        "bench",
        lambda course: course.bench_url,
        _to_source,
        lambda course: _peer(course, "faststream", "run", "tests.bench.peer_faststream:app"),
        lambda course: course.bench_url,
        lambda _: TARGET,
        _stored_by_framework,
    ),
)
TANDEM, BRIDGE = CONTENDERS[:2]


@asynccontextmanager
async def _course(stack: LocalStack) -> AsyncIterator[Course]:
    installation = await install(stack, name="bench")
    LOGS.mkdir(parents=True, exist_ok=True)
    async with (
        lead_and_service(installation) as (lead, service),
    ):
        with workers({name: installation.environment_of(name) for name in ("offer_handler", "ticket_sync")}, LOGS):
            outsourcing_ids = await outsource(lead, service, TICKETS)
    await _make_peers_queues(stack, installation)
    async with connection_to(installation.database_url) as database:
        await database.execute(TABLES)
        yield Course(installation, lead.connected, service.connected, database, outsourcing_ids)


async def _make_peers_queues(stack: LocalStack, installation: Installation) -> None:
    """A user of their own, and durable quorum queues as ours are."""
    rights = {"configure": ".*", "write": ".*", "read": ".*"}
    async with httpx.AsyncClient(base_url=stack.broker_admin_url) as http:
        (await http.put("api/users/bench", json={"password": "bench", "tags": ""})).raise_for_status()
        (await http.put(f"api/permissions/{installation.name}/bench", json=rights)).raise_for_status()
    async with await aio_pika.connect(installation.amqp_url_of("bench", "bench")) as connection:
        channel = await connection.channel()
        for name in (SOURCE, TARGET):
            await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "quorum"})


async def _settings(course: Course, number: int, rounds: int, sizes: list[int]) -> dict[str, Any]:
    """As they were, the database's read back from it."""
    database = {
        name: await course.database.fetchval(f"SHOW {name}")
        for name in ("server_version", "fsync", "synchronous_commit", "full_page_writes")
    }
    return {
        "entries": number,
        "rounds": rounds,
        "tickets": TICKETS,
        "message_bytes": {"least": min(sizes), "median": median(sizes), "most": max(sizes)},
        "prefetch": PREFETCH,
        "confirms": True,
        "queues": "durable quorum",
        "pool_of_faststream": POOL,
        "database": database,
    }


def _tell(
    settings: dict[str, Any],
    results: list[dict[str, float]],
    half: float,
    latencies: dict[str, dict[str, Any]],
) -> None:
    of = {name: [rates["tandem"] / rates[name] for rates in results] for name in ("bare bridge", "faststream")}
    for name, ratios in of.items():
        say(f"{median(ratios):.2f} of a {name} ({min(ratios):.2f} to {max(ratios):.2f})")
    say(f"at {half:,.0f} entries/s, half of our rate:")
    for name, latency in latencies.items():
        say(f"  {name}: p50 {latency['p50_ms']:.1f} ms, p99 {latency['p99_ms']:.1f} ms")
        cores = ", ".join(f"{part} {share:.0%}" for part, share in latency["cores"].items())
        say(f"  of one of {os.cpu_count()} cores: {cores}")
    latency = latencies["tandem"]
    bars = {
        "of_a_bare_bridge": Bar(median(of["bare bridge"]), at_least=LEAST_OF_A_BARE_BRIDGE),
        "of_faststream": Bar(median(of["faststream"]), at_least=LEAST_OF_A_FRAMEWORK),
        "p50_milliseconds": Bar(latency["p50_ms"], at_most=MOST_P50_MILLISECONDS),
        "p99_milliseconds": Bar(latency["p99_ms"], at_most=MOST_P99_MILLISECONDS),
    }
    rounds: list[dict[str, Any]] = [*results, {"latency": latencies}]
    say(f"kept in {keep('sync', settings, rounds, bars)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=12_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    # As quick as a partner's client may be: it shares the processors with what is measured.
    uvloop.run(main(asked.entries, asked.rounds))
