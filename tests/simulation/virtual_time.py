"""Time that passes only where nothing else is to be done: hours of waiting take no time, and each run is the same."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class StandStill(Exception):
    """Everybody waits for something that nobody will ever do."""


class _Leap(selectors.DefaultSelector):
    """Waits for nothing: the clock leaps to the moment at which something is to be done."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise StandStill
        self.now += timeout
        return []


class VirtualTime(asyncio.SelectorEventLoop):
    """An event loop without a world outside: what is real is called by its tasks and waited for on the spot."""

    def __init__(self) -> None:
        self._leap = _Leap()
        super().__init__(self._leap)

    def time(self) -> float:
        return self._leap.now


def run_in_virtual_time(work: Coroutine[Any, Any, T]) -> T:
    """Run this and everything it starts; what it leaves running is cancelled."""
    with asyncio.Runner(loop_factory=VirtualTime) as runner:
        return runner.run(work)
