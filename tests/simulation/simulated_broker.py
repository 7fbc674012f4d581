"""A broker as RabbitMQ is to its clients: quorum queues, confirms, returns of what was not acknowledged, and its moods.

Workers meet it where they meet the real one, at `aio_pika.connect`; exchanges, bindings and limits are those that
`tandem migrate` declares.
"""

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterator
from contextvars import Context
from types import SimpleNamespace
from typing import Any, cast

from aiormq.abc import ChannelFrame, DeliveredMessage
from aiormq.exceptions import ChannelInvalidStateError, ConnectionClosed, DeliveryError, PublishError
from pamqp.commands import Basic

from tests.simulation.dice import Dice
from tests.simulation.simulated_process import LONGEST_SECONDS, PROCESS, SHORTEST_SECONDS, Process
from tests.simulation.simulated_queues import Consumer, Published, Queue, Take, messages_in
from tests.simulation.trouble import CALM

# Two missed heartbeats: so long a client may not notice that its connection is gone.
LONGEST_UNNOTICED_SECONDS = 10.0

# A client that asks for no limit has none by the protocol; no queue here grows as long.
UNLIMITED = 1_000_000

Definitions = dict[str, list[dict[str, Any]]]


class Broker:
    """One virtual host. `arrived` is told of everything that a queue takes."""

    def __init__(self, dice: Dice, arrived: Callable[[Queue, Published], None]) -> None:
        self.dice = dice
        self.trouble = CALM
        self.connections: list[Connection] = []
        self.queues: dict[str, Queue] = {}
        self._arrived = arrived
        self._exchanges: dict[str, dict[str, Any]] = {}
        self._bindings: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}
        self._policies: dict[str, dict[str, Any]] = {}
        self._alternates: dict[str, str] = {}
        self._routes: dict[tuple[str, str], list[Queue]] = {}
        self._blocked: list[Callable[[], None]] | None = None
        self._nobody = Context()
        self._handed: set[asyncio.Task[None]] = set()

    def declare(self, definitions: Definitions) -> None:
        """Make all that must be there; what is there stays, but that a policy takes the place of its namesake."""
        for queue in definitions.get("queues", ()):
            self.queues.setdefault(queue["name"], Queue(queue["name"]))
        for binding in definitions.get("bindings", ()):
            from_here = self._bindings.setdefault(binding["source"], {})
            from_here[binding["destination"], binding["routing_key"]] = binding
        self._exchanges |= {exchange["name"]: exchange for exchange in definitions.get("exchanges", ())}
        self._policies |= {policy["name"]: policy for policy in definitions.get("policies", ())}
        self._alternates = dict(self._found_alternates())
        self._routes.clear()

    async def connect(self, url: Any, **_: Any) -> "Connection":
        """As `aio_pika.connect`, for the process in whose name it is called."""
        process = PROCESS.get()
        assert process is not None
        await process.takes_its_time()
        return Connection(self, url.user, process)

    def later(self, what: Callable[..., None], *arguments: Any, at: float | None = None) -> None:
        """Do something in the broker's own name, after a moment or at that time."""
        loop = asyncio.get_running_loop()
        at = loop.time() + self.moment() if at is None else at
        loop.call_at(at, what, *arguments, context=self._nobody)

    def hand(self, taking: Coroutine[Any, Any, None]) -> None:
        """A client takes what it is given in its own time."""
        task = asyncio.get_running_loop().create_task(taking)
        self._handed.add(task)
        task.add_done_callback(self._handed.discard)

    def moment(self) -> float:
        return self.dice.uniform(SHORTEST_SECONDS, LONGEST_SECONDS)

    def publish(self, message: Published) -> Exception | None:
        """Put it into the queues that it leads to; the error that tells its sender where one does not take it."""
        routes = [queue for queue in self._route(message.exchange, message.routing_key) if queue.is_bound]
        if not routes:
            returned = Basic.Return(312, "NO_ROUTE", message.exchange, message.routing_key)
            # Of what came back the error reads the delivery alone.
            return PublishError(cast(DeliveredMessage, SimpleNamespace(delivery=returned)), returned)
        full = [queue for queue in routes if queue.limit is not None and len(queue.waiting) >= queue.limit]
        for queue in routes:
            if queue not in full:
                queue.waiting.append((message, 0))
                self._arrived(queue, message)
                queue.wake()
        return DeliveryError(None, Basic.Nack()) if full else None

    def when_unblocked(self, what: Callable[[], None]) -> None:
        """Now, or when the alarm is over."""
        if self._blocked is None:
            what()
        else:
            self._blocked.append(what)

    def raise_alarm(self) -> None:
        """Out of memory: what is published is read later."""
        self._blocked = [] if self._blocked is None else self._blocked

    def clear_alarm(self) -> None:
        blocked, self._blocked = self._blocked or [], None
        for what in blocked:
            what()

    def _route(self, exchange: str, key: str) -> list[Queue]:
        if (exchange, key) not in self._routes:
            self._routes[exchange, key] = list(dict.fromkeys(self._found(exchange, key)))
        return self._routes[exchange, key]

    def _found(self, exchange: str, key: str) -> list[Queue]:
        found: list[Queue] = []
        for binding in self._bindings.get(exchange, {}).values():
            if self._matches(exchange, binding["routing_key"], key):
                to = binding["destination"]
                found += [self.queues[to]] if binding["destination_type"] == "queue" else self._found(to, key)
        return found or self._found_instead(exchange, key)

    def _found_instead(self, exchange: str, key: str) -> list[Queue]:
        """Where an exchange leads what none of its bindings takes."""
        alternate = self._alternates.get(exchange)
        return [] if alternate is None else self._found(alternate, key)

    def _matches(self, exchange: str, pattern: str, key: str) -> bool:
        type = self._exchanges[exchange]["type"]
        return type == "fanout" or pattern == key or (type == "topic" and _fits(pattern.split("."), key.split(".")))

    def _found_alternates(self) -> Iterator[tuple[str, str]]:
        """Alternate exchanges, as an exchange's own arguments say or a policy for it."""
        for name, exchange in self._exchanges.items():
            said = dict(exchange["arguments"])
            for policy in self._policies.values():
                if policy["apply-to"] == "exchanges" and re.search(policy["pattern"], name):
                    said |= policy["definition"]
            if "alternate-exchange" in said:
                yield name, said["alternate-exchange"]


