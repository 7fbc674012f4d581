"""What approved work costs, by hand-reckoned examples and by properties; and who is told of it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain import (
    Bill,
    BillingSettings,
    Invoice,
    NumberSeries,
    bill_completed_work,
    issue_on_request,
    tax_between,
    totals_of,
)
from shared.contracts import billing as wire
from shared.contracts.offer_handler import Terms
from shared.contracts.ticket_sync import Deduction, OutsourcingCompleted, SnapshotCharge, SnapshotTime
from shared.messaging.outcomes import Changed, Deliver, NotYet, Refused, Unchanged
from tests.unit.billing.work import (
    AUSTRIAN_SERVICE,
    GERMAN_LEAD,
    GERMAN_SERVICE,
    LEAD,
    OUTSOURCING,
    SERIES,
    SERVICE,
    STRANGER,
    SWISS_SERVICE,
    charge,
    completed,
    deduction,
    flat,
    message_of,
    settings,
    terms,
    time,
)

Work = SnapshotTime | SnapshotCharge | Deduction


def invoice_of(
    service: BillingSettings, work: OutsourcingCompleted, lead: BillingSettings = GERMAN_LEAD
) -> wire.Invoice:
    decision = bill_completed_work(None, lead, service, SERIES, message_of(work))
    assert isinstance(decision, Changed)
    [issued] = [value for value in decision.values if isinstance(value, Invoice)]
    return issued.document


@pytest.mark.parametrize(
    ("service", "by", "work", "amounts", "net", "tax", "gross"),
    [
        pytest.param(
            GERMAN_SERVICE,
            terms(rounding_minutes=15),
            [time("1.1"), time("0.25"), charge("3", "0.335")],
            # 1 h 15 min and 15 min at 95.00; three cables at 0.335 are 1.005.
            ["118.75", "23.75", "1.01"],
            *("143.51", "27.27", "170.78"),
            id="hourly within Germany: 19 %",
        ),
        pytest.param(
            AUSTRIAN_SERVICE,
            flat("480.00"),
            [time("6.5"), charge("1", "349.90")],
            ["480.00", "0.00", "349.90"],
            *("829.90", "0.00", "829.90"),
            id="flat from Austria to Germany: the recipient owes the tax, time is proof",
        ),
        pytest.param(
            GERMAN_SERVICE,
            terms(),
            [time("2"), time("1", billable=False), charge("1", "50.00", billable=False), deduction("-20.00")],
            ["190.00", "0.00", "0.00", "-20.00"],
            *("170.00", "32.30", "202.30"),
            id="what is not billable stands at zero, and a deduction lowers the tax",
        ),
        pytest.param(
            SWISS_SERVICE,
            terms(currency="CHF", hourly_rate=Decimal("120.00")),
            [time("0.3333"), deduction("15", "night work")],
            ["40.00", "15.00"],
            *("55.00", "0.00", "55.00"),
            id="from outside the EU: outside the scope of VAT",
        ),
        pytest.param(
            GERMAN_SERVICE,
            terms(currency="JPY", hourly_rate=Decimal(1501)),
            [time("0.5")],
            ["751"],
            *("751", "143", "894"),
            id="a currency without cents",
        ),
    ],
)
def test_worked_examples(
    service: BillingSettings, by: Terms, work: list[Work], amounts: list[str], net: str, tax: str, gross: str
) -> None:
    invoice = invoice_of(service, completed(by, *work))
    assert [str(line.amount) for line in invoice.lines] == amounts
    assert [line.number for line in invoice.lines] == list(range(1, len(amounts) + 1))
    assert (str(invoice.net_total), str(invoice.tax_total), str(invoice.total)) == (net, tax, gross)


@pytest.mark.parametrize(
    ("lead", "service", "category"),
    [
        (GERMAN_LEAD, GERMAN_SERVICE, "S"),
        (GERMAN_LEAD, AUSTRIAN_SERVICE, "AE"),
        (GERMAN_LEAD, settings(SERVICE, "AT"), "O"),
        (settings(LEAD, "DE"), AUSTRIAN_SERVICE, "O"),
        (GERMAN_LEAD, SWISS_SERVICE, "O"),
        (settings(LEAD, "CH"), SWISS_SERVICE, "S"),
    ],
)
def test_the_tax_follows_from_the_two_parties(lead: BillingSettings, service: BillingSettings, category: str) -> None:
    tax = tax_between(service, lead)
    assert tax.category == category
    assert tax.rate == (service.tax_rate if category == "S" else 0)
    [subtotal] = totals_of([Decimal("1.00")], tax, "EUR").taxes
    assert (subtotal.note is None) == (category == "S"), "who pays no tax must read why"


WORK = st.lists(
    st.one_of(
        st.builds(time, st.decimals(0, 1000, places=4).map(str), billable=st.booleans()),
        st.builds(
            charge,
            st.decimals(0, 999_999, places=4).map(str),
            st.decimals(0, 999_999, places=4).map(str),
            billable=st.booleans(),
        ),
        st.builds(deduction, st.decimals(-9999, 9999, places=4).map(str)),
    ),
    max_size=12,
)


@given(WORK, st.sampled_from([GERMAN_SERVICE, AUSTRIAN_SERVICE, SWISS_SERVICE]), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_lines_tax_and_total_always_agree(work: list[Work], service: BillingSettings, currency: str) -> None:
    by = terms(currency=currency)
    bill = Bill.of(completed(by, *work))
    assert len(bill.items) == len(work)
    decision = bill_completed_work(None, GERMAN_LEAD, service, SERIES, message_of(completed(by, *work)))
    assert isinstance(decision, Changed)
    for invoice in (value.document for value in decision.values if isinstance(value, Invoice)):
        assert invoice.net_total == sum(line.amount for line in invoice.lines)
        assert invoice.tax_total == sum(subtotal.tax for subtotal in invoice.taxes)
        assert invoice.net_total == sum(subtotal.base for subtotal in invoice.taxes)
        assert invoice.total == invoice.net_total + invoice.tax_total


@pytest.mark.parametrize(
    ("hours", "minutes", "billed"),
    [
        ("0.3333", 20, "0.3333"),
        ("0.3334", 20, "0.3333"),
        ("0.34", 20, "0.6667"),
        ("1", 15, "1.0000"),
        ("1.0001", 15, "1.0000"),
        ("1.001", 15, "1.2500"),
        ("0", 15, "0.0000"),
        ("1.2345", None, "1.2345"),
    ],
)
def test_hours_are_rounded_up_to_the_step_of_the_terms(hours: str, minutes: int | None, billed: str) -> None:
    assert terms(rounding_minutes=minutes).billed_hours(Decimal(hours)) == Decimal(billed)


@given(st.decimals(0, 1000, places=4), st.integers(1, 60))
def test_rounding_never_takes_time_away_and_adds_less_than_a_step(hours: Decimal, minutes: int) -> None:
    added = terms(rounding_minutes=minutes).billed_hours(hours) - hours
    # Half a second is what four decimals cannot say.
    assert Decimal("-0.0002") <= added < Decimal(minutes) / 60 + Decimal("0.0002")


def test_both_sides_get_the_same_invoice_with_the_next_number() -> None:
    series = NumberSeries(SERVICE, 2026, 41)
    decision = bill_completed_work(
        None, GERMAN_LEAD, AUSTRIAN_SERVICE, series, message_of(completed(terms(), time("1")))
    )
    assert isinstance(decision, Changed)
    assert series.next() in decision.values
    told = {tell.to: tell.data for tell in decision.tell if isinstance(tell, Deliver)}
    issued, received = told[SERVICE], told[LEAD]
    assert isinstance(issued, wire.InvoiceIssued) and isinstance(received, wire.InvoiceReceived)
    assert issued.invoice == received.invoice
    assert issued.invoice.number == "AW-2026-00042"


def test_work_is_billed_once() -> None:
    work = completed(terms(), time("1"))
    assert bill_completed_work(Bill.of(work), GERMAN_LEAD, GERMAN_SERVICE, SERIES, message_of(work)) == Unchanged()


@pytest.mark.parametrize("by", [terms(), flat("480.00")], ids=["hourly", "flat"])
def test_work_that_was_ended_by_force_is_billed_like_approved_work(by: Terms) -> None:
    work = (time("1.5"), charge("1", "42.00"))
    forced = invoice_of(GERMAN_SERVICE, completed(by, *work, forced=True))
    approved = invoice_of(GERMAN_SERVICE, completed(by, *work))
    assert (forced.lines, forced.total) == (approved.lines, approved.total)


def test_time_without_its_text_is_told_by_author_and_role() -> None:
    silent = time("1.5").model_copy(update={"text": ""})
    (line,) = invoice_of(GERMAN_SERVICE, completed(terms(), silent, forced=True)).lines
    assert (line.description, str(line.amount)) == ("L. Gruber · engineer", "142.50")


@pytest.mark.parametrize("forced", [False, True])
def test_work_without_a_snapshot_bills_nothing_and_that_is_said(forced: bool) -> None:
    work = completed(terms(), nothing=True, forced=forced)
    decision = bill_completed_work(None, GERMAN_LEAD, GERMAN_SERVICE, SERIES, message_of(work))
    assert isinstance(decision, Changed) and not any(isinstance(value, Invoice) for value in decision.values)
    [told] = [tell.data for tell in decision.tell]
    assert isinstance(told, wire.ItemOpened) and (told.items, told.missing) == (0, ())


@pytest.mark.parametrize(
    ("lead", "service", "missing"),
    [(None, GERMAN_SERVICE, (LEAD,)), (GERMAN_LEAD, None, (SERVICE,)), (None, None, (SERVICE, LEAD))],
)
def test_missing_data_is_named_and_the_invoice_follows_on_request(
    lead: BillingSettings | None, service: BillingSettings | None, missing: tuple[str, ...]
) -> None:
    work = completed(terms(), time("1"))
    decision = bill_completed_work(None, lead, service, SERIES, message_of(work))
    assert isinstance(decision, Changed)
    [told] = [tell.data for tell in decision.tell]
    assert isinstance(told, wire.ItemOpened) and told.missing == missing and told.items == 1
    [bill] = decision.values
    request = message_of(wire.InvoiceRequest(actor="m.huber", outsourcing_id=OUTSOURCING), SERVICE)
    refused = issue_on_request(bill, lead, service, SERIES, None, request)
    assert isinstance(refused, Refused) and refused.problem == "invoice/settings-missing"
    issued = issue_on_request(bill, GERMAN_LEAD, GERMAN_SERVICE, SERIES, None, request)
    assert isinstance(issued, Changed) and any(isinstance(value, Invoice) for value in issued.values)


def test_only_the_service_partner_asks_and_only_for_what_can_be_billed() -> None:
    bill = Bill.of(completed(terms(), time("1")))
    empty = Bill.of(completed(terms(), nothing=True))
    ask = wire.InvoiceRequest(actor="m.huber", outsourcing_id=OUTSOURCING)
    parties = (GERMAN_LEAD, GERMAN_SERVICE, SERIES)
    for of in (None, bill):
        assert issue_on_request(of, *parties, None, message_of(ask, STRANGER)) == NotYet("outsourcing/unknown")
    by_lead = issue_on_request(bill, *parties, None, message_of(ask, LEAD))
    assert isinstance(by_lead, Refused) and by_lead.problem == "outsourcing/not-yours"
    nothing = issue_on_request(empty, *parties, None, message_of(ask, SERVICE))
    assert isinstance(nothing, Refused) and nothing.problem == "invoice/nothing-to-bill"
    issued = issue_on_request(bill, *parties, None, message_of(ask, SERVICE))
    assert isinstance(issued, Changed)
    [invoice] = [value for value in issued.values if isinstance(value, Invoice)]
    again = issue_on_request(bill.invoiced(), *parties, invoice, message_of(ask, SERVICE))
    assert isinstance(again, Refused) and again.problem == "invoice/issued-already"
