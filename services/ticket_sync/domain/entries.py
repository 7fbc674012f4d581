"""Entries: notes, time, charges and attachments that have one owner each and a copy on the other side."""

from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from services.ticket_sync.domain.links import Link, State
from services.ticket_sync.domain.replication import body_for, read_body, travels, written
from shared.contracts.ticket_sync import (
    EntryBody,
    EntryHeld,
    EntryPut,
    EntryReleased,
    EntryRemove,
    EntryReplicated,
    EntryWithdrawn,
)
from shared.messaging.outcomes import Changed, Decision, Deliver, Message, NotYet, Refused, Tell, Unchanged

# Tombstones count: they are kept for ever. Whoever needs more has a fault, or is one.
MOST_ENTRIES = 10_000


class Travel(StrEnum):
    """How far the newest version of an entry has come.

    `local`: the other side has no copy and gets none; `waiting`: for the service partner's ticket; `delivered`: the
    other side was told; `held`: until the submission is decided; `kept_local`: was held when the work was approved.
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
    `copy_version` is what the other side's copy is at, None where it has none; `place` is that in the line of what waits.
    """

    outsourcing_id: UUID
    entry_id: UUID
    owner: str
    version: int
    kind: str | None
    visibility: str
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

    def says_the_same_as(self, other: "Entry") -> bool:
        return self.content == other.content and self.visibility == other.visibility


def put_entry(link: Link | None, entry: Entry | None, put: Message[EntryPut]) -> Decision:
    """Take the owner's newest word on an entry, and pass it on while the two sides are in step."""
    if link is None or not link.includes(put.sender):
        return NotYet("outsourcing/unknown")
    data = put.data
    if data.body.kind == "charge" and data.body.currency != link.currency:
        return Refused("entry/foreign-currency", state=link.state, currency=link.currency)
    newest = Entry(
        data.outsourcing_id, data.entry_id, put.sender, data.version, data.body.kind, data.visibility, written(data)
    )
    return _take(link, entry, newest, data.body)


def remove_entry(link: Link | None, entry: Entry | None, remove: Message[EntryRemove]) -> Decision:
    """Take the owner's word that an entry is gone; what is left is a tombstone with its version."""
    if link is None or not link.includes(remove.sender):
        return NotYet("outsourcing/unknown")
    data = remove.data
    kind = entry.kind if entry else None
    gone = Entry(data.outsourcing_id, data.entry_id, remove.sender, data.version, kind, "internal", None)
    return _take(link, entry, gone, None)


def _take(link: Link, known: Entry | None, newest: Entry, body: EntryBody | None) -> Decision:
    if link.state is State.COMPLETED:
        return link.refuses()
    if known is None:
        if link.entry_count >= MOST_ENTRIES:
            return Refused("entry/too-many", state=link.state, limit=MOST_ENTRIES)
        return _pass_on(link.with_another_entry(), newest, body, is_new=True)
    if known.owner != newest.owner:
        return Refused("entry/not-owner", state=link.state)
    if known.kind and newest.kind and known.kind != newest.kind:
        return Refused("entry/kind-changed", state=link.state, kind=known.kind)
    if newest.version < known.version or (newest.version == known.version and newest.says_the_same_as(known)):
        return Unchanged()
    if newest.version == known.version:
        return Refused("entry/version-reused", state=link.state, version=known.version)
    newest = replace(newest, copy_version=known.copy_version, place=known.place)
    return _pass_on(link, newest, body, is_new=False)


def _pass_on(link: Link, entry: Entry, body: EntryBody | None, *, is_new: bool) -> Decision:
    """Tell the other side, or put the entry in line until it may be told; what concerns nobody stays local."""
    values = (link,) if is_new else ()
    if not travels(entry, body) and entry.copy_version is None:
        local = replace(entry, travel=Travel.LOCAL, place=None)
        return Changed(*values, local, history=f"{_named(entry)} kept local")
    if link.state is State.IN_PROGRESS:
        delivered = _delivered(entry, travels(entry, body))
        return Changed(*values, delivered, tell=(_told(link, entry, body),), history=f"{_named(entry)} delivered")
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
