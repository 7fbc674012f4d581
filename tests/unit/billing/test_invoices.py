"""What stands on an invoice, who gets it, and what keeps it from being issued."""

from decimal import Decimal
from typing import Any

import pytest

from services.billing.domain import BillingSettings, Invoice
from shared.contracts import billing as wire
from shared.contracts.offer_handler import Instance, OrganizationMapped, Terms
from shared.ids import new_id
from shared.messaging.outcomes import Changed, Unchanged
from tests.unit.billing.work import (
    AUSTRIAN_SERVICE,
    GERMAN_LEAD,
    GERMAN_SERVICE,
    LEAD,
    OUTSOURCING,
    SERVICE,
    STRANGER,
    Billing,
    Work,
    agreeing,
    charge,
    completed,
    flat,
    settings,
    terms,
    time,
    with_data,
)


def invoice_of(service: BillingSettings, by: Terms, *work: Work, **more: Any) -> wire.Invoice:
    billing = Billing(GERMAN_LEAD, service)
    billing.complete(by, *work, **more)
    [document] = billing.documents
    return document


def test_both_sides_get_the_same_invoice_and_the_lead_what_it_cost_against_what_was_authorized() -> None:
    billing = Billing(GERMAN_LEAD, AUSTRIAN_SERVICE)
    billing.complete(terms(authorized_hours=Decimal(4)), time("1"), charge("2", "3.00"))
    [issued] = billing.told_to(SERVICE)
    [received] = billing.told_to(LEAD)
    assert isinstance(issued, wire.InvoiceIssued) and isinstance(received, wire.InvoiceReceived)
    assert issued.invoice == received.invoice
    assert issued.invoice.number == "AW-2026-00001"
    [cost] = received.costs
    figures = (cost.hours, cost.authorized_hours, cost.charges, cost.net_total)
    assert [str(figure) for figure in figures] == ["1", "4", "6.00", "101.00"]
    [published] = billing.published()
    assert isinstance(published, wire.InvoiceWritten)
    assert (published.number, str(published.total)) == ("AW-2026-00001", "101.00")
    assert published.outsourcing_id == OUTSOURCING


def test_work_is_billed_once() -> None:
    billing = Billing(GERMAN_LEAD, GERMAN_SERVICE)
    assert isinstance(billing.complete(terms(), time("1")), Changed)
    assert billing.complete(terms(), time("1")) == Unchanged()
    assert len(billing.documents) == 1


@pytest.mark.parametrize("by", [terms(), flat("480.00")], ids=["hourly", "flat"])
def test_work_that_was_ended_by_force_is_billed_like_approved_work(by: Terms) -> None:
    work = (time("1.5"), charge("1", "42.00"))
    forced = invoice_of(GERMAN_SERVICE, by, *work, forced=True)
    approved = invoice_of(GERMAN_SERVICE, by, *work)
    assert (forced.lines, forced.total) == (approved.lines, approved.total)


def test_time_without_its_text_is_told_by_author_and_role() -> None:
    silent = time("1.5").model_copy(update={"text": ""})
    (line,) = invoice_of(GERMAN_SERVICE, terms(), silent, forced=True).lines
    assert (line.description, str(line.amount)) == ("L. Gruber · engineer", "142.50")


@pytest.mark.parametrize("forced", [False, True])
def test_work_without_a_snapshot_bills_nothing_and_that_is_said(forced: bool) -> None:
    billing = Billing(GERMAN_LEAD, GERMAN_SERVICE)
    billing.complete(terms(), nothing=True, forced=forced)
    [told] = billing.told_to(SERVICE)
    assert isinstance(told, wire.ItemOpened) and (told.items, told.missing) == ((), ())
    assert billing.documents == []
    assert billing.problem(SERVICE, wire.InvoiceRequest) == "invoice/nothing-to-bill"


@pytest.mark.parametrize(
    ("known", "missing", "problem"),
    [
        ((GERMAN_SERVICE,), (LEAD,), "invoice/settings-missing"),
        ((GERMAN_LEAD,), (SERVICE,), "invoice/settings-missing"),
        ((), (SERVICE, LEAD), "invoice/settings-missing"),
        ((GERMAN_LEAD, settings(SERVICE, "AT")), (SERVICE,), "invoice/tax-data-missing"),
    ],
)
def test_missing_data_are_named_and_the_invoice_follows_on_request(
    known: tuple[BillingSettings, ...], missing: tuple[str, ...], problem: str
) -> None:
    billing = Billing(*known)
    billing.complete(terms(), time("1"))
    [told] = billing.told_to(SERVICE)
    assert isinstance(told, wire.ItemOpened) and told.missing == missing and len(told.items) == 1
    assert billing.problem(SERVICE, wire.InvoiceRequest) == problem
    for settings_ in (GERMAN_LEAD, GERMAN_SERVICE):
        billing.keep(settings_)
    billing.ask(SERVICE, wire.InvoiceRequest)
    assert billing.heard(SERVICE)[-1] == "invoice.issued"
    assert billing.problem(SERVICE, wire.InvoiceRequest) == "invoice/issued-already"


@pytest.mark.parametrize("model", [wire.InvoiceRequest, wire.ItemPost])
def test_only_the_service_partner_asks(model: type[Any]) -> None:
    billing = Billing()
    assert billing.problem(SERVICE, model) == "outsourcing/unknown"
    billing.complete(terms(), time("1"))
    assert billing.problem(STRANGER, model) == "outsourcing/unknown"
    assert billing.problem(LEAD, model) == "outsourcing/not-yours"


