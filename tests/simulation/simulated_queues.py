"""Quorum queues as RabbitMQ keeps them: what comes back goes to the head, in order, counted; one consumer is active."""

from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from pamqp import frame

if TYPE_CHECKING:
    from tests.simulation.simulated_broker import Channel

Take = Callable[[Any], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Published:
    """A message as it was published."""

    body: bytes
    exchange: str
    routing_key: str
    user_id: str
    message_id: str
    headers: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Queue:
    """A quorum queue: what comes back goes to its head, in order, counted."""

    name: str
    limit: int | None = None
    is_bound: bool = True
    waiting: deque[tuple[Published, int]] = field(default_factory=deque)
    consumers: list["Consumer"] = field(default_factory=list)

    @property
    def active(self) -> "Consumer | None":
        """A single active consumer: the others wait until it is gone."""
        return next((consumer for consumer in self.consumers if not consumer.is_leaving), None)

    def wake(self) -> None:
        if (active := self.active) is not None:
            active.wake()

    @property
    def length(self) -> int:
        return len(self.waiting) + sum(len(consumer.in_hand) for consumer in self.consumers)


@dataclass(slots=True, eq=False)
class Consumer:
    """One client that reads a queue, and what it has not acknowledged yet; one that is leaving gets nothing more."""

    tag: str
    queue: Queue
    channel: "Channel"
    take: Take
    in_hand: deque[tuple[int, Published, int]] = field(default_factory=deque)
    is_leaving: bool = False
    _is_awake: bool = False

    def wake(self) -> None:
        if not self._is_awake:
            self._is_awake = True
            self.channel.broker.later(self._deliver)

    def acknowledge(self, up_to: int) -> None:
        while self.in_hand and self.in_hand[0][0] <= up_to:
            self.in_hand.popleft()
        if self.is_leaving and not self.in_hand:
            self.be_gone()
        self.queue.wake()

    def be_gone(self) -> None:
        """What it has in hand goes back."""
        if self in self.queue.consumers:
            self.queue.consumers.remove(self)
        self.queue.waiting.extendleft((message, returns + 1) for _, message, returns in reversed(self.in_hand))
        self.in_hand.clear()
        self.queue.wake()

    def _deliver(self) -> None:
        """Some of what waits, in order."""
        self._is_awake = False
        queue, channel = self.queue, self.channel
        if self is not queue.active:
            return
        room = min(len(queue.waiting), channel.prefetch - len(self.in_hand))
        for _ in range(channel.broker.dice.randint(1, room) if room > 0 else 0):
            message, returns = queue.waiting.popleft()
            channel.last_tag += 1
            self.in_hand.append((channel.last_tag, message, returns))
            channel.broker.hand(self.take(_delivered(message, returns, channel.last_tag)))
        if queue.waiting and len(self.in_hand) < channel.prefetch:
            self.wake()


def messages_in(written: bytes) -> Iterator[Published]:
    """The messages in what a client has written to its socket (AMQP 0-9-1, section 2.3.5)."""
    frames = _frames_in(written)
    for publish in frames:
        header, body = next(frames), b""
        while len(body) < header.body_size:
            body += next(frames).value
        properties = header.properties
        assert publish.mandatory and properties.delivery_mode == 2
        about = (publish.exchange, publish.routing_key, properties.user_id, properties.message_id)
        yield Published(body, *about, dict(properties.headers or {}))


def _frames_in(written: bytes) -> Iterator[Any]:
    while written:
        length, _, found = frame.unmarshal(written)
        yield found
        written = written[length:]


def _delivered(message: Published, returns: int, tag: int) -> Any:
    """As the client library hands it to a consumer."""
    headers = {**message.headers, "x-delivery-count": returns} if returns else message.headers
    properties = SimpleNamespace(user_id=message.user_id, headers=headers, message_id=message.message_id)
    return SimpleNamespace(
        body=message.body,
        header=SimpleNamespace(properties=properties),
        redelivered=returns > 0,
        exchange=message.exchange,
        routing_key=message.routing_key,
        delivery_tag=tag,
    )
