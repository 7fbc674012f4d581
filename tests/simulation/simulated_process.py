"""A worker's process as the outside sees it: it lives on its connections, and can die at any of its steps."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

from tests.simulation.dice import Dice
from tests.simulation.trouble import CALM

T = TypeVar("T")

# Where a process can be told to die; each is passed by again and again.
POINTS = (
    "before a statement",
    "before a commit",
    "after a commit",
    "before an acknowledgement",
    "after an acknowledgement",
    "before a publication",
    "after a publication",
)
# Shorter than any limit of ours, and of very different lengths, so that what runs side by side overtakes each other.
SHORTEST_SECONDS, LONGEST_SECONDS = 0.0001, 0.01


class Process:
    """One process: its tasks, and what ends with it. `passed` counts the points at which processes of a run died."""

    def __init__(self, name: str, dice: Dice, died_at: Counter[str]) -> None:
        self.name = name
        self.dice = dice
        self.alive = True
        self.trouble = CALM
        self.stopping = asyncio.Event()
        self.at_its_end: list[Callable[[], None]] = []
        self._died_at = died_at
        self._dies_at: tuple[str, int] | None = None
        self._tasks: dict[asyncio.Task[Any], None] = {}

    def start(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Do this as the process; all that it starts belongs to the process too."""
        context = copy_context()
        context.run(PROCESS.set, self)
        return asyncio.get_running_loop().create_task(work, context=context)

    def die_at(self, point: str, nth: int) -> None:
        """From now on, the process dies when it comes to this point for the nth time."""
        self._dies_at = (point, nth)

    async def comes_to(self, point: str) -> None:
        """Go on, or die here. Every step into the outside begins and ends with this."""
        if not self.alive:
            raise asyncio.CancelledError
        if self._dies_at is not None and self._dies_at[0] == point:
            self._dies_at = (point, self._dies_at[1] - 1)
            if self._dies_at[1] <= 0:
                self.die(point)
                raise asyncio.CancelledError

    async def takes_its_time(self) -> None:
        """As long as a network or a server takes; now and then, much longer."""
        seconds = self.dice.uniform(SHORTEST_SECONDS, LONGEST_SECONDS)
        if self.dice.happens(self.trouble.slow_step):
            seconds *= 10 ** self.dice.uniform(1, 3.5)
        await asyncio.sleep(seconds)
        if not self.alive:
            raise asyncio.CancelledError

    def loses_its_database(self) -> bool:
        return self.dice.happens(self.trouble.lost_database_connection)

    def die(self, where: str) -> None:
        """As by SIGKILL: the outside sees its connections end, and nothing it still does reaches anybody."""
        if self.alive:
            self.alive = False
            self._died_at[where] += 1
            for end in list(self.at_its_end):
                end()
            for task in list(self._tasks):
                task.cancel()

    def adopt(self, task: asyncio.Task[Any]) -> None:
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))


PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


def make_task(loop: asyncio.AbstractEventLoop, work: Any, **how: Any) -> asyncio.Task[Any]:
    """A task that belongs to the process in whose name it is started."""
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **how)
    context = how.get("context")
    process = context.get(PROCESS) if context is not None else PROCESS.get()
    if process is not None:
        process.adopt(task)
    return task
