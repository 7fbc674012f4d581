"""What the two sides say of entries: their owner's newest word, a removal, and that a copy was edited."""

from dataclasses import replace
from datetime import datetime

from services.ticket_sync.domain.caps import Effort, count
from services.ticket_sync.domain.entries import Entry, Travel, copied, file_found_by, passed_on, told_of
from services.ticket_sync.domain.files import Limited, Upload, may_not_cite, may_not_send
from services.ticket_sync.domain.links import Link, State
from services.ticket_sync.domain.news import news_of
from services.ticket_sync.domain.replication import Word, word_of, written
from services.ticket_sync.domain.snapshots import id_of_sum
from shared.contracts.ticket_sync import MOST_VERSIONS, EntryHeld, EntryPut, EntryRemove, EntrySever
from shared.messaging.outcomes import Changed, Decision, Deliver, Message, NotYet, Refused, Unchanged

# Tombstones count: they are kept for ever. Whoever needs more has a fault, or is one. There is room for the one
# that Tandem adds in the end: no side holds more than a message may list.
MOST_ENTRIES = MOST_VERSIONS - 1


def put_entry(  # noqa: PLR0913, PLR0917 - all that an entry can lean on
    link: Link | None,
    known: Entry | None,
    namesake: Entry | None,
    source_link: Link | None,
    source: Entry | None,
    limited: Limited | None,
    upload: Upload | None,
    effort: Effort | None,
    put: Message[EntryPut],
) -> Decision:
    """Take the owner's newest word on an entry, and pass it on while the two sides are in step."""
    if link is None or not link.includes(put.sender):
        return NotYet("outsourcing/unknown")
    data, word = put.data, word_of(put.data)
    if link.has_ended:
        return link.refuses()
    path: tuple[str, ...] = ()
    visibility = data.visibility
    if data.copied_from is not None:
        if source_link is None or source is None or not _may_pass_on(source_link, source, put.sender):
            return NotYet("outsourcing/unknown")
        path = source.path_onward
        if _comes_straight_back(link, source, known, put):
            visibility = "internal"
    if data.body.kind == "charge" and data.body.currency != link.currency:
        return Refused("entry/foreign-currency", state=link.state, currency=link.currency)
    newest = Entry(
        data.outsourcing_id,
        data.entry_id,
        put.sender,
        data.version,
        data.body.kind,
        visibility,
        written(word),
        path=path,
    )
    decision = _take(link, known, namesake, newest, word, effort, put.now)
    if data.body.kind != "attachment" or not isinstance(decision, Changed):
        return decision
    before = known.word if known else None
    return may_not_send(link, limited, before, data.body) or may_not_cite(link, before, upload, put) or decision


def remove_entry(
    link: Link | None,
    known: Entry | None,
    namesake: Entry | None,
    effort: Effort | None,
    remove: Message[EntryRemove],
) -> Decision:
    """Take the owner's word that an entry is gone; what is left is a tombstone with its version."""
    if link is None or not link.includes(remove.sender):
        return NotYet("outsourcing/unknown")
    if link.has_ended:
        return link.refuses()
    data = remove.data
    kind = known.kind if known else None
    gone = Entry(data.outsourcing_id, data.entry_id, remove.sender, data.version, kind, "internal", None)
    return _take(link, known, namesake, gone, None, effort, remove.now)


def sever(link: Link | None, entry: Entry | None, severing: Message[EntrySever]) -> Decision:
    """The service partner has edited its copy: it stays as it is there, whatever its owner says from now on."""
    if link is None or not link.includes(severing.sender):
        return NotYet("outsourcing/unknown")
    if refused := link.refuses_unless_said_by("service", severing.sender):
        return refused
    if entry is not None and entry.is_severed:
        return Refused("entry/severed-already", state=link.state)
    if entry is None or not entry.has_a_copy_at(link.service):
        return Refused("entry/not-a-copy", state=link.state)
    severed = entry.severed()
    (told,) = told_of(link, severed)
    return Changed(severed, tell=link.both(told.data), history=f"{_named(severed)} severed")


def _may_pass_on(source_link: Link, source: Entry, sender: str) -> bool:
    """Whether the sender has that entry on its ticket, as its own or as one that it was told of."""
    return source_link.includes(sender) and source.is_known_to(sender)


