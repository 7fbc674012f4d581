"""What both sides agreed on, kept from the acceptance to the end."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.ticket_sync.domain.links import Link
from shared.contracts.offer_handler import OutsourcingAccepted


@dataclass(frozen=True, slots=True)
class Agreed:
    """The acceptance as the offer handler told it: ticket, terms, and whom the service partner bills."""

    outsourcing_id: UUID
    accepted: OutsourcingAccepted

    def named(self, link: Link) -> dict[str, Any]:
        """How every fact for the other services names the outsourcing."""
        return {
            "outsourcing_id": link.outsourcing_id,
            "lead": link.lead,
            "service": link.service,
            "lead_number": link.lead_number,
            "service_number": link.service_number,
            "title": self.accepted.ticket.title,
        }
