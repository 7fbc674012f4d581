"""What would stand on an invoice: posted items as lines, tax, totals and parties, before a number is taken."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from services.billing.domain.items import Bill, Item
from services.billing.domain.parties import BillingSettings
from services.billing.domain.taxes import Tax, category_between, note_for, tax_for, totals_of
from shared.contracts.billing import InvoiceDraft, InvoiceLine, TaxSubtotal

# An invoice travels in one message of 1 MiB, and is read by people: what is more goes on another one.
LARGEST_LINES_BYTES = 512 * 1024

Posted = tuple[Bill, Item]


@dataclass(frozen=True, slots=True)
class Parties:
    """Whose invoice it is, and for whom; both with their data, and the language of the one who reads it."""

    issuer: BillingSettings
    recipient: BillingSettings
    language: str


def invoiceable(bills: Iterable[Bill]) -> list[Bill]:
    """Those with something posted; none in a currency in which nothing of it costs anything.

    Nothing is no invoice: what is listed at zero waits for something that is not.
    """
    posted = [bill for bill in bills if bill.in_state("posted")]
    costing = {bill.currency for bill in posted if any(item.amount for item in bill.in_state("posted"))}
    return [bill for bill in posted if bill.currency in costing]


def posted_items(bills: Iterable[Bill]) -> list[Posted]:
    """All that may be invoiced, by outsourcing, in the order of its items."""
    return [(bill, item) for bill in bills for item in bill.in_state("posted")]


def drafts_of(posted: list[Posted], parties: Parties, issued_on: date) -> Iterator[InvoiceDraft]:
    """The posted items as one invoice; as several where currencies differ, or they do not fit on one."""
    for currency in dict.fromkeys(bill.currency for bill, _ in posted):
        lines: list[InvoiceLine] = []
        size = 0
        for bill, item in posted:
            if bill.currency != currency:
                continue
            line = _line(bill, item, parties, len(lines) + 1)
            bytes_more = len(line.model_dump_json().encode())
            if lines and size + bytes_more > LARGEST_LINES_BYTES:
                yield _draft(lines, posted, parties, issued_on)
                lines, size = [], 0
                line = line.model_copy(update={"number": 1})
            lines.append(line)
            size += bytes_more
        yield _draft(lines, posted, parties, issued_on)


def taxed(lines: Iterable[InvoiceLine], note: str | None, currency: str) -> dict[str, Any]:
    """Taxes and totals of these lines, as an invoice has them."""
    totals = totals_of([(line.amount, Tax(line.tax_category, line.tax_rate)) for line in lines], note, currency)
    taxes: tuple[TaxSubtotal, ...] = totals.taxes
    return {"taxes": taxes, "net_total": totals.net, "tax_total": totals.tax, "total": totals.gross}


def _draft(lines: list[InvoiceLine], posted: list[Posted], parties: Parties, issued_on: date) -> InvoiceDraft:
    """Issue date (EN 16931: BT-2), due date (BT-9), period (BG-14), lines (BG-25) and totals (BG-22)."""
    issuer = parties.issuer.data
    on_it = {line.outsourcing_id for line in lines}
    bills = {bill.outsourcing_id: bill for bill, _ in posted if bill.outsourcing_id in on_it}
    (bill, *others) = bills.values()
    days = [line.happened_on for line in lines if line.happened_on] or [one.ended_on for one in bills.values()]
    note = note_for(category_between(parties.issuer, parties.recipient), issuer.country)
    of_one: dict[str, Any] = (
        {} if others else {name: getattr(bill, name) for name in ("lead_number", "service_number", "title")}
    )
    return InvoiceDraft(
        issued_on=issued_on,
        due_on=issued_on + timedelta(days=issuer.payment_days),
        period_from=min(days),
        period_to=max(days),
        outsourcing_id=None if others else bill.outsourcing_id,
        **of_one,
        currency=bill.currency,
        language=parties.language,
        issuer=parties.issuer.as_party(),
        recipient=parties.recipient.as_party(),
        payment_terms=issuer.payment_terms,
        bank=issuer.bank,
        lines=tuple(lines),
        **taxed(lines, note, bill.currency),
    )


def _line(bill: Bill, item: Item, parties: Parties, number: int) -> InvoiceLine:
    issuer = parties.issuer
    code = issuer.code_for(bill.lead, item.work_type, item.role)
    rate = issuer.rate_for(bill.lead, item.work_type, item.role)
    tax = tax_for(category_between(issuer, parties.recipient), rate)
    return InvoiceLine(
        number=number,
        outsourcing_id=bill.outsourcing_id,
        lead_number=bill.lead_number,
        service_number=bill.service_number,
        title=bill.title,
        position=item.position,
        sort=item.sort,
        description=item.description,
        happened_on=item.happened_on,
        author=item.author,
        role=item.role,
        work_type=item.work_type,
        billing_code=code.code if code else None,
        quantity=item.quantity,
        unit=item.unit,
        unit_price=item.unit_price,
        amount=item.amount,
        billable=item.billable,
        tax_category=tax.category,
        tax_rate=tax.rate,
    )
