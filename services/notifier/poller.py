"""What falls due by itself: news that has gathered for long enough, and what nobody has to know any more."""

from datetime import datetime, timedelta

from services.notifier import store
from services.notifier.domain.gathering import fell_due
from shared.database import Connection
from shared.messaging.outcomes import Caused
from shared.messaging.side_work import Poller

# One look takes as many as one turn does; while there are more, it looks again at once.
MOST_GATHERED_AT_ONCE = 256
# More than any installation sends in the minute until the next look, and still one statement of moderate length.
FORGOTTEN_AT_ONCE = 20_000
# Who waited for months waits for a minute more.
IDLE_SECONDS = 60.0


async def _gathered(connection: Connection, now: datetime) -> list[Caused]:
    """The news whose time has come."""
    due = await store.delete_due_gatherings(connection, now, at_most=MOST_GATHERED_AT_ONCE)
    return [fell_due(one) for one in due]


GATHERED = Poller("gathered", due=_gathered)


def forgetting_after(days: int) -> Poller:
    """E-mails that were sent or have failed so long ago lose address, text and the server's words."""

    async def due(connection: Connection, now: datetime) -> list[Caused]:
        await store.forget_notifications(connection, now, older_than=timedelta(days=days), at_most=FORGOTTEN_AT_ONCE)
        return []

    return Poller("forgetting", due=due, idle_seconds=IDLE_SECONDS)
