"""What would stand on an invoice: posted items as lines, tax, totals and parties, before a number is taken."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from services.billing.domain.items import Bill, Item
from services.billing.domain.parties import BillingSettings
from services.billing.domain.taxes import Tax, accounted, category_between, note_for, tax_for, totals_of
from shared.contracts.billing import ExchangeRate, InvoiceDraft, InvoiceLine, TaxSubtotal

# An invoice travels in one message of 1 MiB, and is read by people: what is more goes on another one.
LARGEST_LINES_BYTES = 512 * 1024
# What takes something off joins the lines that it is taken from; those of a ticket are few and short.
ROOM_FOR_DEDUCTIONS_BYTES = 64 * 1024

Posted = tuple[Bill, Item]


@dataclass(frozen=True, slots=True)
class Parties:
    """Whose invoice it is, and for whom; both with their data, the language of the one who reads it, and what was said
    of other money.
    """

    issuer: BillingSettings
    recipient: BillingSettings
    language: str
    exchange_rates: tuple[ExchangeRate, ...] = ()

    def rate_of(self, currency: str) -> Decimal | None:
        """What one unit of it is worth in the money of the issuer's country, where that was said."""
        return next((one.rate for one in self.exchange_rates if one.currency == currency), None)


@dataclass(slots=True)
class Piece:
    """The lines of one invoice while they are shared out."""

    lines: list[InvoiceLine] = field(default_factory=list)
    size_bytes: int = 0
    net: Decimal = Decimal(0)

    def takes(self, line: InvoiceLine, size_bytes: int) -> None:
        self.lines.append(line)
        self.size_bytes += size_bytes
        self.net += line.amount


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


def drafts_of(bills: Sequence[Bill], parties: Parties, issued_on: date) -> Iterator[InvoiceDraft]:
    """The posted items as one invoice; as several where currencies differ, or they do not fit on one."""
    for currency in dict.fromkeys(bill.currency for bill in bills):
        of_it = [bill for bill in bills if bill.currency == currency]
        lines = [_line(bill, item, parties, place) for place, (bill, item) in enumerate(posted_items(of_it), 1)]
        for piece in _pieces_of(lines):
            yield _draft(piece, of_it, parties, issued_on)


def _pieces_of(lines: list[InvoiceLine]) -> list[list[InvoiceLine]]:
    """The lines in order on as many invoices as they need; what takes something off stands where that is left."""
    sizes = {line.number: len(line.model_dump_json().encode()) for line in lines}
    if sum(sizes.values()) <= LARGEST_LINES_BYTES:
        return [lines]
    pieces = [Piece()]
    for line in lines:
        if line.amount >= 0:
            if pieces[-1].lines and pieces[-1].size_bytes + sizes[line.number] > LARGEST_LINES_BYTES:
                pieces.append(Piece())
            pieces[-1].takes(line, sizes[line.number])
    for line in lines:
        if line.amount < 0:
            most_bytes = LARGEST_LINES_BYTES + ROOM_FOR_DEDUCTIONS_BYTES - sizes[line.number]
            fitting = [one for one in pieces if one.size_bytes <= most_bytes and one.net + line.amount >= 0]
            if not fitting:
                pieces.append(Piece())
            (fitting or pieces[-1:])[0].takes(line, sizes[line.number])
    return [_numbered(piece.lines) for piece in pieces]


def _numbered(lines: list[InvoiceLine]) -> list[InvoiceLine]:
    in_order = sorted(lines, key=lambda line: line.number)
    return [line.model_copy(update={"number": number}) for number, line in enumerate(in_order, 1)]


def taxed(lines: Iterable[InvoiceLine], note: str | None, currency: str) -> dict[str, Any]:
    """Taxes and totals of these lines, as an invoice has them."""
    totals = totals_of([(line.amount, Tax(line.tax_category, line.tax_rate)) for line in lines], note, currency)
    taxes: tuple[TaxSubtotal, ...] = totals.taxes
    return {"taxes": taxes, "net_total": totals.net, "tax_total": totals.tax, "total": totals.gross}


def _draft(lines: list[InvoiceLine], of: Sequence[Bill], parties: Parties, issued_on: date) -> InvoiceDraft:
    """Issue date (EN 16931: BT-2), due date (BT-9), period (BG-14), lines (BG-25) and totals (BG-22)."""
    issuer = parties.issuer.data
    on_it = {line.outsourcing_id for line in lines}
    (bill, *others) = bills = [bill for bill in of if bill.outsourcing_id in on_it]
    days = [line.happened_on for line in lines if line.happened_on] or [one.ended_on for one in bills]
    note = note_for(category_between(parties.issuer, parties.recipient), issuer.country)
    of_one: dict[str, Any] = (
        {} if others else {name: getattr(bill, name) for name in ("lead_number", "service_number", "title")}
    )
    sums = taxed(lines, note, bill.currency)
    return InvoiceDraft(
        issued_on=issued_on,
        due_on=issued_on + timedelta(days=issuer.payment_days),
        period_from=min(days),
        period_to=max(days),
        outsourcing_id=None if others else bill.outsourcing_id,
        **of_one,
        currency=bill.currency,
        language=parties.language,
        issuer=parties.issuer.as_issuer(),
        recipient=parties.recipient.as_recipient(),
        payment_terms=issuer.payment_terms,
        bank=issuer.bank,
        lines=tuple(lines),
        **sums,
        tax_accounted=accounted(
            sums["tax_total"], bill.currency, issuer.country, max(days), parties.rate_of(bill.currency)
        ),
    )


def _line(bill: Bill, item: Item, parties: Parties, number: int) -> InvoiceLine:
    issuer = parties.issuer
    code = issuer.code_for(bill.lead, item.work_type, item.role)
    tax = tax_for(category_between(issuer, parties.recipient), issuer.rate_of(code))
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
        adjusted_for=item.adjusted_for,
        quantity=item.quantity,
        unit=item.unit,
        unit_price=item.unit_price,
        amount=item.amount,
        billable=item.billable,
        tax_category=tax.category,
        tax_rate=tax.rate,
    )
