"""What falls due by itself: tickets that nobody opens, digests, and uploads that can be cited no longer."""

from datetime import datetime, timedelta

from services.ticket_sync import store
from services.ticket_sync.domain.files import lapsed
from services.ticket_sync.domain.opening import REMIND_AFTER, ticket_overdue
from services.ticket_sync.domain.repair import digest_due
from services.ticket_sync.store import files as file_store
from shared.database import Connection
from shared.messaging.outcomes import Caused
from shared.messaging.side_work import Poller

# One look takes as many as one turn does; while there are more, it looks again at once.
MOST_AT_ONCE = 256
# Who was given hours is not kept waiting by seconds.
IDLE_SECONDS = 5.0
# Nobody waits for an upload to lapse.
LAPSES_IDLE_SECONDS = 60.0
# A digest needs all versions of its ticket: less at once than reminders.
MOST_DIGESTS_AT_ONCE = 32
# Tickets that were opened in one hour are not compared in one minute for ever.
JITTER = 0.25


async def _due(connection: Connection, now: datetime) -> list[Caused]:
    """The tickets that are to be looked at, those due longest first."""
    links = await store.claim_links_unopened(connection, now, MOST_AT_ONCE, REMIND_AFTER)
    return [ticket_overdue(one) for one in links]


async def _lapsed(connection: Connection, now: datetime) -> list[Caused]:
    """The uploads whose time is over."""
    return [lapsed(upload) for upload in await file_store.delete_lapsed_uploads(connection, now, MOST_AT_ONCE)]


REMINDERS = Poller("reminders", due=_due, idle_seconds=IDLE_SECONDS)
LAPSES = Poller("lapses", due=_lapsed, idle_seconds=LAPSES_IDLE_SECONDS)


def digests_every(hours: float) -> Poller:
    """Both sides of every open ticket are told what they should hold, about as often."""

    async def due(connection: Connection, now: datetime) -> list[Caused]:
        soonest, latest = (timedelta(hours=hours) * share for share in (1 - JITTER, 1 + JITTER))
        links = await store.claim_links_undigested(connection, now, MOST_DIGESTS_AT_ONCE, soonest, latest)
        return [digest_due(one) for one in links]

    return Poller("digests", due=due, idle_seconds=IDLE_SECONDS)
