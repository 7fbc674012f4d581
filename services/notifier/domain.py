"""Who is told what when something happens to an outsourcing, and when to try again what could not be sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, assert_never
from uuid import UUID

from shared.contracts.offer_handler import Instance, OutsourcingAccepted, OutsourcingOffered, Terms
from shared.contracts.ticket_sync import OutsourcingCompleted, OutsourcingRejected
from shared.ids import id_of_content
from shared.messaging.outcomes import Changed, Decision, Message, NotYet, Unchanged

Kind = Literal["offered", "accepted", "rejected", "approved", "forced"]
Role = Literal["lead", "service"]
State = Literal["pending", "sent", "failed"]

FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(hours=2)
GIVE_UP_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the text of an e-mail is made of; `own_number` and `partner_number` are as its reader sees them."""

    title: str
    own_number: str | None = None
    partner_number: str | None = None
    description: str = ""
    priority: str | None = None
    place: str | None = None
    skill: str | None = None
    due_at: datetime | None = None
    terms: Terms | None = None
    by: str | None = None
    at: datetime | None = None
    late_by_seconds: int | None = None
    complete_by: datetime | None = None
    reason: str = ""
    submitted: bool = True
    hours: Decimal | None = None
    charge_total: Decimal | None = None
    deduction_total: Decimal | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """The intent to tell one recipient of one event; `role` is what the recipient is in this outsourcing."""

    id: UUID
    cause_source: str
    cause_id: UUID
    outsourcing_id: UUID
    kind: Kind
    role: Role
    recipient: str
    partner: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Letter:
    """A notification on its way: to whom, in which language, for which time."""

    notification: Notification
    language: str
    address: str
    recipient_name: str
    partner_name: str
    attempts: int
    created_at: datetime