class Connection:
    """One connection: of a worker's process, or of a client of the simulation where there is no process."""

    def __init__(self, broker: Broker, user: str, process: Process | None = None) -> None:
        self.broker = broker
        self.user = user
        self.process = process
        self.channels: list[Channel] = []
        broker.connections.append(self)
        if process is not None:
            process.at_its_end.append(self.lose)

    async def channel(self, **_: Any) -> "Channel":
        if self not in self.broker.connections:
            raise ConnectionClosed(320, "closed")
        return Channel(self)

    async def close(self) -> None:
        """An orderly end: what was sent before still arrives."""
        self._end(unnoticed_seconds=0.0)

    def lose(self) -> None:
        """The broker sees it end; its client does so a little later."""
        late = self.broker.dice.happens(0.3)
        self._end(self.broker.dice.uniform(0, LONGEST_UNNOTICED_SECONDS) if late else self.broker.moment())

    def _end(self, unnoticed_seconds: float) -> None:
        if self in self.broker.connections:
            self.broker.connections.remove(self)
            if self.process is not None:
                self.process.at_its_end.remove(self.lose)
            for channel in self.channels:
                channel.end(unnoticed_seconds)


class Channel:
    """What a client holds of a channel: confirming, and telling of what nobody takes."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.broker = connection.broker
        self.closing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.on_consumer_cancel_callbacks: set[Callable[[Any], Any]] = set()
        self.prefetch = UNLIMITED
        self.last_tag = 0
        self.consumers: list[Consumer] = []
        self._has_ended = False
        # As the client library keeps them, and as the runtime publishes by them.
        self.number, self.max_content_size = 1, 131_064
        self.lock = asyncio.Lock()
        self.write_queue = self
        self.delivery_tag = 0
        self.confirmations: dict[int, asyncio.Future[Any]] = {}
        self.message_id_delivery_tag: dict[str, int] = {}
        self._written = 0
        self._next_arrival_at = 0.0
        connection.channels.append(self)

    @property
    def is_closed(self) -> bool:
        return self.closing.done()

    async def get_underlay_channel(self) -> "Channel":
        return self

    async def queue_declare(self, queue: str, *, passive: bool) -> Any:
        assert passive, "workers may configure nothing"
        await self._asked()
        found = self.broker.queues[queue]
        return SimpleNamespace(message_count=len(found.waiting), consumer_count=len(found.consumers))

    async def basic_qos(self, *, prefetch_count: int) -> None:
        await self._asked()
        self.prefetch = prefetch_count

    async def basic_consume(self, queue: str, take: Take) -> Any:
        await self._asked()
        return SimpleNamespace(consumer_tag=self.consume(self.broker.queues[queue], take).tag)

    def consume(self, queue: Queue, take: Take) -> Consumer:
        consumer = Consumer(f"{queue.name} {len(self.consumers)}", queue, self, take)
        self.consumers.append(consumer)
        queue.consumers.append(consumer)
        queue.wake()
        return consumer

    async def basic_cancel(self, tag: str) -> None:
        """No more for this consumer; what it has in hand it may still acknowledge."""
        await self._asked()
        for consumer in self.consumers:
            if consumer.tag == tag:
                consumer.is_leaving = True
                consumer.acknowledge(0)

    async def basic_ack(self, tag: int, *, multiple: bool) -> None:
        process = self.connection.process
        if process is not None:
            await process.comes_to("before an acknowledgement")
        if self.is_closed:
            raise ChannelInvalidStateError("closed")
        assert multiple
        # Where the broker has given up the channel already, nothing is in hand, and nobody reads this.
        for consumer in self.consumers:
            consumer.acknowledge(tag)
        if process is not None:
            await process.comes_to("after an acknowledgement")

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().create_future()

    async def put(self, written: ChannelFrame) -> None:
        """What is written to the socket: messages one after another on their way, whatever takes how long."""
        process = self.connection.process
        if process is not None:
            await process.comes_to("before a publication")
        if self.is_closed:
            raise ChannelInvalidStateError("closed")
        for message in messages_in(written.payload):
            self._written += 1
            self._next_arrival_at = max(self._next_arrival_at, asyncio.get_running_loop().time()) + self.broker.moment()
            self.broker.later(self._arrive, message, self._written, at=self._next_arrival_at)
        if process is not None:
            await process.comes_to("after a publication")

    def end(self, unnoticed_seconds: float) -> None:
        self._has_ended = True
        for consumer in self.consumers:
            consumer.be_gone()
        self.broker.later(self._notice, at=asyncio.get_running_loop().time() + unnoticed_seconds)

    def _notice(self) -> None:
        if not self.closing.done():
            self.closing.set_result(None)
        for tag in list(self.confirmations):
            self._settle(tag, ConnectionClosed(320, "closed"))

    def lose_consumer(self) -> None:
        """The broker gives up a consumer, as it does when the queue's leader is lost, and says so."""
        for consumer in self.consumers:
            consumer.be_gone()
        for called in self.on_consumer_cancel_callbacks:
            self.broker.later(called, None)

    async def _asked(self) -> None:
        """A question and its answer."""
        if self.connection.process is not None:
            await self.connection.process.takes_its_time()
        if self.is_closed or self._has_ended:
            raise ChannelInvalidStateError("closed")

    def _arrive(self, message: Published, tag: int) -> None:
        self.broker.when_unblocked(lambda: self._take_in(message, tag))

    def _take_in(self, message: Published, tag: int) -> None:
        broker = self.broker
        # What was sent on a connection that has ended since may have been read before.
        if self._has_ended and broker.dice.happens(0.5):
            return
        assert message.user_id == self.connection.user
        error: BaseException | None = broker.publish(message)
        if broker.dice.happens(broker.trouble.lost_confirm):
            self.connection.lose()
        elif broker.dice.happens(broker.trouble.stray_cancellation):
            broker.later(self._settle, tag, asyncio.CancelledError())
        else:
            broker.later(self._settle, tag, error)

    def _settle(self, tag: int, error: BaseException | None) -> None:
        """As the client library completes what waits for a confirm; who is dead hears nothing."""
        confirmation = self.confirmations.pop(tag, None)
        process = self.connection.process
        if confirmation is None or confirmation.done() or (process is not None and not process.alive):
            return
        if isinstance(error, asyncio.CancelledError):
            confirmation.cancel()
        elif error is not None:
            confirmation.set_exception(error)
        else:
            confirmation.set_result(Basic.Ack(tag))


def _fits(pattern: list[str], key: list[str]) -> bool:
    """Whether a key fits a topic's pattern: `*` is one word, `#` any number of them."""
    if not pattern:
        return not key
    if pattern[0] == "#":
        return any(_fits(pattern[1:], key[place:]) for place in range(len(key) + 1))
    return bool(key) and pattern[0] in ("*", key[0]) and _fits(pattern[1:], key[1:])
