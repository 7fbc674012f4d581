"""The replayer: tries parked messages again when their line is due, one line at a time."""

import asyncio
from functools import partial

import structlog

from shared.database import Connection, Database
from shared.messaging import parking
from shared.messaging.parking import Blocker
from shared.messaging.patience import is_worth_repeating, patiently, rest
from shared.messaging.relay import Relay
from shared.messaging.turn import LONGEST_ERROR, Turn, Turned

log = structlog.get_logger()

# What another worker parked, or an operator released, is noticed after this at the latest.
LOOK_SECONDS = 1.0


class Replayer:
    """Runs beside the consumers of a worker; any worker of a service may replay any of its lines."""

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
            claimed = await patiently(self._claim, stopping.is_set)
            if isinstance(claimed, Blocker):
                # The attempt is counted already: what is tried again for the database's sake is still the same one.
                turned = await patiently(partial(self._replay, claimed), stopping.is_set) or Turned([])
                self._relay.hand_over(turned.posted)
                await self._relay.room()
            elif claimed is not None:
                await rest(claimed, self._woken, stopping)
                self._woken.clear()

    async def _claim(self) -> Blocker | float:
        """The line that is due, or how long there is until one is."""
        async with self._database.connection() as connection:
            if (blocker := await parking.claim_due(connection)) is not None:
                return blocker
            due_in_seconds = await parking.seconds_until_due(connection)
        return LOOK_SECONDS if due_in_seconds is None else max(0.0, min(due_in_seconds, LOOK_SECONDS))

    async def _replay(self, blocker: Blocker) -> Turned:
        """All that waits at once; where the database refuses that, the first alone, which then bears the blame.

        One that has killed every worker that tried it is not tried again: it is stuck.
        """
        async with self._database.connection() as connection:
            if parking.spent(blocker):
                return await self._blame(connection, blocker, blocker.error or "every attempt ended with its worker")
            try:
                return await self._turn.replay(connection, blocker)
            except Exception as error:
                if is_worth_repeating(error):
                    raise
            try:
                return await self._turn.replay(connection, blocker, limit=1)
            except Exception as error:
                if is_worth_repeating(error):
                    raise
                log.exception("replay failed", subject=blocker.line.subject, attempts=blocker.attempts)
                return await self._blame(connection, blocker, f"{type(error).__name__}: {error}"[:LONGEST_ERROR])

    async def _blame(self, connection: Connection, blocker: Blocker, reason: str) -> Turned:
        now = await connection.fetchval("SELECT clock_timestamp()")
        await parking.update_blocker(connection, parking.failed(blocker.line, reason, blocker.attempts, now))
        return Turned([])
