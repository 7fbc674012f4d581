"""What work costs: items by the terms, and their way from open to invoiced."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

from services.billing.domain.parties import BillingSettings
from shared.contracts.billing import ItemShown, ItemState, OutsourcingCost, Sort
from shared.contracts.offer_handler import Terms
from shared.contracts.ticket_sync import (
    CompletionSnapshot,
    Deduction,
    OutsourcingCompleted,
    OutsourcingHandedBack,
    SnapshotCharge,
    SnapshotTime,
)
from shared.money import price_of, rounded, total

Unit = Literal["hour", "piece"]

ZERO = Decimal(0)
ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to be billed; `amount` is quantity times unit price, rounded half up (EN 16931: BT-131).

    `asked` waits for the lead's word; `invoice_id` is the invoice it stands on, None again once that is cancelled.
    """

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
    work_type: str | None = None
    state: ItemState = "open"
    adjusted_for: str | None = None
    invoice_id: UUID | None = None

    def shown(self, bill: "Bill", service: BillingSettings | None) -> ItemShown:
        """As both sides see it, with the billing code where the issuer has said one."""
        code = service.code_for(bill.lead, self.work_type, self.role) if service else None
        fields = {name: getattr(self, name) for name in ItemShown.model_fields if name != "billing_code"}
        return ItemShown(**fields, billing_code=code.code if code else None)


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
    terms: Terms
    ended_on: date
    items: tuple[Item, ...]

    @property
    def currency(self) -> str:
        return self.terms.currency

    @property
    def state(self) -> str:
        """How far the last of its items has come; `nothing` where there are none."""
        states = {item.state for item in self.items}
        for state in ("open", "asked", "posted", "invoiced", "declined"):
            if state in states:
                return state
        return "nothing"

    def includes(self, slug: str) -> bool:
        return slug in (self.lead, self.service)

    def in_state(self, state: ItemState) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.state == state)

    def item(self, position: int) -> Item | None:
        return next((item for item in self.items if item.position == position), None)

    def with_items(self, changed: Iterable[Item]) -> "Bill":
        """The same with these items in the place of what they were."""
        new = {item.position: item for item in changed}
        return replace(self, items=tuple(new.get(item.position, item) for item in self.items))

    def released(self) -> "Bill":
        """The same with all that is open posted."""
        return self.with_items(replace(item, state="posted") for item in self.in_state("open"))

    def sum_of(self, items: Iterable[Item]) -> Decimal:
        """What these items add up to, without tax."""
        return total((item.amount for item in items), self.currency)

    def cost(self) -> OutsourcingCost:
        """What it has cost so far, against what was authorized: all that is not declined and does not wait."""
        owed = [item for item in self.items if item.state not in ("asked", "declined")]
        return OutsourcingCost(
            outsourcing_id=self.outsourcing_id,
            hours=sum((item.quantity for item in owed if item.sort == "time" and item.billable), ZERO),
            authorized_hours=self.terms.authorized_hours,
            charges=self.sum_of(item for item in owed if item.sort == "charge"),
            authorized_charges=self.terms.authorized_charges,
            net_total=self.sum_of(owed),
            authorized_total=self.terms.authorized_total,
        )

    @classmethod
    def of_completed(cls, completed: OutsourcingCompleted, ended_on: date) -> "Bill":
        """What completed work costs by its terms; nothing where nothing was ever submitted."""
        return cls._of(completed, completed.snapshot, ended_on)

    @classmethod
    def of_returned(cls, returned: OutsourcingHandedBack, ended_on: date) -> "Bill":
        """What the work on a ticket that came back would cost; each item of it waits for the lead's word."""
        bill = cls._of(returned, returned.snapshot, ended_on)
        return bill.with_items(replace(item, state="asked") for item in bill.items)

    @classmethod
    def _of(
        cls,
        ended: OutsourcingCompleted | OutsourcingHandedBack,
        snapshot: CompletionSnapshot | None,
        ended_on: date,
    ) -> "Bill":
        terms = ended.terms.model_copy(update={"instructions": ""})
        # A flat fee is for the whole work; what was done of it is told, and the two agree on a price.
        whole = isinstance(ended, OutsourcingCompleted)
        return cls(
            outsourcing_id=ended.outsourcing_id,
            lead=ended.lead,
            service=ended.service,
            lead_number=ended.lead_number,
            service_number=ended.service_number,
            title=ended.title,
            organization=ended.organization,
            terms=terms,
            ended_on=ended_on,
            items=items_of(terms, snapshot, ended.title, whole=whole) if snapshot else (),
        )


