"""Work of many outsourcings that is invoiced together: at the end of a month by itself, and piece by piece."""

from datetime import date
from typing import ClassVar, Literal

from pydantic import Field

from shared.contracts.values import Delivery, Event, Slug


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


class InvoiceHeldUp(Delivery):
    """An invoice was due by itself and could not be issued; its items stay posted for the next one."""

    kind: ClassVar[str] = "tandem.invoice.held-up.v1"

    lead: Slug
    until: date = Field(description="the last day of the work that it is for")
    missing: tuple[Slug, ...] = Field(
        default=(), description="whose billing settings, or tax data in them, are missing"
    )
    faults: tuple[str, ...] = Field(default=(), description="the rules of EN 16931 that it would break")
    state: Literal["posted"] = "posted"
