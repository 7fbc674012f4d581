"""Months that are over become messages to billing itself, one for each lead for whom something is posted."""

from collections import defaultdict
from datetime import datetime

from services.billing.store import periods
from shared.database import Connection
from shared.messaging.outcomes import Caused
from shared.messaging.side_work import Poller

# Each has many leads; while there are more, it looks again at once.
MOST_AT_ONCE = 32
# Nobody misses the invoice of a month by seconds.
IDLE_SECONDS = 5.0


async def _ended(connection: Connection, now: datetime) -> list[Caused]:
    """What is told of the months that are over; they are told once, for the next ends are set beside it."""
    ended = await periods.claim_ended(connection, now, MOST_AT_ONCE)
    if not ended:
        return []
    leads: dict[str, list[str]] = defaultdict(list)
    for issuer, lead in await periods.list_leads_with_posted(
        connection, [(one.issuer.instance, one.until) for one in ended]
    ):
        leads[issuer].append(lead)
    await periods.mark_next_ends(connection, [(one.issuer.instance, one.next_end) for one in ended])
    return [one.told_of(leads[one.issuer.instance]) for one in ended]


MONTHS = Poller("months", due=_ended, idle_seconds=IDLE_SECONDS)
