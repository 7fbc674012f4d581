"""Entries: notes, time, charges and attachments that have one owner each and a copy on the other side."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from services.ticket_sync.domain.files import cited_by, found_by
from services.ticket_sync.domain.links import Link
from services.ticket_sync.domain.replication import Word, Writer, copy_of, read
from shared.contracts.ticket_sync import (
    EntryBody,
    EntryReplicated,
    EntrySevered,
    EntryWithdrawn,
    Visibility,
)
from shared.contracts.values import RESERVED_SLUG, Delivery
from shared.messaging.outcomes import Deliver, Publish, Tell

# Owns what is added to a ticket by nobody's instance.
TANDEM = RESERVED_SLUG


class Travel(StrEnum):
    """How far the newest version of an entry has come.

    `local`: the other side has no copy and gets none; `waiting`: for the service partner's ticket, or behind what else
    waits; `delivered`: the other side was told; `held`: until the submission is decided; `released`: the other side was
    told after that; `kept_local`: had not arrived when the link ended; `severed`: the copy does not follow any more.
    """

    LOCAL = "local"
    WAITING = "waiting"
    DELIVERED = "delivered"
    HELD = "held"
    RELEASED = "released"
    KEPT_LOCAL = "kept_local"
    SEVERED = "severed"


@dataclass(frozen=True, slots=True)
class Entry:
    """The newest version of an entry as its owner told it.

    `content` is the owner's word as JSON, None once removed; `kind` is None only for a removal of what never came.
    `copy_version` is what the other side's copy is at, and `copy_content` its content where that is not the newest;
    `withdrawn_version` is the one with which the copy went. `place` is its place in line. The copy may have been
    `added_during_approval`. `path` is where it had been before its owner passed it on, from its origin on; empty where
    it began here. `told_at` is when the other side was last told of it, `copied_at` since when its copy is there.
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
    copy_content: str | None = None
    withdrawn_version: int | None = None
    place: int | None = None
    added_during_approval: bool = False
    path: tuple[str, ...] = ()
    told_at: datetime | None = None
    copied_at: datetime | None = None

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

    @property
    def was_told(self) -> bool:
        """Whether the other side was told of it, or would have been had it not been there before."""
        return self.copy_version is not None or self.withdrawn_version is not None

    @property
    def copied_content(self) -> str | None:
        """What the other side's copy says, None where it has none."""
        if self.copy_version is None:
            return None
        return self.content if self.copy_version == self.version else self.copy_content

    def says_the_same_as(self, other: "Entry") -> bool:
        return self.content == other.content and self.visibility == other.visibility

    @property
    def path_onward(self) -> tuple[str, ...]:
        """Where it has been for whoever passes it on: each company once, however often it goes round."""
        return tuple(dict.fromkeys((*self.path, self.owner)))

    def is_known_to(self, slug: str) -> bool:
        """Whether this one of the two sides wrote it, or was told of it."""
        return slug == self.owner or (self.was_told and slug not in self.path)

    @property
    def is_severed(self) -> bool:
        """Whether its copy does not follow any more, which both sides were told."""
        return self.travel is Travel.SEVERED

    def has_a_copy_at(self, slug: str) -> bool:
        """Whether this one of the two sides has a copy that follows its owner."""
        standing = self.copy_version is not None and not self.is_severed
        return slug != self.owner and standing and slug not in self.path

    def succeeded_by(self, newest: "Entry") -> "Entry":
        """The newest version before anybody was told of it.

        Where it has been is never forgotten; and who was told of it once goes on being told, wherever it is said to
        come from later.
        """
        return replace(
            newest,
            travel=self.travel,
            copy_version=self.copy_version,
            copy_content=self.copied_content,
            withdrawn_version=self.withdrawn_version,
            place=self.place,
            added_during_approval=self.added_during_approval,
            path=self.path if self.was_told else tuple(dict.fromkeys((*self.path, *newest.path))),
            told_at=self.told_at,
            copied_at=self.copied_at,
        )

    def severed(self) -> "Entry":
        return replace(self, travel=Travel.SEVERED, copy_content=None, place=None)


