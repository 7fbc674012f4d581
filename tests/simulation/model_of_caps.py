"""What both sides must be told of authorized amounts: that four fifths of one are reached, and that all of it is."""

from decimal import ROUND_HALF_UP, Decimal
from math import ceil
from uuid import UUID

from shared.contracts.offer_handler import Terms
from shared.contracts.ticket_sync import ChargeBody, TimeBody
from tests.simulation.companies import CENT, price_of
from tests.simulation.facts import Fact
from tests.simulation.words import Word

ZERO = Decimal(0)
NOTHING = (ZERO, ZERO, ZERO)


class Effort:
    """What each entry of the service partner adds to its billable hours, to what they cost, and to its charges."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._added: dict[UUID, tuple[Decimal, Decimal, Decimal]] = {}
        self._told: set[tuple[str, int]] = set()

    def take(self, id: UUID, word: Word) -> list[Fact]:
        """What is reached with this newest word and was not before; of each amount the most."""
        adds = self._adds(word)
        if not self._terms.is_capped or adds == self._added.get(id, NOTHING):
            return []
        self._added[id] = adds
        hours, cost, charges = (sum(column, ZERO) for column in zip(*self._added.values(), strict=True))
        terms, total = self._terms, (self._terms.flat_fee or ZERO) + cost + charges
        amounts = (
            ("hours", terms.authorized_hours, hours),
            ("charges", terms.authorized_charges, charges),
            ("total", terms.authorized_total, total),
        )
        told = []
        for cap, authorized, reached in amounts:
            percents = [p for p in (80, 100) if authorized is not None and 0 < authorized * p <= reached * 100]
            if {(cap, percent) for percent in percents} - self._told:
                self._told |= {(cap, percent) for percent in percents}
                told.append((cap, percents[-1], authorized, reached))
        return told

    def _adds(self, word: Word) -> tuple[Decimal, Decimal, Decimal]:
        body = word.body if word.shared else None
        if type(body) is TimeBody and body.billable:
            hours = self._rounded_up(body.hours)
            return hours, (hours * (self._terms.hourly_rate or ZERO)).quantize(CENT, ROUND_HALF_UP), ZERO
        if type(body) is ChargeBody and body.billable:
            return ZERO, ZERO, price_of(body)
        return NOTHING

    def _rounded_up(self, hours: Decimal) -> Decimal:
        step = self._terms.rounding_minutes
        if step is None or self._terms.mode == "flat":
            return hours
        return Decimal(ceil(hours * 60 / step) * step) / 60
