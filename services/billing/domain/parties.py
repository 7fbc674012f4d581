"""What an instance says of itself for invoices, as issuer and as recipient."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from services.billing.domain.numbers import NumberSeries, may_collide, series_of
from shared.contracts.billing import (
    BillingCode,
    BillingData,
    BillingSettingsChange,
    BillingSettingsChanged,
    PartnerBilling,
    Party,
)
from shared.contracts.offer_handler import OrganizationMapped
from shared.messaging.outcomes import Changed, Decision, Deliver, FieldError, Message, Refused, Unchanged

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class BillingSettings:
    """One instance's data for invoices."""

    instance: str
    data: BillingData

    def as_issuer(self) -> Party:
        """As it stands on the invoices that it issues."""
        return Party.model_validate(self.data.model_dump(include=set(Party.model_fields)))

    def as_recipient(self) -> Party:
        """As it stands on the invoices that it gets: its partner needs neither its tax number nor its address."""
        return self.as_issuer().model_copy(update={"tax_number": None, "email": None})

    def day(self, now: datetime) -> date:
        """Which day it is where the issuer is."""
        return now.astimezone(ZoneInfo(self.data.time_zone)).date()

    def end_of_month(self, now: datetime) -> datetime:
        """When the month is over where the issuer is."""
        return self.end_of_month_of(self.day(now))

    def end_of_month_of(self, day: date) -> datetime:
        """When the month of that day is over where the issuer is."""
        first = day.replace(day=1)
        # No month is longer than that, and none but this one is over by then.
        of_the_next = (first + timedelta(days=32)).replace(day=1)
        return datetime.combine(of_the_next, time(), ZoneInfo(self.data.time_zone)).astimezone(UTC)

    def bills_monthly(self, lead: str) -> bool:
        """Whether this lead is billed by itself once a month is over."""
        return self.agreed_with(lead).invoicing == "monthly"

    def agreed_with(self, lead: str) -> PartnerBilling:
        """How this lead is billed: as it was said of it, or of every lead, or as is usual."""
        said = {one.lead: one for one in self.data.partners}
        return said.get(lead) or said.get(None) or PartnerBilling()

    def code_for(self, lead: str, work_type: str | None, role: str | None) -> BillingCode | None:
        """The most precise code for such work; of two alike the first."""
        fitting = [
            one
            for one in self.agreed_with(lead).codes
            if one.work_type in (None, work_type) and one.role in (None, role)
        ]
        return max(fitting, key=lambda one: (one.work_type is not None, one.role is not None), default=None)

    def rate_of(self, code: BillingCode | None) -> Decimal:
        """The domestic rate in percent of work that is booked like this."""
        if code is not None and code.zero_rated:
            return ZERO
        return self.data.tax_rate if code is None or code.tax_rate is None else code.tax_rate


@dataclass(frozen=True, slots=True)
class Period:
    """When the month is over of one who bills some lead monthly, and the message that said so; None where nobody is."""

    issuer: str
    ends_at: datetime | None
    set_by: tuple[str, UUID]


@dataclass(frozen=True, slots=True)
class Mapping:
    """Which local company stands for a lead in the service partner's system, as corrected last."""

    service: str
    lead: str
    organization: str


def change_settings(
    known: BillingSettings | None,
    period: Period | None,
    series: tuple[NumberSeries, ...],
    change: Message[BillingSettingsChange],
) -> Decision:
    """Take an instance's data for invoices in place of what was there; issued invoices keep what they say.

    Who says again what is so already is told so like the first time. A pattern that could give a number that another
    series has given, or will, is refused: no number may stand on two documents.
    """
    data = BillingData.model_validate(change.data.model_dump(exclude={"actor"}))
    used = {one.name for one in series} | {series_of(data.number_pattern)}
    patterns = {"number_pattern": data.number_pattern, "credit_note_pattern": data.credit_note_pattern}
    colliding = tuple(
        FieldError(f"/data/{field}", "could give a number of another series; let them differ in more than digits")
        for field, pattern in patterns.items()
        if pattern is not None and may_collide(pattern, used)
    )
    if colliding:
        return Refused("invoice/numbers-collide", errors=colliding)
    new = BillingSettings(change.sender, data)
    told = Deliver(change.sender, BillingSettingsChanged(legal_name=data.legal_name, changed_at=change.now))
    if new == known:
        return Changed(tell=[told], history="billing settings are so already")
    moved = _period_of(new, known, period, change)
    return Changed(new, *moved, tell=[told], history="billing settings changed")


def _period_of(
    settings: BillingSettings,
    before: BillingSettings | None,
    known: Period | None,
    change: Message[BillingSettingsChange],
) -> tuple[Period, ...]:
    """When the month is over next, where somebody is billed monthly.

    The month that is waited for stays the same, and one that was not looked at yet is: in another time zone it ends
    sooner or later, and none is left out.
    """
    ends_at: datetime | None = None
    known_end = known.ends_at if known else None
    if any(one.invoicing == "monthly" for one in settings.data.partners):
        waited_for = before.day(known_end - timedelta.resolution) if before and known_end else settings.day(change.now)
        ends_at = settings.end_of_month_of(waited_for)
    if ends_at == known_end:
        return ()
    return (Period(change.sender, ends_at, (change.source, change.id)),)


def map_organization(known: Mapping | None, mapped: Message[OrganizationMapped]) -> Decision:
    """Another local company stands for a lead; invoices that are issued already stay as they are."""
    data = mapped.data
    new = Mapping(data.service, data.lead, data.organization)
    return Unchanged() if new == known else Changed(new, history=f"{data.lead} is billed under another company")
