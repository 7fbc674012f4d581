"""The XML of invoices with known results: valid by schema and business rules, and read back by another library."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from drafthorse.models.document import Document
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.billing.documents import faults_of
from services.billing.documents.faults import outline_of, schema_faults_of
from services.billing.documents.xml import NO_CHARACTERS, xml_of
from shared.contracts.billing import Invoice, TaxSubtotal
from tests.unit.billing.business_rules import rules_broken_by
from tests.unit.billing.worked_examples import EXAMPLES, GERMAN_ISSUER, HOURS, invoice, line

TYPES = {"invoice": "380", "credit_note": "381"}

each_example = pytest.mark.parametrize("worked", EXAMPLES.values(), ids=EXAMPLES.keys())
Example = Callable[[], Invoice]


@each_example
def test_a_known_invoice_comes_to_the_known_totals_and_breaks_no_rule_of_en_16931(
    worked: Example,
) -> None:
    document = worked()
    assert faults_of(document) == ()
    assert rules_broken_by(xml_of(document)) == []


@each_example
def test_another_library_reads_what_the_invoice_says(worked: Example) -> None:
    document = worked()
    read = Document.parse(xml_of(document))
    trade = read.trade
    sums = trade.settlement.monetary_summation
    (tax_total, _), *_ = sums.tax_total_other_currency.children
    assert (str(read.header.id), str(read.header.type_code)) == (document.number, TYPES[document.document])
    assert str(read.header.issue_date_time) == document.issued_on.isoformat()
    assert str(trade.settlement.currency_code) == document.currency
    assert (sums.line_total._value, Decimal(tax_total), sums.due_amount._value) == (
        document.net_total,
        document.tax_total,
        document.total,
    )
    assert str(trade.agreement.seller.name) == document.issuer.legal_name
    assert str(trade.agreement.buyer.name) == document.recipient.legal_name
    assert [
        (tax.basis_amount._value, tax.calculated_amount._value, str(tax.category_code))
        for tax in trade.settlement.trade_tax.children
    ] == [(tax.base, tax.tax, tax.category) for tax in document.taxes]
    assert [
        (
            str(one.document.line_id),
            one.delivery.billed_quantity._amount,
            one.agreement.net.amount._value,
            one.settlement.monetary_summation.total_amount._value,
        )
        for one in trade.items.children
    ] == [(str(one.number), one.quantity, one.unit_price, one.amount) for one in document.lines]


def test_a_line_says_in_the_xml_whose_ticket_when_and_who_and_all_of_the_text() -> None:
    text = "Erste Zeile & <mehr>\n" + "ein langer Text " * 40
    document = invoice(
        [HOURS.model_copy(update={"description": text})],
        [("S", "19", "166.25", "31.59")],
        ("166.25", "31.59", "197.84"),
    )
    [read] = Document.parse(xml_of(document)).trade.items.children
    assert str(read.product.name) == "Erste Zeile & <mehr>"
    assert str(read.product.description) == (
        f"NL-4711 / RH-1002 · Firewall am Standort Köln\n2026-03-02 · J. Weber · Senior Engineer\n{text}"
    )


def test_a_credit_note_names_the_invoice_that_it_cancels() -> None:
    read = Document.parse(xml_of(EXAMPLES["a credit note"]()))
    assert str(read.trade.settlement.invoice_referenced_document.issuer_assigned_id).split()[0] == "RH-2026-00017"


FREE = HOURS.model_copy(update={"tax_rate": Decimal(0)})
NOUGHT = (TaxSubtotal(category="S", rate=Decimal(0), base=Decimal("166.25"), tax=Decimal("0.00")),)


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"net_total": Decimal("166.26")}, "BR-CO-10"),
        ({"tax_total": Decimal("31.60")}, "BR-CO-14"),
        ({"total": Decimal("197.85")}, "BR-CO-15"),
        ({"lines": ()}, "BR-16"),
        ({"lines": (HOURS.model_copy(update={"amount": Decimal("166.24")}),)}, "BT-131"),
        ({"lines": (HOURS.model_copy(update={"tax_rate": Decimal(7)}),)}, "BR-CO-18"),
        ({"issuer": GERMAN_ISSUER.model_copy(update={"vat_id": None})}, "BR-CO-26"),
        ({"lines": (FREE,)}, "BR-CO-18"),
        ({"taxes": NOUGHT, "lines": (FREE,), "tax_total": Decimal(0), "total": Decimal("166.25")}, "BR-S-05"),
        ({"currency": "XXY"}, "BR-CL-04"),
    ],
)
def test_a_draft_that_is_wrong_says_by_which_rule(wrong: dict[str, Any], rule: str) -> None:
    right = invoice([HOURS], [("S", "19", "166.25", "31.59")], ("166.25", "31.59", "197.84"))
    assert any(fault.startswith(rule) for fault in faults_of(right.model_copy(update=wrong)))


@each_example
def test_the_schema_says_of_an_outline_what_it_says_of_the_invoice_and_the_outline_none_of_its_words(
    worked: Example,
) -> None:
    document = worked()
    outline = outline_of(document)
    for words in (document.number, document.issuer.legal_name, document.lines[0].description):
        assert words not in outline.model_dump_json()
    assert schema_faults_of(xml_of(outline)) == schema_faults_of(xml_of(document)) == ()
    empty = document.model_copy(update={"lines": ()})
    assert schema_faults_of(xml_of(outline_of(empty))) == schema_faults_of(xml_of(empty)) != ()


def test_xml_that_does_not_keep_to_its_schema_says_where() -> None:
    whole = xml_of(EXAMPLES["hours at home"]())
    without_number = whole.replace(b"<ram:ID>RH-2026-00017</ram:ID>", b"", 1)
    assert without_number != whole
    [fault] = schema_faults_of(without_number)
    assert fault.startswith("XSD: /rsm:CrossIndustryInvoice/rsm:ExchangedDocument")


def test_an_amount_with_three_decimals_cannot_be_said_in_en_16931() -> None:
    dinars = invoice(
        [line(1, "1", "1.234", "1.234", "AE", "0")],
        [("AE", "0", "1.234", "0.000")],
        ("1.234", "0.000", "1.234"),
        currency="KWD",
    )
    assert faults_of(dinars) == ("BR-DEC-23: KWD has more than 2 decimals",)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=200).filter(str.strip))
@example("\uffff")
@settings(max_examples=50)
def test_whatever_a_text_says_the_xml_keeps_to_its_schema_and_says_it(text: str) -> None:
    said = HOURS.model_copy(update={"description": text, "title": text})
    document = invoice([said], [("S", "19", "166.25", "31.59")], ("166.25", "31.59", "197.84"))
    xml = xml_of(document)
    assert schema_faults_of(xml) == ()
    assert text.translate(NO_CHARACTERS) in str(Document.parse(xml).trade.items.children[0].product.description)
