"""Items on their way: asked, open, adjusted, posted, invoiced, and open again after a credit note."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from services.billing.domain import posting
from shared.contracts import billing as wire
from shared.ids import new_id
from shared.messaging.outcomes import Changed, Unchanged
from tests.unit.billing.work import (
    AUSTRIAN_SERVICE,
    DINARS,
    GERMAN_LEAD,
    GERMAN_SERVICE,
    LEAD,
    SERVICE,
    STRANGER,
    Billing,
    agreeing,
    charge,
    completed,
    deduction,
    flat,
    returned,
    terms,
    time,
    with_data,
)

BY_HAND = agreeing(GERMAN_SERVICE, posting="by_hand")
COLLECTING = agreeing(GERMAN_SERVICE, invoicing="collected")
ASKING = terms(authorized_hours="2", over_cap="ask")


def opened() -> Billing:
    """Two items that are to be posted by hand."""
    billing = Billing(GERMAN_LEAD, BY_HAND)
    billing.complete(terms(), time("2"), charge("1", "40.00"), time("1", billable=False))
    assert billing.heard(SERVICE) == ["item.opened"] and billing.heard(LEAD) == []
    return billing


def invoiced() -> tuple[Billing, UUID]:
    billing = Billing(GERMAN_LEAD, GERMAN_SERVICE)
    billing.complete(terms(), time("2"), charge("1", "40.00"))
    return billing, billing.documents[0].invoice_id


def net_of(billing: Billing) -> list[tuple[str, str]]:
    return [(one.document, str(one.net_total)) for one in billing.documents]


def test_items_are_posted_by_hand_where_that_is_agreed_on_and_invoiced_then() -> None:
    billing = opened()
    assert billing.states == ["open", "open", "open"]
    billing.ask(SERVICE, wire.ItemPost, positions=[1])
    assert billing.states == ["invoiced", "open", "open"]
    billing.ask(SERVICE, wire.ItemPost)
    assert billing.states == ["invoiced"] * 3
    assert net_of(billing) == [("invoice", "190.00"), ("invoice", "40.00")]


@pytest.mark.parametrize(("of_this_lead", "states"), [("automatic", ["invoiced"]), ("by_hand", ["open"])])
def test_what_is_agreed_on_with_one_lead_goes_before_what_is_with_all(of_this_lead: str, states: list[str]) -> None:
    of_all = "by_hand" if of_this_lead == "automatic" else "automatic"
    partners = [{"posting": of_all}, {"lead": LEAD, "posting": of_this_lead}, {"lead": STRANGER, "posting": of_all}]
    billing = Billing(GERMAN_LEAD, with_data(GERMAN_SERVICE, partners=partners))
    billing.complete(terms(), time("1"))
    assert billing.states == states


def test_an_open_item_is_adjusted_with_a_reason_that_its_history_keeps() -> None:
    billing = opened()
    billing.ask(SERVICE, wire.ItemAdjust, position=3, unit_price="35.005", reason="agreed")
    assert (billing.heard(SERVICE)[-1], str(billing.bill.items[2].amount)) == ("item.adjusted", "35.01")
    assert billing.history[-1][1] == "item 3 adjusted from 40.00 to 35.005: agreed"
    assert billing.heard(LEAD) == [], "what is not invoiced yet is the service partner's own"
    billing.ask(SERVICE, wire.ItemPost)
    [document] = billing.documents
    assert [line.adjusted_for for line in document.lines] == [None, None, "agreed"]


@pytest.mark.parametrize(
    ("sender", "fields", "problem"),
    [
        (LEAD, {"position": 1}, "outsourcing/not-yours"),
        (STRANGER, {"position": 1}, "outsourcing/unknown"),
        (SERVICE, {"position": 1, "outsourcing_id": new_id()}, "outsourcing/unknown"),
        (SERVICE, {"position": 9}, "item/unknown"),
        (SERVICE, {"position": 2}, "item/not-billable"),
    ],
)
def test_what_cannot_be_adjusted_is_refused(sender: str, fields: dict[str, Any], problem: str) -> None:
    assert opened().problem(sender, wire.ItemAdjust, unit_price="1", reason="why", **fields) == problem


@pytest.mark.parametrize("over_cap", ["cut", "ask"])
def test_what_is_over_a_cap_is_not_brought_back_by_other_prices(over_cap: str) -> None:
    billing = Billing(GERMAN_LEAD, BY_HAND)
    billing.complete(terms(authorized_hours="2", over_cap=over_cap), time("3"))
    before = billing.bill
    taken_off = next(item.position for item in before.items if item.sort == "deduction")
    for position, price in ((taken_off, "0"), (1, "95.01")):
        fields = {"position": position, "unit_price": price, "reason": "mine"}
        assert billing.problem(SERVICE, wire.ItemAdjust, **fields) == "item/limited"
    assert billing.bill == before
    billing.ask(SERVICE, wire.ItemAdjust, position=1, unit_price="90", reason="a friend's price")
    assert billing.bill.items[0].unit_price == Decimal(90)


def test_nothing_is_adjusted_or_posted_once_it_is_posted() -> None:
    billing = Billing(GERMAN_LEAD, agreeing(GERMAN_SERVICE, posting="by_hand", invoicing="collected"))
    billing.complete(terms(), time("2"), charge("1", "40.00"))
    billing.ask(SERVICE, wire.ItemPost, positions=[1])
    assert billing.states == ["posted", "open"]
    assert billing.problem(SERVICE, wire.ItemAdjust, position=1, unit_price="1", reason="late") == "item/not-open"
    assert billing.problem(SERVICE, wire.ItemPost, positions=[1, 2]) == "item/not-open"
    assert billing.problem(SERVICE, wire.ItemPost, positions=[3]) == "item/unknown"
    billing.ask(SERVICE, wire.ItemPost)
    assert billing.problem(SERVICE, wire.ItemPost) == "item/nothing-to-post"


def test_work_over_the_cap_waits_for_the_lead_and_is_invoiced_when_it_agrees() -> None:
    billing = Billing(GERMAN_LEAD, GERMAN_SERVICE)
    billing.complete(ASKING, time("3"))
    assert billing.heard(LEAD) == ["item.asked", "invoice.received"]
    assert billing.states == ["invoiced", "invoiced", "asked"]
    assert billing.problem(SERVICE, wire.ItemApprove) == "outsourcing/not-yours"
    assert billing.problem(STRANGER, wire.ItemApprove) == "outsourcing/unknown"
    assert billing.problem(LEAD, wire.ItemApprove, positions=[1]) == "item/not-asked"
    billing.ask(LEAD, wire.ItemApprove)
    assert billing.heard(LEAD)[2:] == ["item.approved", "invoice.received"]
    assert net_of(billing) == [("invoice", "190.00"), ("invoice", "95.00")]
    assert billing.problem(LEAD, wire.ItemApprove) == "item/not-asked"


def test_work_over_the_cap_that_the_lead_declines_is_never_billed() -> None:
    billing = Billing(GERMAN_LEAD, GERMAN_SERVICE)
    billing.complete(ASKING, time("3"))
    billing.ask(LEAD, wire.ItemDecline)
    assert billing.states == ["invoiced", "invoiced", "declined"]
    assert (billing.heard(LEAD)[-1], billing.heard(SERVICE)[-1]) == ("item.declined", "item.declined")
    assert billing.problem(LEAD, wire.ItemApprove) == "item/not-asked"
    assert billing.problem(SERVICE, wire.ItemPost) == "item/nothing-to-post"
    assert net_of(billing) == [("invoice", "190.00")]


def test_more_items_than_a_message_holds_are_told_in_several_that_say_what_their_own_add_up_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(posting, "LARGEST_TOLD_BYTES", 500)
    billing = Billing(GERMAN_LEAD, GERMAN_SERVICE)
    billing.say("tandem/ticket_sync", returned(terms(), *(time(f"{hours}") for hours in (1, 2, 3, 4, 5))))
    asked = [told for told in billing.told_to(LEAD) if isinstance(told, wire.ItemAsked)]
    assert [[item.position for item in one.items] for one in asked] == [[1, 2], [3, 4], [5]]
    assert [f"{one.net_total}" for one in asked] == ["285.00", "665.00", "475.00"]
    assert all(sum(len(item.model_dump_json()) for item in one.items) <= 500 for one in asked)


def test_a_returned_ticket_is_billed_only_if_the_lead_agrees_to_pay_the_work() -> None:
    billing = Billing(GERMAN_LEAD, GERMAN_SERVICE)
    billing.say("tandem/ticket_sync", returned(terms(), time("0.5"), charge("1", "10.00")))
    assert (billing.heard(LEAD), billing.states) == (["item.asked"], ["asked", "asked"])
    assert billing.problem(SERVICE, wire.ItemPost) == "item/nothing-to-post"
    billing.ask(LEAD, wire.ItemApprove, positions=[1])
    assert net_of(billing) == [("invoice", "47.50")]
    billing.ask(LEAD, wire.ItemDecline)
    assert billing.states == ["invoiced", "declined"]


def test_of_a_returned_ticket_s_flat_fee_the_two_agree_on_a_part() -> None:
    billing = Billing(GERMAN_LEAD, GERMAN_SERVICE)
    billing.say("tandem/ticket_sync", returned(flat("480.00"), time("3")))
    [asked] = [told for told in billing.told_to(LEAD) if isinstance(told, wire.ItemAsked)]
    assert [(item.sort, str(item.amount)) for item in asked.items] == [("flat_fee", "480.00"), ("time", "0.00")]
    more = {"position": 1, "unit_price": "480.01", "reason": "mine"}
    assert billing.problem(SERVICE, wire.ItemAdjust, **more) == "item/limited"
    billing.ask(SERVICE, wire.ItemAdjust, position=1, unit_price="160", reason="a third was done")
    assert billing.heard(LEAD)[-1] == billing.heard(SERVICE)[-1] == "item.adjusted"
    billing.ask(LEAD, wire.ItemApprove)
    [document] = billing.documents
    assert (str(document.net_total), document.lines[0].adjusted_for) == ("160.00", "a third was done")
    assert billing.problem(SERVICE, wire.ItemAdjust, **more) == "item/not-open"


@pytest.mark.parametrize(("by", "work"), [(terms(), []), (flat("480"), []), (terms(), [time("1", billable=False)])])
def test_of_a_returned_ticket_that_costs_nothing_nobody_is_asked(by: Any, work: list[Any]) -> None:
    billing = Billing(GERMAN_LEAD, GERMAN_SERVICE)
    assert billing.say("tandem/ticket_sync", returned(by, *work)) == Unchanged()


def test_what_is_posted_for_one_lead_is_collected_on_one_invoice() -> None:
    billing = Billing(GERMAN_LEAD, COLLECTING)
    others = [new_id(), new_id()]
    billing.complete(terms(), time("2"))
    for id in others:
        billing.complete(terms(), time("1"), deduction("-5"), outsourcing_id=id)
    assert billing.documents == [] and billing.heard(SERVICE) == ["item.posted"] * 3
    assert billing.problem(SERVICE, wire.InvoiceCollect, lead=STRANGER) == "invoice/nothing-to-bill"
    assert billing.problem(LEAD, wire.InvoiceCollect, lead=SERVICE) == "invoice/nothing-to-bill"
    assert billing.problem(SERVICE, wire.InvoiceCollect, lead=LEAD, until="2026-03-01") == "invoice/nothing-to-bill"
    billing.ask(SERVICE, wire.InvoiceCollect, lead=LEAD, until="2026-03-02")
    [document] = billing.documents
    assert (document.outsourcing_id, document.title, str(document.net_total)) == (None, None, "370.00")
    assert len({line.outsourcing_id for line in document.lines}) == 3
    [received] = [told for told in billing.told_to(LEAD) if isinstance(told, wire.InvoiceReceived)]
    assert [str(cost.net_total) for cost in received.costs] == ["190.00", "90.00", "90.00"]
    assert billing.problem(SERVICE, wire.InvoiceCollect, lead=LEAD) == "invoice/nothing-to-bill"
    assert billing.problem(SERVICE, wire.ItemAdjust, position=1, unit_price="1", reason="late") == "item/not-open"
    assert billing.problem(SERVICE, wire.ItemPost, positions=[1]) == "item/not-open"


def test_nothing_is_converted_each_currency_has_an_invoice_of_its_own() -> None:
    billing = Billing(GERMAN_LEAD, agreeing(AUSTRIAN_SERVICE, invoicing="collected"))
    billing.complete(terms(), time("1"))
    billing.complete(terms(currency="CHF"), time("1"), outsourcing_id=new_id())
    billing.ask(SERVICE, wire.InvoiceCollect, lead=LEAD)
    assert sorted((one.currency, one.number) for one in billing.documents) == [
        ("CHF", "AW-2026-00002"),
        ("EUR", "AW-2026-00001"),
    ]


@pytest.mark.parametrize(("model", "fields"), [(wire.InvoiceRequest, {}), (wire.InvoiceCollect, {"lead": LEAD})])
def test_a_preview_shows_the_draft_and_takes_no_number(model: type[Any], fields: dict[str, Any]) -> None:
    billing = Billing(GERMAN_LEAD, COLLECTING)
    billing.complete(terms(), time("2"))
    before = billing.bill
    billing.ask(SERVICE, model, preview=True, **fields)
    previewed = billing.told_to(SERVICE)[-1]
    assert isinstance(previewed, wire.InvoicePreviewed)
    assert (str(previewed.draft.total), previewed.faults, previewed.further) == ("226.10", (), False)
    assert not {"invoice_id", "number"} & set(previewed.draft.model_dump()), "it does not look like an invoice"
    assert (billing.bill, billing.documents) == (before, [])
    billing.ask(SERVICE, model, **fields)
    assert billing.documents[0].number == "AW-2026-00001"


def test_a_preview_says_what_would_keep_it_from_being_issued() -> None:
    billing = Billing(GERMAN_LEAD, COLLECTING)
    billing.complete(DINARS, time("1"))
    for model, fields in ((wire.InvoiceRequest, {}), (wire.InvoiceCollect, {"lead": LEAD})):
        billing.ask(SERVICE, model, preview=True, **fields)
        assert billing.told_to(SERVICE)[-1].faults[0].startswith("BR-DEC-23")
        assert billing.problem(SERVICE, model, **fields) == "invoice/not-valid"


def test_an_invoice_is_cancelled_in_full_and_its_items_may_be_adjusted_and_invoiced_again() -> None:
    billing, invoice_id = invoiced()
    before = billing.documents[0]
    billing.ask(SERVICE, wire.InvoiceCancel, invoice_id=invoice_id, reason="wrong address")
    first, credit_note = billing.documents
    assert first == before, "an issued invoice never changes"
    assert (credit_note.document, credit_note.cancels_number, credit_note.total) == (
        "credit_note",
        before.number,
        before.total,
    )
    assert credit_note.number == "AW-2026-00002"
    told = billing.told_to(LEAD)[-1]
    assert isinstance(told, wire.InvoiceCancelled) and told.state == "cancelled" and told.invoice == credit_note
    assert billing.told_to(SERVICE)[-1] == told
    assert billing.states == ["open", "open"]
    billing.ask(SERVICE, wire.ItemAdjust, position=2, unit_price="30", reason="agreed")
    billing.ask(SERVICE, wire.ItemPost)
    assert net_of(billing) == [("invoice", "230.00"), ("credit_note", "230.00"), ("invoice", "220.00")]


def test_an_invoice_is_cancelled_by_line_and_no_line_twice() -> None:
    billing, invoice_id = invoiced()
    cancel = {"invoice_id": invoice_id, "reason": "came back"}
    billing.ask(SERVICE, wire.InvoiceCancel, lines=[2], **cancel)
    told = billing.told_to(LEAD)[-1]
    assert isinstance(told, wire.InvoiceCancelled)
    assert (told.state, str(told.invoice.net_total), str(told.invoice.total)) == ("partly_cancelled", "40.00", "47.60")
    assert billing.problem(SERVICE, wire.InvoiceCancel, lines=[1, 2], **cancel) == "invoice/cancelled-already"
    assert billing.problem(SERVICE, wire.InvoiceCancel, lines=[3], **cancel) == "invoice/cancelled-already"
    billing.ask(SERVICE, wire.InvoiceRequest)
    assert billing.states == ["invoiced", "invoiced"], "the item stands on another invoice now"
    billing.ask(SERVICE, wire.InvoiceCancel, **cancel)
    assert billing.states == ["open", "invoiced"], "what stands on the other invoice is not the first's to cancel"
    assert billing.problem(SERVICE, wire.InvoiceCancel, **cancel) == "invoice/cancelled-already"


def test_only_the_issuer_cancels_and_never_a_credit_note() -> None:
    billing, invoice_id = invoiced()
    assert billing.problem(LEAD, wire.InvoiceCancel, invoice_id=invoice_id, reason="no") == "outsourcing/not-yours"
    assert billing.problem(STRANGER, wire.InvoiceCancel, invoice_id=invoice_id, reason="no") == "invoice/unknown"
    assert billing.problem(SERVICE, wire.InvoiceCancel, invoice_id=new_id(), reason="no") == "invoice/unknown"
    billing.ask(SERVICE, wire.InvoiceCancel, invoice_id=invoice_id, reason="yes")
    credit_note = billing.documents[1].invoice_id
    assert (
        billing.problem(SERVICE, wire.InvoiceCancel, invoice_id=credit_note, reason="no") == "invoice/not-cancellable"
    )


def test_a_credit_note_keeps_the_tax_of_its_invoice_whatever_the_settings_say_by_then() -> None:
    billing = Billing(GERMAN_LEAD, AUSTRIAN_SERVICE)
    billing.complete(terms(), time("1"))
    billing.keep(GERMAN_SERVICE)
    invoice_id = billing.documents[0].invoice_id
    assert isinstance(billing.ask(SERVICE, wire.InvoiceCancel, invoice_id=invoice_id, reason="moved"), Changed)
    invoice, credit_note = billing.documents
    assert credit_note.taxes == invoice.taxes and credit_note.issuer == invoice.issuer


def test_a_partial_credit_note_is_history_of_those_outsourcings_whose_lines_it_cancels() -> None:
    billing = Billing(GERMAN_LEAD, COLLECTING)
    other = new_id()
    billing.complete(terms(), time("2"))
    billing.complete(terms(), time("1"), outsourcing_id=other)
    billing.ask(SERVICE, wire.InvoiceCollect, lead=LEAD)
    [document] = billing.documents
    [line] = [one.number for one in document.lines if one.outsourcing_id == other]
    billing.ask(SERVICE, wire.InvoiceCancel, invoice_id=document.invoice_id, lines=[line], reason="back")
    note = "credit note AW-2026-00002 cancels invoice AW-2026-00001 in part"
    assert [subject for subject, words in billing.history if words == note] == [SERVICE, str(other)]


def test_every_step_is_history() -> None:
    billing = opened()
    billing.ask(SERVICE, wire.ItemPost)
    billing.ask(SERVICE, wire.InvoiceCancel, invoice_id=billing.documents[0].invoice_id, lines=[2], reason="back")
    about = str(completed(terms()).outsourcing_id)
    assert [words for subject, words in billing.history if subject == about] == [
        "items 1, 2, 3 opened",
        "invoice AW-2026-00001 issued",
        "credit note AW-2026-00002 cancels invoice AW-2026-00001 in part",
    ]


def test_a_cost_counts_what_is_owed_and_nothing_that_waits() -> None:
    billing = Billing(GERMAN_LEAD, GERMAN_SERVICE)
    billing.complete(ASKING, time("3"), charge("1", "10.00"))
    assert billing.bill.cost().net_total == Decimal("200.00")
    billing.ask(LEAD, wire.ItemApprove)
    assert billing.bill.cost().net_total == Decimal("295.00")
