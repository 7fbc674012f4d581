"""Months that are over: what was posted in them for a lead is invoiced by itself, where that is agreed on."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from services.billing.domain.drafts import invoiceable
from services.billing.domain.invoices import Desk
from services.billing.domain.items import Bill
from services.billing.domain.numbers import NumberSeries
from services.billing.domain.parties import BillingSettings, Mapping
from shared.contracts.billing import InvoiceHeldUp, PeriodEnded
from shared.contracts.offer_handler import Instance
from shared.messaging.outcomes import Caused, Changed, Decision, Deliver, Message, Publish, Unchanged

# Few leads have so many tickets in a month: what is more goes on another invoice.
MOST_COLLECTED = 500


@dataclass(frozen=True, slots=True)
class Ended:
    """A month that is over of one who bills some lead monthly, and the message that said so."""

    issuer: BillingSettings
    ended_at: datetime
    set_by: tuple[str, UUID]

    @property
    def until(self) -> date:
        """Its last day, where the issuer is."""
        return self.issuer.day(self.ended_at - timedelta.resolution)

    @property
    def next_end(self) -> datetime:
        """When the month after it is over; one that was missed is made up for, each by itself."""
        return self.issuer.end_of_month(self.ended_at)

    def told_of(self, leads: Iterable[str]) -> Caused:
        """What billing tells itself of those of these leads that are billed monthly."""
        source, id = self.set_by
        service = self.issuer.instance
        tell = tuple(
            Publish(PeriodEnded(lead=lead, service=service, until=self.until))
            for lead in leads
            if self.issuer.bills_monthly(lead)
        )
        return Caused(cause_source=source, cause_id=id, subject=service, tell=tell)


def collect_period(
    bills: tuple[Bill, ...],
    lead: BillingSettings | None,
    service: BillingSettings | None,
    mapping: Mapping | None,
    recipient: Instance | None,
    series: tuple[NumberSeries, ...],
    ended: Message[PeriodEnded],
) -> Decision:
    """Invoice what was posted for the lead of work completed by then, unless that was agreed on otherwise since."""
    due = due_by(ended.data.until, bills)
    if not due or service is None or not service.bills_monthly(ended.data.lead):
        return Unchanged()
    desk = Desk(lead, service, mapping, recipient, series)
    if missing := desk.missing(due[0]):
        return held_up(ended, missing=missing)
    # Who has more than one look finds is looked at again.
    again = (Publish(ended.data),) if len(bills) >= MOST_COLLECTED else ()
    return desk.issue(due, ended).changed(ended, *again)


def due_by(until: date | None, bills: Iterable[Bill]) -> list[Bill]:
    """Those of these bills that are to be invoiced, of work that was completed by then."""
    return invoiceable(bill for bill in bills if until is None or bill.ended_on <= until)


def held_up(ended: Message[PeriodEnded], *, missing: tuple[str, ...] = (), faults: tuple[str, ...] = ()) -> Changed:
    """The service partner learns what kept an invoice from being issued by itself; its items wait."""
    data = ended.data
    told = InvoiceHeldUp(lead=data.lead, until=data.until, missing=missing, faults=faults)
    history = f"invoice of {data.lead} until {data.until} held up: {'; '.join((*missing, *faults))}"
    return Changed(tell=[Deliver(data.service, told)], history=history)
