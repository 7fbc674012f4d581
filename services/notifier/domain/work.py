"""What is told of accepted work: until its ticket is open, when it is submitted and decided, and at its end."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from services.notifier.domain.notifications import Draft, Facts, Line, to_lead, to_service
from shared.contracts.notifier import NotificationKind
from shared.contracts.ticket_sync import (
    CompletionSnapshot,
    NewsGathered,
    OutsourcingAnswered,
    OutsourcingAsked,
    OutsourcingCapReached,
    OutsourcingCompleted,
    OutsourcingHandedBack,
    OutsourcingQuestion,
    OutsourcingRejected,
    OutsourcingSubmitted,
    OutsourcingUnopened,
    OutsourcingWithdrawn,
)

# What a reader takes in at a glance; the rest is counted, and stands in the reader's own system.
MOST_LINES = 20


def of_waiting(unopened: OutsourcingUnopened) -> Iterable[Draft]:
    """The service partner is reminded of the ticket that it has not opened, and in the end the lead is told."""
    facts = Facts(title=unopened.title, at=unopened.accepted_at, waiting_hours=unopened.waiting_hours)
    yield to_service(unopened, "unopened", replace(facts, partner_number=unopened.lead_number))
    if unopened.lead_told:
        yield to_lead(unopened, "unopened", replace(facts, own_number=unopened.lead_number))


def of_news(gathered: NewsGathered) -> Iterable[Draft]:
    """The other side reads what was done on the ticket, all of it at once."""
    by_lead = gathered.writer == gathered.lead
    to_side, facts = (to_service, for_service(gathered)) if by_lead else (to_lead, for_lead(gathered))
    told = replace(
        facts,
        state=gathered.state,
        currency=gathered.currency,
        lines=tuple(Line(**dict(line)) for line in gathered.lines),
        line_count=gathered.count,
    )
    yield to_side(gathered, "entries", told)


def of_question(asked: OutsourcingAsked) -> Iterable[Draft]:
    """The other side reads what it is asked."""
    yield _to_other_side(asked, "asked")


def of_answer(answered: OutsourcingAnswered) -> Iterable[Draft]:
    """The other side reads what it is answered."""
    yield _to_other_side(answered, "answered")


def of_cap(reached: OutsourcingCapReached) -> Iterable[Draft]:
    """Both sides read how far the work has come against an authorized amount, and what becomes of more."""
    for to_side, facts in ((to_lead, for_lead(reached)), (to_service, for_service(reached))):
        told = replace(
            facts,
            cap=reached.cap,
            percent=reached.percent,
            authorized=reached.authorized,
            reached=reached.reached,
            currency=reached.currency,
            over_cap=reached.over_cap,
        )
        yield to_side(reached, "cap_reached", told)


def of_submission(submitted: OutsourcingSubmitted) -> Iterable[Draft]:
    """The lead reads what is submitted to it, line by line."""
    facts = _with_work(for_lead(submitted), submitted.snapshot)
    lines = (*_time_of(submitted.snapshot), *_charges_of(submitted.snapshot))
    yield to_lead(
        submitted,
        "submitted",
        replace(facts, text=submitted.snapshot.summary, lines=lines[:MOST_LINES], line_count=len(lines)),
    )


def of_withdrawal(withdrawn: OutsourcingWithdrawn) -> Iterable[Draft]:
    """The lead reads that there is nothing to approve for now."""
    yield to_lead(withdrawn, "withdrawn", for_lead(withdrawn))


def of_rejection(rejected: OutsourcingRejected) -> Iterable[Draft]:
    """The service partner reads why its submission was sent back."""
    facts = replace(for_service(rejected), reason=rejected.reason, until=rejected.complete_by)
    yield to_service(rejected, "rejected", facts)


def of_completion(completed: OutsourcingCompleted) -> Iterable[Draft]:
    """Both sides read that the work is done, whether it was forced, and what is billed."""
    kind: NotificationKind = "forced" if completed.forced else "approved"
    yield to_lead(completed, kind, replace(_ended(for_lead(completed), completed), by=completed.completed_by))
    yield to_service(completed, kind, _ended(for_service(completed), completed))


def of_return(returned: OutsourcingHandedBack) -> Iterable[Draft]:
    """The lead reads who gave its ticket back and why, and what was worked until then."""
    facts = replace(
        for_lead(returned),
        by=returned.returned_by,
        at=returned.returned_at,
        reason=returned.reason,
        hours=returned.hours,
        charge_total=returned.charge_total,
        currency=returned.currency,
    )
    yield to_lead(returned, "returned", facts)


def for_lead(told: Any) -> Facts:
    """The ticket with its numbers as the lead calls them."""
    return Facts(title=told.title, own_number=told.lead_number, partner_number=told.service_number)


def for_service(told: Any) -> Facts:
    """The ticket with its numbers as the service partner calls them."""
    return Facts(title=told.title, own_number=told.service_number, partner_number=told.lead_number)


def _to_other_side(told: OutsourcingQuestion, kind: NotificationKind) -> Draft:
    by_lead = told.sender == told.lead
    to_side, facts = (to_service, for_service(told)) if by_lead else (to_lead, for_lead(told))
    return to_side(told, kind, replace(facts, state=told.state, text=told.text, by=told.by, at=told.at))


def _ended(facts: Facts, completed: OutsourcingCompleted) -> Facts:
    facts = replace(facts, at=completed.completed_at, billed=completed.snapshot is not None)
    return _with_work(facts, completed.snapshot) if completed.snapshot else facts


def _with_work(facts: Facts, snapshot: CompletionSnapshot) -> Facts:
    return replace(
        facts,
        hours=snapshot.hours,
        charge_total=snapshot.charge_total,
        deduction_total=sum((one.amount for one in snapshot.deductions), Decimal()),
        currency=snapshot.currency,
    )


def _time_of(snapshot: CompletionSnapshot) -> Iterable[Line]:
    for one in snapshot.time:
        yield Line("time", by=one.author, text=one.text, on=one.work_on, hours=one.hours)


def _charges_of(snapshot: CompletionSnapshot) -> Iterable[Line]:
    for one in snapshot.charges:
        yield Line("charge", text=one.name, amount=one.amount)
