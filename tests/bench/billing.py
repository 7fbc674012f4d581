"""`make bench-billing`: invoices with 20 lines a second, PDF and XML included, and what others feel of it."""

import argparse
import asyncio
from collections.abc import Callable
from statistics import quantiles
from time import monotonic
from typing import Any

import psutil
from rich.console import Console

from services.console.installation import Installation, install
from services.console.stack import LocalStack
from services.console.workers import Worker, workers
from shared.database import Connection
from tests.acceptance.approvals import LEAD_PARTY, SERVICE_PARTY, approvals
from tests.acceptance.partners import Partner, lead_and_service, until
from tests.bench.bars import LEAST_INVOICES_A_SECOND, MOST_P99_MILLISECONDS, MOST_WORKER_MEMORY_MIB
from tests.bench.results import LOGS, Bar, keep
from tests.integration.databases import connection_to

LINES = 20
# How often somebody else asks the same worker for something.
PAUSE_SECONDS = 0.02
QUIET_PROBES = 300
MOST_SECONDS = 300.0

say = Console(highlight=False).print


async def main(invoices: int, rounds: int) -> None:
    """Have so many invoices made in each round, and ask the worker for other things all the while."""
    with LocalStack() as stack:
        for line in stack.describe():
            say(line)
        installation = await install(stack, name="bench")
        environments = {"billing": installation.environment_of("billing")}
        async with (
            lead_and_service(installation) as (lead, service),
            connection_to(installation.database_url) as database,
        ):
            with workers(environments, LOGS) as [worker]:
                await lead.send(LEAD_PARTY)
                await service.send(SERVICE_PARTY)
                # The processes that render are started by the first invoice.
                await _make(installation, database, 2)
                figures = [
                    await _round(installation, service, database, worker, invoices, number)
                    for number in range(1, rounds + 1)
                ]
    _tell(invoices, figures)


async def _round(
    installation: Installation, service: Partner, database: Connection, worker: Worker, invoices: int, number: int
) -> dict[str, Any]:
    probes = iter(range(QUIET_PROBES))
    quiet = await _latencies(service, lambda: next(probes, None) is not None)
    making = asyncio.create_task(_make(installation, database, invoices))
    beside = await _latencies(service, lambda: not making.done())
    figures = {
        "invoices_per_second": await making,
        "quiet_p99_milliseconds": _p99(quiet),
        "beside_rendering_p99_milliseconds": _p99(beside),
        "probes_beside_rendering": len(beside),
        **_memory_of(worker),
    }
    say(f"round {number}: " + ", ".join(f"{name} {value:.1f}" for name, value in figures.items()))
    return figures


async def _make(installation: Installation, database: Connection, invoices: int) -> float:
    """Approve so much work and wait until its invoices are filed; how many a second from the first approval on."""
    there = await database.fetchval("SELECT count(*) FROM billing.rendering WHERE rendered_at IS NOT NULL")
    async with approvals(installation, LINES) as approve:
        started = monotonic()
        for _ in range(invoices):
            await approve()

    async def all_filed() -> bool:
        filed = await database.fetchval("SELECT count(*) FROM billing.rendering WHERE rendered_at IS NOT NULL")
        return bool(filed == there + invoices)

    await until(all_filed, MOST_SECONDS)
    return invoices / (monotonic() - started)


async def _latencies(service: Partner, go_on: Callable[[], bool]) -> list[float]:
    """How long a command to the same worker takes to be answered, one after another with pauses."""
    found = []
    while go_on():
        answers = len(service.of_kind("billing-settings.changed")) + 1
        sent = monotonic()
        await service.send(SERVICE_PARTY)
        await _answered(service, answers)
        found.append((monotonic() - sent) * 1000)
        await asyncio.sleep(PAUSE_SECONDS)
    return found


async def _answered(service: Partner, times: int) -> None:
    """Looked at every millisecond."""
    async with asyncio.timeout(30):
        while len(service.of_kind("billing-settings.changed")) < times:
            await asyncio.sleep(0.001)


def _p99(latencies: list[float]) -> float:
    return quantiles(latencies, n=100)[98]


def _memory_of(worker: Worker) -> dict[str, float]:
    """Of the worker itself, and of the largest process that renders for it."""
    process = psutil.Process(worker.pid)
    children = [float(child.memory_info().rss) / 2**20 for child in process.children()]
    return {"memory_mib": float(process.memory_info().rss) / 2**20, "renderer_memory_mib": max(children)}


def _tell(invoices: int, rounds: list[dict[str, Any]]) -> None:
    def worst(name: str, of: Callable[..., float] = max) -> float:
        return of(one[name] for one in rounds)

    bars = {
        "invoices_per_second": Bar(worst("invoices_per_second", min), at_least=LEAST_INVOICES_A_SECOND),
        "beside_rendering_p99_milliseconds": Bar(
            worst("beside_rendering_p99_milliseconds"), at_most=MOST_P99_MILLISECONDS
        ),
        "worker_memory_mib": Bar(worst("memory_mib"), at_most=MOST_WORKER_MEMORY_MIB),
    }
    settings = {"invoices": invoices, "lines": LINES, "pause_seconds": PAUSE_SECONDS}
    say(f"kept in {keep('billing', settings, rounds, bars)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--invoices", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    asyncio.run(main(asked.invoices, asked.rounds))
