"""The end of the work: it is submitted, taken back, rejected, or approved."""

from services.ticket_sync.domain.agreed import Agreed
from services.ticket_sync.domain.entries import Entry
from services.ticket_sync.domain.line import Front, move
from services.ticket_sync.domain.links import Link, State
from services.ticket_sync.domain.snapshots import Snapshot, Work, fits, fixed, newest, sum_up
from shared.contracts.ticket_sync import (
    CompletionApprove,
    CompletionApproved,
    CompletionReject,
    CompletionRejected,
    CompletionSnapshot,
    CompletionSubmit,
    CompletionSubmitted,
    CompletionWithdraw,
    CompletionWithdrawn,
    OutsourcingCompleted,
    OutsourcingRejected,
    OutsourcingSubmitted,
    OutsourcingWithdrawn,
    TicketNoted,
)
from shared.messaging.outcomes import Changed, Decision, FieldError, Message, NotYet, Publish, Refused


def submit(
    link: Link | None,
    agreed: Agreed | None,
    found: Work | None,
    at_hand: tuple[Entry, ...],
    submission: Message[CompletionSubmit],
) -> Decision:
    """Fix what the service partner submits, where it is what it believes to submit; entries are held from now on.

    What was put before arrives before.
    """
    if link is None or agreed is None or not link.includes(submission.sender):
        return NotYet("outsourcing/unknown")
    if refused := link.refuses_unless("service", State.IN_PROGRESS, submission.sender):
        return refused
    if not link.line_is_empty:
        return NotYet("completion/entries-under-way", state=link.state)
    work = newest(link, found, at_hand)
    if work is None:
        return NotYet("completion/too-much-at-once", state=link.state)
    content = fixed(link, work, submission.fresh_id, submission.data.summary, submission.data.deductions)
    refused = _out_of_step(link, content, submission.data)
    if refused is None and (work.shortened or not fits(content)):
        refused = Refused("completion/too-large", state=link.state)
    if refused is not None:
        return refused
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
    link: Link | None,
    agreed: Agreed | None,
    front: Front | None,
    held: tuple[Entry, ...],
    withdrawal: Message[CompletionWithdraw],
) -> Decision:
    """The service partner takes its submission back, and the work goes on."""
    if link is None or agreed is None or not link.includes(withdrawal.sender):
        return NotYet("outsourcing/unknown")
    if refused := link.refuses_unless("service", State.AWAITING_APPROVAL, withdrawal.sender):
        return refused
    link = link.resumed()
    withdrawn = CompletionWithdrawn(outsourcing_id=link.outsourcing_id, withdrawn_at=withdrawal.now)
    noted = TicketNoted(outsourcing_id=link.outsourcing_id, reason="submission_withdrawn", state=link.state)
    link, entries, released = move(link, front, held, withdrawal.now)
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
    link: Link | None,
    agreed: Agreed | None,
    front: Front | None,
    held: tuple[Entry, ...],
    rejection: Message[CompletionReject],
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
    link, entries, released = move(link, front, held, rejection.now)
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
    front: Front | None,
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
    link, entries, kept = move(link, front, held, approval.now)
    link, summed, told_of_sum = sum_up(link, snapshot.content)
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
        *summed,
        tell=(*link.both(approved), *told_of_sum, *kept, Publish(published)),
        history=f"completed as submitted in {snapshot.snapshot_id}",
    )


def _out_of_step(link: Link, known: CompletionSnapshot, believed: CompletionSubmit) -> Refused | None:
    """The refusal that says what is known here, where that is not what the service partner believes to submit."""
    compared = (
        ("/data/entries", believed.entries, known.entries),
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
        known_entries=known.entries,
        known_hours=f"{known.hours:f}",
        known_charges=f"{known.charge_total:f} {known.currency}",
    )
