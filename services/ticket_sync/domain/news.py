"""News: what one side did gathers, and is told to the people of the other side as one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from services.ticket_sync.domain.agreed import Agreed
from services.ticket_sync.domain.entries import Entry, standing_copy
from services.ticket_sync.domain.links import Link
from shared.contracts.notifier import NewsFellDue
from shared.contracts.ticket_sync import (
    MOST_NEWS_LISTED,
    NEWS_TEXT_CHARACTERS,
    AttachmentBody,
    ChargeBody,
    Deed,
    FieldChange,
    NewsCameUp,
    NewsGathered,
    NewsLine,
    NoteBody,
    TimeBody,
    What,
)
from shared.messaging.outcomes import Changed, Decision, Message, Publish, Unchanged
from shared.money import price_of

Entries = tuple[Entry, ...]

# As fine as the database's clock is.
TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Told:
    """The first entries of one side that the other was told of since then, and the `ids` of all of them.

    The last of them was told at `until`. What is too long to be read has no content here.
    """

    writer: str
    since: datetime
    entries: Entries
    ids: frozenset[UUID]
    until: datetime


@dataclass(frozen=True, slots=True)
class News:
    """What has gathered of each side that has any."""

    outsourcing_id: UUID
    sides: tuple[Told, ...]

    def of(self, writer: str) -> Told | None:
        return next((side for side in self.sides if side.writer == writer), None)


@dataclass(frozen=True, slots=True)
class Noted:
    """The first changes of fields of one side's ticket since the people of the other were told, and their number."""

    outsourcing_id: UUID
    writer: str
    changes: tuple[tuple[datetime, str], ...] = ()
    count: int = 0

    @property
    def key(self) -> tuple[UUID, str]:
        return self.outsourcing_id, self.writer

    def with_changes(self, changes: tuple[FieldChange, ...], at: datetime) -> "Noted":
        listed = (*self.changes, *((at, _field(one)) for one in changes))
        return replace(self, changes=listed[:MOST_NEWS_LISTED], count=self.count + len(changes))

    def told(self) -> "Noted":
        return Noted(*self.key)


def news_of(link: Link, writer: str, now: datetime) -> tuple[Link, tuple[Publish, ...]]:
    """From the first thing that one side does news gathers for the other; that is said once, the rest comes with it."""
    if link.news_since(writer) is not None:
        return link, ()
    came_up = NewsCameUp(
        outsourcing_id=link.outsourcing_id, writer=writer, reader=link.other_side_of(writer), since=now
    )
    return link.with_news(writer, now), (Publish(came_up),)


def gather(
    link: Link | None,
    agreed: Agreed | None,
    found: News | None,
    noted: tuple[Noted, ...],
    at_hand: Entries,
    due: Message[NewsFellDue],
) -> Decision:
    """What has gathered of one side is told; nothing where the end of the work has told it already."""
    writer = due.data.writer
    if link is None or agreed is None or link.news_since(writer) is None:
        return Unchanged()
    gathered = _gathered(link, agreed, writer, found, noted, at_hand)
    told = (one.told() for one in noted if one.writer == writer and one.count)
    return Changed(
        link.with_news(writer, None), *told, tell=[Publish(gathered)], history=f"{gathered.count} changes gathered"
    )


def before_the_end(end: Callable[..., Decision]) -> Callable[..., Decision]:
    """The rule that ends the work, and first tells what has gathered until then.

    It gets link and agreement first, as every such rule does, and what has gathered at the end.
    """

    def ended(*given: Any) -> Decision:
        *of_the_end, found, noted, at_hand, message = given
        decision = end(*of_the_end, message)
        if not isinstance(decision, Changed):
            return decision
        link, agreed = of_the_end[:2]
        state = next(value.state for value in decision.values if isinstance(value, Link))
        gathered = [
            _gathered(replace(link, state=state), agreed, writer, found, noted, at_hand)
            for writer in (link.lead, link.service)
            if link.news_since(writer) is not None
        ]
        return Changed(
            *decision.values,
            *(one.told() for one in noted if one.count),
            tell=(*map(Publish, gathered), *decision.tell),
            history=decision.history,
            beside=decision.beside,
        )

    return ended