def _comes_straight_back(link: Link, source: Entry, known: Entry | None, put: Message[EntryPut]) -> bool:
    """Whether what the sender was told here is passed back: that concerns nobody, and is no work of the sender's.

    The sender knows where it has it from, so that this tells it nothing; of what comes back by others it must not.
    """
    has_it_from_here = source.outsourcing_id == put.data.outsourcing_id and source.owner != put.sender
    stands_there = known is not None and known.was_told and link.other_side_of(put.sender) not in known.path
    return has_it_from_here and not stands_there


def _take(
    link: Link,
    known: Entry | None,
    namesake: Entry | None,
    newest: Entry,
    word: Word | None,
    effort: Effort | None,
    now: datetime,
) -> Decision:
    if refused := _refused_change(link, known, namesake, newest):
        return refused
    if known is None:
        return count(link, effort, None, _pass_on(link.with_another_entry(), newest, word, now, is_new=True))
    if newest.version <= known.version:
        return Unchanged()
    return count(link, effort, known, _pass_on(link, known.succeeded_by(newest), word, now, is_new=False))


def _refused_change(link: Link, known: Entry | None, namesake: Entry | None, newest: Entry) -> Refused | None:
    """Only its owner changes an entry; it keeps its kind and its ticket, and no version is used twice."""
    if known.owner != newest.owner if known else newest.entry_id == id_of_sum(link):
        return Refused("entry/not-owner", state=link.state)
    if namesake is not None and namesake.outsourcing_id != newest.outsourcing_id:
        return Refused("entry/other-outsourcing", state=link.state)
    if known is None:
        full = link.entry_count >= MOST_ENTRIES
        return Refused("entry/too-many", state=link.state, limit=MOST_ENTRIES) if full else None
    if known.kind and newest.kind and known.kind != newest.kind:
        return Refused("entry/kind-changed", state=link.state, kind=known.kind)
    if newest.version == known.version and not newest.says_the_same_as(known):
        return Refused("entry/version-reused", state=link.state, version=known.version)
    return None


def _pass_on(link: Link, entry: Entry, word: Word | None, now: datetime, *, is_new: bool) -> Changed:
    """Tell the other side, or put the entry in line until it may be told; what concerns nobody stays local."""
    values = (link,) if is_new else ()
    found = file_found_by(entry.owner, entry, word.body if word else None, anew=is_new)
    if entry.is_severed:
        return Changed(
            entry.severed(), tell=found, history=f"{_named(entry)} stays with its owner: its copy is severed"
        )
    if entry.copy_version is None and copied(link, entry, word) is None:
        local = replace(entry, travel=Travel.LOCAL, place=None)
        return Changed(*values, local, tell=found, history=f"{_named(entry)} kept local")
    if link.state is State.IN_PROGRESS and link.line_is_empty:
        delivered, tell = passed_on(link, entry, word, now)
        if not tell:
            outcome = "goes no further: it has been at the other side"
            return Changed(*values, delivered, tell=found, history=f"{_named(entry)} {outcome}")
        link, news = news_of(link, entry.owner, now)
        values = (link,) if is_new or news else ()
        return Changed(*values, delivered, tell=(*tell, *found, *news), history=f"{_named(entry)} delivered")
    if entry.place is None:
        link = link.with_another_in_line()
        values = (link,)
    place = entry.place or link.last_place
    if link.state is not State.AWAITING_APPROVAL:
        # Whoever was held stays marked as such.
        travel = Travel.HELD if entry.travel is Travel.HELD else Travel.WAITING
        waiting = replace(entry, travel=travel, place=place)
        return Changed(*values, waiting, tell=found, history=f"{_named(entry)} waits in line")
    held = EntryHeld(entry_id=entry.entry_id, version=entry.version, outsourcing_id=entry.outsourcing_id)
    return Changed(
        *values,
        replace(entry, travel=Travel.HELD, place=place),
        tell=(Deliver(entry.owner, held), *found),
        history=f"{_named(entry)} held during approval",
    )


def _named(entry: Entry) -> str:
    return f"{entry.kind or 'entry'} {entry.entry_id} version {entry.version}"
