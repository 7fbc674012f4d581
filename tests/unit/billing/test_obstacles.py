"""What keeps work from being invoiced: it waits, its issuer is told why, and everything else goes its way."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from shared.contracts import billing as wire
from shared.ids import new_id
from tests.unit.billing.work import (
    DINARS,
    GERMAN_LEAD,
    GERMAN_SERVICE,
    LEAD,
    OUTSOURCING,
    SERVICE,
    Billing,
    Work,
    agreeing,
    charge,
    deduction,
    terms,
    time,
)

COLLECTING = agreeing(GERMAN_SERVICE, invoicing="collected")


def of_kind(told: list[Any], kind: type[Any]) -> list[Any]:
    return [one for one in told if isinstance(one, kind)]


def to_the_end(billing: Billing) -> None:
    """Go on with a collection for as long as billing tells itself to."""
    done = 0
    while len(unfinished := of_kind(billing.published(), wire.CollectionUnfinished)) > done:
        done = len(unfinished)
        billing.say("tandem/billing", unfinished[-1])


def held_up(billing: Billing) -> list[wire.InvoiceHeldUp]:
    return of_kind(billing.told_to(SERVICE), wire.InvoiceHeldUp)


@pytest.mark.parametrize("invoicing", ["collected", "monthly"])
def test_what_cannot_be_invoiced_is_told_and_the_rest_of_that_lead_s_work_is_invoiced(invoicing: str) -> None:
    billing = Billing(GERMAN_LEAD, agreeing(GERMAN_SERVICE, invoicing=invoicing))
    billing.complete(DINARS, time("1"))
    billing.complete(terms(), time("1"), outsourcing_id=new_id())
    if invoicing == "collected":
        billing.ask(SERVICE, wire.InvoiceCollect, lead=LEAD)
    else:
        billing.say("tandem/billing", wire.PeriodEnded(lead=LEAD, service=SERVICE, until=date(2026, 3, 31)))
    to_the_end(billing)
    assert [(one.number, str(one.net_total)) for one in billing.documents] == [("AW-2026-00001", "95.00")]
    [told] = held_up(billing)
    assert (told.reason, told.outsourcing_ids, told.currency) == ("not_valid", (OUTSOURCING,), "KWD")
    assert told.faults[0].startswith("BR-DEC-23") and billing.states == ["posted"]
    assert billing.problem(SERVICE, wire.InvoiceCollect, lead=LEAD) == "invoice/not-valid"


def test_of_one_currency_only_the_outsourcing_waits_that_it_lies_with() -> None:
    billing = Billing(GERMAN_LEAD, COLLECTING)
    for id in (OUTSOURCING, new_id()):
        billing.complete(terms(), time("1"), outsourcing_id=id)
    wrong = billing.bill.items[0]
    # As a fault in the software could leave it.
    billing.keep(billing.bill.with_items([replace(wrong, amount=Decimal("95.001"))]))
    billing.ask(SERVICE, wire.InvoiceCollect, lead=LEAD)
    to_the_end(billing)
    assert [len(one.lines) for one in billing.documents] == [1]
    [told] = held_up(billing)
    assert (told.reason, told.outsourcing_ids) == ("not_valid", (OUTSOURCING,))


def test_completed_work_whose_invoice_would_not_be_valid_is_posted_and_its_issuer_told() -> None:
    billing = Billing(GERMAN_LEAD, GERMAN_SERVICE)
    billing.complete(DINARS, time("1"))
    assert (billing.documents, billing.states) == ([], ["posted"])
    assert billing.heard(SERVICE) == ["item.posted", "invoice.held-up"]
    assert billing.problem(SERVICE, wire.InvoiceRequest) == "invoice/not-valid"


@pytest.mark.parametrize(
    "work",
    [[time("1"), deduction("-95.01")], [deduction("-1")], [charge("1", "10"), deduction("-11"), time("0")]],
)
def test_no_invoice_is_below_zero_it_waits_for_other_work(work: list[Work]) -> None:
    billing = Billing(GERMAN_LEAD, GERMAN_SERVICE)
    billing.complete(terms(), *work)
    assert (billing.documents, billing.heard(SERVICE)) == ([], ["item.posted", "invoice.held-up"])
    [told] = held_up(billing)
    assert (told.reason, told.net_total) == ("below_zero", billing.bill.sum_of(billing.bill.items))
    assert billing.problem(SERVICE, wire.InvoiceRequest) == "invoice/below-zero"
    billing.ask(SERVICE, wire.InvoiceRequest, preview=True)
    assert billing.told_to(SERVICE)[-1].below_zero
    assert billing.problem(SERVICE, wire.InvoiceCollect, lead=LEAD) == "invoice/below-zero"
    other = new_id()
    billing.keep(COLLECTING)
    billing.complete(terms(), time("2"), outsourcing_id=other)
    billing.ask(SERVICE, wire.InvoiceCollect, lead=LEAD)
    [document] = billing.documents
    assert {line.outsourcing_id for line in document.lines} == {OUTSOURCING, other}
    assert document.total > 0


def test_two_rates_can_leave_less_than_nothing_though_the_lines_do_not() -> None:
    books = agreeing(GERMAN_SERVICE, codes=[{"code": "BOOKS", "work_type": "book", "tax_rate": "7"}])
    billing = Billing(GERMAN_LEAD, books)
    billing.complete(terms(), charge("1", "100.00", work_type="book"), deduction("-99.00"))
    assert (billing.documents, held_up(billing)[0].reason) == ([], "below_zero"), "1.00, and 11.81 less tax"


def test_an_invoice_may_come_to_nothing_and_no_credit_note_below_it() -> None:
    billing = Billing(GERMAN_LEAD, GERMAN_SERVICE)
    billing.complete(terms(), time("1"), deduction("-95.00"))
    [document] = billing.documents
    assert document.total == 0
    fields = {"invoice_id": document.invoice_id, "reason": "wrong"}
    assert billing.problem(SERVICE, wire.InvoiceCancel, lines=[2], **fields) == "invoice/below-zero"
    billing.ask(SERVICE, wire.InvoiceCancel, **fields)
    assert billing.states == ["open", "open"]


@pytest.mark.parametrize(("fee", "several"), [("-400", True), ("-10000", False)])
def test_on_several_invoices_a_deduction_stands_where_that_much_is_left(fee: str, several: bool) -> None:
    billing = Billing(GERMAN_LEAD, GERMAN_SERVICE)
    long = [time("1").model_copy(update={"text": "x" * 10_000}) for _ in range(55)]
    billing.complete(terms(), *long, deduction(fee))
    totals = [one.net_total for one in billing.documents]
    if several:
        first, second = billing.documents
        assert sum(totals) == 55 * 95 - 400 and min(totals) >= 0
        assert [line.number for line in first.lines] == list(range(1, len(first.lines) + 1))
        assert (first.lines[-1].sort, second.lines[-1].sort) == ("deduction", "time")
    else:
        assert totals == [] and held_up(billing)[0].reason == "below_zero"


def test_the_lead_s_word_counts_also_where_its_invoice_would_not_be_valid() -> None:
    billing = Billing(GERMAN_LEAD, GERMAN_SERVICE)
    asking = DINARS.model_copy(update={"authorized_hours": Decimal(1), "over_cap": "ask"})
    billing.complete(asking, time("2"))
    billing.ask(LEAD, wire.ItemApprove)
    assert set(billing.states) == {"posted"} and billing.heard(LEAD)[-1] == "item.approved"
    assert held_up(billing)[-1].reason == "not_valid"


def test_tax_in_other_money_than_the_issuer_s_is_told_in_that_too_at_the_rate_it_says() -> None:
    billing = Billing(GERMAN_LEAD, GERMAN_SERVICE)
    billing.complete(terms(currency="CHF"), time("1.5"))
    [told] = held_up(billing)
    assert (billing.documents, told.faults) == (
        [],
        ("BT-111: tax is owed in EUR, and the invoice is in CHF; say exchange_rates",),
    )
    assert billing.problem(SERVICE, wire.InvoiceRequest) == "invoice/not-valid"
    other_money = [{"currency": "USD", "rate": "0.9"}]
    assert billing.problem(SERVICE, wire.InvoiceRequest, exchange_rates=other_money) == "invoice/not-valid"
    billing.ask(SERVICE, wire.InvoiceRequest, exchange_rates=[*other_money, {"currency": "CHF", "rate": "1.0643"}])
    [invoice] = billing.documents
    assert (invoice.currency, str(invoice.net_total), str(invoice.tax_total)) == ("CHF", "142.50", "27.08")
    assert invoice.tax_accounted == wire.TaxAccounted(
        currency="EUR", rate=Decimal("1.0643"), tax_total=Decimal("28.82")
    )
    billing.ask(SERVICE, wire.InvoiceCancel, invoice_id=invoice.invoice_id, reason="wrong")
    assert billing.documents[1].tax_accounted == invoice.tax_accounted, "at the rate of its invoice"


def test_a_collection_goes_on_with_the_rates_that_it_began_with() -> None:
    billing = Billing(GERMAN_LEAD, COLLECTING)
    billing.complete(terms(currency="CHF"), time("1"))
    rates = [{"currency": "CHF", "rate": "1.0643"}]
    billing.ask(SERVICE, wire.InvoiceCollect, lead=LEAD, exchange_rates=rates)
    billing.complete(terms(currency="CHF"), time("1"), outsourcing_id=new_id())
    to_the_end(billing)
    assert [one.tax_accounted and one.tax_accounted.currency for one in billing.documents] == ["EUR", "EUR"]


@pytest.mark.parametrize("rates", [[{"currency": "CHF", "rate": "0"}], [{"currency": "CHF", "rate": "1"}] * 2])
def test_a_rate_is_above_zero_and_each_currency_has_one(rates: list[dict[str, str]]) -> None:
    with pytest.raises(ValidationError):
        wire.InvoiceCollect.model_validate({"actor": "m", "lead": LEAD, "exchange_rates": rates})
