"""The end of the work: it is submitted, taken back, rejected, or approved."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from services.ticket_sync.domain.agreed import Agreed
from services.ticket_sync.domain.entries import Entry, keep_held, release_held
from services.ticket_sync.domain.links import Link, State
from shared.contracts.ticket_sync import (
    LARGEST_SNAPSHOT_BYTES,
    ChargeBody,
    CompletionApprove,
    CompletionApproved,
    CompletionReject,
    CompletionRejected,
    CompletionSnapshot,
    CompletionSubmit,
    CompletionSubmitted,
    CompletionWithdraw,
    CompletionWithdrawn,
    EntryReplicated,
    OutsourcingCompleted,
    OutsourcingRejected,
    OutsourcingSubmitted,
    OutsourcingWithdrawn,
    SnapshotCharge,
    SnapshotTime,
    TicketNoted,
    TimeBody,
)
from shared.ids import id_of_content
from shared.messaging.outcomes import Changed, Decision, Deliver, FieldError, Message, NotYet, Publish, Refused
from shared.money import price_of, total

# The sum of the time reaches the lead as the quantity of one charge, which has six digits before the point.
MOST_HOURS = Decimal(999_999)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A submission as it was made; it never changes."""

    snapshot_id: UUID
    outsourcing_id: UUID
    content: CompletionSnapshot
    submitted_by: str
    submitted_at: datetime


def submit(
    link: Link | None, agreed: Agreed | None, work: tuple[Entry, ...], submission: Message[CompletionSubmit]
) -> Decision:
    """Fix what the service partner submits, where it is what it believes to submit; entries are held from now on."""
    if link is None or agreed is None or not link.includes(submission.sender):
        return NotYet("outsourcing/unknown")
    if refused := link.refuses_unless("service", State.IN_PROGRESS, submission.sender):
        return refused
    content = _fixed(link, work, submission)
    if refused := _out_of_step(link, content, submission.data):
        return refused
    if content.hours > MOST_HOURS or len(content.model_dump_json().encode()) > LARGEST_SNAPSHOT_BYTES:
        return Refused("completion/too-large", state=link.state)
    snapshot = Snapshot(content.snapshot_id, link.outsourcing_id, content, submission.data.actor, submission.now)
    submitted = CompletionSubmitted(
        outsourcing_id=link.outsourcing_id,
        snapshot=content,
        submitted_by=snapshot.submitted_by,
        submitted_at=snapshot.submitted_at,
    )
    published = OutsourcingSubmitted(**agreed.named(link), snapshot=content)
    return Changed(
        link.submitted(snapshot.snapshot_id, submission.now),
        snapshot,
        tell=(*link.both(submitted), Publish(published)),
        history=f"submitted as {snapshot.snapshot_id}",
    )


def withdraw(
    link: Link | None, agreed: Agreed | None, held: tuple[Entry, ...], withdrawal: Message[CompletionWithdraw]
) -> Decision:
    """The service partner takes its submission back, and the work goes on."""
    if link is None or agreed is None or not link.includes(withdrawal.sender):
        return NotYet("outsourcing/unknown")
    if refused := link.refuses_unless("service", State.AWAITING_APPROVAL, withdrawal.sender):
        return refused
    link = link.resumed()
    withdrawn = CompletionWithdrawn(outsourcing_id=link.outsourcing_id, withdrawn_at=withdrawal.now)
    noted = TicketNoted(outsourcing_id=link.outsourcing_id, reason="submission_withdrawn", state=link.state)
    entries, released = release_held(link, held)
    return Changed(
        link,
        *entries,
        tell=(
            *link.both(withdrawn),
            *link.both(noted),
            *released,
            Publish(OutsourcingWithdrawn(**agreed.named(link))),
        ),
        history="submission withdrawn",
    )


def reject(
    link: Link | None, agreed: Agreed | None, held: tuple[Entry, ...], rejection: Message[CompletionReject]
) -> Decision:
    """The lead is not content and says why, and the work goes on."""
    if link is None or agreed is None or not link.includes(rejection.sender):
        return NotYet("outsourcing/unknown")
    if refused := link.refuses_unless("lead", State.AWAITING_APPROVAL, rejection.sender):
        return refused
    link = link.resumed()
    reason = rejection.data.reason
    rejected = CompletionRejected(outsourcing_id=link.outsourcing_id, reason=reason, rejected_at=rejection.now)
    noted = TicketNoted(outsourcing_id=link.outsourcing_id, reason="submission_rejected", text=reason, state=link.state)
    entries, released = release_held(link, held)
    published = OutsourcingRejected(**agreed.named(link), reason=reason, complete_by=agreed.accepted.terms.complete_by)
    return Changed(
        link,
        *entries,
        tell=(*link.both(rejected), *link.both(noted), *released, Publish(published)),
        history="submission rejected",
    )


