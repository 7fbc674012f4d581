"""Work against the authorized amounts of the terms, while it is under way."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.offer_handler import OverCap
from shared.contracts.values import Currency, Delivery, Event, Slug, Total

Cap = Literal["hours", "charges", "total"]


class CapReached(Delivery):
    """The service partner's shared billable work has come to 80 or 100 percent of an authorized amount.

    Told to both sides, once for each; where one entry reaches both, only that it is reached in full.
    """

    kind: ClassVar[str] = "tandem.cap.reached.v1"

    outsourcing_id: UUID
    cap: Cap = Field(description="of which authorized amount")
    percent: int = Field(description="80 or 100")
    authorized: Total
    reached: Total
    currency: Currency | None = Field(default=None, description="None where it is hours")
    over_cap: OverCap = Field(description="from the terms: what becomes of work over it")
    state: str


class OutsourcingCapReached(Event):
    """Work has come to 80 or 100 percent of an authorized amount."""

    kind: ClassVar[str] = "tandem.outsourcing.cap-reached.v1"

    outsourcing_id: UUID
    lead: Slug
    service: Slug
    lead_number: str
    service_number: str | None = None
    title: str
    cap: Cap
    percent: int
    authorized: Total
    reached: Total
    currency: Currency | None = None
    over_cap: OverCap
