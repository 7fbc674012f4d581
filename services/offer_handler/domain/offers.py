"""Offers: a lead's ticket for one service partner, until exactly one of accept, decline, cancel and expire has won."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from math import ceil
from typing import Any, Literal
from uuid import UUID

from services.offer_handler.domain import partnerships
from services.offer_handler.domain.partnerships import Agreement, Partnership
from shared.contracts.offer_handler import (
    DeadlinePassed,
    OfferAccept,
    OfferAccepted,
    OfferCancel,
    OfferCancelled,
    OfferDecline,
    OfferDeclined,
    OfferExpired,
    OfferReceived,
    OfferSend,
    OfferSent,
    OutsourcingAccepted,
    OutsourcingCancelled,
    OutsourcingDeclined,
    OutsourcingExpired,
    OutsourcingOffered,
    Terms,
    Ticket,
)
from shared.contracts.ticket_sync import OutsourcingCompleted
from shared.contracts.values import Delivery, Event
from shared.messaging.outcomes import Caused, Changed, Decision, Deliver, Message, NotYet, Publish, Refused, Unchanged

Role = Literal["lead", "service"]

# How long a send waits for the event that closes the ticket's last outsourcing.
CLOSING_WAIT_SECONDS = 10.0


class State(StrEnum):
    """The life of an outsourcing as far as it is known here."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    COMPLETED = "completed"


LIVE = (State.OFFERED, State.ACCEPTED)
ALLOWED: dict[State, tuple[str, ...]] = {
    State.OFFERED: ("offer.accept", "offer.decline", "offer.cancel"),
    State.ACCEPTED: (),
    State.DECLINED: ("offer.send",),
    State.CANCELLED: ("offer.send",),
    State.EXPIRED: ("offer.send",),
    State.COMPLETED: ("offer.send",),
}


@dataclass(frozen=True, slots=True)
class Outsourcing:
    """One ticket offered to one service partner; `sent_by` names the message that offered it."""

    outsourcing_id: UUID
    round_id: UUID
    partnership_id: UUID
    lead: str
    service: str
    ticket: Ticket
    terms: Terms
    state: State
    offered_at: datetime
    sent_by: tuple[str, UUID]
    answered_at: datetime | None = None
    completed_at: datetime | None = None

    @property
    def of_ticket(self) -> tuple[str, str]:
        return self.lead, self.ticket.number

    @property
    def subject(self) -> str:
        return str(self.outsourcing_id)

    def answered(self, state: State, now: datetime) -> "Outsourcing":
        return replace(self, state=state, answered_at=now)

    def includes(self, slug: str) -> bool:
        return slug in (self.lead, self.service)

    def refuses_unless_open(self, role: Role, sender: str) -> Refused | None:
        """Whose word it is not, and what comes after another has won, is refused."""
        allowed = ALLOWED[self.state]
        if sender != (self.lead if role == "lead" else self.service):
            return Refused("offer/not-yours", state=self.state, allowed=allowed, role=role)
        if self.state is not State.OFFERED:
            return Refused("offer/too-late", state=self.state, allowed=allowed)
        return None

    def named(self) -> dict[str, Any]:
        """Who and what it is about, as facts of its end tell it."""
        return {
            "outsourcing_id": self.outsourcing_id,
            "lead": self.lead,
            "service": self.service,
            "ticket_number": self.ticket.number,
            "title": self.ticket.title,
        }

    def closed(self, state: State, told: Delivery, published: Event, now: datetime) -> Changed:
        """It has ended without acceptance; both sides and the other services are told."""
        return Changed(self.answered(state, now), tell=(*self.both(told), Publish(published)), history=state.value)

    def both(self, fact: Delivery) -> tuple[Deliver, Deliver]:
        return Deliver(self.lead, fact), Deliver(self.service, fact)


@dataclass(frozen=True, slots=True)
class Due:
    """A deadline that has passed, and the message that set it."""

    outsourcing_id: UUID
    respond_by: datetime
    sent_by: tuple[str, UUID]


