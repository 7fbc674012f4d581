"""Takes content out of the object store that nothing keeps any more."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from services.gateway import store
from services.gateway.domain.files import Leased
from services.gateway.settings import Settings
from shared.database import Connection
from shared.messaging.outcomes import Caused
from shared.messaging.side_work import Courier
from shared.objects import ObjectStore

# An upload that lapsed, or never ended, is gone after this; longer than an upload may take, and longer than the word
# that an entry cites it can be behind the word that it lapsed.
UNCITED_FOR = timedelta(hours=1)
FILES_AT_ONCE = 100
REMOVAL_SECONDS = 20.0
# Much longer than a removal may take, so that nobody stores it anew while it is still being removed. A worker that was
# frozen for half of it begins no removal any more.
LEASE = timedelta(minutes=10)
# Who waited for weeks waits for a minute more.
IDLE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Removal:
    """What is to be removed, and when that began by this worker's own clock, which only rises."""

    leased: Leased
    begun_at: float


def removal_courier(settings: Settings, objects: ObjectStore, clock: Callable[[], float] = monotonic) -> Courier:
    """The courier of this object store."""
    cited_for = max(timedelta(days=settings.files_retention_days), UNCITED_FOR)

    async def claim(connection: Connection, now: datetime) -> list[Removal]:
        begun_at = clock()
        leased = await store.claim_unneeded_files(
            connection, now, uncited_for=UNCITED_FOR, cited_for=cited_for, lease=LEASE, limit=FILES_AT_ONCE
        )
        return [Removal(one, begun_at) for one in leased]

    async def act(removal: Removal) -> Leased | None:
        """None where it came to this too late: somebody else may have it by now, or bring it anew."""
        if clock() > removal.begun_at + LEASE.total_seconds() / 2:
            return None
        async with asyncio.timeout(REMOVAL_SECONDS):
            await objects.remove(removal.leased.sha256)
        return removal.leased

    return Courier("removal", claim=claim, act=act, record=record, idle_seconds=IDLE_SECONDS)


async def record(connection: Connection, removed: Sequence[Leased | None], _: datetime) -> list[Caused]:
    """Forget what is out of the store."""
    await store.delete_files(connection, [one for one in removed if one is not None])
    return []