Verdict = Literal["accepted", "refused", "trouble", "untried"]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one attempt.

    `accepted` and `refused` are the mail server's last word on this mail; `trouble` may pass; `untried` was not this
    mail's turn yet. `words` are the server's, or ours where it said nothing.
    """

    letter: Letter
    verdict: Verdict
    words: str


@dataclass(frozen=True, slots=True)
class Settled:
    """Where an attempt leaves its notification; `attempts` tells which attempt it was."""

    id: UUID
    state: State
    attempts: int
    counts: bool
    answer: str
    next_attempt_at: datetime | None


def notification_id(message: Message[Any], recipient: str) -> UUID:
    """The one id of what this event tells this recipient; it says nothing of the event to who reads it in a mail."""
    return id_of_content(b"notification", message.source.encode(), message.id.bytes, recipient.encode())


def tell_of_offer(
    told: Notification | None, readers: Sequence[Instance], offered: Message[OutsourcingOffered]
) -> Decision:
    """The service partner reads what is offered on which terms, and until when to answer."""
    if told:
        return Unchanged()
    ticket, terms = offered.data.ticket, offered.data.terms
    facts = Facts(
        title=ticket.title,
        partner_number=ticket.number,
        description=ticket.description,
        priority=ticket.priority,
        place=ticket.place,
        skill=ticket.skill,
        due_at=ticket.due_at,
        terms=terms,
        complete_by=terms.complete_by,
    )
    return _tell([_to_service(offered, "offered", facts)], readers, "offer mailed to the service partner")


def tell_of_acceptance(
    told: Notification | None, readers: Sequence[Instance], accepted: Message[OutsourcingAccepted]
) -> Decision:
    """The lead reads who took its ticket, and when."""
    if told:
        return Unchanged()
    data = accepted.data
    facts = Facts(
        title=data.ticket.title,
        own_number=data.ticket.number,
        by=data.accepted_by,
        at=data.accepted_at,
        late_by_seconds=data.late_by_seconds,
        complete_by=data.terms.complete_by,
    )
    return _tell([_to_lead(accepted, "accepted", facts)], readers, "acceptance mailed to the lead")


def tell_of_rejection(
    told: Notification | None, readers: Sequence[Instance], rejected: Message[OutsourcingRejected]
) -> Decision:
    """The service partner reads why its submission was sent back."""
    if told:
        return Unchanged()
    data = rejected.data
    facts = Facts(
        title=data.title,
        own_number=data.service_number,
        partner_number=data.lead_number,
        reason=data.reason,
        complete_by=data.complete_by,
    )
    return _tell([_to_service(rejected, "rejected", facts)], readers, "rejection mailed to the service partner")


def tell_of_completion(
    lead_told: Notification | None,
    service_told: Notification | None,
    readers: Sequence[Instance],
    completed: Message[OutsourcingCompleted],
) -> Decision:
    """Both sides read that the work is done, whether it was forced, and what was submitted."""
    kind: Kind = "forced" if completed.data.forced else "approved"
    to_lead = _to_lead(completed, kind, _completion_for_lead(completed.data))
    to_service = _to_service(completed, kind, _completion_for_service(completed.data))
    untold = [new for told, new in ((lead_told, to_lead), (service_told, to_service)) if told is None]
    return _tell(untold, readers, "completion mailed to both sides")


def _tell(untold: Sequence[Notification], readers: Sequence[Instance], history: str) -> Decision:
    """All of them at once, when everybody is known who reads them.

    Of a company that has just joined another message tells, which may be behind this one. Who is not known even then
    is no instance, and is told nothing, as it is with messages.
    """
    slugs = {reader.slug for reader in readers}
    known = [one for one in untold if one.recipient in slugs]
    decided = Changed(*known, history=history) if known else Unchanged()
    return decided if known == untold else NotYet("instance/unknown", otherwise=decided)


def settle(result: Result, now: datetime) -> Settled:
    """Where the attempt leaves the notification: done, failed for good, or due again after a growing pause."""
    letter = result.letter

    def settled(state: State, next_attempt_at: datetime | None = None, *, counts: bool = True) -> Settled:
        return Settled(letter.notification.id, state, letter.attempts, counts, result.words, next_attempt_at)

    match result.verdict:
        case "accepted":
            return settled("sent")
        case "refused":
            return settled("failed")
        case "untried":
            return settled("pending", now, counts=False)
        case "trouble":
            again_at = now + pause_after(letter.attempts)
            return settled("pending", again_at) if again_at < letter.created_at + GIVE_UP_AFTER else settled("failed")
        case _:
            assert_never(result.verdict)


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts: twice as long each time, up to a limit."""
    doublings = min(attempts - 1, 20)
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


def _completion_for_lead(data: OutsourcingCompleted) -> Facts:
    return _completion(data, own_number=data.lead_number, partner_number=data.service_number, by=data.completed_by)


def _completion_for_service(data: OutsourcingCompleted) -> Facts:
    return _completion(data, own_number=data.service_number, partner_number=data.lead_number, by=None)


def _completion(
    data: OutsourcingCompleted, *, own_number: str | None, partner_number: str | None, by: str | None
) -> Facts:
    snapshot = data.snapshot
    return Facts(
        title=data.title,
        own_number=own_number,
        partner_number=partner_number,
        by=by,
        at=data.completed_at,
        submitted=snapshot is not None,
        hours=snapshot.hours if snapshot else None,
        charge_total=snapshot.charge_total if snapshot else None,
        deduction_total=sum((one.amount for one in snapshot.deductions), Decimal()) if snapshot else None,
        currency=snapshot.currency if snapshot else None,
    )


def _to_lead(message: Message[Any], kind: Kind, facts: Facts) -> Notification:
    return _notification(message, kind, "lead", message.data.lead, message.data.service, facts)


def _to_service(message: Message[Any], kind: Kind, facts: Facts) -> Notification:
    return _notification(message, kind, "service", message.data.service, message.data.lead, facts)


def _notification(
    message: Message[Any], kind: Kind, role: Role, recipient: str, partner: str, facts: Facts
) -> Notification:
    return Notification(
        id=notification_id(message, recipient),
        cause_source=message.source,
        cause_id=message.id,
        outsourcing_id=message.data.outsourcing_id,
        kind=kind,
        role=role,
        recipient=recipient,
        partner=partner,
        facts=facts,
    )
