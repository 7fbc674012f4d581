"""`make bench-deadlines`: how late offers expire while a great many are pending and answers arrive meanwhile."""

import argparse
import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psutil
from rich.console import Console

from services.console.installation import Installation, install
from services.console.stack import LocalStack
from services.console.workers import Worker, workers
from shared.contracts.offer_handler import OfferAccept, OfferCancel, OfferDecline
from shared.database import Connection
from tests.acceptance.partners import Partner, become_partners, lead_and_service, until
from tests.acceptance.pending_offers import let_fall_due, store_pending_offers
from tests.bench.results import LOGS, Bar, keep
from tests.integration.databases import connection_to

DUE = 10_000
DUE_WITHIN = timedelta(minutes=1)
# Of those that fall due, so many are answered at about the same time.
ANSWERED = 1_500
AROUND_SECONDS = 1.0
LEAD_IN = timedelta(seconds=5)
MOST_P99_SECONDS = 1.0
MOST_MEMORY_MIB = 150.0

say = Console(highlight=False).print


async def main(pending: int) -> None:
    """Store the offers, let some fall due, and tell how late each was."""
    with LocalStack() as stack:
        for line in stack.describe():
            say(line)
        installation = await install(stack, name="bench")
        async with (
            lead_and_service(installation) as (lead, service),
            connection_to(installation.database_url) as database,
        ):
            with workers(_environments(installation), LOGS) as [worker]:
                [partnership_id] = await become_partners(lead, service)
            say(f"storing {pending:,} offers")
            await store_pending_offers(database, partnership_id, pending)
            first_due_at = datetime.now(UTC) + LEAD_IN
            await let_fall_due(database, DUE, first_due_at, DUE_WITHIN)
            with workers(_environments(installation), LOGS) as [worker]:
                memory_mib = await _let_fall_due(lead, service, database, worker, first_due_at)
            _tell(pending, await _figures(database), memory_mib)


async def _let_fall_due(
    lead: Partner, service: Partner, database: Connection, worker: Worker, first_due_at: datetime
) -> float:
    """Answer some of the offers at about their last moment; the worker's memory at the end, in MiB."""
    rows = await database.fetch(
        "SELECT outsourcing_id, respond_by FROM offer_handler.outsourcing WHERE respond_by <= $1"
        " ORDER BY random() LIMIT $2",
        first_due_at + DUE_WITHIN,
        ANSWERED,
    )
    say(f"{DUE:,} fall due within a minute, {len(rows):,} of them are answered at about that time")
    await asyncio.gather(*(_answer(lead, service, row["outsourcing_id"], row["respond_by"]) for row in rows))

    async def all_decided() -> bool:
        return not await database.fetchval(
            "SELECT EXISTS (SELECT FROM offer_handler.outsourcing WHERE state = 'offered' AND respond_by <= $1)",
            first_due_at + DUE_WITHIN,
        )

    await until(all_decided, 120)
    return float(psutil.Process(worker.pid).memory_info().rss) / 2**20


async def _answer(lead: Partner, service: Partner, outsourcing_id: UUID, respond_by: datetime) -> None:
    at = respond_by + timedelta(seconds=random.uniform(-AROUND_SECONDS, AROUND_SECONDS))
    await asyncio.sleep(max(0.0, (at - datetime.now(UTC)).total_seconds()))
    answer = random.choice((OfferAccept, OfferDecline, OfferCancel))
    who = lead if answer is OfferCancel else service
    await who.send(answer(actor="x", outsourcing_id=outsourcing_id))


async def _figures(database: Connection) -> dict[str, Any]:
    """How late the expired ones were, from the database's own clock, and who won how often."""
    late = await database.fetchrow(
        """
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY late) AS p50_seconds,
               percentile_cont(0.99) WITHIN GROUP (ORDER BY late) AS p99_seconds, max(late) AS max_seconds
        FROM (SELECT extract(epoch FROM answered_at - respond_by)::float AS late
              FROM offer_handler.outsourcing WHERE state = 'expired') AS expired
        """
    )
    winners = await database.fetch(
        "SELECT state, count(*) AS n FROM offer_handler.outsourcing WHERE state <> 'offered' GROUP BY state"
    )
    return {**dict(late), "winners": {row["state"]: row["n"] for row in winners}}


def _environments(installation: Installation) -> dict[str, dict[str, str]]:
    return {"offer_handler": installation.environment_of("offer_handler")}


def _tell(pending: int, figures: dict[str, Any], memory_mib: float) -> None:
    late = ", ".join(f"{name} {figures[f'{name}_seconds']:.3f} s" for name in ("p50", "p99", "max"))
    say(f"late: {late}")
    say(f"won: {figures['winners']}; memory of the worker: {memory_mib:.0f} MiB")
    settings = {"pending": pending, "due": DUE, "within_seconds": DUE_WITHIN.total_seconds(), "answered": ANSWERED}
    bars = {
        "p99_seconds_late": Bar(figures["p99_seconds"], at_most=MOST_P99_SECONDS),
        "worker_memory_mib": Bar(memory_mib, at_most=MOST_MEMORY_MIB),
    }
    say(f"kept in {keep('deadlines', settings, [{**figures, 'memory_mib': memory_mib}], bars)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pending", type=int, default=100_000)
    asyncio.run(main(parser.parse_args().pending))
