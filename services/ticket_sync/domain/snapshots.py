"""What is billed in the end: the service partner's shared time and charges, fixed and added up."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from uuid import UUID

from services.ticket_sync.domain.entries import TANDEM, Entry, passed_on
from services.ticket_sync.domain.links import Link
from services.ticket_sync.domain.replication import Word, written
from shared.contracts.ticket_sync import (
    LARGEST_SNAPSHOT_BYTES,
    ChargeBody,
    CompletionSnapshot,
    Deduction,
    SnapshotCharge,
    SnapshotTime,
    TimeBody,
)
from shared.ids import id_of_content
from shared.messaging.outcomes import Tell
from shared.money import price_of, total

# The sum of the time reaches the lead as the quantity of one charge, which has six digits before the point.
MOST_HOURS = Decimal(999_999)

Entries = tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """The service partner's shared time and charges as they stand, as far as a message could tell them.

    Where they are too long for that they are `shortened`: the texts of the time are left out. `entries` is None where
    a turn had too much to load.
    """

    outsourcing_id: UUID
    entries: Entries | None
    shortened: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The work as it was submitted, or as it was when it was ended by force; it never changes.

    `submitted_by` is who did either.
    """

    snapshot_id: UUID
    outsourcing_id: UUID
    content: CompletionSnapshot
    submitted_by: str
    submitted_at: datetime


def newest(link: Link, found: Work | None, at_hand: Entries) -> Work | None:
    """The work as this turn has left it, by id; None where there was too much to load in this turn."""
    found = found or Work(link.outsourcing_id, (), shortened=False)
    if found.entries is None:
        return None
    by_id = {one.entry_id: one for one in (*found.entries, *at_hand)}
    entries = (by_id[id] for id in sorted(by_id))
    return replace(found, entries=tuple(one for one in entries if one.is_work and one.owner == link.service))


def fixed(
    link: Link,
    work: Work,
    snapshot_id: UUID,
    summary: str = "",
    deductions: tuple[Deduction, ...] = (),
) -> CompletionSnapshot:
    """The service partner's time by day, its charges, and what they add up to, whether billable or not."""
    time, charges = [], []
    for entry in work.entries or ():
        word = entry.word
        if word is None:
            continue
        if isinstance(word.body, TimeBody):
            time.append(_time(entry, word.author, word.body))
        elif isinstance(word.body, ChargeBody):
            charges.append(_charge(entry, word.body))
    return CompletionSnapshot(
        snapshot_id=snapshot_id,
        summary=summary,
        time=tuple(sorted(time, key=lambda one: (one.work_on, one.entry_id))),
        charges=tuple(charges),
        deductions=deductions,
        hours=sum((one.hours for one in time), Decimal(0)),
        charge_total=total((charge.amount for charge in charges), link.currency),
        currency=link.currency,
    )


def fits(snapshot: CompletionSnapshot) -> bool:
    """Whether it can be told: in one message, and its time in one charge."""
    return snapshot.hours <= MOST_HOURS and len(snapshot.model_dump_json().encode()) <= LARGEST_SNAPSHOT_BYTES


def fixed_whatever_its_size(link: Link, work: Work, snapshot_id: UUID) -> CompletionSnapshot | None:
    """The work as it is now, where nobody is there to shorten it: without the texts of its time if they do not fit.

    None where not even that fits: a bill for a part of the work would be wrong.
    """
    full = fixed(link, work, snapshot_id)
    brief = full.model_copy(update={"time": tuple(one.model_copy(update={"text": ""}) for one in full.time)})
    return next((content for content in ((brief,) if work.shortened else (full, brief)) if fits(content)), None)


def id_of_sum(link: Link) -> UUID:
    """What the sum of the service partner's time is called: it follows from the outsourcing's id."""
    return _id_of_sum(link.outsourcing_id)


# Every new entry is compared with it; as many as a worker has in hand for a while.
@lru_cache(maxsize=1024)
def _id_of_sum(outsourcing_id: UUID) -> UUID:
    return id_of_content(b"time of the service partner", outsourcing_id.bytes)


def sum_up(link: Link, snapshot: CompletionSnapshot) -> tuple[Link, Entries, tuple[Tell, ...]]:
    """What the lead's ticket keeps of the service partner's time, as one charge.

    It is an entry like any other: who has lost it can be told of it again, and who outsources a ticket on may pass it
    on. So it tells nothing of the service partner, where it has been.
    """
    if not snapshot.time or link.completed_at is None:
        return link, (), ()
    charge = ChargeBody(
        kind="charge",
        name=f"Zeit / Time: {link.lead_number}",
        quantity=snapshot.hours,
        unit_price=Decimal(0),
        currency=snapshot.currency,
        billable=False,
    )
    word = Word(author="Tandem", happened_at=link.completed_at, body=charge)
    summed = Entry(
        outsourcing_id=link.outsourcing_id,
        entry_id=id_of_sum(link),
        owner=TANDEM,
        version=1,
        kind="charge",
        visibility="shared",
        content=written(word),
        path=(link.service,),
    )
    delivered, tell = passed_on(link, summed, word, link.completed_at)
    return link.with_another_entry(), (delivered,), tell


def _time(entry: Entry, author: str, body: TimeBody) -> SnapshotTime:
    return SnapshotTime(
        entry_id=entry.entry_id,
        version=entry.version,
        work_on=body.work_on,
        hours=body.hours,
        role=body.role,
        work_type=body.work_type,
        billable=body.billable,
        author=author,
        text=body.text,
    )


def _charge(entry: Entry, body: ChargeBody) -> SnapshotCharge:
    return SnapshotCharge(
        entry_id=entry.entry_id,
        version=entry.version,
        name=body.name,
        work_type=body.work_type,
        quantity=body.quantity,
        unit_price=body.unit_price,
        amount=price_of(body.quantity, body.unit_price, body.currency),
        billable=body.billable,
    )
