"""The numbers of invoices: gapless in each of an issuer's series."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

_COUNTER = re.compile(r"\{counter(?::([1-9]))?\}")
# All that a number can have in the place of a digit.
_DIGITS = re.compile(r"(\{year\}|\{counter\}|[0-9])+")
# The year of a series whose counter never begins anew.
EVERY_YEAR = 0


@dataclass(frozen=True, slots=True)
class NumberSeries:
    """A counter of one issuer: of a pattern and, where that names the year, of one year; `last` was given last."""

    issuer: str
    name: str
    year: int
    last: int = 0

    @property
    def key(self) -> tuple[str, str, int]:
        return self.issuer, self.name, self.year

    def next(self) -> "NumberSeries":
        """The series after one more number is given."""
        return replace(self, last=self.last + 1)

    def number(self, pattern: str, year: int) -> str:
        """The number given last, as it stands on the invoice (EN 16931: BT-1)."""
        counted = _COUNTER.sub(lambda found: f"{self.last:0{found[1] or 1}d}", pattern)
        return counted.replace("{year}", f"{year:04d}")


def series_of(pattern: str) -> str:
    """Which series a pattern counts in: how many digits the counter has makes no other one."""
    return _COUNTER.sub("{counter}", pattern)


def series_for(issuer: str, pattern: str, day: date, known: Iterable[NumberSeries]) -> NumberSeries:
    """The counter that a document issued on that day takes its number from; one that is not there yet is at zero."""
    wanted = NumberSeries(issuer, series_of(pattern), day.year if "{year}" in pattern else EVERY_YEAR)
    return next((one for one in known if one.key == wanted.key), wanted)


def may_collide(pattern: str, used: Iterable[str]) -> bool:
    """Whether a number by this pattern could be one of another series: the two look alike once digits are taken out."""
    name = series_of(pattern)
    return any(other != name and _shape_of(other) == _shape_of(name) for other in used)


def _shape_of(series: str) -> str:
    return _DIGITS.sub("#", series)
