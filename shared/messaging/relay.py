"""The relay: publishes what committed turns tell, in order per lane, until the broker has confirmed it."""

import asyncio
import random
from collections import Counter
from collections.abc import Coroutine
from functools import partial
from typing import Any

import structlog
from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

from shared.database import Connection, Database, is_transient
from shared.messaging import outbox
from shared.messaging.broker import BROKER_ERRORS, Channel, channel_of, user_of
from shared.messaging.outbox import Posted
from shared.messaging.patience import patiently
from shared.messaging.publishing import Failure, Landed, NotTaken, OutcomeUnknown, publish_together

log = structlog.get_logger()

# Letters under way to the broker; beyond this, turns wait for the relay instead of filling memory.
MOST_IN_FLIGHT = 2000
# One look into a lane that fell behind.
CATCH_UP_LIMIT = 200
# A letter this old has been forgotten: its turn was committed and nobody heard of it, or whoever wrote it does not
# publish it any more.
STALE_SECONDS = 5.0
SWEEP_SECONDS = 2.0
# What is confirmed within this time is marked together: at some hundred turns a second a mark for each would cost the
# database as much as a statement more in every turn. What a crash leaves unmarked is published again.
MARK_SECONDS = 0.05
CHANNEL_PATIENCE_SECONDS = 10.0


class LaneBlocked(Exception):
    """The oldest letter of a lane was not taken; the lane is tried again later."""


