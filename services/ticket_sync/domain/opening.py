"""How a link begins: the offer is accepted, and the service partner opens its ticket."""

from services.ticket_sync.domain.agreed import Agreed
from services.ticket_sync.domain.entries import Entry, deliver_waiting
from services.ticket_sync.domain.links import Link, State
from shared.contracts.offer_handler import OutsourcingAccepted
from shared.contracts.ticket_sync import TicketLinked, TicketOpened, TicketRequested
from shared.messaging.outcomes import Changed, Decision, Deliver, Message, NotYet, Unchanged


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
    )
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
        tell=(Deliver(data.service, requested),),
        history=f"ticket requested from {data.service}",
    )


def open_ticket(link: Link | None, waiting: tuple[Entry, ...], opened: Message[TicketOpened]) -> Decision:
    """Link the two tickets, and bring to the new one what has waited for it."""
    if link is None or not link.includes(opened.sender):
        return NotYet("outsourcing/unknown")
    number = opened.data.number
    if link.state is State.IN_PROGRESS and opened.sender == link.service and number == link.service_number:
        return Unchanged()
    if refused := link.refuses_unless("service", State.ACCEPTED, opened.sender):
        return refused
    link = link.opened(number, opened.now)
    for_lead = TicketLinked(
        outsourcing_id=link.outsourcing_id,
        partner=link.service,
        partner_number=number,
        partner_link=opened.data.link,
    )
    for_service = TicketLinked(outsourcing_id=link.outsourcing_id, partner=link.lead, partner_number=link.lead_number)
    entries, delivered = deliver_waiting(link, waiting)
    return Changed(
        link,
        *entries,
        tell=(Deliver(link.lead, for_lead), Deliver(link.service, for_service), *delivered),
        history=f"linked with {number}",
    )
