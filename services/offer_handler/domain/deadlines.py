"""Time to answer: reminders while an offer is open, and its end when nobody has answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.offer_handler.domain.offers import go_on, named
from services.offer_handler.domain.partnerships import Partnership
from services.offer_handler.domain.rounds import Cause, Outsourcing, Round, State
from shared.contracts.offer_handler import (
    DeadlinePassed,
    OfferExpired,
    OfferReminded,
    OutsourcingExpired,
    OutsourcingReminded,
)
from shared.messaging.outcomes import Caused, Changed, Decision, Deliver, Message, Publish, Unchanged


@dataclass(frozen=True, slots=True)
class Due:
    """A reminder or deadline that fell due, and the message by which its offer was made."""

    outsourcing_id: UUID
    due_at: datetime
    asked_by: Cause


def deadline_passed(due: Due) -> Caused:
    """What the offer handler tells itself when it is time, by way of the queue of the answers."""
    source, id = due.asked_by
    told = DeadlinePassed(outsourcing_id=due.outsourcing_id, due_at=due.due_at)
    return Caused(cause_source=source, cause_id=id, subject=str(due.outsourcing_id), tell=(Publish(told),))


def fall_due(round: Round | None, invited: Sequence[Partnership], deadline: Message[DeadlinePassed]) -> Decision:
    """The time to answer is half over, nearly over, or over; where an answer came first, it has won."""
    outsourcing = None if round is None else round.find(deadline.data.outsourcing_id)
    if round is None or outsourcing is None or outsourcing.respond_by is None or outsourcing.state is not State.OFFERED:
        return Unchanged()
    if deadline.data.due_at >= outsourcing.respond_by:
        return _expire(round, outsourcing, invited, deadline)
    if not outsourcing.message_is_under_way:
        return Unchanged()
    return _remind(round, outsourcing, deadline)


def _remind(round: Round, outsourcing: Outsourcing, deadline: Message[DeadlinePassed]) -> Decision:
    """The service partner is reminded, unless it is too late for that by now; the deadline itself is still to come."""
    # Where nobody looked for long, one reminder stands for all that fell due meanwhile.
    following = round.with_(outsourcing.awaiting_deadline_after(max(deadline.data.due_at, deadline.now)))
    terms = round.terms_for(outsourcing)
    if deadline.now >= terms.respond_by:
        return Changed(following, history="too late for a reminder")
    subject = outsourcing.subject
    told = OfferReminded(
        outsourcing_id=outsourcing.outsourcing_id, ticket_number=round.ticket.number, respond_by=terms.respond_by
    )
    published = OutsourcingReminded(
        outsourcing_id=outsourcing.outsourcing_id,
        lead=round.lead,
        service=outsourcing.service,
        ticket=round.ticket,
        terms=terms,
    )
    tell = (Deliver(outsourcing.service, told, subject), Publish(published, subject))
    return Changed(following, tell=tell, history=f"{outsourcing.service} reminded")


def _expire(
    round: Round, outsourcing: Outsourcing, invited: Sequence[Partnership], deadline: Message[DeadlinePassed]
) -> Decision:
    """Nobody answered in time; the next partner is asked, or the ticket is free again."""
    told = OfferExpired(
        outsourcing_id=outsourcing.outsourcing_id,
        ticket_number=round.ticket.number,
        expired_at=round.terms_for(outsourcing).respond_by,
    )
    expired = outsourcing.answered(State.EXPIRED, deadline.now)
    going_on = go_on(round.with_(expired), invited, (deadline.source, deadline.id), deadline.now)
    return going_on.after(
        *round.both(expired, told, OutsourcingExpired(**named(round, outsourcing))), history="expired"
    )
