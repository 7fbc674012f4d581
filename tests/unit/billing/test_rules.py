"""What approved work costs, by hand-reckoned examples and by properties; and who is told of it."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain import Bill, BillingSettings
from services.billing.domain.taxes import Tax, category_between, lacking_tax_data, note_for, totals_of
from shared.contracts import billing as wire
from shared.contracts.offer_handler import Terms
from shared.money import percentage
from tests.unit.billing.work import (
    AUSTRIAN_SERVICE,
    GERMAN_LEAD,
    GERMAN_SERVICE,
    LEAD,
    SERVICE,
    SWISS_SERVICE,
    Billing,
    Work,
    agreeing,
    charge,
    deduction,
    flat,
    settings,
    terms,
    time,
)

BOOKS = {"code": "BOOKS", "work_type": "book", "tax_rate": "7"}
SMALL_SERVICE = settings(SERVICE, "DE", None, "19", tax_number="12/345/67890", small_business=True)


def invoice_of(service: BillingSettings, by: Terms, *work: Work, **more: Any) -> wire.Invoice:
    billing = Billing(GERMAN_LEAD, service)
    billing.complete(by, *work, **more)
    [document] = billing.documents
    return document


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
            AUSTRIAN_SERVICE,
            terms(currency="JPY", hourly_rate=Decimal(1501)),
            [time("0.5")],
            ["751"],
            *("751", "0", "751"),
            id="a currency without cents",
        ),
        pytest.param(
            agreeing(GERMAN_SERVICE, codes=[BOOKS]),
            terms(),
            [time("1"), charge("3", "9.99", work_type="book"), charge("1", "10.00")],
            # 105.00 at 19 % are 19.95, and 29.97 at 7 % are 2.0979.
            ["95.00", "29.97", "10.00"],
            *("134.97", "22.05", "157.02"),
            id="two domestic rates on one invoice",
        ),
        pytest.param(
            agreeing(GERMAN_SERVICE, codes=[{"code": "SOLAR", "work_type": "solar", "zero_rated": True}]),
            terms(),
            [time("1"), charge("2", "450.00", work_type="solar")],
            ["95.00", "900.00"],
            *("995.00", "18.05", "1013.05"),
            id="what the law rates at zero, because the issuer says so",
        ),
        pytest.param(
            SMALL_SERVICE,
            terms(),
            [time("1")],
            ["95.00"],
            *("95.00", "0.00", "95.00"),
            id="a small business owes no tax at home",
        ),
        pytest.param(
            GERMAN_SERVICE,
            terms(authorized_hours=Decimal(2), over_cap="cut"),
            [time("1.5"), time("1.5")],
            ["142.50", "142.50", "-95.00"],
            *("190.00", "36.10", "226.10"),
            id="hours over the cap are cut",
        ),
        pytest.param(
            GERMAN_SERVICE,
            terms(authorized_hours="2", authorized_charges="50", authorized_total="200", over_cap="cut"),
            [time("3"), charge("1", "80.00")],
            # An hour and 30.00 are cut first; what is left is 240.00.
            ["285.00", "80.00", "-95.00", "-30.00", "-40.00"],
            *("200.00", "38.00", "238.00"),
            id="hours, charges and the total over their caps are cut, and nothing twice",
        ),
        pytest.param(
            agreeing(GERMAN_SERVICE, codes=[BOOKS]),
            terms(),
            [charge("1", "40.00", work_type="book"), deduction("-10", work_type="book"), deduction("2")],
            ["40.00", "-10.00", "2.00"],
            *("32.00", "2.48", "34.48"),
            id="a deduction bears the tax of the work that it is about",
        ),
        pytest.param(
            agreeing(GERMAN_SERVICE, codes=[BOOKS]),
            terms(authorized_charges="50", over_cap="cut"),
            [time("1"), charge("1", "40.00"), charge("2", "30.00", work_type="book"), charge("1", "5.00")],
            # 55.00 went over: 5.00 of the last, and 50.00 of the books before it, at the rate of books.
            ["95.00", "40.00", "60.00", "5.00", "-50.00", "-5.00"],
            *("145.00", "26.35", "171.35"),
            id="what is cut bears the tax of the work that went over",
        ),
        pytest.param(
            GERMAN_SERVICE,
            terms(authorized_hours=Decimal(0), over_cap="cut"),
            [time("0.3333"), time("0.3333"), time("0.3333"), charge("1", "1.00")],
            # Each hour was rounded by itself, and so is what is taken off it again.
            ["31.66", "31.66", "31.66", "1.00", "-94.98"],
            *("1.00", "0.19", "1.19"),
            id="what is cut is never more than there was",
        ),
        pytest.param(
            GERMAN_SERVICE,
            terms(authorized_hours=Decimal(2), over_cap="billed"),
            [time("3")],
            ["285.00"],
            *("285.00", "54.15", "339.15"),
            id="hours over the cap are billed where that was agreed on",
        ),
        pytest.param(
            GERMAN_SERVICE,
            terms(authorized_hours=Decimal(2), over_cap="ask"),
            [time("3")],
            ["285.00", "-95.00"],
            *("190.00", "36.10", "226.10"),
            id="hours over the cap wait for the lead's word",
        ),
    ],
)  # fmt: skip
def test_worked_examples(
    service: BillingSettings, by: Terms, work: list[Work], amounts: list[str], net: str, tax: str, gross: str
) -> None:
    invoice = invoice_of(service, by, *work)
    assert [str(line.amount) for line in invoice.lines] == amounts
    assert [line.number for line in invoice.lines] == list(range(1, len(amounts) + 1))
    assert (str(invoice.net_total), str(invoice.tax_total), str(invoice.total)) == (net, tax, gross)


@pytest.mark.parametrize(
    ("lead", "service", "category", "lacking"),
    [
        (GERMAN_LEAD, GERMAN_SERVICE, "S", ()),
        (GERMAN_LEAD, AUSTRIAN_SERVICE, "AE", ()),
        (GERMAN_LEAD, settings(SERVICE, "AT"), "AE", (SERVICE,)),
        (settings(LEAD, "DE"), AUSTRIAN_SERVICE, "AE", (LEAD,)),
        (GERMAN_LEAD, SWISS_SERVICE, "O", ()),
        (settings(LEAD, "CH"), SWISS_SERVICE, "S", ()),
        (GERMAN_LEAD, settings(SERVICE, "DE"), "S", (SERVICE,)),
        (GERMAN_LEAD, settings(SERVICE, "DE", tax_number="1"), "S", ()),
        (GERMAN_LEAD, SMALL_SERVICE, "E", ()),
        (settings(LEAD, "HK"), settings(SERVICE, "HK", tax_rate="0", tax_number="1"), "O", ()),
    ],
)
def test_the_tax_follows_from_the_two_parties_or_it_is_said_whose_data_are_missing(
    lead: BillingSettings, service: BillingSettings, category: str, lacking: tuple[str, ...]
) -> None:
    assert category_between(service, lead) == category
    assert lacking_tax_data(service, lead) == lacking
    note = note_for(category_between(service, lead), service.data.country)
    assert (note is None) == (category == "S"), "who pays no tax must read why"


AMOUNTS = st.lists(
    st.tuples(st.decimals(-99_999, 99_999, places=2), st.sampled_from(["19", "7", "0"])), min_size=1, max_size=12
)


@given(AMOUNTS, st.sampled_from(["EUR", "JPY", "KWD"]))
def test_the_totals_keep_the_rules_of_en_16931(lines: list[tuple[Decimal, str]], currency: str) -> None:
    digits = {"EUR": 2, "JPY": 0, "KWD": 3}[currency]
    amounts = [(round(amount, digits), Tax("S", Decimal(rate))) for amount, rate in lines]
    totals = totals_of(amounts, None, currency)
    assert totals.net == sum(amount for amount, _ in amounts), "BR-CO-10, BR-CO-13"
    assert totals.tax == sum(one.tax for one in totals.taxes), "BR-CO-14"
    assert totals.gross == totals.net + totals.tax, "BR-CO-15"
    assert len({one.rate for one in totals.taxes}) == len(totals.taxes), "BR-CO-18"
    for one in totals.taxes:
        assert one.base == sum(amount for amount, tax in amounts if tax.rate == one.rate), "BR-S-08"
        assert one.tax == percentage(one.base, one.rate, currency), "BR-CO-17"


WORK = st.lists(
    st.one_of(
        st.builds(time, st.decimals(0, 1000, places=4).map(str), billable=st.booleans()),
        st.builds(
            charge,
            st.decimals(0, 999_999, places=4).map(str),
            st.decimals(0, 999_999, places=4).map(str),
            billable=st.booleans(),
            work_type=st.sampled_from([None, "book"]),
        ),
        st.builds(deduction, st.decimals(-9999, 9999, places=4).map(str)),
    ),
    max_size=12,
)
CAPS = st.fixed_dictionaries(
    {},
    optional={
        "authorized_hours": st.decimals(0, 1000, places=2),
        "authorized_charges": st.decimals(0, 9999, places=2),
        "authorized_total": st.decimals(0, 9999, places=2),
    },
)


@given(
    WORK,
    CAPS,
    st.sampled_from(["billed", "cut", "ask"]),
    st.sampled_from([agreeing(GERMAN_SERVICE, codes=[BOOKS]), AUSTRIAN_SERVICE, SWISS_SERVICE, SMALL_SERVICE]),
    st.sampled_from(["EUR", "JPY", "CHF"]),
)
def test_lines_tax_and_total_always_agree(
    work: list[Work], caps: dict[str, Decimal], over_cap: str, service: BillingSettings, currency: str
) -> None:
    billing = Billing(GERMAN_LEAD, service)
    billing.complete(terms(currency=currency, over_cap=over_cap, **caps), *work)
    items = [item for bill in billing.all_of(Bill) for item in bill.items if item.state != "asked"]
    if currency == "EUR" and any(item.amount for item in items):
        held_up = billing.heard(SERVICE).count("invoice.held-up")
        assert len(billing.documents) + held_up == 1
        assert not held_up or any(item.amount < 0 for item in items), "what costs something stands on an invoice"
    for invoice in billing.documents:
        assert invoice.net_total == sum(line.amount for line in invoice.lines)
        assert invoice.tax_total == sum(subtotal.tax for subtotal in invoice.taxes)
        assert invoice.net_total == sum(subtotal.base for subtotal in invoice.taxes)
        assert invoice.total == invoice.net_total + invoice.tax_total
        authorized = caps.get("authorized_total")
        if authorized is not None and over_cap != "billed":
            assert invoice.net_total <= authorized + Decimal("0.5"), "nothing is billed over the cap"


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
