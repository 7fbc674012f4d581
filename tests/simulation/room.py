"""How much one turn has room for, as far as it can be seen from outside."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Room:
    """The most entries that are told in one piece, and the most changes that news lists."""

    piece: int
    listed: int


# As little as `seams.small_pieces` leaves: a history of few entries meets it all the same.
SMALL = Room(piece=3, listed=4)
