"""The replayer: tries parked subjects again when they are due, one at a time."""

import asyncio

import structlog
from tenacity import AsyncRetrying, retry_if_exception, wait_random_exponential

from shared.database import Connection, Database, is_transient
from shared.messaging import parking
from shared.messaging.inbox import TakenMeanwhile
from shared.messaging.parking import Blocker
from shared.messaging.relay import Relay
from shared.messaging.turn import Turn, Turned

log = structlog.get_logger()

# What another worker parked, or an operator released, is noticed after this at the latest.
LOOK_SECONDS = 1.0


class Replayer:
    """Runs beside the consumers of a worker; any worker of a service may replay any of its subjects."""

    def __init__(self, *, database_url: str, turn: Turn, relay: Relay) -> None:
        self._database = Database(database_url)
        self._turn = turn
        self._relay = relay
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something was parked or may be tried again; look at once."""
        self._woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Replay what falls due until told to stop; the replay in hand is finished."""
        while not stopping.is_set():
            pause_seconds = LOOK_SECONDS
            async for attempt in AsyncRetrying(
                retry=retry_if_exception(_is_worth_repeating),
                wait=wait_random_exponential(multiplier=0.1, max=5.0),
                stop=lambda _: stopping.is_set(),
            ):
                with attempt:
                    pause_seconds = await self._replay_all_due(stopping)
            await self._rest(pause_seconds, stopping)

    async def _replay_all_due(self, stopping: asyncio.Event) -> float:
        async with self._database.connection() as connection:
            while not stopping.is_set() and (blocker := await parking.claim_due(connection)) is not None:
                turned = await self._replay(connection, blocker)
                self._relay.hand_over(turned.posted)
                await self._relay.room()
            due_in_seconds = await parking.seconds_until_due(connection)
        return LOOK_SECONDS if due_in_seconds is None else max(0.0, min(due_in_seconds, LOOK_SECONDS))

    async def _replay(self, connection: Connection, blocker: Blocker) -> Turned:
        """All that waits at once; where the database refuses that, the first alone, which then bears the blame."""
        try:
            return await self._turn.replay(connection, blocker)
        except Exception as error:
            if _is_worth_repeating(error):
                raise
        try:
            return await self._turn.replay(connection, blocker, limit=1)
        except Exception as error:
            if _is_worth_repeating(error):
                raise
            log.exception("replay failed", subject=blocker.subject, attempts=blocker.attempts)
            reason = f"{type(error).__name__}: {error}"[:2000]
            now = await connection.fetchval("SELECT clock_timestamp()")
            await parking.update_blocker(connection, parking.failed(blocker.subject, reason, blocker.attempts, now))
            return Turned([])

    async def _rest(self, seconds: float, stopping: asyncio.Event) -> None:
        """Until it is time, or somebody wakes us, or it is over."""
        waits = [asyncio.create_task(self._woken.wait()), asyncio.create_task(stopping.wait())]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        self._woken.clear()


def _is_worth_repeating(error: BaseException) -> bool:
    return isinstance(error, TakenMeanwhile) or is_transient(error)
