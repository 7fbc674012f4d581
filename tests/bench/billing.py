"""`make bench-billing`: invoices with 20 lines a second, PDF and XML included, and what others feel of it."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from statistics import median, quantiles
from time import monotonic
from typing import Any

import psutil
from rich.console import Console

from services.console.installation import Installation, install
from services.console.stack import LocalStack
from services.console.workers import Worker, workers
from shared.contracts.ticket_sync import QuestionAsk
from shared.contracts.values import Command
from shared.database import Connection
from shared.ids import new_id
from tests.acceptance.approvals import LEAD_PARTY, SERVICE_PARTY, Approve, approvals
from tests.acceptance.partners import Partner, lead_and_service, outsource, until
from tests.bench.bars import LEAST_INVOICES_A_SECOND, MOST_P99_MILLISECONDS, MOST_WORKER_MEMORY_MIB
from tests.bench.results import LOGS, Bar, keep
from tests.integration.databases import connection_to

LINES = 20
# The worker that has invoices rendered, and one beside it, are asked for something else all the while.
ASKED = ("billing", "ticket_sync")
# Of each: often enough to see what is rare, and so seldom that the asking itself takes nothing away.
PAUSE_SECONDS = 0.1
QUIET_SECONDS = 10.0
MOST_SECONDS = 300.0

ISSUED = "SELECT count(*) FROM billing.invoice"
FILED = "SELECT count(*) FROM billing.rendering WHERE rendered_at IS NOT NULL"

# By worker, in milliseconds.
Latencies = dict[str, list[float]]
Asking = Callable[[], AbstractAsyncContextManager[Latencies]]

say = Console(highlight=False).print


async def main(invoices: int, rounds: int) -> None:
    """Have so many invoices made in each round, and ask both workers for other things all the while."""
    with LocalStack() as stack:
        for line in stack.describe():
            say(line)
        installation = await install(stack, name="bench")
        async with (
            lead_and_service(installation) as (lead, service),
            connection_to(installation.database_url) as database,
            approvals(installation, LINES) as approve,
        ):
            with workers(_environments(installation, "offer_handler", "ticket_sync"), LOGS):
                [outsourcing_id] = await outsource(lead, service, 1)
            question = QuestionAsk(actor="l.gruber", outsourcing_id=outsourcing_id, text="Is the switch on site?")
            asking = partial(_asking, service, dict(zip(ASKED, (SERVICE_PARTY, question), strict=True)))
            with workers(_environments(installation, *ASKED), LOGS) as [billing, _]:
                await lead.send(LEAD_PARTY)
                await service.send(SERVICE_PARTY)
                await service.hears("billing-settings.changed")
                # The processes that render are started by the first invoice.
                await approve()
                await _reaches(database, FILED, 1)
                figures = []
                for number in range(1, rounds + 1):
                    one = {**await _round(database, approve, asking, invoices), **_memory_of(billing)}
                    say(f"round {number}: " + ", ".join(f"{name} {value:.1f}" for name, value in one.items()))
                    figures.append(one)
    _tell(invoices, figures)


def _environments(installation: Installation, *services: str) -> dict[str, dict[str, str]]:
    return {service: installation.environment_of(service) for service in services}


async def _round(database: Connection, approve: Approve, asking: Asking, invoices: int) -> dict[str, Any]:
    """Approve so much work, wait until it is issued, and then until it is filed; how long others waited meanwhile."""
    issued, filed = await database.fetchval(ISSUED), await database.fetchval(FILED)
    async with asking() as quiet:
        await asyncio.sleep(QUIET_SECONDS)
    started = monotonic()
    async with asking() as beside_issuing:
        for _ in range(invoices):
            await approve()
        await _reaches(database, ISSUED, issued + invoices)
    async with asking() as beside_rendering:
        await _reaches(database, FILED, filed + invoices)
    return {
        "invoices_per_second": invoices / (monotonic() - started),
        **_figures("quiet", quiet),
        **_figures("beside_issuing", beside_issuing),
        **_figures("beside_rendering", beside_rendering),
    }


async def _reaches(database: Connection, count: str, number: int) -> None:
    async def reached() -> bool:
        return bool(await database.fetchval(count) == number)

    await until(reached, MOST_SECONDS)


@asynccontextmanager
async def _asking(partner: Partner, commands: dict[str, Command]) -> AsyncIterator[Latencies]:
    """Ask each worker again and again; at the end, how many milliseconds it took until each answer had come."""
    sent: dict[str, dict[str, float]] = {service: {} for service in commands}
    asking = [asyncio.create_task(_ask(partner, command, sent[service])) for service, command in commands.items()]
    found: Latencies = {}
    try:
        yield found
    finally:
        for task in asking:
            task.cancel()
        await asyncio.wait(asking)
    for service, times in sent.items():
        await partner.until(partial(_all_answered, partner, times))
        came = {one.envelope.get("correlationid"): one.came_at for one in partner.deliveries}
        found[service] = [(came[id] - at) * 1000 for id, at in times.items()]


def _all_answered(partner: Partner, times: dict[str, float]) -> bool:
    return times.keys() <= {one.envelope.get("correlationid") for one in partner.deliveries}


async def _ask(partner: Partner, command: Command, sent: dict[str, float]) -> None:
    while True:
        id = new_id()
        sent[str(id)] = monotonic()
        await asyncio.shield(partner.say(id, command))
        await asyncio.sleep(PAUSE_SECONDS)


def _figures(when: str, latencies: Latencies) -> dict[str, float]:
    return {
        f"{service}_{when}_{name}_milliseconds": figure
        for service, its in latencies.items()
        for name, figure in (("p50", median(its)), ("p99", quantiles(its, n=100)[98]))
    }


def _memory_of(worker: Worker) -> dict[str, float]:
    """Of the worker itself, and of the largest process that renders for it."""
    process = psutil.Process(worker.pid)
    children = [float(child.memory_info().rss) / 2**20 for child in process.children()]
    return {"memory_mib": float(process.memory_info().rss) / 2**20, "renderer_memory_mib": max(children)}


def _tell(invoices: int, rounds: list[dict[str, Any]]) -> None:
    def usual(name: str) -> float:
        return float(median(one[name] for one in rounds))

    beside = {f"{service}_beside_rendering_p99_milliseconds" for service in ASKED}
    bars = {
        "invoices_per_second": Bar(usual("invoices_per_second"), at_least=LEAST_INVOICES_A_SECOND),
        **{name: Bar(usual(name), at_most=MOST_P99_MILLISECONDS) for name in sorted(beside)},
        "worker_memory_mib": Bar(max(one["memory_mib"] for one in rounds), at_most=MOST_WORKER_MEMORY_MIB),
    }
    settings = {"invoices": invoices, "lines": LINES, "pause_seconds": PAUSE_SECONDS}
    say(f"kept in {keep('billing', settings, rounds, bars)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--invoices", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    asyncio.run(main(asked.invoices, asked.rounds))
