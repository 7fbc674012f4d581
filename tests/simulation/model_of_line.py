"""The line of one outsourcing: what is not passed on yet, by places, and how far that has come."""

from collections.abc import Iterator
from uuid import UUID


class Line:
    """Who waits at which place. A place is given out once: who leaves and joins again stands at the end.

    Those that are `held` joined during an approval, or changed in it.
    """

    def __init__(self) -> None:
        self.last_place = 0
        self.passed_place = 0
        self._places: dict[UUID, int] = {}
        self._held: set[UUID] = set()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to be passed on, not even an empty place."""
        return self.passed_place == self.last_place

    @property
    def places(self) -> list[int]:
        return list(self._places.values())

    def join(self, id: UUID, *, held: bool) -> None:
        """At the end; who stands in line already keeps its place."""
        if id not in self._places:
            self.last_place += 1
            self._places[id] = self.last_place
        if held:
            self._held.add(id)

    def leave(self, id: UUID) -> None:
        self._places.pop(id, None)
        self._held.discard(id)

    def pass_on(self, until_place: int) -> Iterator[tuple[UUID, bool]]:
        """Those up to that place, and whether each was held; they are in line no longer."""
        self.passed_place = max(self.passed_place, until_place)
        for id in [id for id, place in self._places.items() if place <= until_place]:
            yield id, id in self._held
            self.leave(id)
