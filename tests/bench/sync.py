"""`make bench-sync`: replicated entries per second through one worker, beside a bare bridge and a framework's way."""

import argparse
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from statistics import median, quantiles
from typing import Any

import aio_pika
import httpx
import uvloop
from rich.console import Console

from services.console.stack import LocalStack
from shared.messaging.broker import channel_of
from shared.messaging.outbox import Letter
from shared.messaging.publishing import frames_of
from tests.bench.bars import (
    LEAST_OF_A_BARE_BRIDGE,
    LEAST_OF_A_FRAMEWORK,
    MOST_P50_MILLISECONDS,
    MOST_P99_MILLISECONDS,
    MOST_P99_QUIET_MILLISECONDS,
)
from tests.bench.cores import shares_of_a_core
from tests.bench.course import (
    TANDEM,
    TICKETS,
    Contender,
    Course,
    counts,
    laid_out,
    letter_of,
    post,
    rate_of,
    reading,
)
from tests.bench.entries import entries
from tests.bench.peers import POOL, PREFETCH, SOURCE, TABLES, TARGET
from tests.bench.results import LOGS, Bar, keep
from tests.bench.sender import send

LATENCY_SECONDS = 20.0
QUIET_PER_SECOND = 20.0
ROUND_SECONDS = 600.0

say = Console(highlight=False, soft_wrap=True).print


async def main(number: int, rounds: int) -> None:
    """Measure round after round, each contender once a round, tell each, and store them all."""
    with LocalStack() as stack:
        for line in stack.describe():
            say(line)
        async with laid_out(stack, "bench") as course:
            await _make_room_for_peers(stack, course)
            results: list[dict[str, float]] = []
            sizes: list[int] = []
            for place in range(1, rounds + 1):
                commands = list(entries(course.outsourcing_ids, number, seed=place))
                sizes += [len(letter_of(command).body) for command in commands]
                rates = {one.name: await rate_of(one, course, commands) for one in _in_turns(place)}
                results.append(rates)
                say(f"round {place}: " + ", ".join(f"{name} {rate:,.0f}/s" for name, rate in sorted(rates.items())))
            half = median(rates["tandem"] for rates in results) / 2
            latencies = {one.name: await _latency_at(half, one, course) for one in (BRIDGE, TANDEM)}
            quiet = await _latency_at(QUIET_PER_SECOND, TANDEM, course)
            settings = await _settings(course, number, rounds, sizes)
        _tell(settings, results, latencies, quiet)


def _in_turns(place: int) -> list[Contender]:
    """Another one begins in every round: what the machine does beside it hits all alike."""
    return [CONTENDERS[(place + offset) % len(CONTENDERS)] for offset in range(len(CONTENDERS))]


async def _latency_at(per_second: float, contender: Contender, course: Course) -> dict[str, Any]:
    """From the moment a command is handed to the broker until its delivery is read, at this rate; in milliseconds.

    With it, how much of a core each of those took that carry it.
    """
    first, *commands = entries(course.outsourcing_ids, int(per_second * LATENCY_SECONDS), seed=0)
    letters = {f"{command.entry_id} {command.version}": contender.addressed(letter_of(command)) for command in commands}
    url, queue = contender.url(course), contender.queue(course)
    async with reading(url, queue, 1 + len(commands), "--parse") as reader:
        with contender.running(course):
            # Until the first one is through, the worker is starting.
            await post(contender, course, [letter_of(first)])
            await reader.first()
            async with channel_of(contender.sender_url(course), "bench") as channel:
                frames = {entry: frames_of(channel, letter, contender.user) for entry, letter in letters.items()}
                with shares_of_a_core() as shares:
                    sent = await send(channel, frames, per_second)
            arrivals = await reader.came()
    took = sorted((arrivals[key] - at) * 1000 for key, at in sent.items())
    cut = quantiles(took, n=1000, method="inclusive")
    return {"per_second": per_second, "p50_ms": cut[499], "p99_ms": cut[989], "max_ms": took[-1], "cores": shares}


def _to_source(letter: Letter) -> Letter:
    """The same bytes straight into the queue that the peers read."""
    return replace(letter, exchange="", routing_key=SOURCE)


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


async def _stored_by_framework(course: Course) -> dict[str, int]:
    return await counts(course.database, inbox="peer.inbox", told="peer.outbox WHERE published_at IS NOT NULL")


async def _stored_by_bridge(_: Course) -> dict[str, int]:
    return {}


CONTENDERS = (
    TANDEM,
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
BRIDGE = CONTENDERS[1]


async def _make_room_for_peers(stack: LocalStack, course: Course) -> None:
    """Tables and a user of their own, and durable quorum queues as ours are."""
    await course.database.execute(TABLES)
    rights = {"configure": ".*", "write": ".*", "read": ".*"}
    async with httpx.AsyncClient(base_url=stack.broker_admin_url) as http:
        (await http.put("api/users/bench", json={"password": "bench", "tags": ""})).raise_for_status()
        (await http.put(f"api/permissions/{course.installation.name}/bench", json=rights)).raise_for_status()
    async with await aio_pika.connect(course.bench_url) as connection:
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
    latencies: dict[str, dict[str, Any]],
    quiet: dict[str, Any],
) -> None:
    of = {name: [rates["tandem"] / rates[name] for rates in results] for name in ("bare bridge", "faststream")}
    for name, ratios in of.items():
        say(f"{median(ratios):.2f} of a {name} ({min(ratios):.2f} to {max(ratios):.2f})")
    for name, latency in (*latencies.items(), ("tandem", quiet)):
        rate = f"{latency['per_second']:,.0f} entries/s"
        say(f"{name} at {rate}: p50 {latency['p50_ms']:.1f} ms, p99 {latency['p99_ms']:.1f} ms")
        cores = ", ".join(f"{part} {share:.0%}" for part, share in latency["cores"].items())
        say(f"  of one of {os.cpu_count()} cores: {cores}")
    at_half = latencies["tandem"]
    bars = {
        "of_a_bare_bridge": Bar(median(of["bare bridge"]), at_least=LEAST_OF_A_BARE_BRIDGE),
        "of_faststream": Bar(median(of["faststream"]), at_least=LEAST_OF_A_FRAMEWORK),
        "p50_milliseconds": Bar(at_half["p50_ms"], at_most=MOST_P50_MILLISECONDS),
        "p99_milliseconds": Bar(at_half["p99_ms"], at_most=MOST_P99_MILLISECONDS),
        "p99_milliseconds_when_quiet": Bar(quiet["p99_ms"], at_most=MOST_P99_QUIET_MILLISECONDS),
    }
    rounds: list[dict[str, Any]] = [*results, {"latency": latencies, "quiet": quiet}]
    say(f"kept in {keep('sync', settings, rounds, bars)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=12_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    # As quick as a partner's client may be: it shares the processors with what is measured.
    uvloop.run(main(asked.entries, asked.rounds))