class Relay:
    """One relay per worker: it is handed what a turn committed, and finds for itself what a crash left.

    When a letter is not taken, its lane goes back to the oldest unconfirmed one and waits; all other lanes flow. What
    is found in the outbox is published by one replica alone: the one that has taken up the bucket of its subject.
    """

    def __init__(self, *, broker_url: str, database_url: str, service: str) -> None:
        self._broker_url = broker_url
        self._database = Database(database_url)
        self._service = service
        self._user_id = user_of(broker_url)
        self._channel: Channel | None = None
        self._channel_ready = asyncio.Event()
        self._channel_broken = asyncio.Event()
        self._connection_lock = asyncio.Lock()
        self._in_flight: Counter[str] = Counter()
        self._landed = asyncio.Event()
        self._behind: dict[str, bool] = {}
        self._buckets: Counter[str] = Counter()
        self._confirmed: list[int] = []
        self._confirmed_some = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def hand_over(self, posted: list[Posted]) -> None:
        """Publish these now; they are committed, in this order. A lane that is behind will come to them by itself."""
        flowing: list[Posted] = []
        for one in posted:
            lane = one.letter.lane
            if lane in self._behind:
                self._behind[lane] = True
            elif self._channel is None:
                self._fall_behind(lane)
            else:
                self._in_flight[lane] += 1
                flowing.append(one)
        if flowing and self._channel is not None:
            self._spawn(self._publish(self._channel, flowing, partial(self._land, flowing)))

    async def take_up(self, buckets: list[str]) -> None:
        """See to what is told of subjects in these buckets from now on, after all that others left unpublished."""
        self._buckets.update(buckets)
        for lane in await patiently(partial(self._list_waiting_lanes, buckets), lambda: False) or []:
            self._fall_behind(lane)

    def let_go(self, buckets: list[str]) -> None:
        """Leave to others what is not published yet of what was told of subjects in these buckets."""
        self._buckets.subtract(buckets)

    async def room(self) -> None:
        """Wait until not too much is under way."""
        while self._in_flight.total() >= MOST_IN_FLIGHT:
            await self._next_landing()

    async def settled(self, within_seconds: float) -> bool:
        """Wait until what was handed over by now is confirmed and marked; says whether it came to that in time."""
        try:
            async with asyncio.timeout(within_seconds):
                if self._tasks:
                    await asyncio.wait(set(self._tasks))
                await self._mark_now()
        except Exception as error:
            if not is_transient(error):
                raise
            return False
        return True

    async def run(self) -> None:
        """Keep a channel open, mark what is confirmed, and sweep; ends only by cancellation."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_channel())
            tasks.create_task(self._mark_confirmed())
            tasks.create_task(self._sweep())

    async def _keep_channel(self) -> None:
        while True:
            try:
                async with channel_of(self._broker_url, f"{self._service} relay") as channel:
                    await self._use(channel)
            except BROKER_ERRORS as error:
                log.warning("relay starts anew", reason=str(error) or repr(error))
                # Many workers lose one broker at the same moment and must not all come back at the same moment.
                await asyncio.sleep(random.uniform(0.1, 1.0))  # noqa: S311

    async def _use(self, channel: Channel) -> None:
        """Publish on this channel until it is broken."""
        self._channel, self._channel_broken = channel, (broken := asyncio.Event())
        channel.closing.add_done_callback(lambda _: broken.set())
        self._channel_ready.set()
        try:
            await broken.wait()
        finally:
            self._channel_ready.clear()
            self._channel = None
        log.warning("relay lost its channel")

    def _land(self, posted: list[Posted], place: int, failure: Failure) -> None:
        lane = posted[place].letter.lane
        if failure is not None and lane not in self._behind:
            log.warning("lane blocked", lane=lane, reason=str(failure))
            self._fall_behind(lane)
        self._in_flight[lane] -= 1
        if not self._in_flight[lane]:
            del self._in_flight[lane]
        self._landed.set()

    async def _publish(self, channel: Channel, posted: list[Posted], landed: Landed) -> None:
        def land(place: int, failure: Failure) -> None:
            if failure is None:
                self._confirmed.append(posted[place].position)
                self._confirmed_some.set()
            elif isinstance(failure, OutcomeUnknown) and channel is self._channel:
                # A channel that left one outcome open is not trusted with another message.
                self._channel_broken.set()
            landed(place, failure)

        await publish_together(channel, [one.letter for one in posted], self._user_id, land)

    async def _next_landing(self) -> None:
        self._landed.clear()
        await self._landed.wait()

    def _fall_behind(self, lane: str) -> None:
        """From now on the lane is read from the outbox, oldest first, until nothing waits in it."""
        if lane not in self._behind:
            self._spawn(self._catch_up(lane))
        self._behind[lane] = True

    async def _catch_up(self, lane: str) -> None:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(LaneBlocked), wait=wait_random_exponential(multiplier=0.2, max=5.0)
        ):
            with attempt:
                await self._publish_waiting(lane)
        log.info("lane caught up", lane=lane)

    async def _publish_waiting(self, lane: str) -> None:
        while lane in self._in_flight:
            await self._next_landing()
        try:
            async with asyncio.timeout(CHANNEL_PATIENCE_SECONDS):
                await self._channel_ready.wait()
            # Where a queue has room for one now and then, letters sent together would overtake each other.
            at_once = 1
            while self._behind[lane]:
                self._behind[lane] = False
                while waiting := await self._read_lane(lane):
                    for first in range(0, len(waiting), at_once):
                        await self._publish_in_order(waiting[first : first + at_once])
                    at_once = CATCH_UP_LIMIT
            del self._behind[lane]
        except Exception as error:
            self._behind[lane] = True
            if not (isinstance(error, NotTaken | OutcomeUnknown | TimeoutError) or is_transient(error)):
                log.exception("lane cannot be read", lane=lane)
            raise LaneBlocked(lane) from error

    async def _read_lane(self, lane: str) -> list[Posted]:
        async with self._connection_lock, self._database.connection() as connection:
            await self._mark(connection)
            return await outbox.find_waiting(connection, lane, self._held_buckets, CATCH_UP_LIMIT)

    async def _publish_in_order(self, waiting: list[Posted]) -> None:
        """All of them at once on one channel; the first failure is raised when every outcome is known."""
        channel = self._channel
        if channel is None:
            raise OutcomeUnknown("no channel")
        failures: list[NotTaken | OutcomeUnknown] = []
        await self._publish(channel, waiting, lambda _, failure: failures.append(failure) if failure else None)
        for failure in failures:
            raise failure

    async def _mark_confirmed(self) -> None:
        while True:
            await self._confirmed_some.wait()
            await asyncio.sleep(MARK_SECONDS)
            self._confirmed_some.clear()
            try:
                await self._mark_now()
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("could not mark what is published", error=type(error).__name__)
                self._confirmed_some.set()
                await asyncio.sleep(0.5)

    async def _mark_now(self) -> None:
        async with self._connection_lock, self._database.connection() as connection:
            await self._mark(connection)

    async def _mark(self, connection: Connection) -> None:
        if positions := self._confirmed[:]:
            await outbox.mark_published(connection, positions)
            del self._confirmed[: len(positions)]

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                lanes = await self._list_waiting_lanes(self._held_buckets, STALE_SECONDS)
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("could not sweep the outbox", error=type(error).__name__)
            else:
                # Also where letters are under way, which land first: a lane busy at every look has its turn too.
                for lane in lanes:
                    self._fall_behind(lane)

    async def _list_waiting_lanes(self, buckets: list[str], older_than_seconds: float = 0.0) -> list[str]:
        async with self._connection_lock, self._database.connection() as connection:
            return await outbox.list_waiting_lanes(connection, buckets, older_than_seconds)

    @property
    def _held_buckets(self) -> list[str]:
        return list(+self._buckets)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("relay task failed", exc_info=error)
