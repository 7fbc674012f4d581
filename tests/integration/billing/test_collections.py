"""Collecting on a real Postgres: in pieces that a turn can hold, all of it, and what costs something first."""

import json
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from services.billing import store
from services.billing.domain import MOST_COLLECTED, MOST_LINES_COLLECTED, Bill
from shared.contracts.billing import CollectionUnfinished, InvoiceCollect
from shared.database import Connection
from shared.ids import new_id
from tests.integration.billing.test_billing import PARTIES, party, take
from tests.integration.messaging.posting import command, event
from tests.unit.billing.work import LEAD, SERVICE, completed, deduction, terms, time

MARCH = date(2026, 3, 1)
COLLECT = InvoiceCollect(actor="m.huber", lead=LEAD)


async def posted(database: Connection, works: Iterable[Any], ended_on: date = MARCH, currency: str = "EUR") -> None:
    """Bills of these with everything posted, completed day by day from then on."""
    by = terms(currency=currency)
    ended = (completed(by, *lines, outsourcing_id=new_id()) for lines in works)
    await store.save_bills(
        database,
        [Bill.of_completed(work, ended_on + timedelta(days=place)).released() for place, work in enumerate(ended)],
    )


async def collected(database: Connection) -> list[list[tuple[str, int]]]:
    """Collect, and go on as long as billing tells itself to; by turn the numbers and lines of its invoices."""
    await take(database, *(party(*one, partners=[{"invoicing": "collected"}]) for one in PARTIES))
    arrivals, seen, turns = [command(COLLECT, SERVICE, sender=SERVICE)], 0, []
    while arrivals:
        told = await take(database, *arrivals)
        unfinished = [CollectionUnfinished(**data) for _, kind, data in told if kind == "collection.unfinished.v1"]
        arrivals = [event(one, SERVICE, service="billing") for one in unfinished]
        rows = await database.fetch("SELECT number, document FROM invoice ORDER BY series_number OFFSET $1", seen)
        turns.append([(row["number"], len(json.loads(row["document"])["lines"])) for row in rows])
        seen += len(rows)
    return turns


async def test_a_collection_takes_as_many_lines_as_a_turn_can_hold_and_goes_on_until_all_are_invoiced(
    database: Connection,
) -> None:
    many = [time("1")] * (MOST_LINES_COLLECTED // 2 + 1)
    await posted(database, [many] * 3)
    first, second, last = await collected(database)
    assert sum(lines for _, lines in first) == 2 * len(many)
    assert sum(lines for _, lines in second) == len(many)
    assert last == [], "a look that finds nothing ends it"
    assert await database.fetchval("SELECT count(*) FROM item WHERE state <> 'invoiced'") == 0


async def test_more_tickets_at_no_cost_than_one_look_takes_keep_none_back_that_costs_something(
    database: Connection,
) -> None:
    await posted(database, [[time("1", billable=False)]] * (MOST_COLLECTED + 10))
    await posted(database, [[time("1")]], ended_on=MARCH + timedelta(days=900))
    first, second = await collected(database)
    assert ([sum(lines for _, lines in turn) for turn in (first, second)]) == [MOST_COLLECTED, 0]
    waiting = await database.fetchval("SELECT count(*) FROM item WHERE state = 'posted'")
    assert waiting == 11, "what costs nothing waits for something that does"


async def test_what_is_held_up_keeps_nothing_younger_back_and_is_invoiced_with_it(database: Connection) -> None:
    below_zero = [deduction("-1"), *[time("1", billable=False)] * MOST_LINES_COLLECTED]
    await posted(database, [below_zero])
    await posted(database, [[time("1")]], ended_on=MARCH + timedelta(days=1))
    first, second, last = await collected(database)
    assert (first, [lines for _, lines in second], last) == ([], [len(below_zero) + 1], [])


async def test_work_that_waits_in_one_currency_keeps_none_back_in_another(database: Connection) -> None:
    below_zero = [deduction("-1"), *[time("1", billable=False)] * MOST_LINES_COLLECTED]
    await posted(database, [below_zero], currency="CHF")
    await posted(database, [[time("1")]], ended_on=MARCH + timedelta(days=1))
    first, last = await collected(database)
    assert ([lines for _, lines in first], last) == ([1], [])
