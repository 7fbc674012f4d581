"""Who takes how much of the machine while something runs: what the time goes to."""

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import psutil

# By what stands in a process's name or command line; the first that fits.
PARTS = {
    "beam.smp": "broker",
    "postgres": "database",
    "tests.bench.reader": "reader",
    "tests.bench.peer": "contender",
    "services.": "contender",
}


@contextmanager
def shares_of_a_core() -> Iterator[dict[str, float]]:
    """How much of a core each part took on average while this was open; filled in at its end. This process sends."""
    shares: dict[str, float] = {}
    began, before = monotonic(), _seconds()
    yield shares
    took, after = monotonic() - began, _seconds()
    spent: defaultdict[str, float] = defaultdict(float)
    for (part, pid), seconds in after.items():
        spent[part] += seconds - before.get((part, pid), 0.0)
    shares |= {part: round(seconds / took, 3) for part, seconds in sorted(spent.items())}


def _seconds() -> dict[tuple[str, int], float]:
    """What each process that has a part in it has used of a processor so far."""
    seconds = {}
    for process in psutil.process_iter(["name", "cmdline", "cpu_times"]):
        told = process.info
        words = f"{told['name']} {' '.join(told['cmdline'] or ())}"
        part = "sender" if process.pid == os.getpid() else next((PARTS[word] for word in PARTS if word in words), None)
        if part and told["cpu_times"]:
            seconds[part, process.pid] = told["cpu_times"].user + told["cpu_times"].system
    return seconds
