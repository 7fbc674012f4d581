"""Months that end by themselves: when they are over, what is invoiced then, and what keeps it from being."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain import MOST_LINES_COLLECTED, Ended, Period
from shared.contracts import billing as wire
from shared.contracts.billing import BillingSettingsChange
from shared.ids import new_id
from shared.messaging.outcomes import Changed, Decision, Unchanged
from tests.unit.billing.work import (
    AUSTRIAN_SERVICE,
    GERMAN_LEAD,
    GERMAN_SERVICE,
    LEAD,
    NOW,
    SERVICE,
    STRANGER,
    Billing,
    agreeing,
    charge,
    completed,
    settings,
    terms,
    time,
    with_data,
)

MONTHLY = agreeing(GERMAN_SERVICE, invoicing="monthly")
END_OF_MARCH = date(2026, 3, 31)
ZONES = st.sampled_from(["Europe/Vienna", "America/New_York", "Pacific/Auckland", "Asia/Kolkata", "UTC"])
INSTANTS = st.integers(0, 5 * 365 * 24).map(lambda hours: NOW + timedelta(hours=hours))


def billed_monthly(*more: Any) -> Billing:
    """Two tickets of one lead, completed on the second of March."""
    billing = Billing(GERMAN_LEAD, MONTHLY, *more)
    billing.complete(terms(), time("2"))
    billing.complete(terms(), time("1"), outsourcing_id=new_id())
    assert billing.heard(SERVICE) == ["item.posted"] * 2 and billing.documents == []
    return billing


def month_ends(billing: Billing, until: date = END_OF_MARCH) -> Decision:
    return billing.say("tandem/billing", wire.PeriodEnded(lead=LEAD, service=SERVICE, until=until))


def last_unfinished(billing: Billing) -> wire.CollectionUnfinished:
    """What billing told itself last of a collection."""
    return [one for one in billing.published() if isinstance(one, wire.CollectionUnfinished)][-1]


def settings_said(billing: Billing, **more: Any) -> Period:
    """What is kept of the months once the service partner has said how it bills."""
    data = {**GERMAN_SERVICE.data.model_dump(mode="json"), "actor": "m.huber", **more}
    billing.say(SERVICE, BillingSettingsChange.model_validate(data))
    [period] = billing.all_of(Period)
    assert isinstance(period, Period)
    return period


@pytest.mark.parametrize(
    ("zone", "now", "over"),
    [
        ("Europe/Vienna", "2026-03-02T09:30Z", "2026-03-31T22:00Z"),
        ("Europe/Vienna", "2026-03-31T22:00Z", "2026-04-30T22:00Z"),
        ("Europe/Vienna", "2026-12-31T22:59Z", "2026-12-31T23:00Z"),
        ("America/New_York", "2028-02-29T12:00Z", "2028-03-01T05:00Z"),
    ],
)
def test_a_month_is_over_when_it_is_where_the_issuer_is(zone: str, now: str, over: str) -> None:
    issuer = settings(SERVICE, "AT", time_zone=zone)
    assert issuer.end_of_month(datetime.fromisoformat(now)) == datetime.fromisoformat(over)


@given(ZONES, INSTANTS)
def test_no_month_is_left_out_however_late_it_is_looked_at(zone: str, start: datetime) -> None:
    issuer = settings(SERVICE, "AT", time_zone=zone)
    ended = Ended(issuer, issuer.end_of_month(start), ("/instances/alpenwerk", new_id()))
    assert (ended.until.year, ended.until.month) == (issuer.day(start).year, issuer.day(start).month)
    for _ in range(14):
        following = Ended(issuer, ended.next_end, ended.set_by)
        assert (ended.until + timedelta(days=1)).day == 1, "the last day of a month"
        assert timedelta(days=28) <= following.until - ended.until <= timedelta(days=31), "and the month after it"
        ended = following


def test_at_the_end_of_a_month_what_was_posted_is_on_one_invoice_and_never_again() -> None:
    billing = billed_monthly()
    assert isinstance(month_ends(billing), Changed)
    [document] = billing.documents
    assert (len(document.lines), str(document.net_total)) == (2, "285.00")
    assert (billing.heard(SERVICE)[-1], billing.heard(LEAD)) == ("invoice.issued", ["invoice.received"])
    assert month_ends(billing) == Unchanged()


@pytest.mark.parametrize("agreed", [{"invoicing": "collected"}, {"invoicing": "each"}])
def test_nothing_is_invoiced_at_the_end_of_a_month_if_that_is_agreed_on_no_longer(agreed: dict[str, Any]) -> None:
    billing = billed_monthly()
    billing.keep(agreeing(GERMAN_SERVICE, **agreed))
    assert month_ends(billing) == Unchanged()


def test_work_completed_after_the_month_waits_for_the_next() -> None:
    billing = billed_monthly()
    assert month_ends(billing, date(2026, 2, 28)) == Unchanged()
    assert month_ends(billing, date(2026, 3, 2)) != Unchanged()


def test_the_day_work_ended_on_is_told_where_its_issuer_is() -> None:
    billing = Billing(GERMAN_LEAD, with_data(MONTHLY, time_zone="Pacific/Auckland"))
    noon = datetime(2026, 3, 31, 12, tzinfo=UTC)
    billing.say("tandem/ticket_sync", completed(terms(), time("1")).model_copy(update={"completed_at": noon}))
    assert billing.bill.ended_on == date(2026, 4, 1)


def test_a_month_whose_invoice_lacks_data_is_told_and_made_up_for_with_the_next() -> None:
    billing = Billing(MONTHLY)
    billing.complete(terms(), time("2"))
    assert billing.states == ["posted"], "nothing keeps it from being posted"
    month_ends(billing)
    told = billing.told_to(SERVICE)[-1]
    assert isinstance(told, wire.InvoiceHeldUp) and (told.reason, told.missing, told.until) == (
        "data_missing",
        (LEAD,),
        END_OF_MARCH,
    )
    assert billing.states == ["posted"]
    billing.keep(GERMAN_LEAD)
    month_ends(billing, date(2026, 4, 30))
    assert [str(one.net_total) for one in billing.documents] == ["190.00"]


@pytest.mark.parametrize("asked", [False, True], ids=["by itself", "asked for"])
def test_a_collection_is_gone_on_with_until_nothing_is_left_that_belongs_to_it(asked: bool) -> None:
    billing = billed_monthly()
    until = date(2026, 3, 2)
    if asked:
        billing.ask(SERVICE, wire.InvoiceCollect, lead=LEAD)
    else:
        month_ends(billing, until)
    unfinished = last_unfinished(billing)
    assert unfinished == wire.CollectionUnfinished(lead=LEAD, service=SERVICE, until=until)
    billing.complete(terms(), time("4"), outsourcing_id=new_id())
    later = completed(terms(), time("8"), outsourcing_id=new_id())
    billing.say("tandem/ticket_sync", later.model_copy(update={"completed_at": NOW + timedelta(days=1)}))
    assert isinstance(billing.say("tandem/billing", unfinished), Changed)
    assert last_unfinished(billing) is not unfinished
    assert billing.say("tandem/billing", unfinished) == Unchanged()
    assert [str(one.net_total) for one in billing.documents] == ["285.00", "380.00"]


@pytest.mark.parametrize(("lines", "further"), [(MOST_LINES_COLLECTED - 1, False), (MOST_LINES_COLLECTED, True)])
def test_a_preview_tells_that_there_is_more_than_one_turn_invoices(lines: int, further: bool) -> None:
    billing = Billing(GERMAN_LEAD, MONTHLY)
    billing.complete(terms(), *[time("1")] * lines)
    billing.ask(SERVICE, wire.InvoiceCollect, lead=LEAD, preview=True)
    previewed = billing.told_to(SERVICE)[-1]
    assert isinstance(previewed, wire.InvoicePreviewed) and previewed.further == further


def test_of_the_leads_with_something_posted_those_are_told_that_are_billed_monthly() -> None:
    partners = [{"invoicing": "collected"}, {"lead": LEAD, "invoicing": "monthly"}]
    ended = Ended(with_data(GERMAN_SERVICE, partners=partners), NOW, ("/instances/alpenwerk", new_id()))
    assert [told.data for told in ended.told_of([STRANGER, LEAD]).tell] == [
        wire.PeriodEnded(lead=LEAD, service=SERVICE, until=date(2026, 3, 2))
    ]


def test_a_month_is_waited_for_as_long_as_somebody_is_billed_monthly() -> None:
    billing = Billing()
    monthly = {"partners": [{"invoicing": "monthly"}]}
    assert settings_said(billing, **monthly).ends_at == datetime(2026, 3, 31, 22, tzinfo=UTC)
    assert settings_said(billing, **monthly, time_zone="UTC").ends_at == datetime(2026, 4, 1, tzinfo=UTC)
    assert settings_said(billing).ends_at is None


@given(ZONES, ZONES, INSTANTS)
def test_another_time_zone_moves_the_end_of_the_month_that_is_waited_for_and_leaves_none_out(
    before: str, after: str, now: datetime
) -> None:
    billing = Billing()
    billing.now = now
    monthly = {"partners": [{"invoicing": "monthly"}]}
    first, second = (settings_said(billing, **monthly, time_zone=zone) for zone in (before, after))
    assert first.ends_at and second.ends_at
    months = [
        Ended(settings(SERVICE, "AT", time_zone=zone), period.ends_at or now, period.set_by).until
        for zone, period in ((before, first), (after, second))
    ]
    assert months[0] == months[1], "the same last day of the same month"


def test_a_month_that_is_over_and_was_not_looked_at_yet_is_not_lost_when_settings_change() -> None:
    billing = Billing()
    monthly = {"partners": [{"invoicing": "monthly"}]}
    before = settings_said(billing, **monthly)
    billing.now = datetime(2026, 4, 1, tzinfo=UTC)
    assert settings_said(billing, **monthly, payment_days=14) == before


def test_what_costs_nothing_has_no_invoice_and_stands_on_the_next_with_something_that_does() -> None:
    for_nothing = (time("2", billable=False), charge("1", "5", billable=False))
    alone = Billing(GERMAN_LEAD, GERMAN_SERVICE)
    alone.complete(terms(), *for_nothing)
    assert (alone.documents, alone.states, alone.heard(SERVICE)) == ([], ["posted"] * 2, ["item.posted"])
    assert alone.problem(SERVICE, wire.InvoiceRequest) == "invoice/nothing-to-bill"
    assert alone.problem(SERVICE, wire.InvoiceCollect, lead=LEAD) == "invoice/nothing-to-bill"
    monthly = Billing(GERMAN_LEAD, agreeing(AUSTRIAN_SERVICE, invoicing="monthly"))
    monthly.complete(terms(), *for_nothing)
    assert month_ends(monthly) == Unchanged()
    monthly.complete(terms(currency="CHF"), time("1"), outsourcing_id=new_id())
    month_ends(monthly)
    assert [one.currency for one in monthly.documents] == ["CHF"], "another currency's invoice is not theirs"
    monthly.complete(terms(), time("1"), outsourcing_id=new_id())
    month_ends(monthly)
    assert [str(line.amount) for line in monthly.documents[1].lines] == ["0.00", "0.00", "95.00"]