def send(
    known: Outsourcing | None,
    of_round: tuple[Outsourcing, ...],
    of_ticket: tuple[Outsourcing, ...],
    partnership: Partnership | None,
    agreement: Agreement | None,
    sending: Message[OfferSend],
) -> Decision:
    """Offer a ticket to a partner: at most one offer of a ticket is open or accepted at a time."""
    if len(sending.data.offers) > 1:
        return Refused("offer/one-partner-only")
    if partnership is None or partnership.lead != sending.sender:
        return NotYet("partnership/unknown")
    if refused := _refused_sending(partnership, agreement, (known, *of_round), sending):
        return refused
    live = next((one for one in of_ticket if one.state in LIVE), None)
    if live is None:
        return _sent(partnership, sending)
    if live.state is State.ACCEPTED:
        return NotYet("offer/ticket-not-free", CLOSING_WAIT_SECONDS, live.state)
    return Refused("offer/ticket-not-free", state=live.state, allowed=ALLOWED[live.state])


def _refused_sending(
    partnership: Partnership,
    agreement: Agreement | None,
    taken: tuple[Outsourcing | None, ...],
    sending: Message[OfferSend],
) -> Refused | None:
    standing = partnership.state_at(sending.now)
    if agreement is None:
        return Refused("agreement/missing")
    if standing is not partnerships.State.ACTIVE:
        return Refused("partnership/not-active", state=standing, allowed=partnerships.ALLOWED[standing])
    if any(taken):
        return Refused("offer/id-taken")
    if sending.data.terms.respond_by <= sending.now:
        return Refused("offer/respond-by-past")
    return None


def _sent(partnership: Partnership, sending: Message[OfferSend]) -> Changed:
    data = sending.data
    offered = Outsourcing(
        outsourcing_id=data.offers[0].outsourcing_id,
        round_id=data.round_id,
        partnership_id=partnership.partnership_id,
        lead=partnership.lead,
        service=partnership.service,
        ticket=data.ticket,
        terms=data.terms,
        state=State.OFFERED,
        offered_at=sending.now,
        sent_by=(sending.source, sending.id),
    )
    sent = OfferSent(
        round_id=offered.round_id,
        outsourcing_id=offered.outsourcing_id,
        partner=offered.service,
        ticket_number=offered.ticket.number,
        respond_by=offered.terms.respond_by,
    )
    # Before acceptance nobody but the lead knows the customer.
    shown = offered.ticket.as_offered()
    received = OfferReceived(
        outsourcing_id=offered.outsourcing_id,
        partnership_id=offered.partnership_id,
        lead=offered.lead,
        ticket=shown,
        terms=offered.terms,
        needs_organization=partnership.organization is None,
    )
    published = OutsourcingOffered(
        outsourcing_id=offered.outsourcing_id,
        lead=offered.lead,
        service=offered.service,
        ticket=shown,
        terms=offered.terms,
    )
    return Changed(
        offered,
        tell=(
            Deliver(offered.lead, sent, subject=offered.subject),
            Deliver(offered.service, received, subject=offered.subject),
            Publish(published, subject=offered.subject),
        ),
        history=f"offered to {offered.service}",
    )


