"""Money is exact until it is rounded, once, half up, to the currency's minor unit."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.money import minor_digits, percentage, price_of, rounded, total

AMOUNTS = st.decimals(min_value=-(10**9), max_value=10**9, places=4)
PRICES = st.decimals(min_value=0, max_value=10**9 - 1, places=4)
QUANTITIES = st.decimals(min_value=0, max_value=10**6 - 1, places=4)
CURRENCIES = st.sampled_from(["EUR", "CHF", "JPY", "KWD"])


@pytest.mark.parametrize(("currency", "digits"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("RSD", 2), ("XYZ", 2)])
def test_a_currency_has_the_decimals_of_iso_4217(currency: str, digits: int) -> None:
    assert minor_digits(currency) == digits


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("0.005", "EUR", "0.01"),
        ("0.0049", "EUR", "0.00"),
        ("-0.005", "EUR", "-0.01"),
        ("2.675", "EUR", "2.68"),
        ("0.5", "JPY", "1"),
        ("1.0005", "KWD", "1.001"),
    ],
)
def test_a_half_is_rounded_away_from_zero(amount: str, currency: str, expected: str) -> None:
    assert str(rounded(Decimal(amount), currency)) == expected


@given(QUANTITIES, PRICES, CURRENCIES)
def test_a_price_is_at_most_half_a_minor_unit_away_from_the_exact_product(
    quantity: Decimal, price: Decimal, currency: str
) -> None:
    exact = Fraction(quantity) * Fraction(price)
    off = abs(Fraction(price_of(quantity, price, currency)) - exact)
    assert off <= Fraction(1, 2 * 10 ** minor_digits(currency))


@given(st.lists(AMOUNTS, max_size=200), CURRENCIES)
def test_amounts_add_up_exactly_whatever_their_order(amounts: list[Decimal], currency: str) -> None:
    minor = [rounded(amount, currency) for amount in amounts]
    assert Fraction(total(minor, currency)) == sum(map(Fraction, minor), Fraction(0))
    assert total(minor, currency) == total(reversed(minor), currency)


@given(AMOUNTS, st.decimals(min_value=0, max_value=100, places=2), CURRENCIES)
def test_a_percentage_of_the_negative_is_the_negative_of_it(base: Decimal, percent: Decimal, currency: str) -> None:
    assert percentage(-base, percent, currency) == -percentage(base, percent, currency)
