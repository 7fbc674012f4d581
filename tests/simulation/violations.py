"""What a history shows when a promise is broken: what was to be, what is, and the last steps that led there."""

from collections import deque
from typing import Any

# Enough to see what led to it; all the rest is played again by its seed.
LAST_STEPS = 30
LONGEST_LINE = 300


class Violation(AssertionError):
    """Something that must always be so is not."""


class Trace:
    """The last steps of a history, written only when somebody wants to read them."""

    def __init__(self) -> None:
        self._steps: deque[tuple[Any, ...]] = deque(maxlen=LAST_STEPS)

    def note(self, *step: Any) -> None:
        self._steps.append(step)

    def __str__(self) -> str:
        return "\n".join(" ".join(map(str, step))[:LONGEST_LINE] for step in self._steps)


def expect(what: str, about: Any, expected: Any, found: Any) -> None:
    """Raises Violation where the two differ, with what only one of them has."""
    if expected == found:
        return
    what = f"{what} {about}"
    if isinstance(expected, list) and isinstance(found, list):
        same = next((n for n, (a, b) in enumerate(zip(expected, found, strict=False)) if a != b), None)
        place = min(len(expected), len(found)) if same is None else same
        what = f"{what}, from place {place} on"
        expected, found = expected[place : place + 2], found[place : place + 2]
    elif isinstance(expected, dict) and isinstance(found, dict):
        keys = [key for key in {**expected, **found} if expected.get(key) != found.get(key)]
        expected = {key: expected.get(key) for key in keys[:2]}
        found = {key: found.get(key) for key in keys[:2]}
    raise Violation(f"{what}\n  must be {expected}\n  but is {found}")
