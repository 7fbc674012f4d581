"""The end of a month on a real Postgres: told once whoever looks and dies, made up for when nobody looked."""

from datetime import UTC, date, datetime
from typing import Any

from services.billing.poller import MONTHS
from services.billing.store import periods
from shared.contracts.billing import PeriodEnded
from shared.database import Connection
from shared.ids import new_id
from shared.messaging.arrivals import Arrival
from shared.messaging.outcomes import Caused, Publish
from tests.integration.billing.test_billing import PARTIES, done, numbers, party, take
from tests.integration.databases import connection_to
from tests.integration.messaging.posting import event
from tests.unit.billing.work import LEAD, SERVICE

# The work of these tests was completed on the second of March.
APRIL = datetime(2026, 4, 1, tzinfo=UTC)


async def billed_monthly(database: Connection, tickets: int) -> None:
    """So many tickets posted, of a month that is over by now."""
    await take(database, *(party(*one, partners=[{"invoicing": "monthly"}]) for one in PARTIES))
    await take(database, *(done(new_id()) for _ in range(tickets)))
    await database.execute("UPDATE period SET ends_at = '2026-03-31T22:00Z'")


def ended(caused: list[Caused]) -> list[PeriodEnded]:
    tell: list[Any] = [told for one in caused for told in one.tell]
    assert all(isinstance(told, Publish) for told in tell)
    return [told.data for told in tell]


def heard(fact: PeriodEnded) -> Arrival:
    return event(fact, fact.service, service="billing")


async def test_a_month_that_is_over_is_told_once_by_two_workers_and_again_by_none(
    database: Connection, database_url: str
) -> None:
    await billed_monthly(database, tickets=1)
    async with connection_to(database_url) as other, database.transaction(), other.transaction():
        told = await MONTHS.due(database, APRIL)
        assert await MONTHS.due(other, APRIL) == [], "left to who looks at it"
    assert ended(told) == [PeriodEnded(lead=LEAD, service=SERVICE, until=date(2026, 3, 31))]
    cited = "SELECT count(*) FROM history WHERE cause_source = $1 AND cause_id = $2"
    assert await database.fetchval(cited, told[0].cause_source, told[0].cause_id) == 1
    assert await MONTHS.due(database, APRIL) == []
    assert [one.ends_at for one in await periods.lock_periods(database, [SERVICE])] == [
        datetime(2026, 4, 30, 22, tzinfo=UTC)
    ]


async def test_who_dies_while_looking_leaves_the_month_to_the_next(database: Connection) -> None:
    await billed_monthly(database, tickets=1)
    dying = database.transaction()
    await dying.start()
    lost = ended(await MONTHS.due(database, APRIL))
    await dying.rollback()
    assert lost and ended(await MONTHS.due(database, APRIL)) == lost


async def test_the_month_s_invoice_is_issued_once_however_often_its_end_is_heard(database: Connection) -> None:
    await billed_monthly(database, tickets=3)
    [fact] = ended(await MONTHS.due(database, APRIL))
    told = await take(database, heard(fact), heard(fact))
    assert [kind for to, kind, _ in told if to in (SERVICE, LEAD)] == ["invoice.issued.v1", "invoice.received.v1"]
    assert await take(database, heard(fact)) == []
    assert await numbers(database) == [1]
    assert await database.fetchval("SELECT count(*) FROM item WHERE state = 'invoiced'") == 3


async def test_months_that_nobody_looked_at_are_made_up_for_one_by_one_and_empty_ones_issue_nothing(
    database: Connection,
) -> None:
    await billed_monthly(database, tickets=2)
    await database.execute("UPDATE period SET ends_at = '2025-12-31T23:00Z'")
    told = []
    while caused := await MONTHS.due(database, datetime(2026, 6, 15, tzinfo=UTC)):
        facts = ended(caused)
        told.append([fact.until for fact in facts])
        await take(database, *(heard(fact) for fact in facts))
    assert told == [[], [], [], [date(2026, 3, 31)], [], []], "December to May, and work in March"
    assert await numbers(database) == [1]
