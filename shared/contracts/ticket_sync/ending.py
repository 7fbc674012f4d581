"""Ends without an approval, and what the other services learn of them."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.offer_handler import Terms
from shared.contracts.ticket_sync.completion import CompletionSnapshot
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


class CompletionForce(AboutOutsourcing):
    """The lead ends the work without an approval: it takes the ticket away, or has completed its own."""

    kind: ClassVar[str] = "tandem.completion.force.v1"

    cause: Literal["withdrawn", "ticket_completed"]
    reason: Reason | None = None


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


ForcedCause = Literal["withdrawn", "ticket_completed", "partnership_ended"]
NotBilled = Literal["not_begun", "too_large"]


class CompletionForced(Delivery):
    """The work was ended without an approval; the link has ended and billing starts. Told to both sides."""

    kind: ClassVar[str] = "tandem.completion.forced.v1"

    outsourcing_id: UUID
    cause: ForcedCause
    reason: str | None = None
    snapshot: CompletionSnapshot | None = Field(
        default=None,
        description="what is billed: the submission, or else the shared work as it was; without the texts of its time"
        " where they do not fit",
    )
    not_billed: NotBilled | None = Field(default=None, description="why nothing is billed, where there is no snapshot")
    forced_at: Instant
    state: Literal["completed"] = "completed"


class OutsourcingHandedBack(Event):
    """The service partner gave the ticket back: it is free for another offer. Carries all that billing needs."""

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
    organization: str
    terms: Terms
    snapshot: CompletionSnapshot | None = Field(
        default=None, description="what the two may agree to pay; None where it does not fit into a message"
    )
