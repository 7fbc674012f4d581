"""Letters that wait in a real Postgres, and the courier's rounds between it and a mail server."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from services.notifier import courier, store
from services.notifier.domain.notifications import Notification
from services.notifier.settings import Settings
from shared.contracts.values import Event
from shared.database import Connection
from shared.ids import new_id
from shared.messaging.outcomes import Caused
from tests.unit.notifier.happenings import OFFERED
from tests.unit.notifier.letters import told_of

SettingsFor = Callable[..., Settings]


async def intend(database: Connection, happened: Event = OFFERED, times: int = 1) -> list[Notification]:
    notifications = [one for _ in range(times) for one in told_of(happened, new_id())]
    await store.save_notifications(database, notifications)
    return notifications


async def round_of(database: Connection, settings: Settings, after: timedelta = timedelta()) -> int:
    """One round of the courier as the runtime makes it, so much later than now; returns how many letters it took."""
    taken, _ = await told_by_round(database, settings, after)
    return taken


async def told_by_round(
    database: Connection, settings: Settings, after: timedelta = timedelta()
) -> tuple[int, list[Caused]]:
    """Such a round: how many letters it took, and what is told of them."""
    now: datetime = await database.fetchval("SELECT clock_timestamp()") + after
    carrying = courier.mail_courier(settings)
    async with database.transaction():
        bags = await carrying.claim(database, now)
    results = await asyncio.gather(*map(carrying.act, bags))
    async with database.transaction():
        told = await carrying.record(database, results, now)
    return sum(len(bag) for bag in bags), told


async def states(database: Connection) -> list[tuple[str, int, str]]:
    rows = await database.fetch("SELECT state, attempts, answer FROM notification ORDER BY created_at, id")
    return [(row["state"], row["attempts"], row["answer"]) for row in rows]
