"""What one outsourcing leans on and does not hold itself: others' entries, uploads, the time, and room in a turn."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from shared.contracts.gateway import FileUploaded
from shared.contracts.ticket_sync import AttachmentBody, CopiedFrom, LineUnfinished, RepairUnfinished
from tests.simulation.facts import UNKNOWN
from tests.simulation.room import SMALL, Room
from tests.simulation.violations import Violation

CITABLE = timedelta(days=1)
BETWEEN_REQUESTS = timedelta(seconds=1)


class Outsourced(Protocol):
    """Another outsourcing, as far as others may ask about it."""

    def where_it_has_been(self, entry_id: UUID, sender: str) -> frozenset[str] | None: ...


class Elsewhere:
    """Exactly what is known at `now`, where everything is decided in the order in which it is told here."""

    def __init__(self, outsourcings: Mapping[UUID, Outsourced], room: Room = SMALL) -> None:
        self.room = room
        self.now = datetime.min.replace(tzinfo=UTC)
        self._outsourcings = outsourcings
        self._uploads: dict[tuple[str, str], tuple[FileUploaded, datetime]] = {}
        self._asked_at: dict[tuple[UUID, str], datetime] = {}

    def upload(self, told: FileUploaded) -> bool:
        """Whether it is the newest of its content by this instance, which may be cited for a day from now on."""
        key = told.instance, told.sha256
        if key in self._uploads and self._uploads[key][0].uploaded_at >= told.uploaded_at:
            return False
        self._uploads[key] = told, self.now + CITABLE
        return True

    def where_it_has_been(self, sender: str, source: CopiedFrom) -> frozenset[str] | None:
        """At whom an entry has been that is passed on; None where the sender does not know it."""
        outsourcing = self._outsourcings.get(source.outsourcing_id)
        return None if outsourcing is None else outsourcing.where_it_has_been(source.entry_id, sender)

    def uploaded(self, sender: str, cited: AttachmentBody) -> FileUploaded | None:
        """The upload that lets this file be cited."""
        told, until = self._uploads.get((sender, cited.sha256), (None, self.now))
        return told if self.now < until else None

    def may_ask(self, outsourcing_id: UUID, side: str) -> bool:
        """Whether it was not told just now what it should hold."""
        asked_at = self._asked_at.get((outsourcing_id, side))
        return asked_at is None or self.now >= asked_at + BETWEEN_REQUESTS

    def told_again(self, outsourcing_id: UUID, side: str) -> None:
        """From now on it waits before it asks again."""
        self._asked_at[outsourcing_id, side] = self.now

    def name_of_repair(self, _outsourcing_id: UUID, _side: str) -> UUID | None:
        """What Tandem calls what it tells a side again, where that is known already."""
        return None

    def end_of_piece(self, _outsourcing_id: UUID, places: list[int], last_place: int) -> int:
        """How far a line is passed on at once, of which these places are taken."""
        most = self.room.piece
        return places[most - 1] if len(places) > most else last_place


class InHindsight(Elsewhere):
    """The same where several are decided side by side: how each ended says whether something had come in time.

    `problem` is that of the message being told. It has to be possible: nothing was refused for want of what it has
    not to wait for, and nothing was taken that leans on what never came. How much of a line one turn has told is said
    by the word of the rest; how much was read depends on what else the turn had in hand.
    """

    problem: str | None = None

    def __init__(
        self,
        outsourcings: Mapping[UUID, Outsourced],
        pieces: Iterable[RepairUnfinished | LineUnfinished],
        room: Room = SMALL,
    ) -> None:
        super().__init__(outsourcings, room)
        self._names: dict[tuple[UUID, str], list[UUID]] = {}
        self._ends: dict[UUID, list[int]] = {}
        for piece in pieces:
            if isinstance(piece, LineUnfinished):
                self._ends.setdefault(piece.outsourcing_id, []).append(piece.after_place)
                continue
            names = self._names.setdefault((piece.outsourcing_id, piece.side), [])
            if piece.repair_id not in names:
                names.append(piece.repair_id)
        # They are told in the order of their places, and may overtake each other: two of one turn name the same place.
        for ends in self._ends.values():
            ends.sort()

    def name_of_repair(self, outsourcing_id: UUID, side: str) -> UUID | None:
        names = self._names.get((outsourcing_id, side))
        return names.pop(0) if names else None

    def where_it_has_been(self, sender: str, source: CopiedFrom) -> frozenset[str] | None:
        return None if self.problem == UNKNOWN else super().where_it_has_been(sender, source)

    def uploaded(self, sender: str, cited: AttachmentBody) -> FileUploaded | None:
        told, _ = self._uploads.get((sender, cited.sha256), (None, self.now))
        return None if self.problem == "entry/file-unknown" else told

    def may_ask(self, outsourcing_id: UUID, side: str) -> bool:
        return not (self.problem == "sync/too-soon" and (outsourcing_id, side) in self._asked_at)

    def end_of_piece(self, outsourcing_id: UUID, places: list[int], last_place: int) -> int:
        ends = self._ends.get(outsourcing_id, [])
        # The word of a rest that is not there yet is that of a later piece.
        end = ends.pop(0) if ends and ends[0] < last_place else last_place
        if sum(place <= end for place in places) > self.room.piece:
            raise Violation(f"more than a piece is told at once: from {places} up to {end}")
        return end
