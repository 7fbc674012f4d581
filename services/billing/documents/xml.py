"""The XML of an invoice: UN/CEFACT Cross Industry Invoice in the profile EN 16931 of Factur-X and ZUGFeRD.

Keys such as BT-131 are the business terms of EN 16931-1; factur-x knows where in the XML each stands.
"""

from decimal import Decimal
from typing import Any

from facturx.generate_xml import generate_cii_xml

from shared.contracts.billing import Invoice, InvoiceLine, Party, TaxSubtotal

PROFILE = "en16931"
# UNTDID 1001.
TYPE_CODES = {"invoice": "380", "credit_note": "381"}
# UN/ECE Recommendation 20.
UNIT_CODES = {"hour": "HUR", "piece": "C62"}
# UNTDID 4461: SEPA credit transfer.
CREDIT_TRANSFER = "58"
# The scheme of electronic addresses that are e-mail addresses (EAS).
BY_EMAIL = "EM"
# Of the code list VATEX. A small business has none: each country has its own law, which the note names.
EXEMPTION_CODES = {"AE": "VATEX-EU-AE", "O": "VATEX-EU-O"}
# Where no VAT is owed at all, nobody is named by a VAT id (BR-O-02), and no rate is said (BR-O-05).
OUTSIDE_SCOPE = "O"
# What fits a line of a list in most programs; the whole text is the description.
LONGEST_NAME = 100

NO_CHARACTERS = dict.fromkeys([0xFFFE, 0xFFFF], "\ufffd")

Terms = dict[str, Any]


def xml_of(invoice: Invoice) -> bytes:
    """The invoice as XML; what it says of the lines is all that Tandem knows of them."""
    terms = {
        **_document(invoice),
        **_parties(invoice),
        **_payment(invoice),
        **_totals(invoice),
        "BG-23": [_tax(subtotal) for subtotal in invoice.taxes],
        "BG-25": [_line(line) for line in invoice.lines],
    }
    xml: bytes = generate_cii_xml(_sayable(terms), level=PROFILE, check_xsd=False, check_schematron=None)
    return xml


def _document(invoice: Invoice) -> Terms:
    """What kind of document it is, its number and day; of a credit note why it is, and what it cancels (BG-3)."""
    cancelled = {"BT-25": invoice.cancels_number, "BT-26": invoice.cancels_issued_on}
    return {
        "BT-1": invoice.number,
        "BT-2": invoice.issued_on,
        "BT-3": TYPE_CODES[invoice.document],
        "BT-5": invoice.currency,
        "BT-6": invoice.tax_accounted and invoice.tax_accounted.currency,
        "BT-10": invoice.lead_number,
        # Without any dates of work, it was done by the day it was billed on.
        "BT-72": invoice.period_to or invoice.issued_on,
        "BT-73": invoice.period_from,
        "BT-74": invoice.period_to,
        "BG-1": [{"BT-22": invoice.reason}] if invoice.reason else [],
        "BG-3": [cancelled] if invoice.cancels_number else [],
    }


def _parties(invoice: Invoice) -> Terms:
    named_by_vat_id = all(line.tax_category != OUTSIDE_SCOPE for line in invoice.lines)
    return {
        "BG-4": _party(invoice.issuer, named_by_vat_id=named_by_vat_id),
        "BG-7": _party(invoice.recipient, named_by_vat_id=named_by_vat_id),
    }


def _party(party: Party, *, named_by_vat_id: bool) -> Terms:
    """A party; one that may not be named by its VAT id is known by that as any number, or by its tax number (BT-29)."""
    vat_id = party.vat_id if named_by_vat_id else None
    number = party.vat_id or party.tax_number
    contacts = [{"name": party.legal_name, "email": party.email}] if party.email else []
    return {
        "name": party.legal_name,
        "identifiers": {None: number} if number and not vat_id else {},
        "contacts": contacts,
        **_address(party),
        "einvoicing_addr": party.email,
        "einvoicing_addr_schemeid": BY_EMAIL if party.email else None,
        "vat_identifier": vat_id,
        "tax_identifier": party.tax_number,
    }


def _address(party: Party) -> Terms:
    """Three lines have a place of their own; what there is more of shares the third."""
    first, second, *more = [*party.address, "", ""]
    return {
        "addr_l1": first,
        "addr_l2": second,
        "addr_l3": ", ".join(line for line in more if line),
        "postcode": party.post_code,
        "city": party.city,
        "country_code": party.country,
    }


