"""Forgets whom was written to, and what, once nobody has to know it any more."""

from datetime import datetime, timedelta

from services.notifier import store
from shared.database import Connection
from shared.messaging.outcomes import Caused
from shared.messaging.side_work import Poller

# One statement of moderate length; what is left is taken with the next look.
FORGOTTEN_AT_ONCE = 1000
# Who waited for months waits for a minute more.
IDLE_SECONDS = 60.0


def forgetting_after(days: int) -> Poller:
    """E-mails that were sent or have failed so long ago lose address, text and the server's words."""

    async def due(connection: Connection, now: datetime) -> list[Caused]:
        await store.forget_notifications(connection, now, older_than=timedelta(days=days), at_most=FORGOTTEN_AT_ONCE)
        return []

    return Poller("forgetting", due=due, idle_seconds=IDLE_SECONDS)
