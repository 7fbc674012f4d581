"""Ends without an approval: the service partner gives the ticket back."""

from typing import Any

from services.ticket_sync.domain.agreed import Agreed
from services.ticket_sync.domain.entries import Entry, keep_local
from services.ticket_sync.domain.links import ALLOWED, Link, State
from services.ticket_sync.domain.snapshots import fixed
from shared.contracts.ticket_sync import OutsourcingHandedBack, OutsourcingReturn, OutsourcingReturned, TicketNoted
from shared.messaging.outcomes import Changed, Decision, Message, NotYet, Publish, Refused


def hand_back(
    link: Link | None,
    agreed: Agreed | None,
    work: tuple[Entry, ...],
    in_line: tuple[Entry, ...],
    returning: Message[OutsourcingReturn],
) -> Decision:
    """The service partner gives the ticket back: the link has ended, and the lead sees what was worked until then."""
    if link is None or agreed is None or not link.includes(returning.sender):
        return NotYet("outsourcing/unknown")
    if refused := link.refuses_unless_said_by("service", returning.sender):
        return refused
    if link.state is State.AWAITING_APPROVAL:
        return Refused("outsourcing/not-returnable", state=link.state, allowed=ALLOWED[link.state])
    link, reason = link.returned(returning.now), returning.data.reason
    worked = fixed(link, work, returning.fresh_id)
    known: dict[str, Any] = {
        "reason": reason,
        "returned_by": returning.data.actor,
        "returned_at": returning.now,
        "entries": worked.entries,
        "hours": worked.hours,
        "charge_total": worked.charge_total,
        "currency": worked.currency,
    }
    returned = OutsourcingReturned(outsourcing_id=link.outsourcing_id, **known)
    noted = TicketNoted(
        outsourcing_id=link.outsourcing_id, reason="outsourcing_returned", text=reason, state=link.state
    )
    entries, kept = keep_local(link, in_line)
    published = OutsourcingHandedBack(**agreed.named(link), **known)
    return Changed(
        link,
        *entries,
        tell=(*link.both(returned), *link.both(noted), *kept, Publish(published)),
        history="returned by the service partner",
    )
