"""The companies at the simulated broker: each sends what its people say until it is confirmed, and reads its queue."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from shared.contracts.catalog import DELIVERIES
from shared.contracts.envelope import write
from shared.messaging import topology
from tests.simulation.companies import Company, Said
from tests.simulation.dice import Dice
from tests.simulation.simulated_broker import Broker, Channel, Connection
from tests.simulation.simulated_queues import Published
from tests.simulation.trouble import CALM

# An adapter that hears nothing of what it sent sends it again.
LONGEST_SILENCE_SECONDS = 3.0


class Sender:
    """Whoever sends by the rules of the contract: until it is confirmed, the same bytes under the same id."""

    def __init__(self, broker: Broker, dice: Dice, clock: Callable[[], datetime]) -> None:
        self.trouble = CALM
        self.unconfirmed = 0
        self._broker = broker
        self._dice = dice
        self._clock = clock
        self._sending: set[asyncio.Task[None]] = set()
        self._in_turn = asyncio.Lock()

    def send(self, said: Said) -> None:
        """On its way from now on; several at once may overtake each other, unless a service says them."""
        self.unconfirmed += 1
        task = asyncio.get_running_loop().create_task(self._send(said))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, said: Said) -> None:
        message = published(said, self._clock())
        if "/" in said.sender:
            async with self._in_turn:
                await self._until_confirmed(message)
        else:
            if self._dice.happens(self.trouble.late_command):
                await asyncio.sleep(self._dice.uniform(0, LONGEST_SILENCE_SECONDS))
            await self._until_confirmed(message)
            while self._dice.happens(self.trouble.command_sent_twice):
                await asyncio.sleep(self._dice.uniform(0, LONGEST_SILENCE_SECONDS))
                self._broker.publish(message)
        self.unconfirmed -= 1

    async def _until_confirmed(self, message: Published) -> None:
        while True:
            await asyncio.sleep(self._broker.moment())
            is_lost = self._dice.happens(self.trouble.lost_command)
            if (
                not is_lost
                and self._broker.publish(message) is None
                and not self._dice.happens(self.trouble.lost_confirm)
            ):
                return
            await asyncio.sleep(self._dice.uniform(0, LONGEST_SILENCE_SECONDS))


class Reader:
    """A company that reads its queue, and stops reading now and then."""

    def __init__(self, company: Company, queue: str, broker: Broker, dice: Dice) -> None:
        self.trouble = CALM
        self.company = company
        self.queue = broker.queues[queue]
        self._broker = broker
        self._dice = dice
        self._connection: Connection | None = None

    def read(self) -> None:
        """Read from now on."""
        if self._connection is None:
            self._connection = Connection(self._broker, self.company.slug)
            channel = Channel(self._connection)

            async def take(message: Any) -> None:
                await self._take(channel, message)

            channel.consume(self.queue, take)

    def stop(self) -> None:
        """Read nothing until told otherwise; what was not acknowledged comes again."""
        if self._connection is not None:
            self._connection.lose()
            self._connection = None

    def bind(self) -> None:
        self.queue.is_bound = True

    def read_again(self) -> None:
        """With all the room there is."""
        self.queue.limit = None
        self.read()

    async def _take(self, channel: Channel, message: Any) -> None:
        envelope = orjson.loads(message.body)
        data = DELIVERIES[envelope["type"]].model_validate(envelope["data"])
        self.company.take(UUID(envelope["id"]), envelope["subject"], int(envelope["sequence"]), data)
        if self._dice.happens(self.trouble.delivery_taken_twice):
            self.stop()
            self.read()
        elif not channel.is_closed:
            await channel.basic_ack(message.delivery_tag, multiple=True)


def published(said: Said, at: datetime) -> Published:
    """What is said as its sender publishes it: a company its commands, a service its events."""
    source = f"/{said.sender}" if "/" in said.sender else f"/instances/{said.sender}"
    body = write(said.data, id=said.id, source=source, subject=said.subject, time=at)
    if "/" in said.sender:
        user, exchange = said.sender.replace("/", "."), topology.EVENTS
        key = topology.event_key(said.data.kind, said.subject)
    else:
        user, exchange = said.sender, topology.COMMANDS
        key = topology.command_key(said.sender, said.data.kind, said.subject)
    return Published(body, exchange, key, user, str(said.id))
