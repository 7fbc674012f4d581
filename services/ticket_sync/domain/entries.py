"""Entries: notes, time, charges and attachments that have one owner each and a copy on the other side."""

from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from services.ticket_sync.domain.links import Link, State
from services.ticket_sync.domain.replication import Word, copy_of, read, word_of, written
from shared.contracts.ticket_sync import (
    EntryBody,
    EntryHeld,
    EntryKeptLocal,
    EntryPut,
    EntryReleased,
    EntryRemove,
    EntryReplicated,
    EntryWithdrawn,
    Visibility,
)
from shared.messaging.outcomes import Changed, Decision, Deliver, Message, NotYet, Refused, Unchanged

# Tombstones count: they are kept for ever. Whoever needs more has a fault, or is one.
MOST_ENTRIES = 10_000


class Travel(StrEnum):
    """How far the newest version of an entry has come.

    `local`: the other side has no copy and gets none; `waiting`: for the service partner's ticket; `delivered`: the
    other side was told; `held`: until the submission is decided; `kept_local`: had not arrived when the link ended.
    """

    LOCAL = "local"
    WAITING = "waiting"
    DELIVERED = "delivered"
    HELD = "held"
    KEPT_LOCAL = "kept_local"


@dataclass(frozen=True, slots=True)
class Entry:
    """The newest version of an entry as its owner told it.

    `content` is the owner's word as JSON, None once removed; `kind` is None only for a removal of what never came.
    `copy_version` is what the other side's copy is at, None where it has none; `place` is its place in line.
    """

    outsourcing_id: UUID
    entry_id: UUID
    owner: str
    version: int
    kind: str | None
    visibility: Visibility
    content: str | None
    travel: Travel = Travel.LOCAL
    copy_version: int | None = None
    place: int | None = None

    @property
    def key(self) -> tuple[UUID, UUID]:
        return self.outsourcing_id, self.entry_id

    @property
    def removed(self) -> bool:
        return self.content is None

    @property
    def is_work(self) -> bool:
        """Whether a submission of its owner speaks of it: shared time and charges."""
        return self.kind in ("time", "charge") and self.visibility == "shared" and not self.removed

    @property
    def word(self) -> Word | None:
        return None if self.content is None else read(self.content)

    def says_the_same_as(self, other: "Entry") -> bool:
        return self.content == other.content and self.visibility == other.visibility


def put_entry(link: Link | None, entry: Entry | None, put: Message[EntryPut]) -> Decision:
    """Take the owner's newest word on an entry, and pass it on while the two sides are in step."""
    if link is None or not link.includes(put.sender):
        return NotYet("outsourcing/unknown")
    data, word = put.data, word_of(put.data)
    if link.has_ended:
        return link.refuses()
    if data.body.kind == "charge" and data.body.currency != link.currency:
        return Refused("entry/foreign-currency", state=link.state, currency=link.currency)
    newest = Entry(
        data.outsourcing_id, data.entry_id, put.sender, data.version, data.body.kind, data.visibility, written(word)
    )
    return _take(link, entry, newest, word)


def remove_entry(link: Link | None, entry: Entry | None, remove: Message[EntryRemove]) -> Decision:
    """Take the owner's word that an entry is gone; what is left is a tombstone with its version."""
    if link is None or not link.includes(remove.sender):
        return NotYet("outsourcing/unknown")
    if link.has_ended:
        return link.refuses()
    data = remove.data
    kind = entry.kind if entry else None
    gone = Entry(data.outsourcing_id, data.entry_id, remove.sender, data.version, kind, "internal", None)
    return _take(link, entry, gone, None)


def deliver_waiting(link: Link, waiting: tuple[Entry, ...]) -> tuple[list[Entry], list[Deliver]]:
    """The ticket is open: what waited for it arrives there in the order in which it came."""
    passed = [_passed_on(link, entry, entry.word) for entry in sorted(waiting, key=_place)]
    return [entry for entry, _ in passed], [told for _, told in passed]


def release_held(link: Link, held: tuple[Entry, ...]) -> tuple[list[Entry], list[Deliver]]:
    """The work goes on: what was held arrives in the order in which it came, and its owners are told so."""
    entries, told = [], []
    for entry in sorted(held, key=_place):
        delivered, passed_on = _passed_on(link, entry, entry.word, added_during_approval=True)
        released = EntryReleased(outsourcing_id=entry.outsourcing_id, entry_id=entry.entry_id, version=entry.version)
        entries.append(delivered)
        told += [passed_on, Deliver(entry.owner, released)]
    return entries, told