def _payment(invoice: Invoice) -> Terms:
    """When to pay, where to, and by which words the payment is known again."""
    terms: Terms = {"BT-9": invoice.due_on, "BT-20": invoice.payment_terms}
    if invoice.bank is None:
        return terms
    return {
        **terms,
        "BT-81": CREDIT_TRANSFER,
        "BT-83": invoice.number,
        "BT-84": invoice.bank.iban,
        "BT-85": invoice.bank.holder,
        "BT-86": invoice.bank.bic,
    }


def _totals(invoice: Invoice) -> Terms:
    """BG-22; there are no allowances or charges on the document, and nothing was paid before."""
    return {
        "BT-106": _plain(invoice.net_total),
        "BT-109": _plain(invoice.net_total),
        "BT-110": _plain(invoice.tax_total),
        "BT-111": invoice.tax_accounted and _plain(invoice.tax_accounted.tax_total),
        "BT-112": _plain(invoice.total),
        "BT-115": _plain(invoice.total),
    }


def _tax(subtotal: TaxSubtotal) -> Terms:
    return {
        "BT-116": _plain(subtotal.base),
        "BT-117": _plain(subtotal.tax),
        "BT-118": subtotal.category,
        "BT-119": _rate(subtotal.category, subtotal.rate),
        "BT-120": subtotal.note,
        "BT-121": EXEMPTION_CODES.get(subtotal.category),
    }


def _line(line: InvoiceLine) -> Terms:
    """BG-25, with the ticket it belongs to as the object that it is about (BT-128)."""
    return {
        "BT-126": str(line.number),
        "BT-128": {None: line.lead_number},
        "BT-129": _short(line.quantity),
        "BT-130": UNIT_CODES[line.unit],
        "BT-131": _plain(line.amount),
        "BT-134": line.happened_on,
        "BT-135": line.happened_on,
        "BT-146": _short(line.unit_price),
        "BT-151": line.tax_category,
        "BT-152": _rate(line.tax_category, line.tax_rate),
        "BT-153": _name(line),
        "BT-154": _description(line),
        "BT-155": line.billing_code,
        "BG-32": [{"BT-160": name, "BT-161": value} for name, value in _attributes(line) if value],
    }


def _name(line: InvoiceLine) -> str:
    """The first words of what is billed; a text without any is known by its ticket."""
    first = next((words for words in line.description.splitlines() if words.strip()), line.title).strip()
    return first if len(first) <= LONGEST_NAME else f"{first[: LONGEST_NAME - 1]}…"


def _description(line: InvoiceLine) -> str:
    """All a reader can follow the line by: both tickets and their title, when and by whom, the text, an adjustment."""
    tickets = " / ".join(number for number in (line.lead_number, line.service_number) if number)
    when = line.happened_on.isoformat() if line.happened_on else None
    who = " · ".join(part for part in (when, line.author, line.role, line.work_type) if part)
    told = (f"{tickets} · {line.title}", who, line.description, line.adjusted_for)
    return "\n".join(part for part in told if part)


def _attributes(line: InvoiceLine) -> list[tuple[str, str | None]]:
    """What programs sort by, each at a place of its own."""
    return [
        ("lead_number", line.lead_number),
        ("service_number", line.service_number),
        ("author", line.author),
        ("role", line.role),
        ("work_type", line.work_type),
        ("adjusted_for", line.adjusted_for),
    ]


def _rate(category: str, rate: Decimal) -> str | None:
    return None if category == OUTSIDE_SCOPE else _short(rate)


def _plain(amount: Decimal) -> str:
    """An amount as it was rounded, in digits."""
    return f"{amount:f}"


def _short(number: Decimal) -> str:
    """Without zeros that say nothing."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _sayable(told: Any) -> Any:
    """Without what is empty or blank, and without the two characters that XML has no place for (XML 1.0, 2.2)."""
    match told:
        case str():
            return told.translate(NO_CHARACTERS) if told.strip() else ""
        case dict():
            return {key: said for key, value in told.items() if (said := _sayable(value))}
        case list():
            return [_sayable(value) for value in told]
        case _:
            return told
