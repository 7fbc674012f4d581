"""Offers: a lead's ticket for its service partners, until exactly one of accept, decline, cancel and expire has won."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any
from uuid import UUID

from services.offer_handler.domain import partnerships
from services.offer_handler.domain.agreements import Agreement, CurrentVersion, refuses_sending
from services.offer_handler.domain.partnerships import Partnership
from services.offer_handler.domain.rounds import (
    ALLOWED,
    Cause,
    HiddenCustomer,
    Outsourcing,
    Round,
    Standing,
    State,
    subjects_of,
)
from shared.contracts.offer_handler import (
    OfferAccept,
    OfferAccepted,
    OfferCancel,
    OfferCancelled,
    OfferDecline,
    OfferDeclined,
    OfferReceived,
    OfferSend,
    OfferSent,
    OutsourcingAccepted,
    OutsourcingCancelled,
    OutsourcingDeclined,
    OutsourcingOffered,
    RoundClosed,
)
from shared.messaging.outcomes import Changed, Decision, Deliver, FieldError, Message, NotYet, Publish, Refused, Tell

# How long a send waits for the event that closes the ticket's last outsourcing.
CLOSING_WAIT_SECONDS = 10.0
# Every delivery has an instant of its own, one tick after that of the one before, and every fact is told to two sides.
TICK = timedelta(microseconds=1)
DELIVERIES_OF_A_FACT = 2


def outsourcings_named_by(send: OfferSend) -> list[UUID]:
    """Those that it is to begin, and the one that it passes on."""
    return [*(offer.outsourcing_id for offer in send.offers), *([send.derived_from] if send.derived_from else [])]


def send(
    known: Round | None,
    of_ids: Sequence[Round],
    of_ticket: Sequence[Round],
    invited: Sequence[Partnership],
    agreement: Agreement | None,
    current: CurrentVersion,
    sending: Message[OfferSend],
) -> Decision:
    """Offer a ticket to one partner or several: at most one round of a ticket is open or accepted at a time.

    A ticket that the lead itself works on for another one is passed on while it does.
    """
    ours = {one.partnership_id: one for one in invited if one.lead == sending.sender}
    if any(offer.partnership_id not in ours for offer in sending.data.offers):
        return NotYet("partnership/unknown")
    derived_from = sending.data.derived_from
    if derived_from and not any(one.is_worked_on_by(sending.sender, derived_from) for one in of_ids):
        return NotYet("outsourcing/unknown")
    ids = {offer.outsourcing_id for offer in sending.data.offers}
    taken = known is not None or any(ids.intersection(one.outsourcing_ids) for one in of_ids)
    if refused := refuses_sending(agreement, current) or _refused_sending(ours, sending, id_taken=taken):
        return refused
    live = next((one for one in of_ticket if one.standing is not Standing.CLOSED), None)
    if live is None:
        return _sent(ours, sending)
    if live.standing is Standing.ACCEPTED:
        return NotYet("offer/ticket-not-free", CLOSING_WAIT_SECONDS, State.ACCEPTED)
    return Refused("offer/ticket-not-free", state=State.OFFERED, allowed=ALLOWED[State.OFFERED])


def accept(
    round: Round | None, invited: Sequence[Partnership], hidden: HiddenCustomer | None, answer: Message[OfferAccept]
) -> Decision:
    """The service partner takes the work, and whoever else was asked is no longer.

    The first ticket from a lead needs the organization mapping.
    """
    outsourcing = _asked(round, answer)
    if round is None or outsourcing is None:
        return NotYet("outsourcing/unknown")
    if refused := round.refuses_unless_open("service", answer.sender, outsourcing):
        return refused
    partnership = next(one for one in invited if one.partnership_id == outsourcing.partnership_id)
    mapped = partnership.mapped_to(answer.data.organization)
    if mapped.organization is None:
        return Refused("offer/organization-missing", state=State.OFFERED, allowed=ALLOWED[State.OFFERED])
    accepted = outsourcing.answered(State.ACCEPTED, answer.now)
    losers = [one for one in round.open_offers() if one.outsourcing_id != accepted.outsourcing_id]
    decided = round.with_(accepted, *(one.answered(State.CANCELLED, answer.now) for one in losers))
    tell = _told_of_acceptance(round, accepted, mapped.organization, hidden, answer)
    values = (decided, *([mapped] if mapped != partnership else []))
    return Changed(
        *values,
        tell=[*tell, *_all_cancelled(round, losers, None, answer.now, after=1)],
        history="accepted",
        beside=subjects_of(losers, "cancelled: another partner has accepted"),
    )


def decline(round: Round | None, invited: Sequence[Partnership], answer: Message[OfferDecline]) -> Decision:
    """The service partner does not take the work; the next one is asked, or the ticket is free again."""
    outsourcing = _asked(round, answer)
    if round is None or outsourcing is None:
        return NotYet("outsourcing/unknown")
    if refused := round.refuses_unless_open("service", answer.sender, outsourcing):
        return refused
    told = OfferDeclined(
        outsourcing_id=outsourcing.outsourcing_id,
        ticket_number=round.ticket.number,
        reason=answer.data.reason,
        declined_at=answer.now,
    )
    published = OutsourcingDeclined(**named(round, outsourcing), reason=answer.data.reason)
    declined = outsourcing.answered(State.DECLINED, answer.now)
    going_on = go_on(round.with_(declined), invited, (answer.source, answer.id), answer.now)
    return going_on.after(*round.both(declined, told, published), history="declined")


def cancel(round: Round | None, taking_back: Message[OfferCancel]) -> Decision:
    """The lead takes an offer back before it is answered, or every open one of its round; nobody else is asked."""
    outsourcing = _asked(round, taking_back)
    if round is None or outsourcing is None:
        return NotYet("outsourcing/unknown")
    if refused := round.refuses_unless_open("lead", taking_back.sender, outsourcing):
        return refused
    others = [one for one in round.open_offers() if one != outsourcing and taking_back.data.whole_round]
    taken_back = [outsourcing, *others]
    decided = round.with_(*(one.answered(State.CANCELLED, taking_back.now) for one in taken_back))
    reason = taking_back.data.reason
    return Changed(
        decided,
        tell=[
            *_all_cancelled(round, taken_back, reason, taking_back.now),
            *closed(decided),
        ],
        history="cancelled",
        beside=subjects_of(others, "cancelled with its round"),
    )


@dataclass(frozen=True, slots=True)
class GoneOn:
    """A round after one partner has not taken the work: who is asked next is told, or the lead that nobody is."""

    round: Round
    tell: tuple[Tell, ...]
    beside: tuple[tuple[str, str], ...]

    def after(self, *tell: Tell, history: str) -> Changed:
        return Changed(self.round, tell=(*tell, *self.tell), history=history, beside=self.beside)


def go_on(round: Round, invited: Sequence[Partnership], cause: Cause, now: datetime) -> GoneOn:
    """Ask the next partner of a round in which nobody is asked; one who is no partner any more is passed over.

    Each has as long to answer as the first one had; where that is longer than the work may take, nobody is asked.
    """
    if round.standing is not Standing.CLOSED:
        return GoneOn(round, (), ())
    partner_of = {one.partnership_id: one for one in invited if one.state is partnerships.State.ACTIVE}
    following = next(
        (one for one in round.outsourcings if one.state is State.PLANNED and one.partnership_id in partner_of), None
    )
    respond_by = now + (round.terms.respond_by - round.sent_at)
    too_late = round.terms.complete_by is not None and round.terms.complete_by <= respond_by
    if following is None or too_late:
        return GoneOn(round, closed(round), ())
    asked = following.offered(cause, respond_by, now)
    told = _told_of_offer(round, asked, partner_of[asked.partnership_id])
    return GoneOn(round.with_(asked), told, subjects_of([asked], f"offered to {asked.service}"))


def cancelled(round: Round, outsourcing: Outsourcing, reason: str | None, at: datetime) -> tuple[Tell, ...]:
    """An offer is taken back; who lost a round is told exactly the same as who is told no reason."""
    told = OfferCancelled(
        outsourcing_id=outsourcing.outsourcing_id,
        ticket_number=round.ticket.number,
        reason=reason,
        cancelled_at=at,
    )
    return round.both(outsourcing, told, OutsourcingCancelled(**named(round, outsourcing), reason=reason))


def _all_cancelled(
    round: Round, outsourcings: Sequence[Outsourcing], reason: str | None, now: datetime, *, after: int = 0
) -> list[Tell]:
    """The same for several, told after so many other facts.

    Each reads another instant of its end, and none can tell from how far that lies before the time of its delivery
    whether others were told before it: that somebody has accepted, or how many have lost.
    """
    return [
        told
        for place, one in enumerate(outsourcings, start=after)
        for told in cancelled(round, one, reason, now + place * DELIVERIES_OF_A_FACT * TICK)
    ]


def closed(round: Round) -> tuple[Tell, ...]:
    """The lead of a round of several is told when nobody is asked any more; of a round of one it knows that already."""
    if round.standing is not Standing.CLOSED or len(round.outsourcings) == 1:
        return ()
    told = RoundClosed(round_id=round.round_id, ticket_number=round.ticket.number)
    return (Deliver(round.lead, told, subject=str(round.round_id)),)


def named(round: Round, outsourcing: Outsourcing) -> dict[str, Any]:
    """Who and what an outsourcing is about, as facts of its end tell it."""
    return {
        "outsourcing_id": outsourcing.outsourcing_id,
        "lead": round.lead,
        "service": outsourcing.service,
        "ticket_number": round.ticket.number,
        "title": round.ticket.title,
    }


def _asked(
    round: Round | None, message: Message[OfferAccept] | Message[OfferDecline] | Message[OfferCancel]
) -> Outsourcing | None:
    """The outsourcing that a message is about; what is not the sender's, or not offered to it yet, is not there."""
    if round is None:
        return None
    outsourcing = round.find(message.data.outsourcing_id)
    return outsourcing if round.admits(message.sender, outsourcing) else None


