"""Which tax is owed between two parties, and the totals of an invoice after EN 16931."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from services.billing.domain.parties import BillingSettings
from shared.contracts.billing import EU_COUNTRIES, TaxAccounted, TaxCategory, TaxSubtotal
from shared.money import exchanged, money_of, percentage, total

ZERO = Decimal(0)

_REVERSE_CHARGE = (
    "Steuerschuldnerschaft des Leistungsempfängers / Reverse charge: VAT is owed by the recipient"
    " (Art. 196 Directive 2006/112/EC)"
)
_OUT_OF_SCOPE = "Nicht steuerbar / Outside the scope of VAT"
_SMALL_BUSINESS = "Kleinunternehmer, steuerfrei / Small business, exempt from VAT"
# The law that a bookkeeper of that country looks for.
_SMALL_BUSINESS_BY = {"DE": "§ 19 UStG", "AT": "§ 6 Abs. 1 Z 27 UStG"}


@dataclass(frozen=True, slots=True)
class Tax:
    """The VAT category (EN 16931: BT-151, UNCL 5305) and its rate in percent (BT-152)."""

    category: TaxCategory
    rate: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    """The totals of an invoice.

    EN 16931: `net` is the sum of line net amounts (BT-106), equal to the total without VAT (BT-109) as there are no
    allowances on document level; `tax` the total VAT (BT-110); `gross` the total with VAT (BT-112).
    """

    taxes: tuple[TaxSubtotal, ...]
    net: Decimal
    tax: Decimal
    gross: Decimal


def category_between(issuer: BillingSettings, recipient: BillingSettings) -> TaxCategory:
    """Domestic tax within a country that has any, unless the issuer is exempt; the recipient's across EU borders."""
    if issuer.data.country == recipient.data.country:
        if issuer.data.small_business:
            return "E"
        return "S" if issuer.data.tax_rate else "O"
    return "AE" if {issuer.data.country, recipient.data.country} <= EU_COUNTRIES else "O"


def lacking_tax_data(issuer: BillingSettings, recipient: BillingSettings) -> tuple[str, ...]:
    """Who has to say more before an invoice can be: across EU borders both VAT ids, else the issuer's or its number.

    EN 16931: BR-AE-02, BR-AE-03, BR-S-02, BR-E-02, BR-CO-26.
    """
    match category_between(issuer, recipient):
        case "AE":
            return tuple(one.instance for one in (issuer, recipient) if not one.data.vat_id)
        case _ if not (issuer.data.vat_id or issuer.data.tax_number):
            return (issuer.instance,)
        case _:
            return ()


def accounted(tax_total: Decimal, currency: str, country: str, on: date, rate: Decimal | None) -> TaxAccounted | None:
    """Tax that is owed in other money than that of the issuer's country, in that too (Directive 2006/112/EC, Art. 230).

    None where there is no need, or no rate is known; then the draft is not valid.
    """
    own = money_of(country, on)
    if not tax_total or not own or currency in own or rate is None:
        return None
    return TaxAccounted(currency=own[0], rate=rate, tax_total=exchanged(tax_total, rate, own[0]))


def tax_for(category: TaxCategory, domestic_rate: Decimal) -> Tax:
    """The domestic rate where domestic tax is owed, which may be zero by law; and else none."""
    if category != "S":
        return Tax(category, ZERO)
    return Tax("S" if domestic_rate else "Z", domestic_rate)


def note_for(category: TaxCategory, country: str) -> str | None:
    """Why no tax is owed, as the law wants it said (EN 16931: BT-120)."""
    match category:
        case "AE":
            return _REVERSE_CHARGE
        case "O":
            return _OUT_OF_SCOPE
        case "E":
            law = _SMALL_BUSINESS_BY.get(country)
            return f"{_SMALL_BUSINESS} ({law})" if law else _SMALL_BUSINESS
        case _:
            return None


def totals_of(lines: Sequence[tuple[Decimal, Tax]], note: str | None, currency: str) -> Totals:
    """Lines added up, with tax on the sum of each category and rate and not on each line.

    EN 16931: BR-CO-10 (BT-106 = sum of BT-131), BR-CO-13 (BT-109), BR-CO-17 (BT-117 = BT-116 x BT-119 / 100, rounded),
    BR-CO-14 (BT-110 = sum of BT-117), BR-CO-15 (BT-112 = BT-109 + BT-110).
    """
    kinds = sorted({tax for _, tax in lines}, key=lambda tax: (tax.category, -tax.rate))
    taxes = tuple(_subtotal(tax, (amount for amount, its in lines if its == tax), note, currency) for tax in kinds)
    net = total((amount for amount, _ in lines), currency)
    owed = total((one.tax for one in taxes), currency)
    return Totals(taxes, net, owed, total((net, owed), currency))


def _subtotal(tax: Tax, amounts: Iterable[Decimal], note: str | None, currency: str) -> TaxSubtotal:
    base = total(amounts, currency)
    owed = percentage(base, tax.rate, currency)
    # Who is taxed, at zero too, needs no reason (BR-S-10, BR-Z-10).
    reason = None if tax.category in ("S", "Z") else note
    return TaxSubtotal(category=tax.category, rate=tax.rate, base=base, tax=owed, note=reason)