def approve(
    link: Link | None,
    agreed: Agreed | None,
    snapshot: Snapshot | None,
    held: tuple[Entry, ...],
    approval: Message[CompletionApprove],
) -> Decision:
    """The lead approves the submission it was shown: the link has ended for good, and billing starts."""
    if link is None or agreed is None or not link.includes(approval.sender):
        return NotYet("outsourcing/unknown")
    if refused := link.refuses_unless("lead", State.AWAITING_APPROVAL, approval.sender):
        return refused
    if snapshot is None or snapshot.snapshot_id != link.snapshot_id:
        return Refused("completion/stale-snapshot", state=link.state, snapshot_id=str(link.snapshot_id))
    link = link.completed(approval.now)
    approved = CompletionApproved(
        outsourcing_id=link.outsourcing_id, snapshot_id=snapshot.snapshot_id, approved_at=approval.now
    )
    entries, kept = keep_held(held)
    published = OutsourcingCompleted(
        **agreed.named(link),
        organization=agreed.accepted.organization,
        terms=agreed.accepted.terms,
        snapshot=snapshot.content,
        completed_at=approval.now,
        completed_by=approval.data.actor,
    )
    return Changed(
        link,
        *entries,
        tell=(*link.both(approved), *_time_in_one_charge(link, snapshot.content), *kept, Publish(published)),
        history=f"completed as submitted in {snapshot.snapshot_id}",
    )


def _fixed(link: Link, work: tuple[Entry, ...], submission: Message[CompletionSubmit]) -> CompletionSnapshot:
    """The service partner's time by day, its charges, and what they add up to, whether billable or not."""
    time, charges = [], []
    for entry in work:
        word = entry.word
        if entry.owner != link.service or word is None:
            continue
        if isinstance(word.body, TimeBody):
            time.append(_time(entry, word.author, word.body))
        elif isinstance(word.body, ChargeBody):
            charges.append(_charge(entry, word.body))
    prices = (price_of(charge.quantity, charge.unit_price, link.currency) for charge in charges)
    return CompletionSnapshot(
        snapshot_id=submission.fresh_id,
        summary=submission.data.summary,
        time=tuple(sorted(time, key=lambda one: (one.work_on, one.entry_id))),
        charges=tuple(charges),
        deductions=submission.data.deductions,
        hours=sum((one.hours for one in time), Decimal(0)),
        charge_total=total(prices, link.currency),
        currency=link.currency,
    )


def _time(entry: Entry, author: str, body: TimeBody) -> SnapshotTime:
    return SnapshotTime(
        entry_id=entry.entry_id,
        version=entry.version,
        work_on=body.work_on,
        hours=body.hours,
        role=body.role,
        billable=body.billable,
        author=author,
        text=body.text,
    )


def _charge(entry: Entry, body: ChargeBody) -> SnapshotCharge:
    return SnapshotCharge(
        entry_id=entry.entry_id,
        version=entry.version,
        name=body.name,
        quantity=body.quantity,
        unit_price=body.unit_price,
        billable=body.billable,
    )


def _out_of_step(link: Link, known: CompletionSnapshot, believed: CompletionSubmit) -> Refused | None:
    """The refusal that says what is known here, where that is not what the service partner believes to submit."""
    known_entries = len(known.time) + len(known.charges)
    compared = (
        ("/data/entries", believed.entries, known_entries),
        ("/data/hours", believed.hours, known.hours),
        ("/data/charge_total", believed.charge_total, known.charge_total),
    )
    errors = tuple(
        FieldError(pointer, f"{said} is said, {here} is known here") for pointer, said, here in compared if said != here
    )
    if not errors:
        return None
    return Refused(
        "completion/out-of-step",
        state=link.state,
        errors=errors,
        known_entries=known_entries,
        known_hours=f"{known.hours:f}",
        known_charges=f"{known.charge_total:f} {known.currency}",
    )


def _time_in_one_charge(link: Link, snapshot: CompletionSnapshot) -> tuple[Deliver, ...]:
    """What the lead's ticket keeps of the service partner's time; its id follows from the outsourcing's."""
    if not snapshot.time or link.completed_at is None:
        return ()
    charge = ChargeBody(
        kind="charge",
        name=f"{link.service}: {link.service_number}",
        quantity=snapshot.hours,
        unit_price=Decimal(0),
        currency=snapshot.currency,
        billable=False,
    )
    summed = EntryReplicated(
        outsourcing_id=link.outsourcing_id,
        entry_id=id_of_content(b"time of the service partner", link.outsourcing_id.bytes),
        owner="tandem",
        version=1,
        visibility="internal",
        author="Tandem",
        happened_at=link.completed_at,
        body=charge,
        state=link.state,
    )
    return (Deliver(link.lead, summed),)
