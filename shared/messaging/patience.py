"""Trying again while the reason lies with the database and not with the work."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from tenacity import AsyncRetrying, RetryCallState, RetryError, retry_if_exception, wait_random_exponential

from shared.database import is_transient
from shared.messaging.inbox import TakenMeanwhile

log = structlog.get_logger()

# Long enough for a server to be restarted, and short enough that work goes on within seconds of its return.
LONGEST_PAUSE_SECONDS = 5.0

T = TypeVar("T")


async def patiently(work: Callable[[], Awaitable[T]], given_up: Callable[[], bool]) -> T | None:
    """What the work brings, tried again with growing, jittered pauses; None where it failed and is given up.

    Raises what the work raises where trying again cannot help.
    """
    try:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception(is_worth_repeating),
            wait=wait_random_exponential(multiplier=0.05, max=LONGEST_PAUSE_SECONDS),
            stop=lambda _: given_up(),
            before_sleep=_log_repeat,
        ):
            with attempt:
                return await work()
    except RetryError as last:
        log.warning("given up", reason=type(last.last_attempt.exception()).__name__)
    return None


async def rest(seconds: float, *until: asyncio.Event) -> None:
    """Wait so long, or until one of these happens."""
    waits = [asyncio.create_task(event.wait()) for event in until]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def is_worth_repeating(error: BaseException) -> bool:
    """Whether the same work may succeed later."""
    return isinstance(error, TakenMeanwhile) or is_transient(error)


def _log_repeat(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning("tried again", attempt=state.attempt_number, reason=type(error).__name__)
