"""Dates, numbers and money as a reader writes them."""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal

from babel import Locale
from babel.dates import format_date, format_datetime, format_time, format_timedelta, get_timezone
from babel.numbers import format_currency
from babel.units import format_unit

TIME_ZONE = "Europe/Berlin"


@dataclass(frozen=True, slots=True)
class Formats:
    """The habits of one reader."""

    locale: Locale
    zone: tzinfo

    @classmethod
    def of(cls, locale: Locale) -> "Formats":
        return cls(locale, get_timezone(TIME_ZONE))

    def instant(self, at: datetime) -> str:
        """Day and time with the time zone's name, such as `Dienstag, 24. November 2026, 14:30 MEZ`."""
        local = at.astimezone(self.zone)
        day = format_date(local, "full", locale=self.locale)
        return f"{day}, {format_time(local, 'short', tzinfo=self.zone, locale=self.locale)} {self._zone_of(local)}"

    def money(self, amount: Decimal, currency: str) -> str:
        """All digits there are: a price of a tenth of a cent is not rounded away."""
        return format_currency(_plain(amount), currency, locale=self.locale, decimal_quantization=False)

    def hours(self, hours: Decimal) -> str:
        return format_unit(_plain(hours), "duration-hour", locale=self.locale)

    def minutes(self, minutes: int) -> str:
        return format_unit(minutes, "duration-minute", locale=self.locale)

    def duration(self, seconds: int) -> str:
        """About how long."""
        return format_timedelta(timedelta(seconds=seconds), locale=self.locale)

    def _zone_of(self, local: datetime) -> str:
        short = format_datetime(local, "z", tzinfo=self.zone, locale=self.locale)
        return short if short.isalpha() else format_datetime(local, "zzzz", tzinfo=self.zone, locale=self.locale)


def _plain(number: Decimal) -> Decimal:
    """Without zeros that say nothing: one hour, not 1.0000 hours."""
    return number.quantize(Decimal(1)) if number == number.to_integral_value() else number.normalize()
