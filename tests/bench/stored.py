"""`make bench-stored`: replicated entries per second with a great many stored, beside an empty database."""

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from statistics import median

import uvloop
from pydantic import SecretStr
from rich.console import Console
from rich.progress import track

from services.console.migrating import migrate_databases
from services.console.stack import LocalStack
from shared.database import Connection
from tests.bench.bars import LEAST_OF_AN_EMPTY_DATABASE
from tests.bench.course import TANDEM, TICKETS, Course, laid_out, rate_of
from tests.bench.entries import entries
from tests.bench.results import Bar, keep
from tests.integration.databases import at, connection_to

OF_A_TICKET = 10
STORED_AT_ONCE = 100_000
# Of twenty tickets one is still at work.
ONE_OPEN_OF = 20

# $1 tickets with their entries, as if each had come in a message, had been taken and told: what `tandem check` reads is
# there as well. Most are completed, the others fall due by and by.
_STORE = f"""
WITH link AS (
    INSERT INTO link (outsourcing_id, lead, service, state, currency, lead_number, service_number, entry_count,
                      last_place, passed_place, accepted_at, opened_at, completed_at, next_due_at, due_set_by_source,
                      due_set_by_id)
    SELECT gen_random_uuid(), 'nordlicht', 'alpenwerk', CASE WHEN is_open THEN 'in_progress' ELSE 'completed' END,
           'EUR', 'NL-' || n, 'AW-' || n, {OF_A_TICKET}, 0, 0, now(), now(), CASE WHEN NOT is_open THEN now() END,
           CASE WHEN is_open THEN now() + n * interval '1 hour' END, '/tandem/ticket_sync', gen_random_uuid()
    FROM generate_series(1, $1::int) AS n CROSS JOIN LATERAL (SELECT n % {ONE_OPEN_OF} = 0 AS is_open) AS state
    RETURNING outsourcing_id
), said AS MATERIALIZED (
    SELECT outsourcing_id, gen_random_uuid() AS entry_id, gen_random_uuid() AS id, gen_random_uuid() AS told_id,
           CASE WHEN n % 2 = 0 THEN 'nordlicht' ELSE 'alpenwerk' END AS owner,
           CASE WHEN n % 2 = 0 THEN 'alpenwerk' ELSE 'nordlicht' END AS reader,
           '{{"kind":"note","text":"' || repeat(md5(random()::text), 16) || '"}}' AS content
    FROM link CROSS JOIN generate_series(1, {OF_A_TICKET}) AS n
), entry AS (
    INSERT INTO entry (outsourcing_id, entry_id, owner, version, kind, visibility, content, travel, copy_version,
                       added_during_approval, told_at, copied_at)
    SELECT outsourcing_id, entry_id, owner, 1, 'note', 'shared', content, 'delivered', 1, false, now(), now()
    FROM said
), inbox AS (
    INSERT INTO inbox (source, id, sender, kind, subject, digest, outcome, state, received_at)
    SELECT '/instances/' || owner, id, owner, 'tandem.entry.put.v1', outsourcing_id::text,
           sha256(convert_to(content, 'UTF8')), 'applied', 'in_progress', now()
    FROM said
), history AS (
    INSERT INTO history (cause_id, cause_source, subject, actor, event, at)
    SELECT id, '/instances/' || owner, outsourcing_id::text, 'k.sommer', 'entry put', now() FROM said
)
INSERT INTO outbox (message_id, lane, exchange, routing_key, kind, subject, bucket, body, cause_id, cause_source,
                    created_at, published_at)
SELECT told_id, reader, 'tandem.deliveries', reader, 'tandem.entry.replicated.v1', outsourcing_id::text, '00',
       convert_to(content, 'UTF8'), id, '/instances/' || owner, now(), now()
FROM said
"""

say = Console(highlight=False, soft_wrap=True).print


async def main(stored: int, number: int, rounds: int) -> None:
    """Round after round, the two in turns; each round's rates, and what is left of the rate of the empty one."""
    with LocalStack() as stack:
        for line in stack.describe():
            say(line)
        async with laid_out(stack, "bench") as course, _twice(stack, course) as (empty, full):
            await _store(full.database, stored)
            results: list[dict[str, float]] = []
            for place in range(1, rounds + 1):
                in_turns = [("empty", empty), ("full", full)]
                rates: dict[str, float] = {}
                for name, one in in_turns if place % 2 else reversed(in_turns):
                    commands = list(entries(one.outsourcing_ids, number, seed=place))
                    rates[name] = await rate_of(TANDEM, one, commands)
                results.append(rates)
                say(f"round {place}: " + ", ".join(f"{name} {rate:,.0f}/s" for name, rate in sorted(rates.items())))
            size = await full.database.fetchval("SELECT pg_size_pretty(pg_database_size(current_database()))")
    ratios = [rates["full"] / rates["empty"] for rates in results]
    say(f"{median(ratios):.2f} of an empty database ({min(ratios):.2f} to {max(ratios):.2f}), with {size} stored")
    settings = {"stored": stored, "database": size, "entries": number, "rounds": rounds, "tickets": TICKETS}
    bars = {"of_an_empty_database": Bar(median(ratios), at_least=LEAST_OF_AN_EMPTY_DATABASE)}
    say(f"kept in {keep('stored', settings, results, bars)}")


@asynccontextmanager
async def _twice(stack: LocalStack, course: Course) -> AsyncIterator[tuple[Course, Course]]:
    """The same partners and tickets with two databases, alike so far."""
    settings = course.installation.settings
    url = at(settings.admin_database_url.get_secret_value(), "bench_full")
    copied = replace(course.installation, settings=settings.model_copy(update={"admin_database_url": SecretStr(url)}))
    # A database is copied while nobody is in it.
    await course.database.close()
    async with connection_to(stack.database_admin_url) as server:
        await server.execute(f'CREATE DATABASE bench_full TEMPLATE "{course.installation.name}"')
    await asyncio.to_thread(migrate_databases, url, course.installation.passwords)
    async with connection_to(course.installation.database_url) as database, connection_to(url) as other:
        yield replace(course, database=database), replace(course, installation=copied, database=other)


async def _store(database: Connection, stored: int) -> None:
    await database.execute("SET search_path = ticket_sync")
    for start in track(range(0, stored, STORED_AT_ONCE), description=f"storing {stored:,} entries"):
        await database.execute(_STORE, min(STORED_AT_ONCE, stored - start) // OF_A_TICKET, timeout=600)
    # What storing leaves to be written is not what is measured.
    await database.execute("VACUUM ANALYZE", timeout=3600)
    await database.execute("CHECKPOINT", timeout=3600)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stored", type=int, default=1_000_000)
    parser.add_argument("--entries", type=int, default=12_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    # As quick as a partner's client may be: it shares the processors with what is measured.
    uvloop.run(main(asked.stored, asked.entries, asked.rounds))
