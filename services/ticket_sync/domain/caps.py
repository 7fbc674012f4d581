"""What has been worked against the authorized amounts of the terms, and when both sides are warned of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.ticket_sync.domain.entries import Entry
from services.ticket_sync.domain.links import Link
from shared.contracts.offer_handler import OutsourcingAccepted, Terms
from shared.contracts.ticket_sync import Cap, CapReached, ChargeBody, OutsourcingCapReached, TimeBody
from shared.messaging.outcomes import Changed, Publish, Tell
from shared.money import price_of

ZERO = Decimal(0)
# Time to talk about it, and the end of what was agreed on.
THRESHOLDS = (80, 100)


@dataclass(frozen=True, slots=True)
class Effort:
    """The service partner's billable work on one outsourcing with authorized amounts, as it is billed by the terms.

    `cost` is what its hours cost; `told` are the thresholds that both sides were told of, such as `hours:80`.
    """

    outsourcing_id: UUID
    title: str
    terms: Terms
    hours: Decimal = ZERO
    charges: Decimal = ZERO
    cost: Decimal = ZERO
    told: tuple[str, ...] = ()

    @classmethod
    def none_yet(cls, accepted: OutsourcingAccepted) -> "Effort | None":
        """Nothing worked so far; None where no amount is authorized that could be reached."""
        if not accepted.terms.is_capped:
            return None
        terms = accepted.terms.model_copy(update={"instructions": ""})
        return cls(accepted.outsourcing_id, accepted.ticket.title, terms)

    @property
    def total(self) -> Decimal:
        return (self.terms.flat_fee or ZERO) + self.cost + self.charges

    def with_work(self, entry: Entry, sign: int) -> "Effort":
        """The effort with this entry's work added or taken away; what is shared and billable counts."""
        word = entry.word if entry.is_work else None
        terms = self.terms
        match word.body if word else None:
            case TimeBody(billable=True) as time:
                hours = terms.billed_hours(time.hours)
                cost = price_of(hours, terms.hourly_rate or ZERO, terms.currency)
                return replace(self, hours=self.hours + sign * hours, cost=self.cost + sign * cost)
            case ChargeBody(billable=True) as charge:
                amount = price_of(charge.quantity, charge.unit_price, terms.currency)
                return replace(self, charges=self.charges + sign * amount)
            case _:
                return self

    def reached(self) -> Iterator["Reached"]:
        """Every threshold of every authorized amount that is reached, the higher ones last."""
        terms = self.terms
        amounts: tuple[tuple[Cap, Decimal | None, Decimal], ...] = (
            ("hours", terms.authorized_hours, self.hours),
            ("charges", terms.authorized_charges, self.charges),
            ("total", terms.authorized_total, self.total),
        )
        for cap, authorized, reached in amounts:
            for percent in THRESHOLDS:
                if authorized is not None and reached > 0 and reached * 100 >= authorized * percent:
                    yield Reached(cap, percent, authorized, reached)


@dataclass(frozen=True, slots=True)
class Reached:
    """A threshold in percent of an authorized amount, and what is reached of it."""

    cap: Cap
    percent: int
    authorized: Decimal
    reached: Decimal

    @property
    def name(self) -> str:
        return f"{self.cap}:{self.percent}"


def count(link: Link, effort: Effort | None, known: Entry | None, decision: Changed) -> Changed:
    """The same decision, and what the entry that it changes adds to the effort; both sides hear of a new threshold.

    Only the highest threshold of an amount is told where one entry reaches both.
    """
    if effort is None:
        return decision
    newest = next((value for value in decision.values if isinstance(value, Entry)), None)
    if newest is None or newest.owner != link.service:
        return decision
    counted = effort.with_work(known, -1) if known else effort
    counted = counted.with_work(newest, 1)
    # Where a flat fee alone comes near, nothing is told before there is work that counts.
    if counted == effort:
        return decision
    reached = tuple(counted.reached())
    counted = replace(counted, told=tuple(dict.fromkeys((*effort.told, *(one.name for one in reached)))))
    highest = {one.cap: one for one in reached if one.name not in effort.told}
    tell = [told for one in highest.values() for told in _told_of(link, counted, one)]
    return Changed(
        *decision.values, counted, tell=(*decision.tell, *tell), history=decision.history, beside=decision.beside
    )


def _told_of(link: Link, effort: Effort, one: Reached) -> tuple[Tell, ...]:
    known: dict[str, Any] = {
        "outsourcing_id": link.outsourcing_id,
        "cap": one.cap,
        "percent": one.percent,
        "authorized": one.authorized,
        "reached": one.reached,
        "currency": None if one.cap == "hours" else link.currency,
        "over_cap": effort.terms.over_cap,
    }
    published = OutsourcingCapReached(
        **known,
        lead=link.lead,
        service=link.service,
        lead_number=link.lead_number,
        service_number=link.service_number,
        title=effort.title,
    )
    return (*link.both(CapReached(**known, state=link.state)), Publish(published))
