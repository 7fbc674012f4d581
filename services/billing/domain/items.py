"""What approved work costs: items by the terms."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal
from uuid import UUID

from shared.contracts.offer_handler import Terms
from shared.contracts.ticket_sync import (
    CompletionSnapshot,
    Deduction,
    OutsourcingCompleted,
    SnapshotCharge,
    SnapshotTime,
)
from shared.money import price_of, rounded, total

ItemKind = Literal["time", "flat_fee", "charge", "deduction"]
ItemState = Literal["open", "posted", "invoiced"]
Unit = Literal["hour", "piece"]

ZERO = Decimal(0)
ONE = Decimal(1)
SECONDS_AN_HOUR = 3600
FOUR_DECIMALS = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to be billed; `amount` is quantity times unit price, rounded half up (EN 16931: BT-131)."""

    position: int
    kind: ItemKind
    entry_id: UUID | None
    description: str
    quantity: Decimal
    unit: Unit
    unit_price: Decimal
    amount: Decimal
    billable: bool
    state: ItemState = "open"


@dataclass(frozen=True, slots=True)
class Bill:
    """All items of one outsourcing, and whom they are between."""

    outsourcing_id: UUID
    lead: str
    service: str
    lead_number: str
    service_number: str | None
    title: str
    organization: str
    currency: str
    items: tuple[Item, ...]

    @property
    def net_total(self) -> Decimal:
        """What the items add up to, without tax."""
        return total((item.amount for item in self.items), self.currency)

    @property
    def state(self) -> str:
        """Where its items are; `nothing` where there are none."""
        return self.items[0].state if self.items else "nothing"

    def invoiced(self) -> "Bill":
        """The same with all items on an invoice."""
        return replace(self, items=tuple(replace(item, state="invoiced") for item in self.items))

    @classmethod
    def of(cls, completed: OutsourcingCompleted) -> "Bill":
        """What completed work costs by its terms; nothing where nothing was ever submitted."""
        snapshot = completed.snapshot
        return cls(
            outsourcing_id=completed.outsourcing_id,
            lead=completed.lead,
            service=completed.service,
            lead_number=completed.lead_number,
            service_number=completed.service_number,
            title=completed.title,
            organization=completed.organization,
            currency=completed.terms.currency,
            items=items_of(completed.terms, snapshot, completed.title) if snapshot else (),
        )


def items_of(terms: Terms, snapshot: CompletionSnapshot, title: str) -> tuple[Item, ...]:
    """The approved work as items: the flat fee, then time, charges, deductions and surcharges in their order."""
    items = [
        *_flat_fee(terms, title),
        *(_time(terms, entry) for entry in snapshot.time),
        *(_charge(terms, entry) for entry in snapshot.charges),
        *(_deduction(terms, one) for one in snapshot.deductions),
    ]
    return tuple(replace(item, position=position) for position, item in enumerate(items, start=1))


def billed_hours(hours: Decimal, rounding_minutes: int | None) -> Decimal:
    """The hours as given, or rounded up to the next step of so many minutes.

    Four decimals cannot say a third of an hour, so whole seconds are counted: 0.3333 and 0.3334 are both 20 minutes.
    """
    if rounding_minutes is None:
        return hours
    seconds = int((hours * SECONDS_AN_HOUR).quantize(ONE, ROUND_HALF_UP))
    step = rounding_minutes * 60
    steps = -(-seconds // step)
    return (Decimal(steps * step) / SECONDS_AN_HOUR).quantize(FOUR_DECIMALS, ROUND_HALF_UP)


def _flat_fee(terms: Terms, title: str) -> Iterator[Item]:
    if terms.mode == "flat" and terms.flat_fee is not None:
        yield _priced("flat_fee", title, ONE, "piece", terms.flat_fee, terms)


def _time(terms: Terms, entry: SnapshotTime) -> Item:
    """Hours at the rate; under a flat fee they stand at zero price, as proof of the work."""
    if terms.mode == "hourly":
        hours, rate = billed_hours(entry.hours, terms.rounding_minutes), terms.hourly_rate or ZERO
    else:
        hours, rate = entry.hours, ZERO
    said = (entry.work_on.isoformat(), entry.author, entry.role, entry.text)
    description = " · ".join(part for part in said if part)
    return _priced("time", description, hours, "hour", rate, terms, entry_id=entry.entry_id, billable=entry.billable)


def _charge(terms: Terms, charge: SnapshotCharge) -> Item:
    return _priced(
        "charge",
        charge.name,
        charge.quantity,
        "piece",
        charge.unit_price,
        terms,
        entry_id=charge.entry_id,
        billable=charge.billable,
    )


def _deduction(terms: Terms, deduction: Deduction) -> Item:
    """A deduction is negative, a surcharge positive; both say why."""
    amount = rounded(deduction.amount, terms.currency)
    return _priced("deduction", deduction.reason, ONE, "piece", amount, terms)


def _priced(  # noqa: PLR0913 - a line has as many parts
    kind: ItemKind,
    description: str,
    quantity: Decimal,
    unit: Unit,
    unit_price: Decimal,
    terms: Terms,
    *,
    entry_id: UUID | None = None,
    billable: bool = True,
) -> Item:
    """Priced by quantity and unit price; what is not billable is listed at zero."""
    price = unit_price if billable else ZERO
    amount = price_of(quantity, price, terms.currency)
    return Item(0, kind, entry_id, description, quantity, unit, price, amount, billable)
