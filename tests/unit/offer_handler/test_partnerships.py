"""Partnerships by the pure rules: who may do what when."""

from services.offer_handler.domain.partnerships import INVITATION_LAPSES_AFTER
from shared.contracts.offer_handler import PartnershipAccept
from shared.ids import new_id
from shared.messaging.outcomes import Changed, Decision, NotYet, Refused
from tests.unit.offer_handler.offering import LEAD, NOW, PARTNERSHIP, SERVICE, STRANGER, Play, agree, invite, partners


def problem(decision: Decision) -> str:
    assert isinstance(decision, Refused | NotYet), decision
    return decision.problem


def test_an_invitation_needs_the_agreement_and_another_instance() -> None:
    play = Play()
    assert problem(play.say(LEAD, invite())) == "agreement/missing"
    play.say(LEAD, agree())
    assert problem(play.say(LEAD, invite(partner=LEAD))) == "partnership/self"


def test_a_pair_has_one_partnership_that_lives() -> None:
    play = partners()
    assert problem(play.say(LEAD, invite(id=new_id()))) == "partnership/exists"
    assert problem(play.say(LEAD, invite(partner=STRANGER))) == "partnership/id-taken"
    assert isinstance(play.say(LEAD, invite(partner=STRANGER, id=new_id())), Changed)


def test_an_instance_that_does_not_exist_is_invited_like_one_that_never_answers() -> None:
    play = Play()
    play.say(LEAD, agree())
    decision = play.say(LEAD, invite(partner="nobody"))
    assert isinstance(decision, Changed) and [tell.to for tell in decision.tell] == [LEAD, "nobody"]  # type: ignore[union-attr]


def test_an_invitation_lapses_and_the_pair_may_try_again() -> None:
    play = Play()
    play.say(LEAD, agree())
    play.say(LEAD, invite())
    play.now = NOW + INVITATION_LAPSES_AFTER
    answer = PartnershipAccept(actor="l.gruber", partnership_id=PARTNERSHIP)
    refused = play.say(SERVICE, answer)
    assert isinstance(refused, Refused) and (refused.problem, refused.state) == ("partnership/wrong-state", "lapsed")
    again = new_id()
    assert isinstance(play.say(LEAD, invite(id=again)), Changed)
    assert isinstance(play.say(SERVICE, answer.model_copy(update={"partnership_id": again})), Changed)


def test_only_the_invited_instance_accepts_and_only_once() -> None:
    play = Play()
    play.say(LEAD, agree())
    play.say(LEAD, invite())
    answer = PartnershipAccept(actor="l.gruber", partnership_id=PARTNERSHIP)
    assert play.say(STRANGER, answer) == Play().say(STRANGER, answer) == NotYet("partnership/unknown")
    assert problem(play.say(LEAD, answer)) == "partnership/not-yours"
    assert isinstance(play.say(SERVICE, answer), Changed)
    assert problem(play.say(SERVICE, answer)) == "partnership/wrong-state"
