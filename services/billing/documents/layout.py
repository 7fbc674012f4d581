"""What stands on the pages of an invoice, in the words and numbers of its reader; where it stands says invoice.typ."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import groupby
from typing import Any

from services.billing.documents.words import Words
from services.billing.documents.xml import OUTSIDE_SCOPE
from shared.contracts.billing import Invoice, InvoiceLine, Party, TaxSubtotal
from shared.legible import passage
from shared.money import total

# All but what the font that Typst brings along can show; PDF/A has no place for a character without a picture. Other
# fonts beside it could show more, but mixing them in a line ends in a panic inside Typst 0.15.
NOT_SHOWN = re.compile(
    "[^\n\u0020-\u007e\u00a0-\u00ac\u00ae-\u02e4\u0384-\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03ce\u0400-\u0477"
    "\u048c-\u04bf\u1e00-\u1eff\u2010-\u2027\u2030-\u2037\u2039-\u203e\u20ac\u2116\u2122\u2190-\u2199\u2212\u2264\u2265"
    "\u25a1\u25b6\u2714\u2718]"
)
REPLACEMENT = "□"
# Characters without a picture that only say how others are to be joined or parted, and blanks of other widths.
UNSEEN = dict.fromkeys([0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFE0E, 0xFE0F, 0xFEFF])
BLANKS = dict.fromkeys([0x202F, *range(0x2000, 0x200B)], " ")
SPELLING: dict[int, str | None] = {**UNSEEN, **BLANKS}

# A link or a path may be longer than its column; here a line may end within it, and nothing is seen where none does.
LONG_WORD = re.compile(r"\S{30}(?=\S)")
MAY_BREAK = "\N{ZERO WIDTH SPACE}"

# Where VAT does not apply, there is no rate, not even zero.
NO_RATE = "–"

Page = dict[str, Any]


def layout_of(invoice: Invoice) -> Page:
    """All texts of the pages, ready to be set."""
    words = Words.of(invoice.language)
    page = {
        "language": words.language,
        "title": f"{words(invoice.document)} {invoice.number}",
        "day": [invoice.issued_on.year, invoice.issued_on.month, invoice.issued_on.day],
        "author": invoice.issuer.legal_name,
        "issuer": invoice.issuer.legal_name,
        "sender": " · ".join([invoice.issuer.legal_name, *_address(invoice.issuer)]),
        "recipient": [invoice.recipient.legal_name, *_address(invoice.recipient), *_country(invoice, words)],
        "facts": [*_facts(invoice, words)],
        "columns": [words(key) for key in ("position", "happened_on", "description", "quantity", "price", "tax")]
        + [f"{words('amount')} {invoice.currency}"],
        "tickets": [*_tickets(invoice, words)],
        "sums": [*_sums(invoice, words)],
        "total": [f"{words('total')} {invoice.currency}", words.money(invoice.total, invoice.currency)],
        "notes": [*_notes(invoice, words)],
        "payment": [*_payment(invoice, words)],
        "attached": words("attached"),
        "footer": [*_footer(invoice, words)],
        "page": words("page", page="{page}", pages="{pages}"),
    }
    spelled = _every_text(page, _spelled)
    shown = _every_text(spelled, lambda text: NOT_SHOWN.sub(REPLACEMENT, text))
    replaced = {} if shown == spelled else {"replaced": words("replaced")}
    broken = {name: _every_text(shown[name], _breakable) for name in ("facts", "tickets", "notes")}
    return {**shown, **broken, **replaced}


def _facts(invoice: Invoice, words: Words) -> Iterator[tuple[str, str]]:
    """What a bookkeeper looks for first."""
    period = [words.day(day) for day in dict.fromkeys((invoice.period_from, invoice.period_to)) if day]
    facts = [
        (words("number"), invoice.number),
        (words("issued_on"), words.day(invoice.issued_on)),
        (words("cancels"), invoice.cancels_number),
        (words("cancels_of"), words.day(invoice.cancels_issued_on) if invoice.cancels_issued_on else None),
        (words("period"), " – ".join(period)),
        (words("lead_number"), invoice.lead_number),
        (words("service_number"), invoice.service_number),
        (words("recipient_vat_id"), invoice.recipient.vat_id),
    ]
    return ((label, told) for label, told in facts if told)


def _notes(invoice: Invoice, words: Words) -> Iterator[str]:
    """Why a credit note was issued, why no tax is owed, and what tax is owed in other money."""
    if invoice.reason:
        yield f"{words('reason')}: {invoice.reason}"
    if told := invoice.tax_accounted:
        tax = words.money(told.tax_total, told.currency)
        rate = f"1 {invoice.currency} = {words.number(told.rate)} {told.currency}"
        yield words("tax_accounted", currency=told.currency, tax=tax, rate=rate)
    yield from dict.fromkeys(tax.note for tax in invoice.taxes if tax.note)


def _tickets(invoice: Invoice, words: Words) -> Iterator[Page]:
    """The lines by ticket; a ticket has a subtotal of its own where there are several."""
    groups = [(first, tuple(lines)) for first, lines in groupby(invoice.lines, key=lambda line: line.outsourcing_id)]
    for _, lines in groups:
        number, first = lines[0].lead_number, lines[0]
        both = " / ".join(part for part in (number, first.service_number) if part)
        several = len(groups) > 1
        yield {
            "heading": f"{words('ticket')} {both} · {first.title}",
            "lines": [_line(line, invoice.currency, words) for line in lines],
            "subtotal": [
                words("subtotal", ticket=number),
                *_hours(lines, words),
                words.money(total((line.amount for line in lines), invoice.currency), invoice.currency),
            ]
            if several
            else [],
        }


def _hours(lines: Iterable[InvoiceLine], words: Words) -> Iterator[str]:
    hours = sum((line.quantity for line in lines if line.sort == "time"), Decimal(0))
    yield f"{words.number(hours)} {words('hour')}" if hours else ""


def _line(line: InvoiceLine, currency: str, words: Words) -> Page:
    who = [part for part in (line.author, line.role, line.work_type, line.billing_code) if part]
    return {
        "position": str(line.number),
        "day": words.day(line.happened_on) if line.happened_on else "",
        "text": "\n".join([line.description, *_adjusted(line, words)]),
        "who": " · ".join([*who, *([] if line.billable else [words("not_billable")])]),
        "quantity": f"{words.number(line.quantity)} {words(line.unit)}",
        "price": words.money(line.unit_price, currency),
        "tax": NO_RATE if line.tax_category == OUTSIDE_SCOPE else words.percent(line.tax_rate),
        "amount": words.money(line.amount, currency),
    }


def _adjusted(line: InvoiceLine, words: Words) -> Iterator[str]:
    """Why its price is not that of the terms."""
    if line.adjusted_for:
        yield words("adjusted", reason=line.adjusted_for)


def _sums(invoice: Invoice, words: Words) -> Iterator[tuple[str, str]]:
    yield words("net_total"), words.money(invoice.net_total, invoice.currency)
    for tax in invoice.taxes:
        yield _tax(tax, invoice.currency, words), words.money(tax.tax, invoice.currency)


def _tax(tax: TaxSubtotal, currency: str, words: Words) -> str:
    return words(f"tax_{tax.category}", rate=words.percent(tax.rate), base=words.money(tax.base, currency))


def _payment(invoice: Invoice, words: Words) -> Iterator[str]:
    """When and how to pay; a credit note is paid by its issuer."""
    if invoice.document == "credit_note":
        yield words("credited")
        return
    yield words("payable", day=words.day(invoice.due_on))
    if invoice.payment_terms:
        yield invoice.payment_terms
    if bank := invoice.bank:
        account = [f"IBAN {_grouped(bank.iban)}", *([f"BIC {bank.bic}"] if bank.bic else [])]
        yield f"{words('bank')}: {', '.join(account)}"
        yield f"{words('holder')}: {bank.holder or invoice.issuer.legal_name}"
        yield f"{words('reference')}: {invoice.number}"


def _footer(invoice: Invoice, words: Words) -> Iterator[str]:
    issuer = invoice.issuer
    yield " · ".join([issuer.legal_name, *_address(issuer), words.country(issuer.country)])
    numbers = [
        words("vat_id", number=issuer.vat_id) if issuer.vat_id else "",
        words("tax_number", number=issuer.tax_number) if issuer.tax_number else "",
        issuer.email or "",
    ]
    yield " · ".join(part for part in numbers if part)


def _address(party: Party) -> Iterator[str]:
    yield from party.address
    if place := " ".join(part for part in (party.post_code, party.city) if part):
        yield place


def _country(invoice: Invoice, words: Words) -> Iterator[str]:
    """A letter within a country does not name it."""
    if invoice.recipient.country != invoice.issuer.country:
        yield words.country(invoice.recipient.country)


def _grouped(iban: str) -> str:
    """In groups of four (ISO 13616), as people compare them."""
    plain = iban.replace(" ", "")
    return " ".join(plain[at : at + 4] for at in range(0, len(plain), 4))


def _spelled(text: str) -> str:
    """Each letter as one character, and blanks of all widths as blanks."""
    return unicodedata.normalize("NFC", passage(text)).translate(SPELLING)


def _breakable(text: str) -> str:
    return LONG_WORD.sub(rf"\g<0>{MAY_BREAK}", text)


def _every_text(told: Any, change: Callable[[str], str]) -> Any:
    match told:
        case str():
            return change(told)
        case dict():
            return {key: _every_text(value, change) for key, value in told.items()}
        case list() | tuple():
            return [_every_text(value, change) for value in told]
        case _:
            return told
