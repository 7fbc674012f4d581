"""What work costs: items by the terms, and their way from open to invoiced."""

from collections.abc import Iterable, Iterator, Mapping
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
    # It was due once and could not be invoiced.
    held_up: bool = False

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
        capped = isinstance(ended, OutsourcingCompleted)
        if not capped:
            # The lead is asked for all of what was not completed: no cap cuts it first, and no price rises after.
            terms = terms.model_copy(update={"over_cap": "ask"})
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
            items=items_of(terms, snapshot, ended.title, capped=capped) if snapshot else (),
        )


def items_of(terms: Terms, snapshot: CompletionSnapshot, title: str, *, capped: bool = True) -> tuple[Item, ...]:
    """The work as items: the flat fee, time, charges, deductions and surcharges in their order; then what is cut."""
    items = [
        *_flat_fee(terms, title),
        *(_time(terms, entry) for entry in snapshot.time),
        *(_charge(terms, entry) for entry in snapshot.charges),
        *(_deduction(terms, one) for one in snapshot.deductions),
    ]
    placed = _placed(items)
    return _placed([*placed, *_over_the_caps(terms, placed)]) if capped else placed


def _placed(items: Iterable[Item]) -> tuple[Item, ...]:
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
    item = _in_one_piece("deduction" if amount < 0 else "surcharge", deduction.reason, amount, terms)
    return replace(item, work_type=deduction.work_type)


def _over_the_caps(terms: Terms, items: tuple[Item, ...]) -> Iterator[Item]:
    """What is over an authorized amount is taken off; and where the lead is to be asked, waits to be put on again.

    Hours first, then charges, then what is over the total after that: nothing is taken off twice. What came last went
    over; of each type of work and role there is a line of its own, so that it bears the tax and the code of that work.
    """
    if terms.over_cap == "billed":
        return
    left = {item.position: item.amount for item in items}
    for cap, authorized in (
        ("hours", terms.authorized_hours),
        ("charges", terms.authorized_charges),
        ("total", terms.authorized_total),
    ):
        if authorized is None:
            continue
        counted = [item for item in items if item.sort == COUNTED.get(cap, item.sort)]
        taken = (
            _hours_over(counted, authorized, terms.currency)
            if cap == "hours"
            else _amounts_over(counted, left, authorized, terms.currency)
        )
        for position, amount in taken.items():
            left[position] -= amount
        reason = f"{OVER[cap]}: {authorized:f} {'h' if cap == 'hours' else terms.currency}"
        for (work_type, role), amount in _by_work(items, taken).items():
            off = replace(_in_one_piece("deduction", reason, -amount, terms), work_type=work_type, role=role)
            yield off
            if terms.over_cap == "ask":
                yield replace(off, sort="surcharge", quantity=ONE, amount=amount, state="asked")


def _hours_over(worked: Iterable[Item], authorized: Decimal, currency: str) -> dict[int, Decimal]:
    """What the last of these hours cost that are more than were authorized, by the position of their item."""
    billed = [item for item in worked if item.billable]
    over = sum((item.quantity for item in billed), ZERO) - authorized
    taken: dict[int, Decimal] = {}
    for item in reversed(billed):
        if over <= 0:
            break
        taken[item.position] = item.amount - price_of(max(item.quantity - over, ZERO), item.unit_price, currency)
        over -= item.quantity
    return taken


def _amounts_over(
    items: Iterable[Item], left: Mapping[int, Decimal], authorized: Decimal, currency: str
) -> dict[int, Decimal]:
    """What is taken off the last of these, by position, until no more is left of them all than was authorized."""
    counted = [item for item in items if left[item.position]]
    over = total((left[item.position] for item in counted), currency) - rounded(authorized, currency)
    taken: dict[int, Decimal] = {}
    for item in reversed(counted):
        if over <= 0:
            break
        if left[item.position] > 0:
            taken[item.position] = min(left[item.position], over)
            over -= taken[item.position]
    return taken


def _by_work(items: Iterable[Item], taken: Mapping[int, Decimal]) -> dict[tuple[str | None, str | None], Decimal]:
    """These amounts added up by type of work and role, in the order of the items."""
    amounts: dict[tuple[str | None, str | None], Decimal] = {}
    for item in items:
        if amount := taken.get(item.position):
            key = (item.work_type, item.role)
            amounts[key] = amounts.get(key, ZERO) + amount
    return amounts


# What counts against a cap; against the total all does.
COUNTED = {"hours": "time", "charges": "charge"}
# On an invoice, which both sides read.
OVER = {
    "hours": "Über den genehmigten Stunden / over the authorized hours",
    "charges": "Über den genehmigten Warenposten / over the authorized charges",
    "total": "Über dem genehmigten Betrag / over the authorized total",
}


def _in_one_piece(sort: Sort, reason: str, amount: Decimal, terms: Terms) -> Item:
    return priced(Item(0, sort, reason, -ONE if amount < 0 else ONE, "piece", abs(amount), ZERO), terms.currency)


def priced(item: Item, currency: str) -> Item:
    """Priced by quantity and unit price; what is not billable is listed at zero."""
    price = item.unit_price if item.billable else ZERO
    return replace(item, unit_price=price, amount=price_of(item.quantity, price, currency))