def copied(link: Link, entry: Entry, word: Word | None) -> tuple[EntryBody, Visibility] | None:
    """What is to stand at the other side of the newest version, None where nothing is."""
    if word is None or entry.visibility == "internal":
        return None
    return copy_of(word.body, _writer(link, entry))


def passed_on(
    link: Link, entry: Entry, word: Word | None, now: datetime, travel: Travel = Travel.DELIVERED
) -> tuple[Entry, tuple[Tell, ...]]:
    """The newest version as delivered, what the other side is told of it, and which file it finds there."""
    copy = copied(link, entry, word)
    stands = copy is not None
    recipient = link.other_side_of(entry.owner)
    delivered = replace(
        entry,
        travel=travel,
        copy_version=entry.version if stands else None,
        copy_content=None,
        withdrawn_version=None if stands else entry.version,
        place=None,
        added_during_approval=stands and travel is Travel.RELEASED,
        told_at=entry.told_at if recipient in entry.path else max(now, link.news_since(entry.owner) or now),
        copied_at=(entry.copied_at or now) if stands else None,
    )
    found = file_found_by(recipient, entry, copy[0] if copy else None, anew=entry.copy_version is None)
    return delivered, (*told_of(link, delivered, word), *found)


def file_found_by(reader: str, entry: Entry, body: EntryBody | None, *, anew: bool) -> tuple[Publish, ...]:
    """What changes for a reader that looks for the file of this entry; nothing where there was none and is none.

    Its owner finds it wherever it has been: who passes on what it wrote itself keeps the file stored by that too.
    """
    has_been_there = reader != entry.owner and reader in entry.path
    if entry.kind != "attachment" or has_been_there or (anew and cited_by(body) is None):
        return ()
    return (found_by(reader, entry.outsourcing_id, entry.entry_id, entry.version, body),)


def told_of(link: Link, entry: Entry, word: Word | None = None) -> tuple[Deliver, ...]:
    """What the other side is told: its copy as it stands, that it is to go, or that it is severed."""
    return told_to(link.other_side_of(entry.owner), link, entry, word)


def told_to(side: str, link: Link, entry: Entry, word: Word | None = None) -> tuple[Deliver, ...]:
    """What this side is told of an entry, and told again.

    Nothing where the other side's entry has been there before: it would come back.
    """
    has_been_there = side != entry.owner and side in entry.path
    fact = None if has_been_there else _fact(link, entry, word)
    return () if fact is None else (Deliver(side, fact),)


def _fact(link: Link, entry: Entry, word: Word | None) -> Delivery | None:
    named: dict[str, Any] = {"outsourcing_id": entry.outsourcing_id, "entry_id": entry.entry_id, "owner": entry.owner}
    if entry.withdrawn_version is not None:
        return EntryWithdrawn(**named, version=entry.withdrawn_version, state=link.state)
    if entry.is_severed and entry.copy_version is not None:
        return EntrySevered(**named, version=entry.copy_version, state=link.state)
    standing = standing_copy(link, entry, word)
    if standing is None or entry.copy_version is None:
        return None
    word, body, visibility = standing
    return EntryReplicated(
        **named,
        version=entry.copy_version,
        visibility=visibility,
        author=word.author,
        happened_at=word.happened_at,
        body=body,
        added_during_approval=entry.added_during_approval,
        state=link.state,
    )


def standing_copy(link: Link, entry: Entry, word: Word | None = None) -> tuple[Word, EntryBody, Visibility] | None:
    """The owner's word of which the other side has a copy, and what that copy says; None where it has none."""
    if entry.copied_content is None:
        return None
    word = word or read(entry.copied_content)
    copy = copy_of(word.body, _writer(link, entry))
    return None if copy is None else (word, *copy)


def _writer(link: Link, entry: Entry) -> Writer:
    if entry.owner == TANDEM:
        return "tandem"
    return "lead" if entry.owner == link.lead else "service"
