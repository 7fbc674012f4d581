"""A worker as a process: wiring, start, and an orderly end."""

import asyncio
import faulthandler
import gc
import signal
import sys
from dataclasses import dataclass
from typing import Protocol

import structlog
import uvloop

from shared import logs
from shared.messaging import topology
from shared.messaging.consumer import Consumer
from shared.messaging.directory import Directory
from shared.messaging.intake import Intake
from shared.messaging.leases import Shard
from shared.messaging.letters import Correspondence
from shared.messaging.relay import Relay
from shared.messaging.replayer import Replayer
from shared.messaging.routes import Handlers
from shared.messaging.sharing import Share
from shared.messaging.side_work import SideWork, SideWorker
from shared.messaging.turn import Turn
from shared.settings import WorkerSettings

log = structlog.get_logger()

# A few MiB of them; what lives longer is looked at more rarely still.
OBJECTS_BETWEEN_SEARCHES = 50_000


class Door(Protocol):
    """A way into a worker beside the broker: what comes through it is given to the intake, until told to stop."""

    async def run(self, intake: Intake, stopping: asyncio.Event) -> None: ...


@dataclass(frozen=True, slots=True)
class Service:
    """What a worker is made of: its handlers, its settings, its work without messages, and its other ways in."""

    handlers: Handlers
    settings: WorkerSettings
    side_work: tuple[SideWork, ...] = ()
    doors: tuple[Door, ...] = ()


def run(service: Service) -> None:
    """Run a worker until SIGTERM or SIGINT; ends the process with 0 when all work in hand was finished in time."""
    logs.set_up(service.handlers.service, service.settings.log_level)
    # What is there by now stays for good: to look through it again and again would stop all turns for tens of ms.
    gc.freeze()
    # Of a turn next to nothing is in a cycle, and what is not is freed at once. To search for cycles after every 700
    # objects, as Python does unless told, takes a tenth of a busy worker's time.
    gc.set_threshold(OBJECTS_BETWEEN_SEARCHES)
    sys.exit(uvloop.run(_run(service)))


async def _run(service: Service) -> int:
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    log.info("starting", replica=service.settings.replica)
    proving = asyncio.create_task(_prove_not_stuck(service.settings.stuck_seconds))
    working = asyncio.create_task(work(service, stopping))
    await asyncio.wait([working, asyncio.create_task(stopping.wait())], return_when=asyncio.FIRST_COMPLETED)
    stopping.set()
    try:
        async with asyncio.timeout(service.settings.drain_seconds):
            await working
    except TimeoutError:
        log.error("not drained in time; what is undecided goes back to the queue")
        return 1
    finally:
        proving.cancel()
        faulthandler.cancel_dump_traceback_later()
    log.info("drained")
    return 0


async def _prove_not_stuck(stuck_seconds: float) -> None:
    """Put the process's end off for as long as its tasks take turns.

    A rule that never returns stops everything else, and no task could end it: the process prints where it hangs and
    ends with status 1, as after a crash, and the message that did it is found like one that kills.
    """
    while True:
        faulthandler.dump_traceback_later(stuck_seconds, exit=True)
        await asyncio.sleep(stuck_seconds / 5)


async def work(service: Service, stopping: asyncio.Event) -> None:
    """All parts of a worker side by side; returns after `stopping` is set and everything in hand is finished."""
    handlers, settings = service.handlers, service.settings
    database_url, broker_url = (
        settings.database_url.get_secret_value(),
        settings.broker_url.get_secret_value(),
    )
    directory = Directory()
    correspondence = Correspondence(handlers.service, directory)
    turn = Turn(handlers, directory, correspondence)
    relay = Relay(broker_url=broker_url, database_url=database_url, service=handlers.service)
    replayer = Replayer(database_url=database_url, turn=turn, relay=relay)

    def consumer_of(shard: Shard) -> Consumer:
        return Consumer(
            queue=topology.shard_queue(handlers.service, shard.generation, shard.number),
            broker_url=broker_url,
            database_url=database_url,
            turn=turn,
            relay=relay,
            wake_replayer=replayer.wake,
        )

    share = Share(name=settings.replica, database_url=database_url, relay=relay, consumer_of=consumer_of)
    side_workers = [
        SideWorker(one, database_url=database_url, directory=directory, correspondence=correspondence, relay=relay)
        for one in service.side_work
    ]
    intake = Intake(handlers=handlers, database_url=database_url, turn=turn, relay=relay)
    async with asyncio.TaskGroup() as tasks:
        relaying = tasks.create_task(relay.run())
        async with asyncio.TaskGroup() as deciding:
            parts: list[Share | Replayer | SideWorker] = [share, replayer, *side_workers]
            for part in parts:
                deciding.create_task(part.run(stopping))
            for door in service.doors:
                deciding.create_task(door.run(intake, stopping))
        if not await relay.settled(settings.drain_seconds / 2):
            log.warning("some letters stay in the outbox for the next worker")
        relaying.cancel()