def items_of(terms: Terms, snapshot: CompletionSnapshot, title: str, *, whole: bool = True) -> tuple[Item, ...]:
    """The work as items: the flat fee, time, charges, deductions and surcharges in their order; then what is cut."""
    items = [
        *(_flat_fee(terms, title) if whole else ()),
        *(_time(terms, entry) for entry in snapshot.time),
        *(_charge(terms, entry) for entry in snapshot.charges),
        *(_deduction(terms, one) for one in snapshot.deductions),
    ]
    if whole:
        items += _over_the_caps(terms, items)
    return tuple(replace(item, position=position) for position, item in enumerate(items, start=1))


def _flat_fee(terms: Terms, title: str) -> Iterator[Item]:
    if terms.flat_fee is not None:
        yield priced(Item(0, "flat_fee", title, ONE, "piece", terms.flat_fee, ZERO), terms.currency)


def _time(terms: Terms, entry: SnapshotTime) -> Item:
    """Hours at the rate; under a flat fee they stand at zero price, as proof of the work."""
    # Where its text did not fit, who did it in which role says what it was.
    description = entry.text.strip() or " · ".join(part for part in (entry.author, entry.role) if part)
    item = Item(
        0,
        "time",
        description,
        terms.billed_hours(entry.hours),
        "hour",
        terms.hourly_rate or ZERO,
        ZERO,
        entry_id=entry.entry_id,
        billable=entry.billable,
        happened_on=entry.work_on,
        author=entry.author,
        role=entry.role,
        work_type=entry.work_type,
    )
    return priced(item, terms.currency)


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
        work_type=charge.work_type,
    )
    return priced(item, terms.currency)


def _deduction(terms: Terms, deduction: Deduction) -> Item:
    """A deduction is minus one piece, a surcharge one: no price is negative (EN 16931: BR-27). Both say why."""
    amount = rounded(deduction.amount, terms.currency)
    return _in_one_piece("deduction" if amount < 0 else "surcharge", deduction.reason, amount, terms)


def _over_the_caps(terms: Terms, items: list[Item]) -> Iterator[Item]:
    """What is over an authorized amount is taken off; and where the lead is to be asked, waits to be put on again.

    Hours first, then charges, then what is over the total after that: nothing is taken off twice.
    """
    if terms.over_cap == "billed":
        return
    hours = sum((item.quantity for item in items if item.sort == "time" and item.billable), ZERO)
    charges = total((item.amount for item in items if item.sort == "charge"), terms.currency)
    left = total((item.amount for item in items), terms.currency)
    for cap, authorized, over in (
        ("hours", terms.authorized_hours, _excess(hours, terms.authorized_hours) * (terms.hourly_rate or ZERO)),
        ("charges", terms.authorized_charges, _excess(charges, terms.authorized_charges)),
        ("total", terms.authorized_total, None),
    ):
        amount = rounded(_excess(left, terms.authorized_total) if over is None else over, terms.currency)
        if not amount:
            continue
        left -= amount
        reason = f"{OVER[cap]}: {authorized:f} {'h' if cap == 'hours' else terms.currency}"
        yield _in_one_piece("deduction", reason, -amount, terms)
        if terms.over_cap == "ask":
            yield replace(_in_one_piece("surcharge", reason, amount, terms), state="asked")


# On an invoice, which both sides read.
OVER = {
    "hours": "Über den genehmigten Stunden / over the authorized hours",
    "charges": "Über den genehmigten Warenposten / over the authorized charges",
    "total": "Über dem genehmigten Betrag / over the authorized total",
}


def _excess(amount: Decimal, authorized: Decimal | None) -> Decimal:
    return ZERO if authorized is None else max(amount - authorized, ZERO)


def _in_one_piece(sort: Sort, reason: str, amount: Decimal, terms: Terms) -> Item:
    return priced(Item(0, sort, reason, -ONE if amount < 0 else ONE, "piece", abs(amount), ZERO), terms.currency)


def priced(item: Item, currency: str) -> Item:
    """Priced by quantity and unit price; what is not billable is listed at zero."""
    price = item.unit_price if item.billable else ZERO
    return replace(item, unit_price=price, amount=price_of(item.quantity, price, currency))
