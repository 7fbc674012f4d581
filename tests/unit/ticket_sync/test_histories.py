"""Whatever both sides, a stranger and the other services say in whatever order: what must always be so of a link."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.ticket_sync.domain import line
from services.ticket_sync.domain.entries import Travel
from services.ticket_sync.domain.links import State
from services.ticket_sync.handlers import ENTRY
from shared.contracts.ticket_sync import (
    EntryKeptLocal,
    LineUnfinished,
    OutsourcingCompleted,
    OutsourcingHandedBack,
    TicketOverdue,
)
from shared.contracts.values import Event, Payload
from shared.ids import new_id
from shared.messaging.outcomes import Changed, NotYet
from tests.unit.ticket_sync.outsourcing import (
    ANSWER,
    ASK,
    CHARGE,
    LEAD,
    NOTE,
    NOW,
    OUTSOURCING,
    SERVICE,
    STRANGER,
    TIME,
    UPDATE,
    WITHDRAW,
    Outsourcing,
    abandoned,
    accepted,
    approve,
    awaiting_approval,
    force,
    give_back,
    in_progress,
    just_accepted,
    opened,
    put,
    reject,
    remove,
    sever,
    submit,
)

NEXT = {
    State.ACCEPTED: {State.IN_PROGRESS, State.COMPLETED, State.RETURNED},
    State.IN_PROGRESS: {State.AWAITING_APPROVAL, State.COMPLETED, State.RETURNED},
    State.AWAITING_APPROVAL: {State.IN_PROGRESS, State.COMPLETED},
    State.COMPLETED: set(),
    State.RETURNED: set(),
}
INSTANCES = st.sampled_from([LEAD, SERVICE, STRANGER])
IDS, VERSIONS = st.sampled_from([new_id() for _ in range(4)]), st.integers(1, 4)
VISIBILITIES = st.sampled_from(["shared", "internal"])
ENTRIES = st.one_of(
    st.builds(put, st.sampled_from([NOTE, TIME, CHARGE]), id=IDS, version=VERSIONS, visibility=VISIBILITIES),
    st.builds(remove, IDS, VERSIONS),
    st.builds(sever, IDS),
)
OTHERS = st.sampled_from([opened(), WITHDRAW, reject(), UPDATE, ASK, ANSWER])
ENDS: st.SearchStrategy[Payload] = st.sampled_from([give_back(), force(), abandoned()])
FACTS: st.SearchStrategy[Payload] = st.sampled_from([accepted(), TicketOverdue(outsourcing_id=OUTSOURCING, due_at=NOW)])


class Life(RuleBasedStateMachine):
    """One outsourcing from its acceptance on: worked on, submitted, and ended by whoever tries."""

    def __init__(self) -> None:
        super().__init__()
        self.small_pieces = pytest.MonkeyPatch()
        self.small_pieces.setattr(line, "MOST_IN_A_PIECE", 1)
        self.pieces_said = 0
        self.play = just_accepted()

    @initialize(begin=st.sampled_from([just_accepted, in_progress, awaiting_approval]))
    def begin(self, begin: Callable[[], Outsourcing]) -> None:
        self.play = begin()

    @rule(sender=INSTANCES, data=ENTRIES)
    def tell_of_an_entry(self, sender: str, data: Payload) -> None:
        self._say(sender, data)

    @rule(sender=INSTANCES, data=OTHERS)
    def say_something_else(self, sender: str, data: Payload) -> None:
        self._say(sender, data)

    @rule()
    def submit_what_there_is(self) -> None:
        work = [one for one in self._entries() if one.owner == SERVICE and one.is_work]
        hours = sum((TIME.hours for one in work if one.kind == "time"), Decimal(0))
        charges = sum((Decimal("1.01") for one in work if one.kind == "charge"), Decimal(0))
        self._say(SERVICE, submit(len(work), f"{hours:f}", f"{charges:f}"))

    @rule(sender=INSTANCES)
    def approve_what_was_submitted(self, sender: str) -> None:
        self._say(sender, approve(self.play.link.snapshot_id or new_id()))

    @rule(sender=INSTANCES, data=ENDS)
    def end_it(self, sender: str, data: Payload) -> None:
        self._say(sender, data)

    @rule(data=FACTS)
    def another_service_tells(self, data: Payload) -> None:
        self._say("tandem/offer_handler", data)

    @rule(stale=st.booleans())
    def the_line_goes_on(self, *, stale: bool) -> None:
        """The word of a piece comes, or one comes again."""
        pieces = self._pieces()
        if stale and self.pieces_said:
            self.play.say("tandem/ticket_sync", pieces[self.pieces_said - 1])
        elif self.pieces_said < len(pieces):
            self.pieces_said += 1
            self.play.say("tandem/ticket_sync", pieces[self.pieces_said - 1])

    def teardown(self) -> None:
        while self.pieces_said < len(self._pieces()):
            self.the_line_goes_on(stale=False)
        assert not self.play.link.line_moves
        # A place may be empty: what was removed before its turn came waits for nothing.
        assert not self.play.link.line_is_empty or all(one.place is None for one in self._entries())
        self.small_pieces.undo()

    @invariant()
    def a_line_that_moves_has_its_next_piece_under_way(self) -> None:
        link, waiting = self.play.link, self._pieces()[self.pieces_said :]
        assert not link.line_moves or link.passed_place in {one.after_place for one in waiting}
        assert all(one.place is None or link.passed_place < one.place <= link.last_place for one in self._entries())

    @invariant()
    def an_end_is_told_to_the_other_services_once(self) -> None:
        ends = [one for one in self.play.published() if isinstance(one, OutsourcingCompleted | OutsourcingHandedBack)]
        assert len(ends) == (1 if self.play.link.has_ended else 0)

    @invariant()
    def nothing_waits_for_what_has_ended_and_its_owners_know(self) -> None:
        kept = {one.entry_id: one.owner for one in self._entries() if one.travel is Travel.KEPT_LOCAL}
        told = {one.data.entry_id: one.to for one in self.play.told if isinstance(one.data, EntryKeptLocal)}
        assert told == kept
        if self.play.link.has_ended:
            assert self.play.link.next_due_at is None
            assert self.play.link.line_moves or all(one.place is None for one in self._entries())

    def _pieces(self) -> list[LineUnfinished]:
        return [one for one in self.play.published() if isinstance(one, LineUnfinished)]

    def _say(self, sender: str, data: Payload) -> None:
        by = "tandem/offer_handler" if isinstance(data, Event) else sender
        state, before, told = self.play.link.state, self._values(), len(self.play.told)
        decision = self.play.say(by, data)
        if by == STRANGER:
            assert decision == NotYet("outsourcing/unknown")
        if not isinstance(decision, Changed):
            assert (self._values(), len(self.play.told)) == (before, told)
        assert self.play.link.state in NEXT[state] | {state}
        assert NEXT[state] or not isinstance(decision, Changed), "what has ended changes no more"

    def _values(self) -> dict[str, dict[Any, Any]]:
        return {table.type.__name__: dict(values) for table, values in self.play.values.items()}

    def _entries(self) -> list[Any]:
        return list(self.play.values[ENTRY].values())


Life.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestLife = Life.TestCase
