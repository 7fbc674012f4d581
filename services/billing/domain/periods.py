"""Work of many outsourcings on one invoice: once a month is over by itself, and piece by piece where it is much."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from services.billing.domain.drafts import invoiceable
from services.billing.domain.invoices import Desk, Issued
from services.billing.domain.items import Bill
from services.billing.domain.parties import BillingSettings
from shared.contracts.billing import CollectionUnfinished, ExchangeRate, InvoiceHeldUp, PeriodEnded
from shared.messaging.outcomes import Caused, Changed, Decision, Deliver, Message, Publish, Unchanged

# What one turn invoices of a lead: as many tickets as few leads have in a month, and about as many lines as fit on an
# invoice, of each currency. What is more follows on others.
MOST_COLLECTED = 500
MOST_LINES_COLLECTED = 1000

ByItself = Message[PeriodEnded] | Message[CollectionUnfinished]


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


def collect_period(bills: tuple[Bill, ...], desk: Desk, ended: Message[PeriodEnded]) -> Decision:
    """Invoice what was posted for the lead of work completed by then, unless that was agreed on otherwise since."""
    if desk.service is None or not desk.service.bills_monthly(ended.data.lead):
        return Unchanged()
    return _collected(bills, desk, ended)


def go_on_collecting(bills: tuple[Bill, ...], desk: Desk, unfinished: Message[CollectionUnfinished]) -> Decision:
    """Invoice what the turns before left of a collection; where nothing is left, it is finished."""
    return _collected(bills, desk, unfinished, unfinished.data.exchange_rates)


def _collected(
    bills: tuple[Bill, ...], desk: Desk, cause: ByItself, exchange_rates: tuple[ExchangeRate, ...] = ()
) -> Decision:
    due = due_by(cause.data.until, bills)
    if not due:
        return Unchanged()
    if missing := desk.missing(due[0]):
        return _lacking(cause, missing)
    issued = desk.issue(due, cause, exchange_rates)
    if goes_on(issued, bills):
        return issued.going_on(cause, cause.data.until, exchange_rates)
    return issued.changed(cause, until=cause.data.until)


def goes_on(issued: Issued, bills: Iterable[Bill]) -> bool:
    """Whether a further look may find more: this one issued something, or was filled by what is looked at last now."""
    return bool(issued.invoices) or (issued.holds_up_others and may_be_more(bills))


def may_be_more(bills: Iterable[Bill]) -> bool:
    """Whether these are as much of one currency as a turn invoices."""
    lines: dict[str, list[int]] = defaultdict(list)
    for bill in bills:
        lines[bill.currency].append(len(bill.items))
    return any(len(each) >= MOST_COLLECTED or sum(each) >= MOST_LINES_COLLECTED for each in lines.values())


def due_by(until: date | None, bills: Iterable[Bill]) -> list[Bill]:
    """Those of these bills that are to be invoiced, of work that was completed by then."""
    return invoiceable(bill for bill in bills if until is None or bill.ended_on <= until)


def _lacking(cause: ByItself, missing: tuple[str, ...]) -> Changed:
    """The service partner learns whose data keep an invoice from being issued by itself; its items wait."""
    data = cause.data
    told = InvoiceHeldUp(lead=data.lead, until=data.until, reason="data_missing", missing=missing)
    history = f"invoice of {data.lead} until {data.until} held up: {'; '.join(missing)}"
    return Changed(tell=[Deliver(data.service, told)], history=history)
