"""Forgets questions whose time has been over for long."""

from datetime import datetime, timedelta

from services.gateway.store import questions
from shared.database import Connection
from shared.messaging.outcomes import Caused
from shared.messaging.side_work import Poller

# So long after its end an old e-mail still tells what became of the question; nobody answers by it any more.
REMEMBERED_FOR = timedelta(days=90)
# One look's worth, so that its transaction stays short; there is always another look.
MOST_AT_ONCE = 1000
IDLE_SECONDS = 60.0


async def _forget(connection: Connection, now: datetime) -> list[Caused]:
    """Nobody is told."""
    await questions.delete_questions(connection, ended_before=now - REMEMBERED_FOR, at_most=MOST_AT_ONCE)
    return []


FORGETTING = Poller("forgetting", due=_forget, idle_seconds=IDLE_SECONDS)
