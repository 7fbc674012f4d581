"""Takes content out of the object store that nothing keeps any more."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from services.gateway import store
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
# Much longer than a removal may take, so that nobody stores it anew while it is still being removed.
LEASE = timedelta(minutes=10)
# Who waited for weeks waits for a minute more.
IDLE_SECONDS = 60.0


def removal_courier(settings: Settings, objects: ObjectStore) -> Courier:
    """The courier of this object store."""
    cited_for = max(timedelta(days=settings.files_retention_days), UNCITED_FOR)

    async def claim(connection: Connection, now: datetime) -> list[str]:
        return await store.claim_unneeded_files(
            connection, now, uncited_for=UNCITED_FOR, cited_for=cited_for, lease=LEASE, limit=FILES_AT_ONCE
        )

    async def act(sha256: str) -> str:
        async with asyncio.timeout(REMOVAL_SECONDS):
            await objects.remove(sha256)
        return sha256

    return Courier("removal", claim=claim, act=act, record=record, idle_seconds=IDLE_SECONDS)


async def record(connection: Connection, removed: Sequence[str], _: datetime) -> list[Caused]:
    """Forget what is out of the store."""
    await store.delete_files(connection, list(removed))
    return []