def _refused_sending(ours: dict[UUID, Partnership], sending: Message[OfferSend], *, id_taken: bool) -> Refused | None:
    standings = [ours[offer.partnership_id].state for offer in sending.data.offers]
    idle = [place for place, standing in enumerate(standings) if standing is not partnerships.State.ACTIVE]
    if idle:
        standing = standings[idle[0]]
        errors = tuple(FieldError(f"/data/offers/{n}/partnership_id", f"is {standings[n]}") for n in idle)
        allowed = partnerships.ALLOWED[standing]
        return Refused("partnership/not-active", state=standing, allowed=allowed, errors=errors)
    if id_taken:
        return Refused("offer/id-taken")
    if sending.data.terms.respond_by <= sending.now:
        errors = (FieldError("/data/terms/respond_by", "is over already"),)
        return Refused("offer/respond-by-past", errors=errors)
    return None


def _sent(ours: dict[UUID, Partnership], sending: Message[OfferSend]) -> Changed:
    data, cause = sending.data, (sending.source, sending.id)
    planned = tuple(
        Outsourcing(offer.outsourcing_id, place, offer.partnership_id, ours[offer.partnership_id].service)
        for place, offer in enumerate(data.offers)
    )
    asked = planned if data.mode == "all_at_once" else planned[:1]
    round = Round(
        round_id=data.round_id,
        lead=sending.sender,
        mode=data.mode,
        ticket=data.ticket.as_offered(),
        terms=data.terms,
        sent_at=sending.now,
        sent_by=cause,
        outsourcings=planned,
        derived_from=data.derived_from,
    ).with_(*(one.offered(cause, data.terms.respond_by, sending.now) for one in asked))
    hidden = () if data.ticket.customer is None else (HiddenCustomer(round.round_id, data.ticket.customer),)
    offered = round.open_offers()
    return Changed(
        round,
        *hidden,
        tell=[told for one in offered for told in _told_of_offer(round, one, ours[one.partnership_id])],
        history=f"offered to {', '.join(one.service for one in offered)}",
        beside=[(one.subject, f"offered to {one.service}") for one in offered],
    )


