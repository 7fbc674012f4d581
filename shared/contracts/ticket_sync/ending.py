"""Ends without an approval, and what the other services learn of them."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.values import (
    AboutOutsourcing,
    Count,
    Currency,
    Delivery,
    Event,
    Instant,
    Reason,
    Slug,
    Total,
    TotalHours,
)


class OutsourcingReturn(AboutOutsourcing):
    """The service partner gives the ticket back and says why; the lead may offer it again."""

    kind: ClassVar[str] = "tandem.outsourcing.return.v1"

    reason: Reason


class OutsourcingReturned(Delivery):
    """The ticket was given back; nothing travels any more, and nothing is billed by itself. Told to both sides."""

    kind: ClassVar[str] = "tandem.outsourcing.returned.v1"

    outsourcing_id: UUID
    reason: str
    returned_by: str
    returned_at: Instant
    entries: Count = Field(description="number of the service partner's shared time entries and charges until then")
    hours: TotalHours = Field(description="what their hours add up to; billed only where both sides agree on it")
    charge_total: Total = Field(description="what their charges add up to; billed only where both sides agree on it")
    currency: Currency
    state: Literal["returned"] = "returned"


class OutsourcingHandedBack(Event):
    """The service partner gave the ticket back: it is free for another offer."""

    kind: ClassVar[str] = "tandem.outsourcing.handed-back.v1"

    outsourcing_id: UUID
    lead: Slug
    service: Slug
    lead_number: str
    service_number: str | None
    title: str
    reason: str
    returned_by: str
    returned_at: Instant
    entries: Count
    hours: TotalHours
    charge_total: Total
    currency: Currency
