"""From work that has ended to items that are posted: when they open, what they cost, and who has a say."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from services.billing.domain.invoices import Desk
from services.billing.domain.items import Bill, Item, priced
from services.billing.domain.obstacles import HeldUp
from services.billing.domain.parties import BillingSettings
from shared.contracts import billing as wire
from shared.contracts.billing import ItemApprove, ItemDecline
from shared.contracts.offer_handler import Terms
from shared.contracts.ticket_sync import OutsourcingCompleted, OutsourcingHandedBack
from shared.contracts.values import Delivery
from shared.messaging.outcomes import Changed, Decision, Deliver, Message, NotYet, Refused, Tell, Unchanged

# The items of one message, so that it stays below 1 MiB; most work comes to a few kilobytes.
LARGEST_TOLD_BYTES = 512 * 1024

Ended = Message[OutsourcingCompleted] | Message[OutsourcingHandedBack]
Words = Message[ItemApprove] | Message[ItemDecline]


def bill_completed_work(bill: Bill | None, desk: Desk, completed: Message[OutsourcingCompleted]) -> Decision:
    """Price completed work by its terms; post and invoice it at once where the service partner wants it so and can."""
    if bill:
        return Unchanged()
    bill = Bill.of_completed(completed.data, _day_of(completed.data.completed_at, desk.service))
    if not bill.items:
        told = _facts(wire.ItemOpened, bill, (), desk.service)
        return Changed(bill, tell=_all(bill.service, told), history="completed without a submission: nothing is billed")
    asked = bill.in_state("asked")
    tell = _both(bill, _facts(wire.ItemAsked, bill, asked, desk.service, reason="over_cap")) if asked else ()
    return _opened(bill, desk, completed, *tell)


def bill_returned_work(
    bill: Bill | None, service: BillingSettings | None, returned: Message[OutsourcingHandedBack]
) -> Decision:
    """What was worked on a ticket that came back is billed only if the lead agrees: it is asked where that costs.

    A flat fee is for the whole work: that is what the lead is asked for at most, and its partner may ask for less.
    """
    if bill or not returned.data.snapshot or not returned.data.snapshot.entries:
        return Unchanged()
    bill = Bill.of_returned(returned.data, _day_of(returned.data.returned_at, service))
    if not bill.sum_of(bill.items):
        return Unchanged()
    asked = _facts(wire.ItemAsked, bill, bill.items, service, reason="returned")
    return Changed(bill, tell=_both(bill, asked), history="returned: the lead is asked whether to pay")


def approve(bill: Bill | None, desk: Desk, approval: Message[ItemApprove]) -> Decision:
    """The lead agrees to pay what waited for its word."""
    if bill is None or not bill.includes(approval.sender):
        return NotYet("outsourcing/unknown")
    items = _asked(bill, approval)
    if isinstance(items, Refused):
        return items
    bill = bill.with_items(replace(item, state="open") for item in items)
    approved = _facts(wire.ItemApproved, bill, _again(bill, items), desk.service, state=bill.state)
    return _opened(bill, desk, approval, *_both(bill, approved))


def decline(bill: Bill | None, service: BillingSettings | None, refusal: Message[ItemDecline]) -> Decision:
    """The lead does not pay what waited for its word."""
    if bill is None or not bill.includes(refusal.sender):
        return NotYet("outsourcing/unknown")
    items = _asked(bill, refusal)
    if isinstance(items, Refused):
        return items
    bill = bill.with_items(replace(item, state="declined") for item in items)
    declined = _facts(wire.ItemDeclined, bill, _again(bill, items), service, state=bill.state)
    return Changed(bill, tell=_both(bill, declined), history=f"{_positions(items)} declined")


def adjust(bill: Bill | None, service: BillingSettings | None, change: Message[wire.ItemAdjust]) -> Decision:
    """The service partner gives an item another price while it is open, and says why.

    What waits for the lead's word it can only lower, and both are told: nobody agrees to more than was asked.
    """
    if bill is None or not bill.includes(change.sender):
        return NotYet("outsourcing/unknown")
    if refused := refuses_the_lead(bill, change.sender):
        return refused
    item = bill.item(change.data.position)
    if item is None:
        return Refused("item/unknown", state=bill.state, position=change.data.position)
    if problem := _stands_against(item, change.data.unit_price, bill.terms):
        return Refused(problem, state=item.state, position=item.position)
    reason = change.data.reason
    new = priced(replace(item, unit_price=change.data.unit_price, adjusted_for=reason), bill.currency)
    bill = bill.with_items([new])
    adjusted = _facts(wire.ItemAdjusted, bill, [new], service, reason=reason, state=bill.state)
    history = f"item {item.position} adjusted from {item.unit_price:f} to {new.unit_price:f}: {reason}"
    told = _both(bill, adjusted) if new.state == "asked" else _all(bill.service, adjusted)
    return Changed(bill, tell=told, history=history)


def _stands_against(item: Item, price: Decimal, terms: Terms) -> str | None:
    """The problem with another price for an item, if there is one: the lead's caps and deductions hold."""
    if item.state not in ("open", "asked"):
        return "item/not-open"
    if not item.billable:
        return "item/not-billable"
    may_rise = terms.over_cap == "billed" and item.state == "open"
    return "item/limited" if item.sort == "deduction" or (price > item.unit_price and not may_rise) else None


