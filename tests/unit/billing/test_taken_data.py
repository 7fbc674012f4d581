"""Whatever data and work are taken, their invoice keeps to the schema and to the business rules of EN 16931.

So what would break one of them is refused where it is said, or before a number is taken.
"""

from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from services.billing.documents.faults import schema_faults_of
from services.billing.documents.xml import xml_of
from services.billing.domain import BillingSettings
from shared.contracts import billing as wire
from shared.contracts.ticket_sync import SnapshotCharge, SnapshotTime
from shared.contracts.values import Line, LongText, Reason, ShortText
from shared.ids import new_id
from tests.unit.billing.business_rules import rules_broken_by
from tests.unit.billing.work import LEAD, SERVICE, Billing, completed, deduction, terms

# Blanks of all widths, characters without a picture, and those that XML has no place for.
ODD = st.sampled_from(["\u00a0", "\u2003", "\u200b", "\ufeff", "\uffff", "\ufffe", "\x85", "\n", "&", "<", "]]>", " "])
TEXT = st.lists(ODD | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=4), max_size=4).map("".join)


def taken(kind: Any) -> st.SearchStrategy[str]:
    """Texts that the contract takes as such; any other one is corrected by who said it."""
    adapter = TypeAdapter(kind)

    def corrected(text: str) -> str:
        try:
            adapter.validate_python(text)
        except ValidationError:
            return "x"
        return text

    return TEXT.map(corrected)


LINES, SHORT, LONG = taken(Line), taken(ShortText), taken(LongText)
COUNTRIES = st.sampled_from(
    [
        {"country": "DE", "vat_id": "DE136695976"},
        {"country": "DE", "tax_number": "12/345/67890", "small_business": True, "tax_rate": "0"},
        {"country": "AT", "vat_id": "ATU13585627"},
        {"country": "GR", "vat_id": "EL094259216"},
        {"country": "CH", "vat_id": "CHE109322551MWST"},
        {"country": "GB", "tax_number": "1234567890"},
        {"country": "HK", "tax_number": "1", "tax_rate": "0"},
    ]
)
PARTIES = st.builds(
    lambda known, more: {"tax_rate": "19", **known, **more},
    COUNTRIES,
    st.fixed_dictionaries(
        {"legal_name": LINES, "address": st.lists(LINES, min_size=1, max_size=6)},
        optional={
            "post_code": SHORT,
            "city": SHORT,
            "email": st.just("invoices@example.com"),
            "payment_terms": taken(Reason),
            "bank": st.builds(lambda holder: {"iban": "DE89370400440532013000", "holder": holder}, st.none() | SHORT),
            "partners": st.builds(
                lambda code, rate: [{"codes": [{"code": code, "work_type": "book", **rate}]}],
                SHORT,
                st.sampled_from([{}, {"tax_rate": "7"}, {"zero_rated": True}]),
            ),
        },
    ),
)
HOURS = st.builds(
    lambda hours, author, role, text, billable: SnapshotTime(
        entry_id=new_id(),
        version=1,
        work_on=date(2026, 3, 1),
        hours=hours,
        role=role,
        billable=billable,
        author=author,
        text=text,
    ),
    st.decimals(0, 1000, places=4),
    SHORT,
    st.none() | SHORT,
    LONG,
    st.booleans(),
)
CHARGES = st.builds(
    lambda name, quantity, price, work_type: SnapshotCharge(
        entry_id=new_id(),
        version=1,
        name=name,
        work_type=work_type,
        quantity=quantity,
        unit_price=price,
        amount=Decimal(0),
        billable=True,
    ),
    LINES,
    st.decimals(0, 999, places=4),
    st.decimals(0, 9999, places=4),
    st.sampled_from([None, "book"]),
)
WORK = st.lists(
    st.one_of(HOURS, CHARGES, st.builds(deduction, st.decimals(-99, 99, places=4).map(str), LINES)),
    min_size=1,
    max_size=4,
)


@st.composite
def billed(draw: st.DrawFn) -> list[wire.Invoice]:
    """The invoice of some work between two companies, and a credit note of its first line; none where none is due."""
    lead, service = (BillingSettings(slug, wire.BillingData.model_validate(draw(PARTIES))) for slug in (LEAD, SERVICE))
    billing = Billing(lead, service)
    by = terms(currency=draw(st.sampled_from(["EUR", "CHF", "JPY"])), authorized_hours="2", over_cap="ask")
    work = completed(by, *draw(WORK)).model_copy(update={"title": draw(LINES), "lead_number": draw(SHORT)})
    billing.say("tandem/ticket_sync", work)
    rates = [{"currency": one, "rate": "0.9412"} for one in ("EUR", "CHF", "JPY")]
    billing.ask(SERVICE, wire.InvoiceRequest, exchange_rates=rates)
    for told in billing.told_to(SERVICE):
        faults = told.faults if isinstance(told, wire.InvoiceHeldUp) else ()
        assert all(fault.startswith("BT-111") for fault in faults), "all else was refused where it was said"
    for invoice in billing.documents:
        fields = {"invoice_id": invoice.invoice_id, "lines": [1], "reason": draw(LINES)}
        billing.ask(SERVICE, wire.InvoiceCancel, **fields)
    return billing.documents


@given(billed())
@settings(max_examples=30, deadline=None)
def test_whatever_was_taken_its_documents_keep_to_the_schema_and_break_no_business_rule(
    documents: list[wire.Invoice],
) -> None:
    for document in documents:
        xml = xml_of(document)
        assert (schema_faults_of(xml), rules_broken_by(xml)) == ((), [])
