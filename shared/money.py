"""Exact decimal money, rounded half up to the currency's minor unit in this one place."""

from collections.abc import Iterable
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cache, lru_cache

from babel.core import get_global
from babel.numbers import get_currency_precision, get_territory_currencies

__all__ = [
    "MOST_DECIMALS",
    "exchanged",
    "is_in_use",
    "minor_digits",
    "money_of",
    "percentage",
    "price_of",
    "rounded",
    "total",
]

# EN 16931 knows no more for any amount (BR-DEC-*): what is worked for money with more could never be invoiced.
MOST_DECIMALS = 2

# More digits than any product or sum of contract values has: nothing is lost before the one rounding at the end.
_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)

# Babel tells what is in circulation (CLDR); these have a minor unit by ISO 4217 all the same.
_BY_ISO_4217 = {
    "AFN": 2,
    "ALL": 2,
    "IDR": 2,
    "IQD": 3,
    "IRR": 2,
    "KPW": 2,
    "LAK": 2,
    "LBP": 2,
    "MGA": 2,
    "MMK": 2,
    "RSD": 2,
    "SOS": 2,
    "SYP": 2,
    "YER": 2,
}


# As many as a worker has to do with; there are three hundred, and messages may name what is none.
@lru_cache(maxsize=64)
def minor_digits(currency: str) -> int:
    """How many decimals an amount in this currency has (ISO 4217); 2 where the currency is not known."""
    return _BY_ISO_4217.get(currency, get_currency_precision(currency))


def is_in_use(currency: str) -> bool:
    """Whether people pay in it somewhere (CLDR); francs of Luxembourg are none, and neither is gold."""
    return currency in _in_use()


@cache
def _in_use() -> frozenset[str]:
    return frozenset(one for country in get_global("territory_currencies") for one in get_territory_currencies(country))


def money_of(country: str, on: date) -> tuple[str, ...]:
    """What taxes are paid in there on that day (CLDR), the usual one first; nothing where nobody lives."""
    return tuple(get_territory_currencies(country, start_date=on))


def exchanged(amount: Decimal, rate: Decimal, currency: str) -> Decimal:
    """An amount in this currency, of which one unit of its own is worth `rate`; rounded half up."""
    return rounded(_EXACT.multiply(amount, rate), currency)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """The amount in whole minor units; a half goes away from zero."""
    return _EXACT.quantize(amount, Decimal(1).scaleb(-minor_digits(currency)))


def price_of(quantity: Decimal, unit_price: Decimal, currency: str) -> Decimal:
    """Quantity times unit price, rounded half up."""
    return rounded(_EXACT.multiply(quantity, unit_price), currency)


def percentage(base: Decimal, percent: Decimal, currency: str) -> Decimal:
    """So many percent of the base, rounded half up."""
    return rounded(_EXACT.multiply(base, percent).scaleb(-2, _EXACT), currency)


def total(amounts: Iterable[Decimal], currency: str) -> Decimal:
    """What the amounts add up to, with the decimals of the currency."""
    result = Decimal(0)
    for amount in amounts:
        result = _EXACT.add(result, amount)
    return rounded(result, currency)
