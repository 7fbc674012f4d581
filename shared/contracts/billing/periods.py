"""Months that are over: what was posted in them is invoiced by itself, where that was agreed on."""

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


class InvoiceHeldUp(Delivery):
    """An invoice was due by itself and could not be issued; its items stay posted for the next one."""

    kind: ClassVar[str] = "tandem.invoice.held-up.v1"

    lead: Slug
    until: date = Field(description="the last day of the month that it is for")
    missing: tuple[Slug, ...] = Field(
        default=(), description="whose billing settings, or tax data in them, are missing"
    )
    faults: tuple[str, ...] = Field(default=(), description="the rules of EN 16931 that it would break")
    state: Literal["posted"] = "posted"