def accept(outsourcing: Outsourcing | None, partnership: Partnership | None, answer: Message[OfferAccept]) -> Decision:
    """The service partner takes the work; its first ticket from a lead needs the organization mapping."""
    if outsourcing is None or partnership is None or not outsourcing.includes(answer.sender):
        return NotYet("outsourcing/unknown")
    if refused := outsourcing.refuses_unless_open("service", answer.sender):
        return refused
    mapped = partnership.mapped_to(answer.data.organization)
    if mapped.organization is None:
        return Refused("offer/organization-missing", state=outsourcing.state, allowed=ALLOWED[outsourcing.state])
    late = ceil((answer.now - outsourcing.terms.respond_by).total_seconds())
    late_by_seconds = late if late > 0 else None
    told = OfferAccepted(
        outsourcing_id=outsourcing.outsourcing_id,
        ticket_number=outsourcing.ticket.number,
        accepted_at=answer.now,
        accepted_by=answer.data.actor,
        late_by_seconds=late_by_seconds,
    )
    published = OutsourcingAccepted(
        outsourcing_id=outsourcing.outsourcing_id,
        partnership_id=outsourcing.partnership_id,
        lead=outsourcing.lead,
        service=outsourcing.service,
        ticket=outsourcing.ticket,
        terms=outsourcing.terms,
        organization=mapped.organization,
        accepted_at=answer.now,
        accepted_by=answer.data.actor,
        late_by_seconds=late_by_seconds,
    )
    values = (outsourcing.answered(State.ACCEPTED, answer.now), *([mapped] if mapped != partnership else []))
    return Changed(*values, tell=(*outsourcing.both(told), Publish(published)), history="accepted")


def decline(outsourcing: Outsourcing | None, answer: Message[OfferDecline]) -> Decision:
    """The service partner does not take the work; the ticket is free again."""
    if outsourcing is None or not outsourcing.includes(answer.sender):
        return NotYet("outsourcing/unknown")
    if refused := outsourcing.refuses_unless_open("service", answer.sender):
        return refused
    told = OfferDeclined(
        outsourcing_id=outsourcing.outsourcing_id,
        ticket_number=outsourcing.ticket.number,
        reason=answer.data.reason,
        declined_at=answer.now,
    )
    published = OutsourcingDeclined(**outsourcing.named(), reason=answer.data.reason)
    return outsourcing.closed(State.DECLINED, told, published, answer.now)


def cancel(outsourcing: Outsourcing | None, taking_back: Message[OfferCancel]) -> Decision:
    """The lead takes the offer back before it is answered; the ticket is free again."""
    if outsourcing is None or not outsourcing.includes(taking_back.sender):
        return NotYet("outsourcing/unknown")
    if refused := outsourcing.refuses_unless_open("lead", taking_back.sender):
        return refused
    told = OfferCancelled(
        outsourcing_id=outsourcing.outsourcing_id,
        ticket_number=outsourcing.ticket.number,
        reason=taking_back.data.reason,
        cancelled_at=taking_back.now,
    )
    published = OutsourcingCancelled(**outsourcing.named(), reason=taking_back.data.reason)
    return outsourcing.closed(State.CANCELLED, told, published, taking_back.now)


def expire(outsourcing: Outsourcing | None, deadline: Message[DeadlinePassed]) -> Decision:
    """The deadline came before any answer; where an answer came first, it has won."""
    if outsourcing is None or outsourcing.state is not State.OFFERED:
        return Unchanged()
    told = OfferExpired(
        outsourcing_id=outsourcing.outsourcing_id, ticket_number=outsourcing.ticket.number, expired_at=deadline.now
    )
    return outsourcing.closed(State.EXPIRED, told, OutsourcingExpired(**outsourcing.named()), deadline.now)


def complete(outsourcing: Outsourcing | None, completed: Message[OutsourcingCompleted]) -> Decision:
    """The work is done, as the authority over it says: the ticket is free for another offer."""
    if outsourcing is None:
        return NotYet("outsourcing/unknown")
    if outsourcing.state is State.COMPLETED:
        return Unchanged()
    done = replace(outsourcing, state=State.COMPLETED, completed_at=completed.data.completed_at)
    return Changed(done, history="completed")


def deadline_passed(due: Due) -> Caused:
    """What the offer handler tells itself when the time to answer is over, by way of the queue of the answers."""
    source, id = due.sent_by
    told = DeadlinePassed(outsourcing_id=due.outsourcing_id, due_at=due.respond_by)
    return Caused(cause_source=source, cause_id=id, subject=str(due.outsourcing_id), tell=(Publish(told),))
