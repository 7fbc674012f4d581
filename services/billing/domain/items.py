"""What approved work costs: items by the terms."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
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

Sort = Literal["time", "flat_fee", "charge", "deduction", "surcharge"]
ItemState = Literal["open", "posted", "invoiced"]
Unit = Literal["hour", "piece"]

ZERO = Decimal(0)
ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to be billed; `amount` is quantity times unit price, rounded half up (EN 16931: BT-131)."""

    position: int
    sort: Sort
    description: str
    quantity: Decimal
    unit: Unit
    unit_price: Decimal
    amount: Decimal
    entry_id: UUID | None = None
    billable: bool = True
    happened_on: date | None = None
    author: str | None = None
    role: str | None = None
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


def _flat_fee(terms: Terms, title: str) -> Iterator[Item]:
    if terms.mode == "flat" and terms.flat_fee is not None:
        yield _priced(Item(0, "flat_fee", title, ONE, "piece", terms.flat_fee, ZERO), terms)


def _time(terms: Terms, entry: SnapshotTime) -> Item:
    """Hours at the rate; under a flat fee they stand at zero price, as proof of the work."""
    hours, rate = terms.billed_hours(entry.hours), terms.hourly_rate or ZERO
    # Where its text did not fit, who did it in which role says what it was.
    description = entry.text.strip() or " · ".join(part for part in (entry.author, entry.role) if part)
    item = Item(
        0,
        "time",
        description,
        hours,
        "hour",
        rate,
        ZERO,
        entry_id=entry.entry_id,
        billable=entry.billable,
        happened_on=entry.work_on,
        author=entry.author,
        role=entry.role,
    )
    return _priced(item, terms)


def _charge(terms: Terms, charge: SnapshotCharge) -> Item:
    item = Item(
        0,
        "charge",
        charge.name,
        charge.quantity,
        "piece",
        charge.unit_price,
        ZERO,
        entry_id=charge.entry_id,
        billable=charge.billable,
    )
    return _priced(item, terms)


def _deduction(terms: Terms, deduction: Deduction) -> Item:
    """A deduction is minus one piece, a surcharge one: no price is negative (EN 16931: BR-27). Both say why."""
    amount = rounded(deduction.amount, terms.currency)
    sort: Sort = "deduction" if amount < 0 else "surcharge"
    quantity = -ONE if amount < 0 else ONE
    return _priced(Item(0, sort, deduction.reason, quantity, "piece", abs(amount), ZERO), terms)


def _priced(item: Item, terms: Terms) -> Item:
    """Priced by quantity and unit price; what is not billable is listed at zero."""
    price = item.unit_price if item.billable else ZERO
    return replace(item, unit_price=price, amount=price_of(item.quantity, price, terms.currency))
