"""Fields take exactly the text forms that the contract names, and give them back unchanged."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.contracts import values

MONEY = [values.Amount, values.Price, values.Quantity, values.Total, values.Hours, values.TotalHours, values.Percent]
TEXTS = [values.ShortText, values.Line, values.LongText, values.Reason]
SOME_TEXTS = [values.ShortText, values.Line, values.Reason]
EARLIEST = datetime.fromisoformat("1900-01-02T00:00:00")
LATEST = datetime.fromisoformat("2199-12-30T00:00:00")
OFFSETS = st.builds(lambda minutes: timezone(timedelta(minutes=minutes)), st.integers(-14 * 60, 14 * 60))


def takes(kind: Any, value: Any) -> bool:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


@given(st.decimals(min_value=0, max_value=100, places=2))
@pytest.mark.parametrize("kind", MONEY)
def test_a_decimal_goes_and_comes_as_text(kind: Any, number: Decimal) -> None:
    adapter: TypeAdapter[Decimal] = TypeAdapter(kind)
    written = orjson.loads(adapter.dump_json(adapter.validate_python(number)))
    assert isinstance(written, str)
    assert adapter.validate_python(written) == number
    assert adapter.validate_json(json.dumps(written)) == number


@pytest.mark.parametrize("kind", MONEY)
@pytest.mark.parametrize(
    "value",
    [
        1,
        1.5,
        True,
        None,
        "",
        " 1",
        "1 ",
        "1_0",
        "1e2",
        "1.",
        ".5",
        "+1",
        "NaN",
        "Infinity",
        "١",
        "1,5",
        "0.12345",
        "1\n",
    ],
)
def test_no_other_form_of_a_number_is_guessed_at(kind: Any, value: Any) -> None:
    assert not takes(kind, value)
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_json(json.dumps(value))


def test_only_amounts_can_be_negative() -> None:
    assert [kind for kind in MONEY if takes(kind, "-1")] == [values.Amount, values.Total]


def test_large_exponents_are_written_out() -> None:
    assert TypeAdapter(values.Price).dump_json(Decimal("1E+3")) == b'"1000"'


def test_the_largest_sums_fit() -> None:
    price, quantity = Decimal("999999999.9999"), Decimal("999999.9999")
    assert takes(values.Price, price)
    assert takes(values.Quantity, quantity)
    assert takes(values.Total, (10_000 * price * quantity).quantize(Decimal("0.01")))
    assert takes(values.TotalHours, 10_000 * Decimal(1000))


@given(st.datetimes(EARLIEST, LATEST, timezones=OFFSETS))
def test_an_instant_goes_and_comes_as_text(instant: datetime) -> None:
    adapter: TypeAdapter[datetime] = TypeAdapter(values.Instant)
    assert adapter.validate_json(adapter.dump_json(instant)) == instant
    assert adapter.validate_python(instant.isoformat()) == instant
    assert adapter.validate_python(instant).astimezone(UTC) == instant


@pytest.mark.parametrize(
    "value",
    [
        1772440200,
        "1772440200",
        "2026-03-02T09:30:00",
        "2026-03-02 09:30:00Z",
        "2026-03-02",
        "2026-13-02T09:30:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        EARLIEST,
    ],
)
def test_an_instant_has_an_offset_and_a_year_that_tickets_are_from(value: Any) -> None:
    assert not takes(values.Instant, value)


@pytest.mark.parametrize("value", [20260302, "2026-03-02T00:00:00Z", "20260302", "2026-02-30", "26-03-02"])
def test_a_day_is_written_in_one_way(value: Any) -> None:
    assert not takes(values.Day, value)


@given(st.sampled_from(TEXTS), st.text(max_size=20), st.sampled_from(["\x00", "\x1b", "\x7f", "\ud800"]))
def test_control_characters_and_half_characters_are_no_text(kind: Any, text: str, character: str) -> None:
    assert not takes(kind, text + character)


@given(st.sampled_from(SOME_TEXTS), st.text(alphabet=" \t\u00a0\u2003\u3000", max_size=5))
def test_blanks_alone_say_nothing(kind: Any, blanks: str) -> None:
    assert not takes(kind, blanks)


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"]), max_size=100))
def test_every_other_character_is_text(text: str) -> None:
    assert takes(values.LongText, text)
    assert takes(values.Line, f"x{text}")


@pytest.mark.parametrize("value", ["tandem", "T", "1a", "a", "a.b", "a" * 32, "nord\n", "Nordlicht", ""])
def test_slugs_fit_into_keys_and_queues(value: str) -> None:
    assert not takes(values.Slug, value)


def test_tandem_owns_what_it_adds_itself() -> None:
    assert takes(values.Owner, "tandem")
    assert takes(values.Slug, "tandem-it")


@pytest.mark.parametrize(("kind", "value"), [(values.Flag, "yes"), (values.Flag, 1), (values.Version, "1")])
def test_json_has_its_own_truth_and_numbers(kind: Any, value: Any) -> None:
    assert not takes(kind, value)


@pytest.mark.parametrize("value", ["a b@c.example", "a@b@c", "a@c.example\nBcc: d@e.example", "@c.example", "a@", "a"])
def test_an_address_cannot_end_a_header(value: str) -> None:
    assert not takes(values.Email, value)


@pytest.mark.parametrize(
    "value",
    [
        "jürgen@x.example",
        "a@müller.example",
        "a..b@x.example",
        ".a@x.example",
        "a.@x.example",
        '"a b"@x.example',
        "a@x..example",
        "a@-x.example",
        "a@x-.example",
        "a@.example",
        "a@example.",
        "a@[192.0.2.1]",
        "a@192.0.2.1",
        "a\u202eb@x.example",
        "a\u200b@x.example",
        "a@x.example\n",
        "a" * 65 + "@x.example",
        "a@" + "x" * 64 + ".example",
        "a@" + "x." * 125 + "example",
    ],
)
def test_an_address_that_mail_servers_do_not_take_is_refused_with_advice(value: str) -> None:
    assert not values.is_email(value)
    with pytest.raises(ValidationError, match="must be an address that any mail server takes"):
        TypeAdapter(values.Email).validate_python(value)


@pytest.mark.parametrize(
    "value",
    [
        "a@b",
        "K.O'Hara+tickets@sub.example",
        "#1!$%&*/=?^_`{|}~-@x.example",
        "a@xn--mller-kva.example",
        "a@9-9.example",
        "a" * 64 + "@" + "x" * 63 + ".example",
    ],
)
def test_every_address_that_they_take_is_one(value: str) -> None:
    assert takes(values.Email, value)


@given(st.emails())
@settings(max_examples=50)
def test_what_is_an_address_to_others_is_one_here(value: str) -> None:
    assert takes(values.Email, value)
