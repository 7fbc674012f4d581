"""The line: what waits for a ticket, an approval or what is before it is told in its order, piece by piece."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.ticket_sync.domain.entries import Entry, Travel, passed_on
from services.ticket_sync.domain.links import Link
from services.ticket_sync.domain.news import TICK, news_of
from shared.contracts.ticket_sync import EntryKeptLocal, EntryReleased, LineUnfinished
from shared.messaging.outcomes import Changed, Decision, Deliver, Message, Publish, Tell, Unchanged

# What one message has told: little enough that other tickets have their turns in between.
MOST_IN_A_PIECE = 100


@dataclass(frozen=True, slots=True)
class Front:
    """How far the line of an outsourcing was read in this turn: up to a place, None where it was read to its end."""

    outsourcing_id: UUID
    until_place: int | None


def move(
    link: Link, front: Front | None, in_line: tuple[Entry, ...], now: datetime
) -> tuple[Link, list[Entry], list[Tell]]:
    """Those at the front of the line arrive, or stay with their owners if the link has ended; the rest by an event."""
    read_until = link.last_place if front is None or front.until_place is None else front.until_place
    read = sorted((entry for entry in in_line if _place(entry) <= read_until), key=_place)
    piece, rest = read[:MOST_IN_A_PIECE], read[MOST_IN_A_PIECE:]
    entries: list[Entry] = []
    tell: list[Tell] = []
    for place, entry in enumerate(piece):
        if link.has_ended:
            settled, told = _kept_local(link, entry)
        else:
            # News lists them in their order.
            link, settled, told = _arrived(link, entry, now + place * TICK)
        entries.append(settled)
        tell += told
    # What was read may have been told by an earlier message of this turn.
    passed_place = _place(piece[-1]) if rest else max(read_until, link.passed_place)
    link = replace(link, passed_place=passed_place)
    if link.line_is_empty:
        return link, entries, tell
    unfinished = LineUnfinished(outsourcing_id=link.outsourcing_id, after_place=passed_place)
    return link, entries, [*tell, Publish(unfinished)]


def go_on(
    link: Link | None, front: Front | None, in_line: tuple[Entry, ...], unfinished: Message[LineUnfinished]
) -> Decision:
    """The next piece of the line, unless it has been told already or the work has been submitted meanwhile."""
    if link is None or not link.line_moves or link.passed_place != unfinished.data.after_place:
        return Unchanged()
    link, entries, tell = move(link, front, in_line, unfinished.now)
    return Changed(link, *entries, tell=tell, history=f"{len(entries)} in line passed")


def _arrived(link: Link, entry: Entry, now: datetime) -> tuple[Link, Entry, tuple[Tell, ...]]:
    """The other side is told, and its people get news of it, unless it has been there; the owner, of what was held."""
    was_held = entry.travel is Travel.HELD
    arrived, told = passed_on(link, entry, entry.word, now, Travel.RELEASED if was_held else Travel.DELIVERED)
    link, news = news_of(link, entry.owner, now) if told else (link, ())
    if not was_held:
        return link, arrived, (*news, *told)
    released = EntryReleased(outsourcing_id=entry.outsourcing_id, entry_id=entry.entry_id, version=entry.version)
    return link, arrived, (*news, *told, Deliver(entry.owner, released))


def _kept_local(link: Link, entry: Entry) -> tuple[Entry, tuple[Tell, ...]]:
    """What has not reached the other side stays with its owner, who is told so."""
    kept = EntryKeptLocal(
        outsourcing_id=entry.outsourcing_id, entry_id=entry.entry_id, version=entry.version, state=link.state
    )
    return replace(entry, travel=Travel.KEPT_LOCAL, place=None), (Deliver(entry.owner, kept),)


def _place(entry: Entry) -> int:
    return entry.place or 0
