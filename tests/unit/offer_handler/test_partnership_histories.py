"""Whatever two leads, two companies, a stranger and the clock do to invitations in whatever order: what must be so."""

from collections import Counter
from datetime import timedelta
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from services.offer_handler.domain.addressees import DAY, MOST_IN_A_DAY, Addressee
from services.offer_handler.domain.partnerships import LIVE, Partnership, State
from shared.contracts.offer_handler import InvitationRanOut
from shared.contracts.values import Command, Payload
from shared.ids import new_id
from shared.messaging.outcomes import Changed, Deliver
from tests.unit.offer_handler.offering import (
    LEAD,
    OFFER_HANDLER,
    SERVICE,
    STRANGER,
    Play,
    agree,
    assign,
    end,
    invite,
    join,
    refuse,
    resend,
    revoke,
)

INSTANCES = (LEAD, SERVICE, STRANGER)
SENDERS = st.sampled_from(INSTANCES)
INVITED = st.sampled_from([*INSTANCES, None])
COMMANDS = st.sampled_from([join(), refuse(), resend(note="again"), revoke(), assign(), end()])


class Partnerships(RuleBasedStateMachine):
    """Invitations in all directions, answered, sent again, revoked, lapsed, mapped and ended by whoever tries."""

    named = Bundle("named")

    def __init__(self) -> None:
        super().__init__()
        self.play = Play()
        for slug in INSTANCES:
            self.play.say(slug, agree())
        self.closed: dict[UUID, Partnership] = {}

    @rule(target=named, sender=SENDERS, partner=INVITED, days=st.integers(1, 90))
    def invitation(self, sender: str, partner: str | None, days: int) -> UUID:
        id = new_id()
        invitation = invite(partner, id, lapses_after_days=days)
        free = not any(one.pair == (sender, partner) and one.state in LIVE for one in self._all())
        may = partner != sender and self._may_write_to(sender, invitation.recipient)
        self._say(sender, invitation, id, expected=free and may)
        return id

    @rule(id=named, sender=SENDERS, said=COMMANDS)
    def command(self, id: UUID, sender: str, said: Command) -> None:
        self._say(sender, said.model_copy(update={"partnership_id": id}), id)

    @rule(id=named)
    def the_invited_company_answers(self, id: UUID) -> None:
        for one in self._all():
            if one.partnership_id == id:
                self._say(one.service, join(id, name="Elbtal IT"), id, expected=one.state is State.INVITED)

    @rule(id=named, days=st.integers(0, 60), now=st.booleans())
    def time_passes(self, id: UUID, days: int, now: bool) -> None:
        self.play.now += timedelta(days=days)
        for one in self._all():
            if one.partnership_id == id:
                due_at = one.lapses_at if now else one.lapses_at - timedelta(microseconds=1)
                told = InvitationRanOut(partnership_id=id, lapses_at=due_at)
                self._say(OFFER_HANDLER, told, id, expected=now and one.state is State.INVITED)

    @invariant()
    def a_pair_has_at_most_one_partnership_that_lives(self) -> None:
        live = Counter(one.pair for one in self._all() if one.state in LIVE)
        assert all(count == 1 for count in live.values())

    @invariant()
    def nobody_is_its_own_partner(self) -> None:
        assert all(one.lead != one.service for one in self._all())

    @invariant()
    def what_has_ended_stays_as_it_ended(self) -> None:
        for one in self._all():
            if one.state not in LIVE:
                assert self.closed.setdefault(one.partnership_id, one) == one

    def _say(self, sender: str, data: Payload, id: UUID, *, expected: bool | None = None) -> None:
        decision = self.play.say(sender, data)
        if expected is not None:
            assert isinstance(decision, Changed) == expected
        if isinstance(decision, Changed):
            [changed] = [one for one in self._all() if one.partnership_id == id]
            assert sender in (*changed.pair, OFFER_HANDLER)
            assert {tell.to for tell in decision.tell if isinstance(tell, Deliver)} <= set(changed.pair)

    def _may_write_to(self, lead: str, address: str) -> bool:
        """Whether the lead has not had eleven invitations sent there in the day that began with the first."""
        full = [one for one in self.play.all_of(Addressee) if one.invitations >= MOST_IN_A_DAY]
        return not any(one.key == (lead, address) and self.play.now < one.since + DAY for one in full)

    def _all(self) -> list[Partnership]:
        return self.play.all_of(Partnership)


Partnerships.TestCase.settings = settings(max_examples=60, stateful_step_count=25)
TestPartnerships = Partnerships.TestCase
