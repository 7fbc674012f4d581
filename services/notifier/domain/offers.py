"""What is told of an offer, from its sending to its answer or its end without one."""

from collections.abc import Iterable
from dataclasses import replace

from services.notifier.domain.notifications import Draft, Facts, to_lead, to_service
from shared.contracts.offer_handler import (
    OutsourcingAccepted,
    OutsourcingCancelled,
    OutsourcingClosed,
    OutsourcingDeclined,
    OutsourcingExpired,
    OutsourcingOffered,
    OutsourcingReminded,
)


def of_offer(offered: OutsourcingOffered) -> Iterable[Draft]:
    """The service partner reads what is offered on which terms, and until when to answer."""
    yield to_service(offered, "offered", _offered(offered))


def of_reminder(reminded: OutsourcingReminded) -> Iterable[Draft]:
    """The service partner reads again what waits for its answer, and until when."""
    yield to_service(reminded, "reminded", _offered(reminded))


def of_acceptance(accepted: OutsourcingAccepted) -> Iterable[Draft]:
    """The lead reads who took its ticket, and when."""
    facts = Facts(
        title=accepted.ticket.title,
        own_number=accepted.ticket.number,
        by=accepted.accepted_by,
        at=accepted.accepted_at,
        late_by_seconds=accepted.late_by_seconds,
        complete_by=accepted.terms.complete_by,
    )
    yield to_lead(accepted, "accepted", facts)


def of_refusal(declined: OutsourcingDeclined) -> Iterable[Draft]:
    """The lead reads who does not take its ticket, and why where that was said."""
    yield to_lead(declined, "declined", replace(_for_lead(declined), reason=declined.reason or ""))


def of_cancellation(cancelled: OutsourcingCancelled) -> Iterable[Draft]:
    """The service partner reads that there is nothing to answer any more."""
    yield to_service(cancelled, "cancelled", replace(_for_service(cancelled), reason=cancelled.reason or ""))


def of_expiry(expired: OutsourcingExpired) -> Iterable[Draft]:
    """Both read that the time is over."""
    yield to_lead(expired, "expired", _for_lead(expired))
    yield to_service(expired, "expired", _for_service(expired))


def _offered(offered: OutsourcingOffered | OutsourcingReminded) -> Facts:
    ticket, terms = offered.ticket, offered.terms
    return Facts(
        title=ticket.title,
        partner_number=ticket.number,
        until=terms.respond_by,
        description=ticket.description,
        priority=ticket.priority,
        place=ticket.place,
        skill=ticket.skill,
        due_at=ticket.due_at,
        terms=terms,
        complete_by=terms.complete_by,
    )


def _for_lead(closed: OutsourcingClosed) -> Facts:
    return Facts(title=closed.title, own_number=closed.ticket_number)


def _for_service(closed: OutsourcingClosed) -> Facts:
    return Facts(title=closed.title, partner_number=closed.ticket_number)
