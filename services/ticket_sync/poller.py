"""Tickets that nobody opens become messages, in the queue that their opening would come by."""

from datetime import datetime

from services.ticket_sync import store
from services.ticket_sync.domain.opening import ticket_overdue
from shared.database import Connection
from shared.messaging.outcomes import Caused
from shared.messaging.side_work import Poller

# One look takes as many as one turn does; while there are more, it looks again at once.
MOST_AT_ONCE = 256
# Who was given hours is not kept waiting by seconds.
IDLE_SECONDS = 5.0


async def _due(connection: Connection, now: datetime) -> list[Caused]:
    """The tickets that are to be looked at, those due longest first."""
    return [ticket_overdue(due) for due in await store.claim_due_links(connection, now, MOST_AT_ONCE)]


REMINDERS = Poller("reminders", due=_due, idle_seconds=IDLE_SECONDS)