def _gathered(
    link: Link, agreed: Agreed, writer: str, found: News | None, noted: tuple[Noted, ...], at_hand: Entries
) -> NewsGathered:
    """All that has gathered of one side, in the order in which it was told, and as much of it as may be listed."""
    entries, count = _newest(link, writer, found, at_hand)
    fields = [one for one in noted if one.writer == writer]
    lines = [(one.told_at or link.accepted_at, _line(link, one)) for one in entries]
    lines += [(at, NewsLine(deed="changed", what="field", text=text)) for one in fields for at, text in one.changes]
    return NewsGathered(
        **agreed.named(link),
        writer=writer,
        lines=tuple(line for _, line in sorted(lines, key=lambda told: told[0])[:MOST_NEWS_LISTED]),
        count=count + sum(one.count for one in fields),
        currency=link.currency,
        state=link.state,
    )


def _newest(link: Link, writer: str, found: News | None, at_hand: Entries) -> tuple[Iterable[Entry], int]:
    """The entries that were found, and those that this turn has told since; how many changes that are."""
    since = link.news_since(writer)
    read = found.of(writer) if found else None
    if read is None or read.since != since:
        # Nothing was found, or this turn has told it already.
        told = {one.entry_id: one for one in at_hand if one.owner == writer and _is_told(one, since)}
        return told.values(), len(told)
    known = {one.entry_id: one for one in read.entries}
    newer = {one.entry_id: one for one in at_hand if one.owner == writer and _is_told(one, read.until + TICK)}
    # Those too that were told before, are not listed, and were told once more by this turn.
    return (known | newer).values(), len(read.ids | newer.keys())


def _is_told(entry: Entry, since: datetime | None) -> bool:
    """Whether the other side was told of it at that time or later."""
    return entry.told_at is not None and since is not None and entry.told_at >= since


def _line(link: Link, entry: Entry) -> NewsLine:
    """What became of an entry, and as much of it as its copy tells."""
    deed, what = _deed(link, entry), _what(link, entry)
    copy = standing_copy(link, entry)
    if copy is None:
        return NewsLine(deed=deed, what=what)
    word, body, _ = copy
    known: dict[str, Any] = {"deed": deed, "what": what, "by": word.author}
    match body:
        case NoteBody():
            return NewsLine(**known, text=_beginning(body.text))
        case TimeBody():
            return NewsLine(**known, text=_beginning(body.text), on=body.work_on, hours=body.hours)
        case ChargeBody():
            amount = price_of(body.quantity, body.unit_price, body.currency)
            return NewsLine(**known, text=_beginning(body.name), amount=amount)
        case AttachmentBody():
            return NewsLine(**known, text=_beginning(body.name))
        case _:
            return NewsLine(**known)


def _deed(link: Link, entry: Entry) -> Deed:
    since = link.news_since(entry.owner)
    if entry.copy_version is None:
        return "removed"
    if entry.added_during_approval:
        return "released"
    return "added" if entry.copied_at and since and entry.copied_at >= since else "changed"


def _what(link: Link, entry: Entry) -> What:
    """Its kind as the other side knows it: the lead's time is a note there."""
    return "note" if entry.kind == "time" and entry.owner == link.lead else cast(What, entry.kind)


def _field(change: FieldChange) -> str:
    return _beginning(f"{change.field}: {change.new}" if change.new else change.field)


def _beginning(text: str) -> str:
    """The first words, in one line."""
    return " ".join(text[: 2 * NEWS_TEXT_CHARACTERS].split())[:NEWS_TEXT_CHARACTERS]
