"""Examples with known results come to them by our own rules: from the lines on, and from work and charges on."""

import pytest

from services.billing.domain.drafts import taxed
from shared.contracts.billing import Invoice
from shared.money import price_of
from tests.unit.billing.work import (
    GERMAN_LEAD,
    GERMAN_SERVICE,
    LEAD,
    SERVICE,
    Billing,
    charge,
    deduction,
    settings,
    terms,
    with_data,
)
from tests.unit.billing.worked_examples import EXAMPLES

PUBLIC = [name for name in EXAMPLES if name.startswith("CII_")]
AT_DOMESTIC_RATES = [name for name in PUBLIC if {line.tax_category for line in EXAMPLES[name]().lines} == {"S"}]


# Who reckons in which money.
PARTIES = {
    "EUR": (GERMAN_LEAD, GERMAN_SERVICE),
    "DKK": (settings(LEAD, "DK", "DK13585628", "25"), settings(SERVICE, "DK", "DK13585628", "25")),
}


def figures_of(invoice: Invoice) -> tuple[object, ...]:
    """The totals of an invoice, and what of them is owed at which rate."""
    taxes = {(tax.category, tax.rate, tax.base, tax.tax) for tax in invoice.taxes}
    return taxes, invoice.net_total, invoice.tax_total, invoice.total


def test_there_are_enough_of_them() -> None:
    assert len(EXAMPLES) >= 12 and len(PUBLIC) >= 8 and len(AT_DOMESTIC_RATES) >= 6


@pytest.mark.parametrize("name", EXAMPLES)
def test_lines_come_to_the_known_amounts_taxes_and_totals(name: str) -> None:
    known = EXAMPLES[name]()
    lines = tuple(
        line.model_copy(update={"amount": price_of(line.quantity, line.unit_price, known.currency)})
        for line in known.lines
    )
    reckoned = known.model_copy(update={"lines": lines, **taxed(lines, None, known.currency)})
    assert reckoned.lines == known.lines
    assert figures_of(reckoned) == figures_of(known)


@pytest.mark.parametrize("name", AT_DOMESTIC_RATES)
def test_approved_work_comes_to_the_totals_of_a_public_example(name: str) -> None:
    """What is taken off the whole document is a deduction at the usual rate, which is that of the example's."""
    known = EXAMPLES[name]()
    taken_off = [line for line in known.lines if line.amount < 0]
    charged = [
        charge(str(line.quantity), str(line.unit_price), work_type=f"at {line.tax_rate} %")
        for line in known.lines
        if line.amount >= 0
    ]
    codes = [{"code": "R", "work_type": f"at {tax.rate} %", "tax_rate": str(tax.rate)} for tax in known.taxes]
    usual = (taken_off or known.lines)[0].tax_rate
    lead, service = PARTIES[known.currency]
    billing = Billing(lead, with_data(service, tax_rate=str(usual), partners=[{"codes": codes}]))
    billing.complete(terms(currency=known.currency), *charged, *(deduction(str(line.amount)) for line in taken_off))
    [issued] = billing.documents
    assert figures_of(issued) == figures_of(known)
