"""Dates, numbers and money as a reader writes them."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal

from babel import Locale
from babel.dates import format_date, format_datetime, format_time, format_timedelta, get_timezone
from babel.numbers import format_currency, format_decimal, format_percent
from babel.units import format_unit

# Of who has said nothing else.
TIME_ZONE = "Europe/Berlin"
BETWEEN_CODE_AND_NUMBER = re.compile(r"(?<=[A-Z])(?=\d)")


@dataclass(frozen=True, slots=True)
class Formats:
    """The habits of one reader."""

    locale: Locale
    zone: tzinfo

    @classmethod
    def of(cls, locale: Locale, time_zone: str = TIME_ZONE) -> "Formats":
        """Raises LookupError where there is no such time zone."""
        return cls(locale, get_timezone(time_zone))

    def instant(self, at: datetime) -> str:
        """Day and time with the time zone's name, such as `Dienstag, 24. November 2026, 14:30 MEZ`."""
        local = at.astimezone(self.zone)
        day = format_date(local, "full", locale=self.locale)
        time = format_time(local, "short", tzinfo=self.zone, locale=self.locale)
        return f"{day}, {time}\N{NO-BREAK SPACE}{self._zone_of(local)}"

    def day(self, on: date) -> str:
        return format_date(on, "medium", locale=self.locale)

    def number(self, number: int) -> str:
        return format_decimal(number, locale=self.locale)

    def percent(self, percent: int) -> str:
        return format_percent(Decimal(percent) / 100, locale=self.locale)

    def plural(self, number: int) -> str:
        """Which form words take beside this number, such as `one` or `other` (CLDR)."""
        form: str = self.locale.plural_form(number)
        return form

    def money(self, amount: Decimal, currency: str) -> str:
        """All digits there are: a price of a tenth of a cent is not rounded away."""
        text = format_currency(_plain(amount), currency, locale=self.locale, decimal_quantization=False)
        # Babel does not know CLDR's rule that a code such as CHF stands apart from its number.
        return BETWEEN_CODE_AND_NUMBER.sub("\N{NO-BREAK SPACE}", text)

    def hours(self, hours: Decimal) -> str:
        return format_unit(_plain(hours), "duration-hour", locale=self.locale)

    def minutes(self, minutes: int) -> str:
        return format_unit(minutes, "duration-minute", locale=self.locale)

    def duration(self, seconds: int) -> str:
        """About how long."""
        return format_timedelta(timedelta(seconds=seconds), locale=self.locale)

    def _zone_of(self, local: datetime) -> str:
        """Its short name in the reader's language, or where that has none, the one clocks there go by."""
        short = format_datetime(local, "z", tzinfo=self.zone, locale=self.locale)
        return short if short.isalpha() else local.tzname() or short


def _plain(number: Decimal) -> Decimal:
    """Without zeros that say nothing: one hour, not 1.0000 hours."""
    return number.quantize(Decimal(1)) if number == number.to_integral_value() else number.normalize()