def post(bill: Bill | None, desk: Desk, posting: Message[wire.ItemPost]) -> Decision:
    """The service partner releases items to be invoiced; they are at once where it bills each outsourcing by itself."""
    if bill is None or not bill.includes(posting.sender):
        return NotYet("outsourcing/unknown")
    if refused := refuses_the_lead(bill, posting.sender):
        return refused
    items = bill.in_state("open")
    if posting.data.positions is not None:
        at = {item.position: item for item in bill.items}
        for position in posting.data.positions:
            item = at.get(position)
            if item is None or item.state != "open":
                problem = "item/unknown" if item is None else "item/not-open"
                return Refused(problem, state=item.state if item else bill.state, position=position)
        items = tuple(at[position] for position in sorted(set(posting.data.positions)))
    if not items:
        return Refused("item/nothing-to-post", state=bill.state)
    return _posted(bill, items, desk, posting)


def refuses_the_lead(bill: Bill, sender: str) -> Refused | None:
    """The lead has no say in the service partner's items and invoices."""
    return Refused("outsourcing/not-yours", state=bill.state, role="service") if sender == bill.lead else None


def _opened(bill: Bill, desk: Desk, cause: Ended | Words, *tell: Tell) -> Changed:
    """Open items go on by themselves as far as they can, or the service partner is told of them."""
    items = bill.in_state("open")
    if items and desk.posts_by_itself(bill) and (desk.collects(bill) or not desk.missing(bill)):
        return _posted(bill, items, desk, cause, *tell)
    opened = _facts(wire.ItemOpened, bill, items, desk.service, missing=desk.missing(bill))
    return Changed(bill, tell=(*tell, *_all(bill.service, opened)), history=f"{_positions(items)} opened")


def _posted(
    bill: Bill, items: tuple[Item, ...], desk: Desk, cause: Ended | Words | Message[wire.ItemPost], *tell: Tell
) -> Changed:
    """These items are posted, and invoiced where each outsourcing is billed by itself and nothing stands against it."""
    bill = bill.with_items(replace(item, state="posted") for item in items)
    held_up: tuple[HeldUp, ...] = ()
    if desk.issues_at_once(bill):
        issued = desk.issue([bill], cause)
        if issued.invoices:
            return issued.changed(cause, *tell)
        held_up = issued.held_up
    known: dict[str, Any] = {"missing": desk.missing(bill), "state": bill.state}
    posted = _facts(wire.ItemPosted, bill, _again(bill, items), desk.service, **known)
    told = (*tell, *_all(bill.service, posted), *(one.told() for one in held_up))
    return Changed(bill, tell=told, history=f"{_positions(items)} posted")


def _asked(bill: Bill, said: Words) -> tuple[Item, ...] | Refused:
    """The items that the lead speaks of; refused where it is not the lead, or nothing waits for its word."""
    if said.sender != bill.lead:
        return Refused("outsourcing/not-yours", state=bill.state, role="lead")
    asked = bill.in_state("asked")
    wanted = said.data.positions or [item.position for item in asked]
    waiting = {item.position: item for item in asked}
    for position in wanted:
        if position not in waiting:
            return Refused("item/not-asked", state=bill.state, position=position)
    if not asked:
        return Refused("item/not-asked", state=bill.state)
    return tuple(waiting[position] for position in dict.fromkeys(wanted))


def _facts(
    kind: type[wire.ItemFact], bill: Bill, items: Iterable[Item], service: BillingSettings | None, **known: Any
) -> list[wire.ItemFact]:
    """What is told of these items: as one, or in as many as there are messages that they need."""
    pieces: list[list[tuple[Item, wire.ItemShown]]] = [[]]
    size_bytes = 0
    for item in items:
        shown = item.shown(bill, service)
        of_one = len(shown.model_dump_json().encode()) + 1
        if pieces[-1] and size_bytes + of_one > LARGEST_TOLD_BYTES:
            pieces.append([])
            size_bytes = 0
        pieces[-1].append((item, shown))
        size_bytes += of_one
    return [
        kind(
            outsourcing_id=bill.outsourcing_id,
            items=tuple(shown for _, shown in piece),
            net_total=bill.sum_of(item for item, _ in piece),
            currency=bill.currency,
            **known,
        )
        for piece in pieces
    ]


def _again(bill: Bill, items: Iterable[Item]) -> list[Item]:
    """These items as they are by now."""
    positions = {item.position for item in items}
    return [item for item in bill.items if item.position in positions]


def _both(bill: Bill, facts: Iterable[Delivery]) -> tuple[Deliver, ...]:
    return tuple(Deliver(side, fact) for fact in facts for side in (bill.lead, bill.service))


def _all(side: str, facts: Iterable[Delivery]) -> tuple[Deliver, ...]:
    return tuple(Deliver(side, fact) for fact in facts)


def _day_of(at: datetime, service: BillingSettings | None) -> date:
    """The day that work ended on, where its invoice comes from."""
    return service.day(at) if service else at.date()


def _positions(items: Iterable[Item]) -> str:
    positions = [str(item.position) for item in items]
    # A history's line says which, as long as a reader takes it in.
    return f"items {', '.join(positions)}" if len(positions) <= 20 else f"{len(positions)} items"  # noqa: PLR2004
