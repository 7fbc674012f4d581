"""Whatever three instances, the clock and the queue do in whatever order: what must always be so of offers."""

from datetime import timedelta
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from services.offer_handler.domain.offers import LIVE, Outsourcing, State
from services.offer_handler.handlers import OUTSOURCING
from shared.contracts.offer_handler import DeadlinePassed, OfferReceived
from shared.ids import new_id
from shared.messaging.outcomes import Changed, Decision, Deliver, NotYet
from tests.unit.offer_handler.offering import (
    CUSTOMER,
    LEAD,
    OFFER_HANDLER,
    SERVICE,
    STRANGER,
    accept,
    cancel,
    completed,
    decline,
    partners,
    send,
)

TICKETS = st.sampled_from(["NL-1", "NL-2"])
INSTANCES = st.sampled_from([LEAD, SERVICE, STRANGER])
COMMANDS = st.sampled_from([accept(), decline(), cancel()])
MAY = {"accept": SERVICE, "decline": SERVICE, "cancel": LEAD}


class Offers(RuleBasedStateMachine):
    """Offers of two tickets, answered, taken back, expired and completed by whoever tries."""

    sent = Bundle("sent")

    def __init__(self) -> None:
        super().__init__()
        self.play = partners()
        self.ended: dict[UUID, State] = {}

    @rule(target=sent, number=TICKETS)
    def offer(self, number: str) -> UUID:
        id = new_id()
        free = not any(one.ticket.number == number and one.state in LIVE for one in self._all())
        decision = self.play.say(LEAD, send(number, id, respond_by=self.play.now + timedelta(minutes=5)))
        assert isinstance(decision, Changed) == free
        self._nobody_but_the_two_is_told(decision)
        return id

    @rule(id=sent, sender=INSTANCES, said=COMMANDS)
    def answer(self, id: UUID, sender: str, said: object) -> None:
        before = self._find(id)
        command = said.model_copy(update={"outsourcing_id": id})  # type: ignore[attr-defined]
        decision = self.play.say(sender, command)
        if before is None or sender == STRANGER:
            assert decision == NotYet("outsourcing/unknown")
            return
        verb = command.kind.split(".")[2]
        wins = before.state is State.OFFERED and sender == MAY[verb]
        assert isinstance(decision, Changed) == wins
        self._nobody_but_the_two_is_told(decision)

    @rule(id=sent)
    def deadline_passes(self, id: UUID) -> None:
        self.play.now += timedelta(minutes=1)
        self.play.say(OFFER_HANDLER, DeadlinePassed(outsourcing_id=id, due_at=self.play.now))

    @rule(id=sent)
    def work_is_completed(self, id: UUID) -> None:
        before = self._find(id)
        if before is not None and before.state in (State.ACCEPTED, State.COMPLETED):
            self.play.say(OFFER_HANDLER, completed().model_copy(update={"outsourcing_id": id}))

    @invariant()
    def a_ticket_has_at_most_one_live_outsourcing(self) -> None:
        live = [one.ticket.number for one in self._all() if one.state in LIVE]
        assert len(live) == len(set(live))

    @invariant()
    def what_has_ended_stays_as_it_ended(self) -> None:
        for one in self._all():
            if one.state is not State.OFFERED:
                ended = State.ACCEPTED if one.state is State.COMPLETED else one.state
                assert self.ended.setdefault(one.outsourcing_id, ended) == ended

    @invariant()
    def no_instance_is_told_the_customer(self) -> None:
        for tell in self.play.told:
            said = tell.data.model_dump_json()
            assert not any(value in said for value in CUSTOMER.model_dump().values())
            assert not isinstance(tell.data, OfferReceived) or tell.to == SERVICE

    def _nobody_but_the_two_is_told(self, decision: Decision) -> None:
        if isinstance(decision, Changed):
            assert {tell.to for tell in decision.tell if isinstance(tell, Deliver)} == {LEAD, SERVICE}

    def _all(self) -> list[Outsourcing]:
        return list(self.play.values[OUTSOURCING].values())

    def _find(self, id: UUID) -> Outsourcing | None:
        found: Outsourcing | None = self.play.values[OUTSOURCING].get(id)
        return found


Offers.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestOffers = Offers.TestCase
