"""The words on an invoice in its reader's language, and how that reader writes days and numbers."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

from babel import Locale
from babel.dates import format_date
from babel.numbers import NumberPattern, format_decimal, parse_pattern

from shared.catalogues import Catalogue, Catalogues
from shared.money import minor_digits

CATALOGUES = Catalogues(Path(__file__).parent / "catalogues")


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language, and the habits of who reads it."""

    catalogue: Catalogue
    locale: Locale

    @classmethod
    def of(cls, language: str) -> "Words":
        return cls(CATALOGUES.catalogue_for(language), CATALOGUES.locale_for(language))

    @property
    def language(self) -> str:
        return self.catalogue.language

    def __call__(self, key: str, **values: str) -> str:
        return self.catalogue.text(f"words.{key}", **values)

    def day(self, day: date) -> str:
        """Short, as it stands in a column: `02.03.2026`, `2 Mar 2026`."""
        return format_date(day, "medium", locale=self.locale)

    def number(self, number: Decimal) -> str:
        """With all its digits and no zeros that say nothing."""
        plain = number.quantize(Decimal(1)) if number == number.to_integral_value() else number.normalize()
        return format_decimal(plain, locale=self.locale, decimal_quantization=False)

    def money(self, amount: Decimal, currency: str) -> str:
        """With the decimals of its currency, more where a price has more; the currency stands above the column."""
        pattern = _grouped_with(max(minor_digits(currency), _decimals_of(amount)))
        return str(pattern.apply(amount, self.locale))

    def country(self, code: str) -> str:
        """Its name, or the code where Unicode's data know none."""
        return str(self.locale.territories.get(code, code))

    def percent(self, rate: Decimal) -> str:
        return f"{self.number(rate)}\N{NO-BREAK SPACE}%"


@cache
def _grouped_with(digits: int) -> NumberPattern:
    return parse_pattern(f"#,##0.{'0' * digits}" if digits else "#,##0")


def _decimals_of(amount: Decimal) -> int:
    exponent = amount.normalize().as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0