def _told_of_offer(round: Round, outsourcing: Outsourcing, partnership: Partnership) -> tuple[Tell, ...]:
    """The lead learns that it was sent, its partner what is offered: before acceptance nothing about the customer."""
    subject, terms = outsourcing.subject, round.terms_for(outsourcing)
    sent = OfferSent(
        round_id=round.round_id,
        outsourcing_id=outsourcing.outsourcing_id,
        partner=outsourcing.service,
        ticket_number=round.ticket.number,
        respond_by=terms.respond_by,
    )
    received = OfferReceived(
        outsourcing_id=outsourcing.outsourcing_id,
        partnership_id=outsourcing.partnership_id,
        lead=round.lead,
        ticket=round.ticket,
        terms=terms,
        needs_organization=partnership.organization is None,
    )
    published = OutsourcingOffered(
        outsourcing_id=outsourcing.outsourcing_id,
        lead=round.lead,
        service=outsourcing.service,
        ticket=round.ticket,
        terms=terms,
        needs_organization=partnership.organization is None,
    )
    return (
        Deliver(round.lead, sent, subject),
        Deliver(outsourcing.service, received, subject),
        Publish(published, subject),
    )


def _told_of_acceptance(
    round: Round,
    accepted: Outsourcing,
    organization: str,
    hidden: HiddenCustomer | None,
    answer: Message[OfferAccept],
) -> tuple[Tell, ...]:
    terms = round.terms_for(accepted)
    late = ceil((answer.now - terms.respond_by).total_seconds())
    late_by_seconds = late if late > 0 else None
    told = OfferAccepted(
        outsourcing_id=accepted.outsourcing_id,
        ticket_number=round.ticket.number,
        accepted_at=answer.now,
        accepted_by=answer.data.actor,
        late_by_seconds=late_by_seconds,
    )
    published = OutsourcingAccepted(
        outsourcing_id=accepted.outsourcing_id,
        partnership_id=accepted.partnership_id,
        lead=round.lead,
        service=accepted.service,
        ticket=round.disclosed(hidden.customer if hidden else None),
        terms=terms,
        organization=organization,
        accepted_at=answer.now,
        accepted_by=answer.data.actor,
        late_by_seconds=late_by_seconds,
        derived_from=round.derived_from,
    )
    return round.both(accepted, told, published)
