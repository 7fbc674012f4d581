"""Repair: each side learns what it should hold, and what it lacks is told again, piece by piece."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from services.ticket_sync.domain.entries import Entry, told_to
from services.ticket_sync.domain.line import MOST_IN_A_PIECE
from services.ticket_sync.domain.links import Link
from services.ticket_sync.domain.opening import Due
from shared.contracts.ticket_sync import (
    MOST_WANTED,
    EntryVersion,
    Inventory,
    RepairOrdered,
    RepairUnfinished,
    SyncDigest,
    SyncFellDue,
    SyncRequest,
)
from shared.messaging.outcomes import Caused, Changed, Decision, Deliver, Message, NotYet, Publish, Refused, Unchanged

# From one answer to the next: each compares every entry, and a short question can have an answer of half a megabyte.
ASK_AGAIN_AFTER = timedelta(seconds=1)

Entries = tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Holdings:
    """Every entry of an outsourcing as it stands, contents left out."""

    outsourcing_id: UUID
    entries: Entries


@dataclass(frozen=True, slots=True)
class Repair:
    """What is to be told again to one side after the piece that is on its way; a newer repair takes its place.

    `begun_at` is when the side was last told what it should hold, or an operator had it told again.
    """

    outsourcing_id: UUID
    side: str
    repair_id: UUID
    begun_at: datetime
    entry_ids: tuple[UUID, ...]

    @property
    def key(self) -> tuple[UUID, str]:
        return self.outsourcing_id, self.side


def ask(
    link: Link | None, holdings: Holdings | None, at_hand: Entries, last: Repair | None, request: Message[SyncRequest]
) -> Decision:
    """One side says what it holds: it learns what it should hold, and what it lacks is told again.

    After the end too: nothing travels any more, but what was told before can be had again.
    """
    if link is None or not link.includes(request.sender):
        return NotYet("outsourcing/unknown")
    # Before anything is compared: a turn of questions about one full ticket would keep the worker for a minute.
    if last is not None and request.now < last.begun_at + ASK_AGAIN_AFTER:
        return Refused("sync/too-soon", state=link.state)
    entries = _every_entry(link, holdings, at_hand)
    if entries is None:
        return NotYet("sync/too-much-at-once", state=link.state)
    side, said = request.sender, request.data
    own, copies = _compared(_own_of(side, entries), said.own), _compared(_copies_of(side, entries), said.copies)
    lacking = _lacking(side, entries, said)
    digest = SyncDigest(
        outsourcing_id=link.outsourcing_id,
        own=own,
        copies=copies,
        severed=_severed(entries),
        removed=() if own.versions is None else _removed_of(side, entries),
        wanted=() if link.has_ended else _wanted(side, entries, said.own),
        to_follow=len(lacking),
        state=link.state,
    )
    begun = Repair(link.outsourcing_id, side, request.fresh_id, request.now, lacking)
    repair, tell = _begin(begun, last, listed=said.copies.versions is not None)
    return Changed(
        repair,
        tell=(Deliver(side, digest), *tell),
        history=f"{side} asked what it should hold: {len(digest.wanted)} wanted, {len(lacking)} told again",
    )


def fall_due(link: Link | None, holdings: Holdings | None, at_hand: Entries, _: Message[SyncFellDue]) -> Decision:
    """Both sides are told unasked what they should hold, and whoever holds something else asks.

    The next time is set already: whatever becomes of this one, it comes.
    """
    if link is None or link.has_ended:
        return Unchanged()
    entries = _every_entry(link, holdings, at_hand)
    if entries is None:
        return NotYet("sync/too-much-at-once", otherwise=Changed(history="digest left out: too much at once"))
    tell = [Deliver(side, _digest_for(side, link, entries)) for side in (link.lead, link.service)]
    return Changed(tell=tell, history="both sides told what they should hold")


def order(link: Link | None, holdings: Holdings | None, at_hand: Entries, ordered: Message[RepairOrdered]) -> Decision:
    """An operator has all that one side should know of copies told again: its own, and which are severed."""
    side = ordered.data.side
    if link is None or not link.includes(side):
        return NotYet("outsourcing/unknown")
    entries = _every_entry(link, holdings, at_hand)
    if entries is None:
        return NotYet("sync/too-much-at-once")
    told = tuple(one.entry_id for one in entries if one.is_severed or (one.owner != side and one.is_known_to(side)))
    repair, tell = _piece_by_piece(Repair(link.outsourcing_id, side, ordered.fresh_id, ordered.now, told))
    return Changed(repair, tell=tell, history=f"{len(told)} are told again to {side}, as an operator wants")


def go_on(link: Link | None, repair: Repair | None, piece: Entries, unfinished: Message[RepairUnfinished]) -> Decision:
    """Tell the next piece again; where it was too large to be read at once, the rest of it is next."""
    if link is None or repair is None or repair.repair_id != unfinished.data.repair_id:
        return Unchanged()
    read = {one.entry_id for one in piece}
    left = tuple(id for id in unfinished.data.entry_ids if id not in read) + repair.entry_ids
    tell = [told for entry in piece for told in told_to(repair.side, link, entry)]
    repair, more = _piece_by_piece(replace(repair, entry_ids=left))
    return Changed(repair, tell=(*tell, *more), history=f"{len(tell)} told again to {repair.side}")


def digest_due(due: Due) -> Caused:
    """What ticket_sync tells itself when both sides are to be told what they should hold."""
    source, id = due.set_by
    told = SyncFellDue(outsourcing_id=due.outsourcing_id)
    return Caused(cause_source=source, cause_id=id, subject=str(due.outsourcing_id), tell=(Publish(told),))


def _digest_for(side: str, link: Link, entries: Entries) -> SyncDigest:
    return SyncDigest(
        outsourcing_id=link.outsourcing_id,
        own=Inventory.of(_own_of(side, entries)),
        copies=Inventory.of(_copies_of(side, entries)),
        severed=_severed(entries),
        state=link.state,
    )


def _every_entry(link: Link, holdings: Holdings | None, at_hand: Entries) -> Entries | None:
    """Every entry as this turn has left it, by id; None where there was too much to load in this turn."""
    newest = {one.entry_id: one for one in (*(holdings.entries if holdings else ()), *at_hand)}
    return tuple(newest[id] for id in sorted(newest)) if len(newest) == link.entry_count else None


def _own_of(side: str, entries: Entries) -> dict[UUID, int]:
    return {one.entry_id: one.version for one in entries if one.owner == side and not one.removed}


def _removed_of(side: str, entries: Entries) -> tuple[EntryVersion, ...]:
    removed = (one for one in entries if one.owner == side and one.removed)
    return tuple(EntryVersion(entry_id=one.entry_id, version=one.version) for one in removed)


def _copies_of(side: str, entries: Entries) -> dict[UUID, int]:
    return {one.entry_id: one.copy_version or 0 for one in entries if one.has_a_copy_at(side)}


def _severed(entries: Entries) -> int:
    """How many copies do not follow any more: none ever does again, so that their number shows what is missing."""
    return sum(one.is_severed for one in entries)


def _compared(version_of: Mapping[UUID, int], said: Inventory) -> Inventory:
    """What there is, one by one where the sender said something else."""
    here = Inventory.of(version_of)
    return here if here.agrees_with(said) else Inventory.of(version_of, listed=True)


def _lacking(side: str, entries: Entries, said: SyncRequest) -> tuple[UUID, ...]:
    """What the side has not or has older, what it has as a copy that went, and what it does not know to be severed."""
    if said.copies.versions is None:
        return ()
    held, severed = said.copies.version_of, set(said.severed)
    lacking = []
    for one in entries:
        if one.has_a_copy_at(side):
            lacks = held.get(one.entry_id, 0) < (one.copy_version or 0)
        elif one.is_severed:
            lacks = one.entry_id in held or one.entry_id not in severed
        else:
            lacks = one.entry_id in held and one.owner != side and one.is_known_to(side)
        if lacks:
            lacking.append(one.entry_id)
    return tuple(lacking)


def _wanted(side: str, entries: Entries, said: Inventory) -> tuple[UUID, ...]:
    """The side's own entries that are not known here, or older; as many as can be told at once."""
    known = {one.entry_id: one for one in entries}
    wanted = [
        id
        for id, version in said.version_of.items()
        if id not in known or (known[id].owner == side and known[id].version < version)
    ]
    return tuple(wanted[:MOST_WANTED])


def _begin(repair: Repair, last: Repair | None, *, listed: bool) -> tuple[Repair, tuple[Publish, ...]]:
    """It takes the place of the last; but who lists nothing is told nothing again, and what is being told goes on."""
    if last is not None and not listed:
        return replace(last, begun_at=repair.begun_at), ()
    return _piece_by_piece(repair)


def _piece_by_piece(repair: Repair) -> tuple[Repair, tuple[Publish, ...]]:
    """The next piece is under way, and the rest is kept until that was told."""
    piece, rest = repair.entry_ids[:MOST_IN_A_PIECE], repair.entry_ids[MOST_IN_A_PIECE:]
    unfinished = RepairUnfinished(
        outsourcing_id=repair.outsourcing_id, side=repair.side, repair_id=repair.repair_id, entry_ids=piece
    )
    return replace(repair, entry_ids=rest), (Publish(unfinished),) if piece else ()
