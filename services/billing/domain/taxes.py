"""Which tax is owed between two parties, and the totals of an invoice after EN 16931."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from services.billing.domain.parties import BillingSettings
from shared.contracts.billing import TaxCategory, TaxSubtotal
from shared.money import percentage, total

ZERO = Decimal(0)

# Member states in ISO 3166-1; Greece is GR here, though its VAT ids begin with EL.
EU_COUNTRIES = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()  # noqa: SIM905
)

NOTES: dict[TaxCategory, str | None] = {
    "S": None,
    "AE": (
        "Steuerschuldnerschaft des Leistungsempfängers / Reverse charge: VAT is owed by the recipient"
        " (Art. 196 Directive 2006/112/EC)"
    ),
    "O": "Nicht steuerbar / Outside the scope of VAT",
    "E": "Steuerfrei / Exempt from VAT",
}


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


def tax_between(issuer: BillingSettings, recipient: BillingSettings) -> Tax:
    """The domestic rate within a country, reverse charge between EU countries with both VAT ids, else out of scope."""
    if issuer.country == recipient.country:
        return Tax("S", issuer.tax_rate)
    both_in_the_eu = {issuer.country, recipient.country} <= EU_COUNTRIES
    if both_in_the_eu and issuer.vat_id and recipient.vat_id:
        return Tax("AE", ZERO)
    return Tax("O", ZERO)


def totals_of(amounts: Sequence[Decimal], tax: Tax, currency: str) -> Totals:
    """Lines added up, with tax on the sum and not on each line.

    EN 16931: BR-CO-10 (BT-106 = sum of BT-131), BR-CO-13 (BT-109), BR-CO-17 (BT-117 = BT-116 x BT-119 / 100, rounded),
    BR-CO-14 (BT-110 = sum of BT-117), BR-CO-15 (BT-112 = BT-109 + BT-110).
    """
    net = total(amounts, currency)
    owed = percentage(net, tax.rate, currency)
    subtotal = TaxSubtotal(category=tax.category, rate=tax.rate, base=net, tax=owed, note=NOTES[tax.category])
    return Totals((subtotal,), net, owed, total((net, owed), currency))
