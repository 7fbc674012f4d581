"""Histories on all processors: each process plays one seed after another, each just as it is played alone."""

import os
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack
from functools import cache
from itertools import islice
from multiprocessing import Lock
from time import perf_counter

from tests.simulation.depths import PURE, Depth, Played, histories, real_depth

PROCESSES = os.cpu_count() or 1


def histories_side_by_side(
    depth: str, database_url: str | None, seeds: Iterator[int], seconds: float
) -> Iterator[Played]:
    """The histories of these seeds until the time is over; what all of them played, after each. Raises Failed."""
    played, begun = Played(depth), perf_counter()
    with ProcessPoolExecutor(PROCESSES, initializer=_open, initargs=(depth, database_url, Lock())) as processes:

        def begin(seed: int) -> Future[Played]:
            return processes.submit(_play, depth, database_url, seed)

        waiting = {begin(seed) for seed in islice(seeds, PROCESSES)}
        while waiting:
            over, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for one in over:
                played.add(one.result())
            played.seconds = perf_counter() - begun
            yield played
            if played.seconds < seconds:
                waiting |= {begin(seed) for seed in islice(seeds, len(over))}


def _open(depth: str, database_url: str | None, one_after_another: AbstractContextManager[bool]) -> None:
    """While one makes its database, no other may."""
    with one_after_another:
        _opened(depth, database_url)


def _play(depth: str, database_url: str | None, seed: int) -> Played:
    [played] = histories(_opened(depth, database_url)[1], [seed])
    return played


@cache
def _opened(depth: str, database_url: str | None) -> tuple[ExitStack, Depth]:
    """This process's own, with a database of its own, which is gone when its server is."""
    exits = ExitStack()
    return exits, PURE if database_url is None else exits.enter_context(real_depth(database_url))
