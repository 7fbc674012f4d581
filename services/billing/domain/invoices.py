"""When an invoice is issued, which number it takes, and who is told."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from services.billing.domain.items import Bill, Item
from services.billing.domain.parties import BillingSettings
from services.billing.domain.taxes import Tax, tax_between, totals_of
from shared.contracts import billing as wire
from shared.contracts.ticket_sync import OutsourcingCompleted
from shared.messaging.outcomes import Changed, Decision, Deliver, Message, NotYet, Publish, Refused, Tell, Unchanged

# Until settings carry a time zone of their own.
ISSUER_TIME_ZONE = ZoneInfo("Europe/Berlin")


@dataclass(frozen=True, slots=True)
class NumberSeries:
    """The counter of one issuer's invoices in one year; `last` is the number given last."""

    issuer: str
    year: int
    last: int

    def next(self) -> "NumberSeries":
        """The series after one more number is given."""
        return replace(self, last=self.last + 1)

    def number(self, prefix: str) -> str:
        """The number given last, as it stands on the invoice (EN 16931: BT-1)."""
        return f"{prefix}{self.year}-{self.last:05d}"


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice as issued, between whom, and which number of its series it took."""

    outsourcing_id: UUID
    lead: str
    service: str
    series_year: int
    series_number: int
    document: wire.Invoice


def issue_day(now: datetime) -> date:
    """Which day it is where the issuer is."""
    return now.astimezone(ISSUER_TIME_ZONE).date()


def series_key(issuer: str, now: datetime) -> tuple[str, int]:
    """Which counter an invoice issued now takes its number from."""
    return issuer, issue_day(now).year


def bill_completed_work(
    bill: Bill | None,
    lead: BillingSettings | None,
    service: BillingSettings | None,
    series: NumberSeries,
    completed: Message[OutsourcingCompleted],
) -> Decision:
    """Price completed work by its terms, and invoice it at once where the data of both parties are known."""
    if bill:
        return Unchanged()
    bill = Bill.of(completed.data)
    if not bill.items:
        history = "completed without a submission: nothing is billed"
        return Changed(bill, tell=[_opened(bill, missing=())], history=history)
    if lead and service:
        return _issue(bill, lead, service, series, completed)
    opened = _opened(bill, _missing(bill, lead, service))
    return Changed(bill, tell=[opened], history="items opened, billing settings are missing")


def issue_on_request(
    bill: Bill | None,
    lead: BillingSettings | None,
    service: BillingSettings | None,
    series: NumberSeries,
    issued: Invoice | None,
    request: Message[wire.InvoiceRequest],
) -> Decision:
    """Issue the invoice of completed work that could not be issued at once."""
    if bill is None or request.sender not in (bill.lead, bill.service):
        return NotYet("outsourcing/unknown")
    if request.sender == bill.lead:
        return Refused("outsourcing/not-yours", state=bill.state, role="service")
    if issued:
        return Refused("invoice/issued-already", state=bill.state, number=issued.document.number)
    if not bill.items:
        return Refused("invoice/nothing-to-bill", state=bill.state)
    if lead is None or service is None:
        missing = ", ".join(_missing(bill, lead, service))
        return Refused(
            "invoice/settings-missing", state=bill.state, allowed=("billing-settings.change",), missing=missing
        )
    return _issue(bill, lead, service, series, request)


def _issue(
    bill: Bill,
    lead: BillingSettings,
    service: BillingSettings,
    series: NumberSeries,
    cause: Message[OutsourcingCompleted] | Message[wire.InvoiceRequest],
) -> Changed:
    """Take the next number and issue; number, invoice and items live or die with the turn, so there is no gap."""
    series = series.next()
    document = _document(bill, lead, service, series, cause.fresh_id, issue_day(cause.now))
    invoice = Invoice(bill.outsourcing_id, bill.lead, bill.service, series.year, series.last, document)
    tell: tuple[Tell, ...] = (
        Deliver(bill.service, wire.InvoiceIssued(lead=bill.lead, invoice=document)),
        Deliver(
            bill.lead,
            wire.InvoiceReceived(service=bill.service, organization=bill.organization, invoice=document),
        ),
        Publish(wire.InvoiceWritten.of(document, bill.lead, bill.service, bill.organization)),
    )
    return Changed(bill.invoiced(), series, invoice, tell=tell, history=f"invoice {document.number} issued")


def _document(
    bill: Bill,
    lead: BillingSettings,
    service: BillingSettings,
    series: NumberSeries,
    invoice_id: UUID,
    issued_on: date,
) -> wire.Invoice:
    """The invoice: number (EN 16931: BT-1), issue date (BT-2), due date (BT-9), lines (BG-25) and totals (BG-22)."""
    tax = tax_between(service, lead)
    totals = totals_of([item.amount for item in bill.items], tax, bill.currency)
    days = [item.happened_on for item in bill.items if item.happened_on]
    return wire.Invoice(
        invoice_id=invoice_id,
        number=series.number(service.number_prefix),
        issued_on=issued_on,
        due_on=issued_on + timedelta(days=service.payment_days),
        period_from=min(days, default=None),
        period_to=max(days, default=None),
        outsourcing_id=bill.outsourcing_id,
        lead_number=bill.lead_number,
        service_number=bill.service_number,
        title=bill.title,
        currency=bill.currency,
        issuer=service.as_party(),
        recipient=lead.as_party(),
        lines=tuple(_line(bill, item, tax) for item in bill.items),
        taxes=totals.taxes,
        net_total=totals.net,
        tax_total=totals.tax,
        total=totals.gross,
    )


def _line(bill: Bill, item: Item, tax: Tax) -> wire.InvoiceLine:
    return wire.InvoiceLine(
        number=item.position,
        outsourcing_id=bill.outsourcing_id,
        lead_number=bill.lead_number,
        service_number=bill.service_number,
        title=bill.title,
        sort=item.sort,
        description=item.description,
        happened_on=item.happened_on,
        author=item.author,
        role=item.role,
        quantity=item.quantity,
        unit=item.unit,
        unit_price=item.unit_price,
        amount=item.amount,
        billable=item.billable,
        tax_category=tax.category,
        tax_rate=tax.rate,
    )


def _opened(bill: Bill, missing: tuple[str, ...]) -> Deliver:
    """The service partner learns what is open and whose data are missing; no items means that nothing is billed."""
    opened = wire.ItemOpened(
        outsourcing_id=bill.outsourcing_id,
        items=len(bill.items),
        net_total=bill.net_total,
        currency=bill.currency,
        missing=missing,
    )
    return Deliver(bill.service, opened)


def _missing(bill: Bill, lead: BillingSettings | None, service: BillingSettings | None) -> tuple[str, ...]:
    known = {bill.service: service, bill.lead: lead}
    return tuple(slug for slug, settings in known.items() if settings is None)
