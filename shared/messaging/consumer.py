"""The consumer of one shard: takes what waits, has it decided, and only then acknowledges it."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from math import inf

import structlog
from aiormq.abc import DeliveredMessage

from shared.database import Connection, Database
from shared.messaging.arrivals import Arrival, Dead, Readable
from shared.messaging.broker import BROKER_ERRORS, Channel, Lost, arrival_of, channel_of, look_into
from shared.messaging.patience import patiently
from shared.messaging.relay import Relay
from shared.messaging.turn import LONGEST_ERROR, Turn, Turned

log = structlog.get_logger()

# Enough to share the cost of a commit; more only makes the first of them wait for the last.
BATCH_LIMIT = 256
# One batch in hand and most of the next on its way.
PREFETCH = 400
# A message that came back this often is decided alone, so that what it does harms no other.
ALONE_AFTER_RETURNS = 3
# One that came back this often is parked without being decided; replays charge their attempts to it alone.
SUSPECT_AFTER_RETURNS = 10
# A turn is bounded far below the broker's acknowledgement timeout of 30 minutes.
TURN_SECONDS = 60.0
WATCH_SECONDS = 1.0
# What waits and is not delivered in so many looks will not be: a broker delivers at once what a consumer has room for.
# A consumer that was frozen, behind which this one waits, is gone for the broker before that.
LOOKS_IN_VAIN = 8
# For each word with the broker about a channel; it answers in milliseconds.
BROKER_SECONDS = 10.0

Wake = Callable[[], None]
Taken = tuple[Arrival, Readable | Dead]


class Consumer:
    """Consumes one shard queue until told to stop; a lost channel, consumer or database connection is made anew.

    `found_empty_at` is when, by the loop's clock, the last look into the queue began, if it found the queue empty and
    nothing was in hand.
    """

    def __init__(
        self, *, queue: str, broker_url: str, database_url: str, turn: Turn, relay: Relay, wake_replayer: Wake
    ) -> None:
        self._queue = queue
        self._broker_url = broker_url
        self._database = Database(database_url)
        self._turn = turn
        self._relay = relay
        self._wake_replayer = wake_replayer
        self.found_empty_at = -inf

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume session after session. Ends when told to stop, with all that was taken decided and acknowledged."""
        try:
            while not stopping.is_set():
                try:
                    async with channel_of(self._broker_url, self._queue) as channel:
                        await Session(self, self._queue, channel, stopping).run()
                except (Lost, *BROKER_ERRORS) as error:
                    self.found_empty_at = -inf
                    log.warning("consumer starts anew", queue=self._queue, reason=str(error) or repr(error))
                    # Many consumers lose one broker at the same moment and must not all come back at the same moment.
                    await asyncio.sleep(random.uniform(0.1, 1.0))  # noqa: S311
        finally:
            self._database.disconnect()

    def read(self, arrival: Arrival) -> Readable | Dead:
        return self._turn.read(arrival)

    async def decide(self, taken: list[Taken], channel: Channel) -> None:
        """Have these decided in as few turns as can be, and acknowledge each turn once it is committed.

        Raises Lost when the channel is gone, and with it the messages.
        """
        for group in _groups(taken):
            parts = [group]
            while parts:
                part = parts.pop(0)
                try:
                    turned = await self._committed(partial(self._turn_over, part), channel)
                except Lost:
                    raise
                except Exception as error:  # noqa: BLE001 - whatever it is, the culprit is found by halving
                    if len(part) > 1:
                        parts[:0] = [part[: len(part) // 2], part[len(part) // 2 :]]
                        continue
                    turned = await self._committed(partial(self._set_aside, part[0], error), channel)
                self._relay.hand_over(turned.posted)
                if turned.replay_is_due:
                    self._wake_replayer()
                async with asyncio.timeout(BROKER_SECONDS):
                    await channel.basic_ack(part[-1][0].delivery_tag, multiple=True)
        await self._relay.room()

    async def _committed(self, work: Callable[[Connection], Awaitable[Turned]], channel: Channel) -> Turned:
        """What one transaction leaves, repeated while the messages are still ours. Raises Lost when they are not."""

        async def transaction() -> Turned:
            async with asyncio.timeout(TURN_SECONDS), self._database.connection() as connection:
                return await work(connection)

        turned = await patiently(transaction, lambda: channel.is_closed)
        if turned is None:
            raise Lost("channel closed in the middle of a turn")
        return turned

    async def _turn_over(self, part: list[Taken], connection: Connection) -> Turned:
        arrival, message = part[0]
        if arrival.returns >= SUSPECT_AFTER_RETURNS and isinstance(message, Readable):
            error = f"came back undecided {arrival.returns} times"
            return await self._turn.set_aside(connection, message, error)
        return await self._turn.take(connection, [message for _, message in part])

    async def _set_aside(self, taken: Taken, error: Exception, connection: Connection) -> Turned:
        _, message = taken
        log.error("set aside", id=str(message.key[0]), exc_info=error)
        if isinstance(message, Dead):
            raise error
        return await self._turn.set_aside(connection, message, f"{type(error).__name__}: {error}"[:LONGEST_ERROR])


class Session:
    """One channel consuming one queue, until it is lost or told to stop."""

    def __init__(self, consumer: Consumer, queue: str, channel: Channel, stopping: asyncio.Event) -> None:
        self._consumer = consumer
        self._queue = queue
        self._channel = channel
        self._stopping = stopping
        self._arrived: asyncio.Queue[Arrival] = asyncio.Queue()
        self._arrivals = 0
        self._decided = 0
        self._changed = asyncio.Event()
        self._lost_because: str | None = None

    async def run(self) -> None:
        """Raises Lost when channel or consumer are gone; returns when told to stop and all in hand is decided."""
        channel = self._channel
        channel.closing.add_done_callback(lambda _: self._lose("channel closed"))
        channel.on_consumer_cancel_callbacks.add(lambda _: self._lose("consumer cancelled by the broker"))
        async with asyncio.timeout(BROKER_SECONDS):
            await channel.basic_qos(prefetch_count=PREFETCH)
            consuming = await channel.basic_consume(self._queue, self._arrive)
        log.info("consuming", queue=self._queue)
        watching = [asyncio.create_task(self._watch_for_stop()), asyncio.create_task(self._watch_queue())]
        try:
            while await self._something_to_do():
                taken = self._take_waiting()
                await self._consumer.decide(taken, channel)
                self._decided += len(taken)
            if self._lost_because:
                raise Lost(self._lost_because)
            async with asyncio.timeout(BROKER_SECONDS):
                await channel.basic_cancel(consuming.consumer_tag or "")
            # What the broker sent before it heard of the cancel is still ours to finish.
            while not self._arrived.empty():
                await self._consumer.decide(self._take_waiting(), channel)
        finally:
            for task in watching:
                task.cancel()

    async def _arrive(self, message: DeliveredMessage) -> None:
        self._arrived.put_nowait(arrival_of(message))
        self._arrivals += 1
        self._changed.set()

    async def _something_to_do(self) -> bool:
        while self._lost_because is None and not self._stopping.is_set():
            if not self._arrived.empty():
                return True
            self._changed.clear()
            await self._changed.wait()
        return False

    def _take_waiting(self) -> list[Taken]:
        count = min(self._arrived.qsize(), BATCH_LIMIT)
        arrivals = [self._arrived.get_nowait() for _ in range(count)]
        return [(arrival, self._consumer.read(arrival)) for arrival in arrivals]

    def _lose(self, reason: str) -> None:
        self._lost_because = self._lost_because or reason
        self._changed.set()

    async def _watch_for_stop(self) -> None:
        await self._stopping.wait()
        self._changed.set()

    async def _watch_queue(self) -> None:
        """A consumer can die without a word: that messages wait and nobody consumes, or none is delivered, is the sign.

        A queue is empty if this consumer is its only one, nothing waits or is in hand, and nothing came since the look
        before: what is on its way from the broker is in neither count.
        """
        arrivals_before, looks_in_vain = -1, 0
        try:
            async with asyncio.timeout(BROKER_SECONDS):
                watching = await self._channel.connection.channel()
            while True:
                looked_at = asyncio.get_running_loop().time()
                waiting, consumers = await look_into(watching, self._queue)
                if waiting and not consumers:
                    return self._lose("messages wait and nobody consumes")
                nothing_moves = arrivals_before == self._arrivals == self._decided
                looks_in_vain = looks_in_vain + 1 if waiting and nothing_moves else 0
                if looks_in_vain == LOOKS_IN_VAIN:
                    return self._lose("messages wait and none is delivered")
                is_empty = nothing_moves and not waiting and consumers == 1
                self._consumer.found_empty_at = looked_at if is_empty else -inf
                arrivals_before = self._arrivals
                await asyncio.sleep(WATCH_SECONDS)
        except (Lost, *BROKER_ERRORS) as error:
            self._lose(str(error) or repr(error))
        except asyncio.CancelledError:
            # By a client in trouble too: nobody would notice any more that nothing comes.
            self._lose("the watch has ended")
            raise


def _groups(taken: list[Taken]) -> Iterator[list[Taken]]:
    """Messages that came back too often stand alone; all others stay together, in order."""
    group: list[Taken] = []
    for one in taken:
        if one[0].returns >= ALONE_AFTER_RETURNS:
            if group:
                yield group
            yield [one]
            group = []
        else:
            group.append(one)
    if group:
        yield group