def test_a_corrected_mapping_reaches_the_next_invoice_and_no_issued_one() -> None:
    billing = Billing(GERMAN_LEAD, GERMAN_SERVICE)
    billing.complete(terms(), time("1"))
    mapped = OrganizationMapped(partnership_id=new_id(), lead=LEAD, service=SERVICE, organization="Nordlicht, Kiel")
    billing.say("tandem/offer_handler", mapped)
    assert billing.say("tandem/offer_handler", mapped) == Unchanged()
    billing.complete(terms(), time("1"), outsourcing_id=new_id())
    issued = [told.organization for told in billing.told_to(SERVICE) if isinstance(told, wire.InvoiceIssued)]
    assert issued == ["Nordlicht", "Nordlicht, Kiel"]
    assert "Kiel" not in "".join(told.model_dump_json() for told in billing.told_to(LEAD)), "it is not the lead's"


def test_a_side_learns_of_the_other_what_is_printed_and_no_more() -> None:
    secrets = {"tax_number": "20/123/45678", "email": "cfo@nordlicht.example", "payment_terms": "theirs"}
    bank = {"iban": "DE89370400440532013000"}
    billing = Billing(with_data(GERMAN_LEAD, **secrets, bank=bank), AUSTRIAN_SERVICE)
    billing.complete(terms(), time("1"))
    billing.ask(SERVICE, wire.InvoiceCancel, invoice_id=billing.documents[0].invoice_id, reason="wrong")
    billing.ask(SERVICE, wire.InvoiceRequest, preview=True)
    told = "".join(one.model_dump_json() for one in billing.told_to(SERVICE))
    assert not any(secret in told for secret in (*secrets.values(), bank["iban"]))
    recipient = billing.documents[0].recipient
    assert (recipient.legal_name, recipient.vat_id) == ("nordlicht GmbH", "DE136695976")


def test_an_invoice_that_would_be_too_large_is_issued_as_several() -> None:
    billing = Billing(GERMAN_LEAD, GERMAN_SERVICE)
    long = [time("1").model_copy(update={"text": "x" * 10_000}) for _ in range(60)]
    billing.complete(terms(), *long)
    assert len(billing.documents) == 2
    assert [one.number for one in billing.documents] == ["AW-2026-00001", "AW-2026-00002"]
    assert sum(len(one.lines) for one in billing.documents) == 60
    assert [one.lines[0].number for one in billing.documents] == [1, 1]
    assert len({one.invoice_id for one in billing.documents}) == 2
    assert all(len(one.model_dump_json()) < 2**20 for one in billing.documents)


def test_the_period_is_from_the_first_day_of_work_to_the_last() -> None:
    invoice = invoice_of(GERMAN_SERVICE, terms(), time("1"), charge("1", "1"))
    assert str(invoice.period_from) == str(invoice.period_to) == "2026-03-01"
    assert str(invoice_of(GERMAN_SERVICE, terms(), charge("1", "1")).period_to) == "2026-03-02", "the end of the work"


def test_terms_of_payment_and_bank_stand_on_it() -> None:
    account = {"iban": "AT611904300234573201", "bic": "BKAUATWW", "holder": "Alpenwerk"}
    service = with_data(GERMAN_SERVICE, payment_days=14, payment_terms="Netto.", bank=account)
    invoice = invoice_of(service, terms(), time("1"))
    assert (str(invoice.due_on), invoice.payment_terms) == ("2026-03-16", "Netto.")
    assert invoice.bank == wire.BankAccount.model_validate(account)


@pytest.mark.parametrize(
    ("country", "vat_id", "known", "language"),
    [
        ("DE", "DE136695976", None, "de"),
        ("AT", "ATU13585627", None, "de"),
        ("FR", "FR40303265045", None, "en"),
        ("DE", "DE136695976", "en-GB", "en-GB"),
    ],
)
def test_an_invoice_is_in_the_language_of_the_lead_or_while_that_is_not_known_of_its_country(
    country: str, vat_id: str, known: str | None, language: str
) -> None:
    billing = Billing(settings(LEAD, country, vat_id), GERMAN_SERVICE)
    if known:
        billing.keep(Instance(slug=LEAD, name="Nordlicht", language=known, email="info@nordlicht.example"))
    billing.complete(terms(), time("1"))
    assert [one.language for one in billing.documents] == [language]


@pytest.mark.parametrize(
    ("work_type", "role", "code"),
    [("remote", "engineer", "A"), ("remote", "trainee", "B"), ("on-site", "engineer", "C"), (None, None, "D")],
)
def test_the_most_precise_billing_code_counts(work_type: str | None, role: str | None, code: str) -> None:
    codes = [
        {"code": "D"},
        {"code": "C", "role": "engineer"},
        {"code": "B", "work_type": "remote"},
        {"code": "A", "work_type": "remote", "role": "engineer"},
    ]
    service = agreeing(GERMAN_SERVICE, codes=codes)
    found = service.code_for(LEAD, work_type, role)
    assert found is not None and found.code == code
    (line,) = invoice_of(service, terms(), time("1", role="engineer", work_type="remote")).lines
    assert line.billing_code == "A"


def test_the_completed_work_of_two_is_not_mixed_up() -> None:
    billing = Billing(GERMAN_LEAD, GERMAN_SERVICE)
    other = new_id()
    billing.complete(terms(), time("1"))
    billing.say("tandem/ticket_sync", completed(terms(), time("2"), outsourcing_id=other))
    assert [(one.document.outsourcing_id, one.document.net_total) for one in billing.all_of(Invoice)] == [
        (OUTSOURCING, 95),
        (other, 190),
    ]
