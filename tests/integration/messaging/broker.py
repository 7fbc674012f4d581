"""A virtual host of its own for every test, with the probe's queues, and clients that send and read as instances do."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from itertools import groupby
from secrets import token_hex
from typing import Any

import aio_pika
import httpx
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from services.console.stack import LocalStack
from shared.messaging import topology
from shared.messaging.arrivals import Arrival
from shared.messaging.broker import Channel
from shared.messaging.outbox import Letter
from shared.messaging.publishing import Failure, publish, publish_together
from tests.integration.messaging.posting import as_letter

USERS = ("nordlicht", "alpenwerk", "tandem.probe")
PASSWORD = "probe"
# One write's worth: a message alone costs a way to the broker and back.
AT_ONCE = 200
SHARD = topology.shard_queue("probe", 1, 0)
INTERESTS = {"probe": topology.Interest(commands=("probe",), events=("probe.opened", "probe.counted"))}


class Broker:
    """One virtual host."""

    def __init__(self, stack: LocalStack, vhost: str, exits: AsyncExitStack) -> None:
        self._vhost = vhost
        self._exits = exits
        self._at = f"{stack.broker_amqp_host}:{stack.broker_amqp_port}/{vhost}"
        self._admin = stack.broker_admin_url
        self._channels: dict[str, AbstractChannel] = {}

    def url_of(self, user: str) -> str:
        return f"amqp://{user}:{PASSWORD}@{self._at}"

    async def manage(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One call to the management API."""
        async with httpx.AsyncClient(base_url=self._admin, timeout=10) as http:
            answer = await http.request(method, f"api/{path}", json=body)
            answer.raise_for_status()
            return answer.json() if answer.content else None

    async def channel(self, user: str) -> AbstractChannel:
        if user not in self._channels:
            connection = await self._exits.enter_async_context(await aio_pika.connect(self.url_of(user)))
            self._channels[user] = await connection.channel(on_return_raises=True)
        return self._channels[user]

    async def send(self, *arrivals: Arrival) -> None:
        """Publish these as whom they are from, in order, confirmed; those of one after another together."""
        failures: list[Failure] = []
        for user, theirs in groupby(arrivals, key=lambda arrival: arrival.user_id or ""):
            letters, channel = [as_letter(arrival) for arrival in theirs], await self._writing(user)
            for first in range(0, len(letters), AT_ONCE):
                some = letters[first : first + AT_ONCE]
                await publish_together(channel, some, user, lambda _, failure: failures.append(failure))
        assert not any(failures), failures

    async def send_as(self, user: str, arrival: Arrival) -> None:
        """Publish a message of one user as another one."""
        await self._publish(as_letter(arrival), user)

    async def send_with(self, arrival: Arrival, headers: dict[str, Any]) -> None:
        """Publish a message with headers of its sender's own."""
        await self._publish(replace(as_letter(arrival), headers=headers), arrival.user_id or "")

    async def send_on(self, key: str, arrival: Arrival) -> None:
        """Publish a message under a routing key of its sender's own."""
        await self._publish(replace(as_letter(arrival), routing_key=key), arrival.user_id or "")

    async def limit(self, slug: str, number: int) -> None:
        """Let an instance's queue hold only so many messages."""
        definition = {"max-length": number, "overflow": "reject-publish"}
        policy = {"pattern": f"^instance\\.{slug}$", "definition": definition, "apply-to": "queues", "priority": 20}
        await self.manage("PUT", f"policies/{self._vhost}/small", policy)

    async def send_bytes(self, body: bytes, letter: Letter) -> None:
        """Publish other bytes on the way of a letter."""
        await self._publish(replace(letter, body=body), letter.routing_key.split(".", 1)[0])

    async def read(self, slug: str, number: int, seconds: float = 20.0) -> list[Any]:
        """The next so many facts for an instance, acknowledged."""
        return [json.loads(message.body) for message in await self._take(f"instance.{slug}", number, seconds)]

    async def read_all(self, slug: str) -> list[Any]:
        """All facts that wait for an instance, acknowledged."""
        queue = await (await self.channel(slug)).get_queue(f"instance.{slug}")
        facts = []
        while (message := await queue.get(fail=False, no_ack=True)) is not None:
            facts.append(json.loads(message.body))
        return facts

    async def read_dead(self, number: int) -> list[AbstractIncomingMessage]:
        """The next so many dead letters."""
        return await self._take(topology.dead_queue("probe"), number, 20.0)

    async def close_connections_of(self, user: str) -> None:
        """Close every connection of a user, as an operator at the management page can."""

        async with asyncio.timeout(20):
            while not (names := await self._connections_of(user)):
                await asyncio.sleep(0.05)
        for name in names:
            await self.manage("DELETE", f"connections/{name}")

    async def _connections_of(self, user: str) -> set[str]:
        listed = await self.manage("GET", f"vhosts/{self._vhost}/connections")
        return {one["name"] for one in listed if one.get("user") == user}

    async def has_consumers(self, number: int) -> bool:
        """Whether the first shard's queue has so many consumers now."""
        channel = await self.channel("tandem.probe")
        queue = await channel.declare_queue(SHARD, passive=True)
        return queue.declaration_result.consumer_count == number

    async def waiting(self, generation: int, shards: int) -> int:
        """How many messages wait in the shards of a generation now."""
        channel = await self.channel("tandem.probe")
        names = [topology.shard_queue("probe", generation, number) for number in range(shards)]
        queues = [await channel.declare_queue(name, passive=True) for name in names]
        return sum(queue.declaration_result.message_count or 0 for queue in queues)

    async def unbind(self, slug: str) -> None:
        channel = await self.channel("tandem.probe")
        queue = await channel.get_queue(f"instance.{slug}")
        await queue.unbind(topology.DELIVERIES, slug)

    async def bind(self, slug: str) -> None:
        channel = await self.channel("tandem.probe")
        queue = await channel.get_queue(f"instance.{slug}")
        await queue.bind(topology.DELIVERIES, slug)

    async def delete_and_declare_shard(self) -> None:
        """Take the queue away under its consumer, and put a new one in its place in the same instant.

        A quorum queue of 3.10 can keep the old consumer's ghost then, and deliver to nobody.
        """
        channel = await self.channel("tandem.probe")
        await channel.queue_delete(SHARD)
        await self._import(topology.declarations(1, 1, INTERESTS))

    async def declare(self, generation: int = 1, shards: int = 1) -> None:
        """Everything the probe and two instances need, as an installation declares it."""
        await self._import(topology.declarations(generation, shards, INTERESTS))
        await self._import(topology.switch_to(generation, INTERESTS))
        for slug in ("nordlicht", "alpenwerk"):
            await self._import(topology.declaration_of_instance(slug, f"instance.{slug}"))

    async def _import(self, definitions: dict[str, Any]) -> None:
        await self.manage("POST", f"definitions/{self._vhost}", definitions)

    async def _publish(self, letter: Letter, user: str) -> None:
        await publish(await self._writing(user), letter, user)

    async def _writing(self, user: str) -> Channel:
        channel = await (await self.channel(user)).get_underlay_channel()
        assert isinstance(channel, Channel)
        return channel

    async def _take(self, queue_name: str, number: int, seconds: float) -> list[AbstractIncomingMessage]:
        queue = await (await self.channel("tandem.probe")).get_queue(queue_name)
        taken: list[AbstractIncomingMessage] = []
        enough = asyncio.Event()

        async def take(message: AbstractIncomingMessage) -> None:
            if len(taken) < number:
                taken.append(message)
                await message.ack()
            if len(taken) >= number:
                enough.set()

        tag = await queue.consume(take)
        async with asyncio.timeout(seconds):
            await enough.wait()
        await queue.cancel(tag)
        return taken


@asynccontextmanager
async def fresh_broker(stack: LocalStack) -> AsyncIterator[Broker]:
    """A new virtual host with all that is declared, gone at the end."""
    async with AsyncExitStack() as exits:
        broker = Broker(stack, f"test_{token_hex(6)}", exits)
        await broker.manage("PUT", f"vhosts/{broker._vhost}")
        exits.push_async_callback(broker.manage, "DELETE", f"vhosts/{broker._vhost}")
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        for user in USERS:
            await broker.manage("PUT", f"users/{user}", {"password": PASSWORD, "tags": ""})
            await broker.manage("PUT", f"permissions/{broker._vhost}/{user}", everything)
        await broker.declare()
        yield broker
