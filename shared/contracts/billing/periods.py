"""Work of many outsourcings that is invoiced together: at the end of a month by itself, and piece by piece."""

from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.billing.invoices import ExchangeRate
from shared.contracts.values import Currency, Delivery, Event, Slug, Total

HeldUpReason = Literal["data_missing", "not_valid", "below_zero"]


class PeriodEnded(Event):
    """A month is over in which something was posted for this lead; told to billing itself."""

    kind: ClassVar[str] = "tandem.period.ended.v1"

    lead: Slug
    service: Slug
    until: date = Field(description="its last day, where the service partner is")


class CollectionUnfinished(Event):
    """More may be posted for this lead than one turn invoices; told to billing itself, which goes on with it."""

    kind: ClassVar[str] = "tandem.collection.unfinished.v1"

    lead: Slug
    service: Slug
    until: date = Field(description="the last day of work that belongs to it")
    exchange_rates: tuple[ExchangeRate, ...] = ()


class InvoiceHeldUp(Delivery):
    """Work was due to be invoiced and could not be; its items stay posted for the next invoice."""

    kind: ClassVar[str] = "tandem.invoice.held-up.v1"

    lead: Slug
    until: date | None = Field(default=None, description="the last day of the work, of what was collected")
    reason: HeldUpReason = Field(
        description="data_missing: billing settings, or tax data in them; not_valid: a rule of EN 16931; below_zero:"
        " more is taken off than there is, so that it waits for other work"
    )
    outsourcing_ids: tuple[UUID, ...] = Field(default=(), description="whose items wait; all that were due if none")
    net_total: Total | None = Field(default=None, description="what those items add up to, without tax")
    currency: Currency | None = None
    missing: tuple[Slug, ...] = Field(
        default=(), description="whose billing settings, or tax data in them, are missing"
    )
    faults: tuple[str, ...] = Field(default=(), description="the rules of EN 16931 that it would break")
    state: Literal["posted"] = "posted"
