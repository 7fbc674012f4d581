"""Random histories of one lead's work: whatever comes, how often and in which order, it is billed exactly once."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.billing.domain import Bill, Rendering
from shared.contracts import billing as wire
from shared.contracts.ticket_sync import OutsourcingCompleted, OutsourcingHandedBack
from shared.contracts.values import Command, Event
from shared.ids import new_id
from shared.messaging.outcomes import Unchanged
from tests.unit.billing.work import (
    GERMAN_LEAD,
    GERMAN_SERVICE,
    LEAD,
    SERVICE,
    Billing,
    agreeing,
    charge,
    completed,
    returned,
    terms,
    time,
)

TICKETS = [new_id() for _ in range(3)]
PICK = st.integers(0, 2)


class Histories(RuleBasedStateMachine):
    """Facts and commands in any order, more than once, and lost with their turn; the model is what stands by line.

    In the end everything has come and everybody has had a say: then all that is to be paid stands on an invoice.
    """

    @initialize(
        posting=st.sampled_from(["automatic", "by_hand"]),
        invoicing=st.sampled_from(["each", "monthly", "collected"]),
        asking=st.tuples(*[st.booleans()] * len(TICKETS)),
        back=st.tuples(*[st.booleans()] * len(TICKETS)),
    )
    def the_work_ends(self, posting: str, invoicing: str, asking: tuple[bool, ...], back: tuple[bool, ...]) -> None:
        self.billing = Billing(GERMAN_LEAD, agreeing(GERMAN_SERVICE, posting=posting, invoicing=invoicing))
        self.facts: list[OutsourcingCompleted | OutsourcingHandedBack] = []
        for id, asks, comes_back in zip(TICKETS, asking, back, strict=True):
            by = terms(authorized_hours="1", over_cap="ask") if asks else terms()
            work = (time("2"), charge("3", "0.335"), time("1", billable=False))
            done = completed(by, *work, outsourcing_id=id)
            self.facts.append(returned(by, *work).model_copy(update={"outsourcing_id": id}) if comes_back else done)

    @rule(pick=PICK)
    def the_end_of_work_is_told_late_or_again(self, pick: int) -> None:
        known = any(bill.outsourcing_id == TICKETS[pick] for bill in self.billing.all_of(Bill))
        decision = self.billing.say("tandem/ticket_sync", self.facts[pick])
        assert isinstance(decision, Unchanged) == known

    @rule(pick=PICK)
    def the_end_of_work_is_told_and_its_turn_is_lost(self, pick: int) -> None:
        with self._lost():
            self.billing.say("tandem/ticket_sync", self.facts[pick])

    @rule(which=st.integers(0, 20), lost=st.booleans())
    def what_billing_told_itself_comes_late_or_again(self, which: int, lost: bool) -> None:
        if told := self._told_itself():
            with self._lost(lost):
                self.billing.say("tandem/billing", told[which % len(told)])

    @rule(known=st.booleans())
    def the_lead_s_data_come_and_go(self, known: bool) -> None:
        if known:
            self.billing.keep(GERMAN_LEAD)
        else:
            table = next(one for one in self.billing.values if one.type is type(GERMAN_LEAD))
            self.billing.values[table].pop(LEAD, None)

    @rule(pick=PICK, position=st.integers(1, 5), price=st.sampled_from(["0", "10", "99.999"]))
    def an_item_is_adjusted(self, pick: int, position: int, price: str) -> None:
        self._say(SERVICE, wire.ItemAdjust, pick, position=position, unit_price=price, reason="agreed")

    @rule(pick=PICK, positions=st.none() | st.lists(st.integers(1, 5), min_size=1, max_size=3))
    def items_are_posted(self, pick: int, positions: list[int] | None) -> None:
        self._say(SERVICE, wire.ItemPost, pick, positions=positions)

    @rule(pick=PICK, agrees=st.booleans())
    def the_lead_speaks(self, pick: int, agrees: bool) -> None:
        self._say(LEAD, wire.ItemApprove if agrees else wire.ItemDecline, pick)

    @rule(pick=PICK, preview=st.booleans(), lost=st.booleans())
    def an_invoice_is_asked_for(self, pick: int, preview: bool, lost: bool) -> None:
        with self._lost(lost):
            self._say(SERVICE, wire.InvoiceRequest, pick, preview=preview)

    @rule(preview=st.booleans(), lost=st.booleans())
    def invoices_are_collected(self, preview: bool, lost: bool) -> None:
        with self._lost(lost):
            self.billing.ask(SERVICE, wire.InvoiceCollect, lead=LEAD, preview=preview)

    @rule(until=st.sampled_from([date(2026, 2, 28), date(2026, 3, 31)]))
    def a_month_ends(self, until: date) -> None:
        self.billing.say("tandem/billing", wire.PeriodEnded(lead=LEAD, service=SERVICE, until=until))

    @rule(which=st.integers(0, 5), lines=st.none() | st.lists(st.integers(1, 4), min_size=1, max_size=2))
    def an_invoice_is_cancelled(self, which: int, lines: list[int] | None) -> None:
        documents = self.billing.documents
        if documents:
            chosen = documents[which % len(documents)]
            self.billing.ask(SERVICE, wire.InvoiceCancel, invoice_id=chosen.invoice_id, lines=lines, reason="wrong")

    @invariant()
    def no_item_stands_on_two_invoices_and_every_invoiced_one_on_one(self) -> None:
        if not hasattr(self, "billing"):
            return
        standing: Counter[tuple[UUID, int]] = Counter()
        net: defaultdict[tuple[UUID, int], Decimal] = defaultdict(Decimal)
        for document in self.billing.documents:
            sign = 1 if document.document == "invoice" else -1
            for line in document.lines:
                standing[line.outsourcing_id, line.position] += sign
                net[line.outsourcing_id, line.position] += sign * line.amount
        for bill in self.billing.all_of(Bill):
            for item in bill.items:
                key = (bill.outsourcing_id, item.position)
                invoiced = item.state == "invoiced"
                assert standing[key] == invoiced
                assert net[key] == (item.amount if invoiced else 0)

    @invariant()
    def numbers_have_no_gap_and_no_document_is_about_nothing_or_ever_changed(self) -> None:
        if not hasattr(self, "billing"):
            return
        numbers = [document.number for document in self.billing.documents]
        assert numbers == [f"AW-2026-{place:05d}" for place in range(1, len(numbers) + 1)]
        seen = getattr(self, "seen", [])
        assert self.billing.documents[: len(seen)] == seen
        assert all(any(line.amount for line in one.lines) for one in self.billing.documents if not one.cancels_id)
        self.seen = self.billing.documents

    def teardown(self) -> None:
        """Everything comes, twice; what is asked is agreed to, what is open posted, and all of it invoiced."""
        if not hasattr(self, "billing"):
            return
        self.billing.keep(GERMAN_LEAD)
        for fact in (*self.facts, *self.facts):
            self.billing.say("tandem/ticket_sync", fact)
        for pick in range(len(TICKETS)):
            self._say(LEAD, wire.ItemApprove, pick)
            self._say(SERVICE, wire.ItemPost, pick)
        self.billing.ask(SERVICE, wire.InvoiceCollect, lead=LEAD)
        for told in (*self._told_itself(), *self._told_itself()):
            self.billing.say("tandem/billing", told)
        self.no_item_stands_on_two_invoices_and_every_invoiced_one_on_one()
        self._every_piece_of_work_is_an_item_and_what_is_to_be_paid_stands_on_an_invoice()
        ordered = [rendering.invoice_id for rendering in self.billing.all_of(Rendering)]
        assert sorted(ordered) == sorted(document.invoice_id for document in self.billing.documents)

    def _every_piece_of_work_is_an_item_and_what_is_to_be_paid_stands_on_an_invoice(self) -> None:
        bills = {bill.outsourcing_id: bill for bill in self.billing.all_of(Bill)}
        posted = [item.amount for bill in bills.values() for item in bill.items if item.state == "posted"]
        # What was adjusted to less than is taken off waits for more work: no invoice is below zero.
        unpaid_by_right = {"declined", "posted"} if sum(posted) < 0 else {"declined"}
        for fact in self.facts:
            assert fact.snapshot is not None
            items = bills[fact.outsourcing_id].items
            work = [time.entry_id for time in fact.snapshot.time] + [one.entry_id for one in fact.snapshot.charges]
            assert [item.entry_id for item in items if item.entry_id] == work
            unpaid = [item.state for item in items if item.amount and item.state != "invoiced"]
            assert set(unpaid) <= unpaid_by_right

    def _told_itself(self) -> list[Event]:
        mine = (wire.CollectionUnfinished, wire.InvoiceWritten)
        return [fact for fact in self.billing.published() if isinstance(fact, mine)]

    @contextmanager
    def _lost(self, lost: bool = True) -> Iterator[None]:
        """What is decided meanwhile never takes effect, as when a worker dies before it commits."""
        billing = self.billing
        before = {table: dict(values) for table, values in billing.values.items()}, [*billing.told], [*billing.history]
        yield
        if lost:
            billing.values, billing.told, billing.history = before

    def _say(self, sender: str, model: type[Command], pick: int, **fields: Any) -> None:
        self.billing.ask(sender, model, outsourcing_id=TICKETS[pick], **fields)


Histories.TestCase.settings = hypothesis_settings(max_examples=120, stateful_step_count=30, deadline=None)
TestHistories = Histories.TestCase
