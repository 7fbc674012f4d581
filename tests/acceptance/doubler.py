"""Delivers every message of an installation twice: each is published once more as it was, at once and whenever told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
import httpx
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from services.console.installation import Installation
from shared.messaging import topology

USER = "tandem.doubler"
TAP = "tap"


class Doubler:
    """Sees everything that is published on commands, events and deliveries."""

    def __init__(self, channel: AbstractChannel) -> None:
        self.seen: list[AbstractIncomingMessage] = []
        self._known: set[tuple[str, str | None]] = set()
        self._channel = channel

    async def take(self, message: AbstractIncomingMessage) -> None:
        """Publish what is seen for the first time once more; its copy comes by here too and is let pass."""
        key = (message.exchange or "", message.message_id)
        if key not in self._known:
            self._known.add(key)
            self.seen.append(message)
            await self._publish(message)
        await message.ack()

    async def publish_all_again(self) -> None:
        """Everything that was ever seen, once more, in its order."""
        for message in list(self.seen):
            await self._publish(message)

    async def _publish(self, seen: AbstractIncomingMessage) -> None:
        copy = aio_pika.Message(
            seen.body,
            message_id=seen.message_id,
            type=seen.type,
            content_type=seen.content_type,
            user_id=seen.user_id,
            headers=dict(seen.headers),
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        exchange = await self._channel.get_exchange(seen.exchange or "", ensure=False)
        await exchange.publish(copy, routing_key=seen.routing_key or "")


@asynccontextmanager
async def doubler(installation: Installation, slugs: tuple[str, ...]) -> AsyncIterator[Doubler]:
    """A doubler with a user that may impersonate every other, as only tests have one."""
    password = "doubles-everything"
    admin = installation.settings.admin_broker_url.get_secret_value()
    async with httpx.AsyncClient(base_url=admin, timeout=10) as http:
        user = {"password": password, "tags": "impersonator"}
        (await http.put(f"api/users/{USER}", json=user)).raise_for_status()
        rights = {"configure": ".*", "write": ".*", "read": ".*"}
        (await http.put(f"api/permissions/{installation.name}/{USER}", json=rights)).raise_for_status()
    connection = await aio_pika.connect(installation.amqp_url_of(USER, password))
    async with connection:
        channel = await connection.channel(on_return_raises=True)
        tap = await channel.declare_queue(TAP, exclusive=True)
        for exchange in (topology.COMMANDS, topology.EVENTS):
            await tap.bind(exchange, "#")
        for slug in slugs:
            await tap.bind(topology.DELIVERIES, slug)
        doubling = Doubler(channel)
        await tap.consume(doubling.take)
        yield doubling
        await asyncio.sleep(0)
