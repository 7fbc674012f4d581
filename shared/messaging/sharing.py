"""The share of one replica: which shards it consumes, for as long as its leases last."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from uuid import UUID

import structlog

from shared.database import Connection, Database, is_transient
from shared.messaging import leases, topology
from shared.messaging.broker import CLOSE_SECONDS
from shared.messaging.consumer import Consumer
from shared.messaging.leases import Shard
from shared.messaging.patience import patiently, rest
from shared.messaging.relay import Relay

log = structlog.get_logger()

RENEW_SECONDS = 1.0
# A shard whose holder died is free after this; another replica's look and its connection come on top, and all of it
# stays well below ten seconds on a busy machine. What a frozen holder has in hand is back in the queue after three
# heartbeats at the most: about as long, and until then the broker lets no other consumer begin.
LEASE_SECONDS = 6.0
# Time to publish what was told before a shard is handed over; what is not taken by then, the next holder publishes.
SETTLE_SECONDS = 2.0


@dataclass(eq=False, slots=True)
class Serving:
    """One shard that is consumed here, since when it is known that nothing comes into it any more, and how it ends."""

    shard: Shard
    consumer: Consumer
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    superseded_at: float = inf
    task: "asyncio.Task[None]" = field(init=False)

    @property
    def is_drained(self) -> bool:
        """Whether somebody looked into the queue after the last message had come, and found it empty."""
        return self.consumer.found_empty_at > self.superseded_at


class Share:
    """Consumes a fair share of the shards of a service.

    Whenever a replica joins or leaves, who holds too many finishes what it has in hand of one, and hands it over. Who
    cannot renew its leases stops consuming before they run out.
    """

    def __init__(self, *, name: str, database_url: str, relay: Relay, consumer_of: Callable[[Shard], Consumer]) -> None:
        self._name = name
        self._database = Database(database_url)
        self._relay = relay
        self._consumer_of = consumer_of
        self._serving: dict[Shard, Serving] = {}
        self._one_ended = asyncio.Event()

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until told to stop, and hand everything over."""
        replica = await patiently(self._succeed, stopping.is_set)
        if replica is None:
            return
        self._id = replica
        while True:
            try:
                async with asyncio.timeout(None) as lease, asyncio.TaskGroup() as consuming:
                    try:
                        await self._take_part(lease, consuming, stopping)
                        return
                    finally:
                        # Cancelled they are too; but a cancellation can get lost in a client on its way out.
                        for serving in self._serving.values():
                            serving.stopping.set()
            except TimeoutError:
                log.warning("leases could not be renewed: nothing is consumed until they can be")
                self._serving.clear()
                if stopping.is_set():
                    return

    async def _succeed(self) -> UUID:
        async with self._database.connection() as connection:
            return await leases.succeed(connection, self._name)

    async def _take_part(self, lease: asyncio.Timeout, consuming: asyncio.TaskGroup, stopping: asyncio.Event) -> None:
        while True:
            asked_at = asyncio.get_running_loop().time()
            leaving = stopping.is_set()
            ended = [serving for serving in self._serving.values() if serving.task.done()]
            try:
                held, kept, superseded = await self._divide(ended, leaving=leaving)
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("leases not renewed", error=type(error).__name__)
            else:
                lease.reschedule(asked_at + LEASE_SECONDS - CLOSE_SECONDS if held else None)
                for serving in ended:
                    del self._serving[serving.shard]
                self._follow(held, kept, consuming)
                if superseded:
                    self._stop_drained(kept)
                if leaving and not self._serving:
                    return
            await rest(RENEW_SECONDS, self._one_ended, *(() if leaving else (stopping,)))
            self._one_ended.clear()

    async def _divide(self, ended: list[Serving], *, leaving: bool) -> tuple[set[Shard], set[Shard], bool]:
        """Free what has ended; tells which shards are held, which of them are kept, and whether newer ones wait.

        What has ended is freed before anything is claimed: so it may be claimed anew, and what is claimed stays held.
        """
        async with self._database.connection() as connection, connection.transaction():
            await leases.delete_drained(connection, self._id, [one.shard for one in ended if one.is_drained])
            await leases.release(connection, self._id, [one.shard for one in ended])
            held = await leases.renew(connection, self._id, LEASE_SECONDS)
            if leaving:
                await leases.delete_presence(connection, self._id)
                kept, superseded = set[Shard](), False
            else:
                kept, superseded = await self._take_share(connection, held)
            await leases.release(connection, self._id, held - kept - self._serving.keys())
        return held | kept, kept, superseded

    async def _take_share(self, connection: Connection, held: set[Shard]) -> tuple[set[Shard], bool]:
        """Which shards are to be consumed here from now on, and whether those of a newer generation wait for them."""
        await leases.save_presence(connection, self._id, self._name, LEASE_SECONDS)
        division = await leases.find_division(connection, self._id)
        if division is None:
            return set(), False
        ours = {shard for shard in held if shard.generation == division.generation}
        missing = division.fair_share - len(ours)
        if missing > 0:
            ours |= await leases.claim_free(connection, self._id, division.generation, missing, LEASE_SECONDS)
        # What is being emptied for good is not handed over any more: that would only delay its end.
        elif missing < 0 and not division.superseded:
            ours = set(sorted(ours)[: division.fair_share])
        return ours, division.superseded

    def _follow(self, held: set[Shard], kept: set[Shard], consuming: asyncio.TaskGroup) -> None:
        """Begin, hand over, and drop at once what another has taken meanwhile."""
        for shard, serving in self._serving.items():
            if shard not in held:
                serving.stopping.set()
                serving.task.cancel()
            elif shard not in kept:
                serving.stopping.set()
        for shard in sorted(kept - self._serving.keys()):
            serving = self._serving[shard] = Serving(shard, self._consumer_of(shard))
            serving.task = consuming.create_task(self._serve(serving))
            serving.task.add_done_callback(lambda _: self._one_ended.set())

    def _stop_drained(self, kept: set[Shard]) -> None:
        for shard in kept:
            serving = self._serving[shard]
            serving.superseded_at = min(serving.superseded_at, asyncio.get_running_loop().time())
            if serving.is_drained:
                serving.stopping.set()

    async def _serve(self, serving: Serving) -> None:
        buckets = topology.buckets_of(serving.shard.number, serving.shard.shards)
        try:
            await self._relay.take_up(buckets)
            await serving.consumer.run(serving.stopping)
            await self._relay.settled(SETTLE_SECONDS)
        finally:
            self._relay.let_go(buckets)
