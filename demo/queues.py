"""How many messages wait in the broker's queues at this very moment: its management tells of seconds ago."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from urllib.parse import unquote, urlsplit

import aio_pika
from aio_pika.abc import AbstractChannel

from services.console.installation import Installation
from shared.messaging import topology
from shared.messaging.broker_admin import broker_admin


class Queues:
    """The queues of one installation, as its administrator sees them."""

    def __init__(self, channel: AbstractChannel, names: Iterable[str]) -> None:
        self._channel = channel
        self._names = tuple(names)

    async def counts(self) -> dict[str, int]:
        """How many messages are ready in each queue."""
        declared = [await self._channel.declare_queue(name, passive=True) for name in self._names]
        return {queue.name: queue.declaration_result.message_count or 0 for queue in declared}


def is_shard(queue: str) -> bool:
    return ".shard." in queue


@asynccontextmanager
async def queues_of(installation: Installation) -> AsyncIterator[Queues]:
    """All queues that there are: of the services, of the partners, and for what nobody could read."""
    owners = (*topology.SERVICES, "instance")
    admin_url = installation.settings.admin_broker_url.get_secret_value()
    async with broker_admin(admin_url, installation.name) as broker:
        names = [queue["name"] for queue in await broker.list_queues() if queue["name"].split(".")[0] in owners]
    admin = urlsplit(admin_url)
    url = installation.amqp_url_of(unquote(admin.username or ""), unquote(admin.password or ""))
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        yield Queues(channel, names)
