"""The two depths at which histories are played, and how one that fails is told: with what plays it again."""

import math
from asyncio import CancelledError
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from random import SystemRandom
from time import perf_counter, process_time
from typing import Protocol

from tests.simulation.pure import PureHistory
from tests.simulation.real import SERVICE, RealHistory
from tests.simulation.simulated_postgres import postgres_of
from tests.simulation.story import SLUGS
from tests.simulation.trouble import Trouble
from tests.simulation.violations import Trace

FRESH = SystemRandom()


class History(Protocol):
    """What one seed decides. `play` raises where something is not as it must be."""

    trace: Trace
    steps: int

    def play(self) -> None: ...


class Failed(AssertionError):
    """A history in which a promise was broken."""


@dataclass(frozen=True, slots=True)
class Depth:
    """How histories are played at one depth."""

    name: str
    history_of: Callable[[int], History]

    def play(self, seed: int) -> int:
        """Play the history of this seed; how many steps it had. Raises Failed."""
        history = self.history_of(seed)
        try:
            history.play()
        except (Exception, CancelledError) as broken:
            raise Failed(
                f"{type(broken).__name__}: {broken}\n"
                f"the last steps before that:\n{history.trace}\n"
                f"seed {seed} at the {self.name} depth, after {history.steps} steps\n"
                f"play it again with: make simulate DEPTH={self.name} SEED={seed}"
            ) from broken
        return history.steps


@dataclass(slots=True)
class Played:
    """What was played so far, and how long it took; the processor's seconds are without those of a database."""

    depth: str
    histories: int = 0
    steps: int = 0
    seconds: float = 0.0
    processor_seconds: float = 0.0
    last_seed: int = 0

    def add(self, other: "Played") -> None:
        """What another process played meanwhile."""
        self.histories += other.histories
        self.steps += other.steps
        self.processor_seconds += other.processor_seconds
        self.last_seed = other.last_seed

    def __str__(self) -> str:
        a_second = self.steps / self.seconds if self.seconds else 0.0
        of_processor = self.steps / self.processor_seconds if self.processor_seconds else 0.0
        return (
            f"{self.depth}: {self.histories:,} histories, {self.steps:,} steps, {a_second:,.0f} a second and"
            f" {of_processor:,.0f} per processor second, last seed {self.last_seed}"
        )


def fresh_seeds() -> Iterator[int]:
    """Others in every run."""
    while True:
        yield FRESH.getrandbits(32)


def histories(
    depth: Depth, seeds: Iterable[int], *, seconds: float = math.inf, processor_seconds: float = math.inf
) -> Iterator[Played]:
    """The histories of these seeds, one at least, until the time is over; what was played, after each.

    Raises Failed.
    """
    played, begun, worked_before = Played(depth.name), perf_counter(), process_time()
    for played.last_seed in seeds:
        played.steps += depth.play(played.last_seed)
        played.histories += 1
        played.seconds, played.processor_seconds = perf_counter() - begun, process_time() - worked_before
        yield played
        if played.seconds >= seconds or played.processor_seconds >= processor_seconds:
            break


PURE = Depth("pure", PureHistory)


@contextmanager
def real_depth(admin_url: str, trouble: Trouble | None = None) -> Iterator[Depth]:
    """The real depth, in a fresh database of this server; its histories draw what goes wrong unless it is said."""
    with postgres_of(admin_url, SERVICE, SLUGS) as postgres:
        yield Depth("real", partial(RealHistory, postgres=postgres, trouble=trouble))
