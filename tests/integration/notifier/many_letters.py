"""A great many e-mails that wait, stored at once as if as many events had led to them, and carried without pauses."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta

from services.notifier import courier
from services.notifier.settings import Settings
from shared.database import Connection
from tests.integration.notifier.busy_sink import Kept


async def store_pending_letters(notifier: Connection, number: int, *, companies: int = 50) -> dict[str, str]:
    """So many questions, each on a ticket of its own, to readers at so many companies; whom each e-mail is for."""
    rows = await notifier.fetch(
        """
        INSERT INTO notification (id, cause_source, cause_id, subject_id, kind, role, recipient, partner, address,
                                  language, time_zone, facts, next_attempt_at)
        SELECT gen_random_uuid(), '/tandem/ticket_sync', gen_random_uuid(), gen_random_uuid(), 'asked', 'lead', company,
               'alpenwerk', 'reader@' || company || '.example', CASE n % 2 WHEN 0 THEN 'de' ELSE 'en' END,
               'Europe/Berlin',
               jsonb_build_object('title', 'Druckserver ' || n, 'own_number', 'NL-' || n, 'partner_number', 'AW-' || n,
                                  'state', 'in_progress', 'text', 'Ist der Server schon erreichbar?', 'by', 'Jo Marti'),
               now()
        FROM (SELECT n, 'company-' || n % $2::integer AS company FROM generate_series(1, $1::integer) AS n) AS new
        RETURNING id, address
        """,
        number,
        companies,
        timeout=120,
    )
    return {str(row["id"]): row["address"] for row in rows}


async def carry_all(notifier: Connection, settings: Settings) -> None:
    """The courier's rounds until nothing is pending, as if half a minute lay between two of them."""
    carrying = courier.mail_courier(settings)
    now: datetime = await notifier.fetchval("SELECT clock_timestamp()")
    while await notifier.fetchval("SELECT EXISTS (SELECT FROM notification WHERE state = 'pending')"):
        bags = await carrying.claim(notifier, now)
        results = await asyncio.gather(*map(carrying.act, bags))
        await carrying.record(notifier, results, now)
        now += timedelta(seconds=30)


def check_that_only_a_lost_answer_doubles(kept: list[Kept], reader_of: dict[str, str]) -> int:
    """Each reader has each of its mails, nobody another's, and each was answered once; how many answers were lost."""
    assert {one.id: one.recipient for one in kept} == reader_of
    assert {(one.id, one.recipient) for one in kept} == set(reader_of.items())
    assert Counter(one.id for one in kept if one.answered) == Counter(reader_of.keys())
    return sum(not one.answered for one in kept)
