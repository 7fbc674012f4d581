"""The data for invoices: what is taken, what is refused, and number series that never give a number twice."""

from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.billing.domain.numbers import may_collide, series_for, series_of
from shared.contracts.billing import BillingSettingsChange
from shared.messaging.outcomes import Refused
from tests.unit.billing.work import GERMAN_LEAD, SERVICE, Billing, settings, terms, time

DATA: dict[str, Any] = {"legal_name": "Alpenwerk", "address": ["Weg 1"], "country": "AT", "tax_rate": "20"}


@pytest.mark.parametrize(
    "field",
    [
        {"vat_id": "ATU13585627"},
        {"country": "GR", "vat_id": "EL094259216"},
        {"country": "CH", "vat_id": "CHE109322551MWST"},
        {"country": "GB", "vat_id": "XI980780684"},
        {"small_business": True, "tax_rate": "0"},
        {"country": "HK", "tax_rate": "0"},
        {"partners": [{"codes": [{"code": "A", "zero_rated": True}]}]},
        {"bank": {"iban": "DE89370400440532013000"}},
        {"number_pattern": "R/{counter:6}"},
        {"time_zone": "America/New_York"},
        {"partners": [{"lead": "nordlicht"}, {}]},
    ],
)
def test_what_is_right_is_taken(field: dict[str, Any]) -> None:
    taken = BillingSettingsChange.model_validate({"actor": "m.huber", **DATA, **field})
    assert set(field) <= taken.model_fields_set


@pytest.mark.parametrize(
    ("field", "place"),
    [
        ({"vat_id": "ATU13585626"}, ("vat_id",)),
        ({"vat_id": "DE136695976"}, ("vat_id",)),
        ({"tax_rate": "100.01"}, ("tax_rate",)),
        ({"tax_rate": "-1"}, ("tax_rate",)),
        ({"tax_rate": "0"}, ("tax_rate",)),
        ({"partners": [{"codes": [{"code": "A", "tax_rate": "0"}]}]}, ("partners", 0, "codes", 0, "tax_rate")),
        (
            {"partners": [{"codes": [{"code": "A", "zero_rated": True, "tax_rate": "7"}]}]},
            ("partners", 0, "codes", 0, "tax_rate"),
        ),
        ({"country": "XX"}, ("country",)),
        ({"country": "EU"}, ("country",)),
        ({"country": "UK"}, ("country",)),
        ({"country": "CH", "vat_id": "DE136695976"}, ("vat_id",)),
        ({"bank": {"iban": "DE89370400440532013001"}}, ("bank", "iban")),
        ({"bank": {"iban": "DE89370400440532013000", "bic": "NO"}}, ("bank", "bic")),
        ({"number_pattern": "AW-{year}"}, ("number_pattern",)),
        ({"number_pattern": "{counter}{counter}"}, ("number_pattern",)),
        ({"number_pattern": "{counter}-{month}"}, ("number_pattern",)),
        ({"time_zone": "Europe/Atlantis"}, ("time_zone",)),
        ({"time_zone": "../../etc/passwd"}, ("time_zone",)),
        ({"payment_days": 366}, ("payment_days",)),
        ({"partners": [{"lead": "nordlicht"}, {"lead": "nordlicht"}]}, ("partners",)),
        ({"partners": [{"codes": [{"code": "A", "tax_rate": "101"}]}]}, ("partners", 0, "codes", 0, "tax_rate")),
    ],
)
def test_what_is_wrong_is_refused_at_its_place(field: dict[str, Any], place: tuple[Any, ...]) -> None:
    with pytest.raises(ValidationError) as refused:
        BillingSettingsChange.model_validate({"actor": "m.huber", **DATA, **field})
    assert {one["loc"] for one in refused.value.errors()} == {place}


PATTERNS = st.lists(
    st.sampled_from(["{year}", "{counter}", "{counter:3}", "A", "-", "1", "2026"]), min_size=1, max_size=5
).map("".join)


def counts(pattern: str) -> bool:
    try:
        BillingSettingsChange.model_validate({"actor": "m", **DATA, "number_pattern": pattern})
    except ValidationError:
        return False
    return True


@given(st.lists(PATTERNS.filter(counts), min_size=1, max_size=6), st.lists(st.integers(0, 5), min_size=1, max_size=40))
def test_whatever_patterns_follow_on_each_other_no_number_is_given_twice_and_none_left_out(
    patterns: list[str], picks: list[int]
) -> None:
    known: dict[Any, Any] = {}
    numbers: list[str] = []
    for place, pick in enumerate(picks):
        pattern = patterns[pick % len(patterns)]
        if may_collide(pattern, {one.name for one in known.values()}):
            continue
        day = date(2026 + place // 15, 1, 1)
        series = series_for(SERVICE, pattern, day, known.values()).next()
        assert series.last == (known[series.key].last + 1 if series.key in known else 1)
        known[series.key] = series
        numbers.append(series.number(pattern, day.year))
    assume(numbers)
    assert len(set(numbers)) == len(numbers)


def test_a_wider_counter_goes_on_and_a_new_year_begins_anew() -> None:
    first = series_for(SERVICE, "{year}-{counter:3}", date(2026, 5, 1), []).next()
    wider = series_for(SERVICE, "{year}-{counter:5}", date(2026, 6, 1), [first]).next()
    assert (first.number("{year}-{counter:3}", 2026), wider.number("{year}-{counter:5}", 2026)) == (
        "2026-001",
        "2026-00002",
    )
    assert series_for(SERVICE, "{year}-{counter:5}", date(2027, 1, 1), [wider]).last == 0
    assert series_of("{year}-{counter:3}") == series_of("{year}-{counter:5}")


def test_a_pattern_that_could_repeat_a_number_is_refused_once_the_other_was_used() -> None:
    billing = Billing(GERMAN_LEAD, settings(SERVICE, "DE", "DE129274202", "19"))
    billing.complete(terms(), time("1"))
    change = {"actor": "m.huber", **DATA, "number_pattern": "AW-2026-{counter:5}"}
    refused = billing.say(SERVICE, BillingSettingsChange.model_validate(change))
    assert isinstance(refused, Refused) and refused.problem == "invoice/numbers-collide"
    assert [one.pointer for one in refused.errors] == ["/data/number_pattern"]


def test_credit_notes_may_have_numbers_of_their_own_that_look_different() -> None:
    billing = Billing()
    for own, taken in (("GS-{year}-{counter}", True), ("{year}/{counter}", True), ("{counter}-{year}", False)):
        change = {"actor": "m.huber", **DATA, "credit_note_pattern": own}
        decision = billing.say(SERVICE, BillingSettingsChange.model_validate(change))
        assert isinstance(decision, Refused) != taken, own


def test_numbers_of_one_series_rise_by_one() -> None:
    series = series_for(SERVICE, "{counter}", date(2026, 1, 1), [])
    given_numbers = []
    for _ in range(5):
        series = series.next()
        given_numbers.append(int(series.number("{counter}", 2026)))
    assert all(later == earlier + 1 for earlier, later in pairwise(given_numbers))
