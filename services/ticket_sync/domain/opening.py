"""How a link begins: the offer is accepted, and the service partner opens its ticket or is reminded of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.ticket_sync.domain.agreed import Agreed
from services.ticket_sync.domain.caps import Effort
from services.ticket_sync.domain.entries import Entry
from services.ticket_sync.domain.line import Front, move
from services.ticket_sync.domain.links import Link, State
from shared.contracts.offer_handler import OutsourcingAccepted
from shared.contracts.ticket_sync import (
    OutsourcingUnopened,
    TicketLinked,
    TicketOpened,
    TicketOverdue,
    TicketReminded,
    TicketRequested,
)
from shared.messaging.outcomes import Caused, Changed, Decision, Deliver, Message, NotYet, Publish, Unchanged

# After its acceptance, when a ticket that is not open is spoken of; the last time to the lead as well.
REMIND_AFTER = (timedelta(hours=4), timedelta(hours=24))
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Due:
    """A link that is to be looked at again, and the message that said so."""

    outsourcing_id: UUID
    due_at: datetime
    set_by: tuple[str, UUID]


def begin(link: Link | None, accepted: Message[OutsourcingAccepted]) -> Decision:
    """Ask the service partner for a ticket, filled in with all it needs, the customer included."""
    if link is not None:
        return Unchanged()
    data = accepted.data
    link = Link(
        outsourcing_id=data.outsourcing_id,
        lead=data.lead,
        service=data.service,
        state=State.ACCEPTED,
        currency=data.terms.currency,
        lead_number=data.ticket.number,
        accepted_at=data.accepted_at,
        next_due_at=data.accepted_at + REMIND_AFTER[0],
        due_set_by=(accepted.source, accepted.id),
        derived_from=data.derived_from,
    )
    effort = Effort.none_yet(data)
    requested = TicketRequested(
        outsourcing_id=data.outsourcing_id,
        lead=data.lead,
        organization=data.organization,
        ticket=data.ticket,
        terms=data.terms,
        accepted_at=data.accepted_at,
        accepted_by=data.accepted_by,
    )
    return Changed(
        link,
        Agreed(data.outsourcing_id, data),
        *([effort] if effort else []),
        tell=(Deliver(data.service, requested),),
        history=f"ticket requested from {data.service}",
    )


def open_ticket(
    link: Link | None, front: Front | None, waiting: tuple[Entry, ...], opened: Message[TicketOpened]
) -> Decision:
    """Link the two tickets, and bring to the new one what has waited for it.

    Who says again what is so already, after a restart say, is told it again, and nobody else is.
    """
    if link is None or not link.includes(opened.sender):
        return NotYet("outsourcing/unknown")
    number = opened.data.number
    for_service = TicketLinked(outsourcing_id=link.outsourcing_id, partner=link.lead, partner_number=link.lead_number)
    if link.state is State.IN_PROGRESS and opened.sender == link.service and number == link.service_number:
        return Changed(tell=(Deliver(link.service, for_service),), history=f"{number} is linked already")
    if refused := link.refuses_unless("service", State.ACCEPTED, opened.sender):
        return refused
    link = link.opened(number, opened.now, (opened.source, opened.id))
    for_lead = TicketLinked(
        outsourcing_id=link.outsourcing_id,
        partner=link.service,
        partner_number=number,
        partner_link=opened.data.link,
    )
    link, entries, delivered = move(link, front, waiting, opened.now)
    return Changed(
        link,
        *entries,
        tell=(Deliver(link.lead, for_lead), Deliver(link.service, for_service), *delivered),
        history=f"linked with {number}",
    )


def remind(link: Link | None, agreed: Agreed | None, overdue: Message[TicketOverdue]) -> Decision:
    """The service partner has not opened its ticket: it is reminded, and the last time the lead learns of it too."""
    if link is None or agreed is None or link.state is not State.ACCEPTED:
        return Unchanged()
    if link.reminded_at and link.reminded_at >= overdue.data.due_at:
        return Unchanged()
    # A worker that was down for long reminds once; a clock that was set back does not make it remind again.
    at = max(overdue.now, overdue.data.due_at)
    waiting = at - link.accepted_at
    is_last = waiting >= REMIND_AFTER[-1]
    reminded = TicketReminded(
        outsourcing_id=link.outsourcing_id,
        ticket_number=link.lead_number,
        accepted_at=link.accepted_at,
        waiting_hours=waiting // HOUR,
    )
    published = OutsourcingUnopened(
        outsourcing_id=link.outsourcing_id,
        lead=link.lead,
        service=link.service,
        lead_number=link.lead_number,
        title=agreed.accepted.ticket.title,
        accepted_at=link.accepted_at,
        waiting_hours=reminded.waiting_hours,
        lead_told=is_last,
    )
    return Changed(
        link.reminded(at),
        tell=(
            Deliver(link.service, reminded),
            *([Deliver(link.lead, reminded)] if is_last else []),
            Publish(published),
        ),
        history="reminded of the ticket that is not open" + (", and the lead told" if is_last else ""),
    )


def ticket_overdue(due: Due) -> Caused:
    """What ticket_sync tells itself when a ticket is to be looked at, by way of the queue that its opening comes by."""
    source, id = due.set_by
    told = TicketOverdue(outsourcing_id=due.outsourcing_id, due_at=due.due_at)
    return Caused(cause_source=source, cause_id=id, subject=str(due.outsourcing_id), tell=(Publish(told),))