def keep_local(link: Link, in_line: tuple[Entry, ...]) -> tuple[list[Entry], list[Deliver]]:
    """The link has ended: what has not reached the other side stays with its owners, who are told so."""
    entries, told = [], []
    for entry in sorted(in_line, key=_place):
        kept = EntryKeptLocal(
            outsourcing_id=entry.outsourcing_id, entry_id=entry.entry_id, version=entry.version, state=link.state
        )
        entries.append(replace(entry, travel=Travel.KEPT_LOCAL, place=None))
        told.append(Deliver(entry.owner, kept))
    return entries, told


def _take(link: Link, known: Entry | None, newest: Entry, word: Word | None) -> Decision:
    if known is None:
        if link.entry_count >= MOST_ENTRIES:
            return Refused("entry/too-many", state=link.state, limit=MOST_ENTRIES)
        return _pass_on(link.with_another_entry(), newest, word, is_new=True)
    if refused := _refused_change(link, known, newest):
        return refused
    if newest.version <= known.version:
        return Unchanged()
    newest = replace(newest, copy_version=known.copy_version, place=known.place)
    return _pass_on(link, newest, word, is_new=False)


def _refused_change(link: Link, known: Entry, newest: Entry) -> Refused | None:
    """Only its owner changes an entry; it keeps its kind, and no version is used twice."""
    if known.owner != newest.owner:
        return Refused("entry/not-owner", state=link.state)
    if known.kind and newest.kind and known.kind != newest.kind:
        return Refused("entry/kind-changed", state=link.state, kind=known.kind)
    if newest.version == known.version and not newest.says_the_same_as(known):
        return Refused("entry/version-reused", state=link.state, version=known.version)
    return None


def _pass_on(link: Link, entry: Entry, word: Word | None, *, is_new: bool) -> Decision:
    """Tell the other side, or put the entry in line until it may be told; what concerns nobody stays local."""
    values = (link,) if is_new else ()
    if entry.copy_version is None and _copy(link, entry, word) is None:
        local = replace(entry, travel=Travel.LOCAL, place=None)
        return Changed(*values, local, history=f"{_named(entry)} kept local")
    if link.state is State.IN_PROGRESS:
        delivered, told = _passed_on(link, entry, word)
        return Changed(*values, delivered, tell=(told,), history=f"{_named(entry)} delivered")
    if entry.place is None:
        link = link.with_another_in_line()
        values = (link,)
        entry = replace(entry, place=link.last_place)
    if link.state is State.ACCEPTED:
        return Changed(*values, replace(entry, travel=Travel.WAITING), history=f"{_named(entry)} waits for the ticket")
    held = EntryHeld(entry_id=entry.entry_id, version=entry.version, outsourcing_id=entry.outsourcing_id)
    return Changed(
        *values,
        replace(entry, travel=Travel.HELD),
        tell=(Deliver(entry.owner, held),),
        history=f"{_named(entry)} held during approval",
    )


def _copy(link: Link, entry: Entry, word: Word | None) -> tuple[EntryBody, Visibility] | None:
    """What is to stand at the other side, None where nothing is."""
    if word is None or entry.visibility == "internal":
        return None
    return copy_of(word.body, is_leads=entry.owner == link.lead)


def _passed_on(
    link: Link, entry: Entry, word: Word | None, *, added_during_approval: bool = False
) -> tuple[Entry, Deliver]:
    """The entry as delivered, and what the other side is told: its copy as it is from now on, or that it is to go."""
    copy = _copy(link, entry, word)
    copy_version = entry.version if copy else None
    delivered = replace(entry, travel=Travel.DELIVERED, copy_version=copy_version, place=None)
    recipient = link.other_side_of(entry.owner)
    if word is None or copy is None:
        withdrawn = EntryWithdrawn(
            outsourcing_id=entry.outsourcing_id,
            entry_id=entry.entry_id,
            owner=entry.owner,
            version=entry.version,
            state=link.state,
        )
        return delivered, Deliver(recipient, withdrawn)
    body, visibility = copy
    replicated = EntryReplicated(
        outsourcing_id=entry.outsourcing_id,
        entry_id=entry.entry_id,
        owner=entry.owner,
        version=entry.version,
        visibility=visibility,
        author=word.author,
        happened_at=word.happened_at,
        body=body,
        added_during_approval=added_during_approval,
        state=link.state,
    )
    return delivered, Deliver(recipient, replicated)


def _place(entry: Entry) -> int:
    return entry.place or 0


def _named(entry: Entry) -> str:
    return f"{entry.kind or 'entry'} {entry.entry_id} version {entry.version}"
