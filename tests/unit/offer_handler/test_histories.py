"""Whatever a lead, its partners, a stranger, the operator, the clock and the queue do: what must always be so."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.offer_handler.domain import partnerships
from services.offer_handler.domain.agreements import Agreement, CurrentVersion
from services.offer_handler.domain.partnerships import Partnership
from services.offer_handler.domain.partnerships import State as Partnered
from services.offer_handler.domain.rounds import LIVE, Outsourcing, Round, Standing, State
from shared.contracts.offer_handler import DeadlinePassed, InvitationRanOut, OfferReceived, PartnershipEnd
from shared.contracts.values import Command, Event
from shared.ids import new_id
from shared.messaging.outcomes import Changed, Decision, Deliver, NotYet, Refused
from tests.unit.offer_handler.offering import (
    CUSTOMER,
    LEAD,
    OFFER_HANDLER,
    OTHERS,
    SERVICE,
    STRANGER,
    TICKET_SYNC,
    Play,
    accept,
    agree,
    assign,
    cancel,
    completed,
    decline,
    handed_back,
    invite,
    join,
    refuse,
    resend,
    revoke,
    send_to,
)

PARTNERS = (SERVICE, *OTHERS)
TICKETS = st.sampled_from(["NL-1", "NL-2"])
# Mostly who may say it, or hardly anything would ever happen.
RIGHT = "who may"
SENDERS = st.sampled_from([RIGHT, RIGHT, RIGHT, LEAD, *PARTNERS, STRANGER])
MOSTLY, SELDOM = st.sampled_from([True, True, True, False]), st.sampled_from([True, False, False, False])
SEVERAL = st.lists(st.sampled_from(PARTNERS), min_size=1, unique=True)
NOBODY_S = 6
PLACES = st.integers(0, NOBODY_S)
MODES = st.sampled_from(["all_at_once", "one_after_another"])
ANSWERS = st.sampled_from([accept(), accept(None), decline(), cancel(), cancel(whole_round=True)])
# What is said of a partnership, by whose word it is, and the state in which it may be.
OF_PARTNERSHIPS: list[tuple[Command, bool, Partnered]] = [
    (join(), False, Partnered.INVITED),
    (join(organization="Nordlicht"), False, Partnered.INVITED),
    (refuse(), False, Partnered.INVITED),
    (resend(), True, Partnered.INVITED),
    (revoke(), True, Partnered.INVITED),
    (assign(), False, Partnered.ACTIVE),
]
ENDED = (State.RETURNED, State.COMPLETED)
FINAL = (State.DECLINED, State.CANCELLED, State.EXPIRED, *ENDED)

# How history says it, and the state that follows.
BY_HISTORY = {
    "invited": "invited",
    "sent again": "invited",
    "declined": "declined",
    "revoked": "revoked",
    "lapsed": "lapsed",
    "accepted": "active",
    "mapped": "active",
    "ended": "ended",
}


def partnership_by_history(words: list[str]) -> str:
    """The state that the last words leave a partnership in."""
    return next(state for end, state in BY_HISTORY.items() if words[-1].endswith(end))


def state_by_history(words: list[str]) -> str:
    """The state that the last words leave an outsourcing in; before the first ones nobody is asked."""
    state = "planned"
    for said in words:
        first = said.replace(":", " ").split()[0]
        state = first if first in list(State) else state
    return state


class Offers(RuleBasedStateMachine):
    """Partnerships that begin, lapse and end, and rounds of two tickets between them, by whoever tries what.

    It begins with partners and a round between them, and answers come in handfuls, or else hardly any would ever meet
    an open offer.
    """

    def __init__(self) -> None:
        super().__init__()
        self.play = Play()
        self.winners: dict[UUID, UUID] = {}
        self.ended: dict[UUID, State] = {}

    @initialize(joined=SEVERAL, mapped=st.booleans(), mode=MODES)
    def some_are_partners_and_are_asked(self, joined: list[str], mode: str, *, mapped: bool) -> None:
        self.play.say(LEAD, agree())
        for slug in joined:
            self.play.say(LEAD, invite(slug, id := new_id()))
            self.play.say(slug, join(id, organization="Nordlicht" if mapped else None))
        self.offer("NL-1", mode, joined, partners_alone=True)

    @rule(newer=SELDOM, accepted=MOSTLY)
    def the_agreement_is_accepted(self, *, newer: bool, accepted: bool) -> None:
        if newer:
            self.play.keep(CurrentVersion(f"2027-{len(self.play.history)}"))
        if accepted:
            assert isinstance(self.play.say(LEAD, agree(self._version_in_force())), Changed)

    @rule(slug=st.sampled_from(PARTNERS), sender=SENDERS, said=st.sampled_from(OF_PARTNERSHIPS))
    def a_partnership_is_spoken_of(self, slug: str, sender: str, said: tuple[Command, bool, Partnered]) -> None:
        """Where there is none that lives, it is begun."""
        known = self._newest(slug)
        if known is None or known.state not in partnerships.LIVE:
            assert isinstance(self.play.say(LEAD, invite(slug, new_id())), Changed) == self._has_agreed()
            return
        command, is_the_lead_s, state = said
        entitled = LEAD if is_the_lead_s else slug
        sender = entitled if sender == RIGHT else sender
        decision = self.play.say(sender, command.model_copy(update={"partnership_id": known.partnership_id}))
        assert isinstance(decision, Changed) == (sender == entitled and known.state is state)
        self._nobody_is_told_but(decision, {LEAD, slug})

    @rule(slug=st.sampled_from(PARTNERS))
    def who_has_a_partnership_is_not_invited(self, slug: str) -> None:
        if (known := self._newest(slug)) is not None and known.state in partnerships.LIVE:
            assert isinstance(self.play.say(LEAD, invite(slug, new_id())), Refused)

    @rule(slug=st.sampled_from(PARTNERS))
    def an_invitation_runs_out(self, slug: str) -> None:
        if (known := self._newest(slug)) is not None:
            told = InvitationRanOut(partnership_id=known.partnership_id, lapses_at=known.lapses_at)
            open = known.state is Partnered.INVITED
            self.play.now = max(self.play.now, known.lapses_at) if open else self.play.now
            assert isinstance(self.play.say(OFFER_HANDLER, told), Changed) == open

    @rule(number=TICKETS, mode=MODES, asked=SEVERAL, partners_alone=MOSTLY)
    def offer(self, number: str, mode: str, asked: list[str], *, partners_alone: bool) -> None:
        if partners_alone:
            asked = [slug for slug in asked if self._is_partner(slug)] or asked
        to = {slug: known for slug in asked if (known := self._newest(slug)) is not None}
        ids = {slug: known.partnership_id for slug, known in to.items()}
        respond_by = self.play.now + timedelta(minutes=5)
        sending = send_to(*asked, mode=mode, number=number, partnership_ids=ids, respond_by=respond_by)
        free = not any(one.ticket.number == number and one.standing is not Standing.CLOSED for one in self.play.rounds)
        all_active = to.keys() == set(asked) and all(one.state is Partnered.ACTIVE for one in to.values())
        decision = self.play.say(LEAD, sending)
        assert isinstance(decision, Changed) == (free and all_active and self._has_agreed())
        first = asked[:1] if mode == "one_after_another" else asked
        self._nobody_is_told_but(decision, {LEAD, *first})

    @rule(answers=st.lists(st.tuples(PLACES, SENDERS, ANSWERS), min_size=1, max_size=4))
    def some_answer(self, answers: list[tuple[int, str, Command]]) -> None:
        for place, sender, said in answers:
            self._answer(self._one_of(self.play.outsourcings, place), sender, said)

    def _answer(self, id: UUID, sender: str, said: Command) -> None:
        before, round = self.play.find(id), self._round_of(id)
        if sender == RIGHT:
            sender = LEAD if said.kind == cancel().kind or before is None else before.service
        decision = self.play.say(sender, said.model_copy(update={"outsourcing_id": id}))
        knows = before is not None and (
            sender == LEAD or (sender == before.service and before.state is not State.PLANNED)
        )
        if before is None or round is None or not knows:
            assert decision == NotYet("outsourcing/unknown")
            return
        entitled = LEAD if said.kind == cancel().kind else before.service
        can_be_mapped = said != accept(None) or self._partnership_of(before.partnership_id).organization is not None
        may = before.state is State.OFFERED and sender == entitled and can_be_mapped
        assert isinstance(decision, Changed) == may
        self._nobody_is_told_but(decision, {LEAD, *(one.service for one in round.outsourcings)})

    @rule()
    @precondition(lambda self: any(one.next_due_at for one in self.play.outsourcings))
    def time_passes(self) -> None:
        self.play.let_time_pass()

    @rule(place=PLACES)
    def an_old_deadline_is_told_again(self, place: int) -> None:
        id = self._one_of(self.play.outsourcings, place)
        known = self.play.find(id)
        if known is not None and known.respond_by is not None and known.next_due_at is not None:
            earlier = known.next_due_at - timedelta(microseconds=1)
            self.play.say(OFFER_HANDLER, DeadlinePassed(outsourcing_id=id, due_at=earlier))

    @rule(place=PLACES, end=st.sampled_from([completed, handed_back]))
    def work_ends(self, place: int, end: Callable[[UUID], Event]) -> None:
        taken = [one for one in self.play.outsourcings if one.state in (State.ACCEPTED, *ENDED)]
        if taken:
            accepted = (known := taken[-1 - place % len(taken)]).state is State.ACCEPTED
            assert isinstance(self.play.say(TICKET_SYNC, end(known.outsourcing_id)), Changed) == accepted

    @rule(slug=st.sampled_from(PARTNERS), sender=SENDERS, force=st.booleans())
    def a_partnership_ends(self, slug: str, sender: str, *, force: bool) -> None:
        if (known := self._newest(slug)) is not None:
            sender = LEAD if sender == RIGHT else sender
            under_way = any(one.state in LIVE for one in self._of(known))
            ending = PartnershipEnd(actor="x", partnership_id=known.partnership_id, force=force)
            decision = self.play.say(sender, ending)
            may = sender == LEAD and known.state is Partnered.ACTIVE and (force or not under_way)
            assert isinstance(decision, Changed) == may

    @invariant()
    def a_pair_has_at_most_one_partnership_that_lives(self) -> None:
        live = Counter(one.pair for one in self.play.all_of(Partnership) if one.state in partnerships.LIVE)
        assert all(count == 1 for count in live.values())

    @invariant()
    def only_a_partner_is_asked_and_only_one_who_knows_the_lead_accepts(self) -> None:
        for one in self.play.outsourcings:
            partnership = self._partnership_of(one.partnership_id)
            assert one.state is not State.OFFERED or partnership.state is Partnered.ACTIVE
            assert one.state is not State.ACCEPTED or partnership.state in (Partnered.ACTIVE, Partnered.ENDED)
            assert one.state not in (State.ACCEPTED, *ENDED) or partnership.organization is not None

    @invariant()
    def history_explains_the_partnerships(self) -> None:
        for one in self.play.all_of(Partnership):
            words = [said for subject, said in self.play.history if subject == str(one.partnership_id)]
            assert partnership_by_history(words) == one.state, words

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

    def _one_of(self, outsourcings: list[Outsourcing], place: int) -> UUID:
        """The id of one of them, the newest first; or one that nobody has ever sent."""
        if place == NOBODY_S or not outsourcings:
            return new_id()
        return outsourcings[-1 - place % len(outsourcings)].outsourcing_id

    def _version_in_force(self) -> str:
        [current] = self.play.all_of(CurrentVersion)
        assert isinstance(current, CurrentVersion)
        return current.version

    def _has_agreed(self) -> bool:
        return any(one.version == self._version_in_force() for one in self.play.all_of(Agreement))

    def _newest(self, slug: str) -> Partnership | None:
        """The partnership that was begun last with this partner."""
        return next((one for one in reversed(self.play.all_of(Partnership)) if one.service == slug), None)

    def _is_partner(self, slug: str) -> bool:
        known = self._newest(slug)
        return known is not None and known.state is Partnered.ACTIVE

    def _partnership_of(self, id: UUID) -> Partnership:
        found: Partnership = next(one for one in self.play.all_of(Partnership) if one.partnership_id == id)
        return found

    def _of(self, partnership: Partnership) -> list[Outsourcing]:
        return [one for one in self.play.outsourcings if one.partnership_id == partnership.partnership_id]

    def _round_of(self, id: UUID) -> Round | None:
        return next((one for one in self.play.rounds if id in one.outsourcing_ids), None)


Offers.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestOffers = Offers.TestCase
