"""Whatever a lead, its partners, a stranger, the clock and the queue do in whatever order: what must always be so."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, precondition, rule

from services.offer_handler.domain.rounds import LIVE, Round, Standing, State
from shared.contracts.offer_handler import DeadlinePassed, OfferReceived, PartnershipEnd
from shared.contracts.values import Command, Event
from shared.messaging.outcomes import Changed, Decision, Deliver, NotYet
from tests.unit.offer_handler.offering import (
    CUSTOMER,
    LEAD,
    OFFER_HANDLER,
    OTHERS,
    SERVICE,
    STRANGER,
    TICKET_SYNC,
    accept,
    cancel,
    completed,
    decline,
    handed_back,
    partners,
    partnership_with,
    send_to,
)

PARTNERS = (SERVICE, *OTHERS)
TICKETS = st.sampled_from(["NL-1", "NL-2"])
INSTANCES = st.sampled_from([LEAD, *PARTNERS, STRANGER])
MODES = st.sampled_from(["all_at_once", "one_after_another"])
ANSWERS = st.sampled_from([accept(), decline(), cancel(), cancel(whole_round=True)])
ENDED = (State.RETURNED, State.COMPLETED)
FINAL = (State.DECLINED, State.CANCELLED, State.EXPIRED, *ENDED)


def state_by_history(words: list[str]) -> str:
    """The state that the last words leave an outsourcing in; before the first ones nobody is asked."""
    state = "planned"
    for said in words:
        first = said.replace(":", " ").split()[0]
        state = first if first in list(State) else state
    return state


class Offers(RuleBasedStateMachine):
    """Rounds of two tickets, answered, taken back, expired, completed and abandoned by whoever tries."""

    sent = Bundle("sent")

    def __init__(self) -> None:
        super().__init__()
        self.play = partners(*PARTNERS)
        self.winners: dict[UUID, UUID] = {}
        self.ended: dict[UUID, State] = {}

    @rule(target=sent, number=TICKETS, mode=MODES, asked=st.lists(st.sampled_from(PARTNERS), min_size=1, unique=True))
    def offer(self, number: str, mode: str, asked: list[str]) -> object:
        sending = send_to(*asked, mode=mode, number=number, respond_by=self.play.now + timedelta(minutes=5))
        free = not any(one.ticket.number == number and one.standing is not Standing.CLOSED for one in self.play.rounds)
        all_active = all(self.play.partnership(slug).state == "active" for slug in asked)
        decision = self.play.say(LEAD, sending)
        assert isinstance(decision, Changed) == (free and all_active)
        first = asked[:1] if mode == "one_after_another" else asked
        self._nobody_is_told_but(decision, {LEAD, *first})
        return multiple(*(offer.outsourcing_id for offer in sending.offers))

    @rule(id=sent, sender=INSTANCES, said=ANSWERS)
    def answer(self, id: UUID, sender: str, said: Command) -> None:
        before, round = self.play.find(id), self._round_of(id)
        decision = self.play.say(sender, said.model_copy(update={"outsourcing_id": id}))
        knows = before is not None and (
            sender == LEAD or (sender == before.service and before.state is not State.PLANNED)
        )
        if before is None or round is None or not knows:
            assert decision == NotYet("outsourcing/unknown")
            return
        entitled = LEAD if said.kind == cancel().kind else before.service
        assert isinstance(decision, Changed) == (before.state is State.OFFERED and sender == entitled)
        self._nobody_is_told_but(decision, {LEAD, *(one.service for one in round.outsourcings)})

    @rule()
    @precondition(lambda self: any(one.next_due_at for one in self.play.outsourcings))
    def time_passes(self) -> None:
        self.play.let_time_pass()

    @rule(id=sent)
    def an_old_deadline_is_told_again(self, id: UUID) -> None:
        known = self.play.find(id)
        if known is not None and known.respond_by is not None and known.next_due_at is not None:
            earlier = known.next_due_at - timedelta(microseconds=1)
            self.play.say(OFFER_HANDLER, DeadlinePassed(outsourcing_id=id, due_at=earlier))

    @rule(id=sent, end=st.sampled_from([completed, handed_back]))
    def work_ends(self, id: UUID, end: Callable[[UUID], Event]) -> None:
        before = self.play.find(id)
        if before is not None and before.state in (State.ACCEPTED, *ENDED):
            self.play.say(TICKET_SYNC, end(id))

    @rule(slug=st.sampled_from(PARTNERS), sender=INSTANCES, force=st.booleans())
    def a_partnership_ends(self, slug: str, sender: str, force: bool) -> None:
        known = self.play.partnership(slug)
        under_way = any(one.service == slug and one.state in LIVE for one in self.play.outsourcings)
        ending = PartnershipEnd(actor="x", partnership_id=partnership_with(slug), force=force)
        decision = self.play.say(sender, ending)
        may = sender == LEAD and known.state == "active" and (force or not under_way)
        assert isinstance(decision, Changed) == may

    @invariant()
    def a_ticket_has_at_most_one_live_round(self) -> None:
        live = Counter(one.ticket.number for one in self.play.rounds if one.standing is not Standing.CLOSED)
        assert all(count == 1 for count in live.values())

    @invariant()
    def a_round_has_at_most_one_acceptance_ever(self) -> None:
        for round in self.play.rounds:
            taken = [one for one in round.outsourcings if one.state in (State.ACCEPTED, *ENDED)]
            assert len(taken) <= 1
            if taken:
                assert self.winners.setdefault(round.round_id, taken[0].outsourcing_id) == taken[0].outsourcing_id

    @invariant()
    def who_has_accepted_is_asked_alone(self) -> None:
        for round in self.play.rounds:
            if round.standing is Standing.ACCEPTED:
                assert not round.open_offers()
            if round.mode == "one_after_another":
                assert len(round.open_offers()) <= 1

    @invariant()
    def what_has_ended_stays_as_it_ended(self) -> None:
        for one in self.play.outsourcings:
            if one.state in FINAL:
                assert self.ended.setdefault(one.outsourcing_id, one.state) == one.state

    @invariant()
    def whoever_is_asked_has_a_deadline_to_come_and_nobody_else_has(self) -> None:
        for one in self.play.outsourcings:
            assert (one.next_due_at is not None) == (one.state is State.OFFERED)

    @invariant()
    def history_explains_the_state(self) -> None:
        for one in self.play.outsourcings:
            words = [said for subject, said in self.play.history if subject == one.subject]
            assert state_by_history(words) == one.state, words

    @invariant()
    def no_instance_is_told_the_customer_and_nobody_learns_of_another_partner(self) -> None:
        for tell in self.play.told:
            said = tell.data.model_dump_json()
            if isinstance(tell, Deliver):
                assert not any(value in said for value in CUSTOMER.model_dump().values())
                assert tell.to == LEAD or not any(slug in said for slug in PARTNERS if slug != tell.to)
                assert not isinstance(tell.data, OfferReceived) or tell.to in PARTNERS

    def _nobody_is_told_but(self, decision: Decision, allowed: set[str]) -> None:
        if isinstance(decision, Changed):
            assert {tell.to for tell in decision.tell if isinstance(tell, Deliver)} <= allowed

    def _round_of(self, id: UUID) -> Round | None:
        return next((one for one in self.play.rounds if id in one.outsourcing_ids), None)


Offers.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestOffers = Offers.TestCase
