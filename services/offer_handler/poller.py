"""Deadlines that fall due become messages, in the same queue as the answers they compete with."""

from datetime import datetime

from services.offer_handler import store
from services.offer_handler.domain.deadlines import deadline_passed
from services.offer_handler.domain.invitations import ran_out
from shared.database import Connection
from shared.messaging.outcomes import Caused
from shared.messaging.side_work import Poller

# One look takes as many as one turn does; while there are more, it looks again at once.
MOST_AT_ONCE = 256
# An invitation is open for days: nobody misses it by seconds.
INVITATIONS_IDLE_SECONDS = 5.0


async def _due(connection: Connection, now: datetime) -> list[Caused]:
    """Reminders and deadlines whose time has come and that were not told yet, the oldest first."""
    return [deadline_passed(due) for due in await store.claim_due(connection, now, MOST_AT_ONCE)]


async def _overdue(connection: Connection, now: datetime) -> list[Caused]:
    """Open invitations whose time is over and that were not told yet, the oldest first."""
    return [ran_out(overdue) for overdue in await store.claim_overdue_invitations(connection, now, MOST_AT_ONCE)]


DEADLINES = Poller("deadlines", due=_due)
INVITATIONS = Poller("invitations", due=_overdue, idle_seconds=INVITATIONS_IDLE_SECONDS)
