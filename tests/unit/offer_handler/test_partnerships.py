"""Partnerships by the pure rules: who invites and answers when, and that exactly one answer wins."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from services.offer_handler.domain.partnerships import ALLOWED, Partnership, State
from shared.contracts.offer_handler import (
    Instance,
    InstanceJoined,
    InvitationAccepted,
    InvitationDeclined,
    InvitationLapsed,
    InvitationRanOut,
    InvitationRevoked,
    InvitationSent,
    PartnershipAccepted,
    PartnershipInvited,
    PartnershipMapped,
    PartnershipResent,
)
from shared.contracts.values import Command, Slug
from shared.ids import new_id
from shared.messaging.outcomes import Changed, Decision, Deliver, NotYet, Publish, Refused, Unchanged
from tests.unit.offer_handler.offering import (
    LEAD,
    NOW,
    OFFER_HANDLER,
    PARTNERSHIP,
    SERVICE,
    STRANGER,
    Play,
    accept,
    agree,
    assign,
    end,
    invite,
    invited,
    join,
    partners,
    refuse,
    resend,
    revoke,
    send,
)

# Each answer by the state it leads to.
ANSWERS: dict[str, Callable[[Play], Decision]] = {
    "active": lambda play: play.say(SERVICE, join()),
    "declined": lambda play: play.say(SERVICE, refuse()),
    "revoked": lambda play: play.say(LEAD, revoke()),
    "lapsed": lambda play: play.run_out(),
}
EVERY_ANSWER = pytest.mark.parametrize("answer", ANSWERS)
# Whose word each command is.
WORDS: dict[str, tuple[str, Command]] = {
    "accept": (SERVICE, join()),
    "decline": (SERVICE, refuse()),
    "resend": (LEAD, resend()),
    "revoke": (LEAD, revoke()),
    "map": (SERVICE, assign()),
    "end": (LEAD, end()),
}
EVERY_WORD = pytest.mark.parametrize("word", WORDS)


def problem(decision: Decision) -> str:
    assert isinstance(decision, Refused | NotYet), decision
    return decision.problem


def the_partnership(play: Play) -> Partnership:
    [found] = play.all_of(Partnership)
    assert isinstance(found, Partnership)
    return found


def the_last(play: Play) -> Partnership:
    last = play.all_of(Partnership)[-1]
    assert isinstance(last, Partnership)
    return last


def test_an_invitation_needs_the_agreement_and_another_instance() -> None:
    play = Play()
    assert problem(play.say(LEAD, invite())) == "agreement/missing"
    play.say(LEAD, agree())
    assert problem(play.say(LEAD, invite(partner=LEAD))) == "partnership/self"


def test_a_pair_has_one_partnership_that_lives() -> None:
    for play, state, allowed in (
        (invited(), "invited", "partnership.revoke"),
        (partners(), "active", "partnership.end"),
    ):
        refused = play.say(LEAD, invite(id=new_id()))
        assert isinstance(refused, Refused)
        assert (refused.problem, refused.state) == ("partnership/exists", state) and allowed in refused.allowed
        assert problem(play.say(LEAD, invite(partner=STRANGER))) == "partnership/id-taken"
        assert isinstance(play.say(LEAD, invite(partner=STRANGER, id=new_id())), Changed)


@pytest.mark.parametrize("ending", ["declined", "revoked", "lapsed", "ended"])
def test_a_pair_may_try_again_when_its_last_partnership_has_ended(ending: str) -> None:
    play = partners() if ending == "ended" else invited()
    play.say(LEAD, end()) if ending == "ended" else ANSWERS[ending](play)
    assert the_partnership(play).state == ending
    again = new_id()
    assert isinstance(play.say(LEAD, invite(id=again)), Changed)
    assert isinstance(play.say(SERVICE, join(again)), Changed)


def test_an_instance_that_does_not_exist_is_invited_like_one_that_never_answers() -> None:
    def told_to_lead(partner: str) -> list[str]:
        play = invited(partner=partner)
        play.say(LEAD, resend())
        play.run_out()
        return [fact.model_dump_json().replace(partner, "") for fact in play.told_to(LEAD)]

    assert told_to_lead("nobody") == told_to_lead(SERVICE)


def test_a_company_without_an_instance_is_known_at_once_by_the_slug_it_will_have() -> None:
    play = invited(partner=None)
    another = new_id()
    play.say(LEAD, invite(partner=None, id=another))
    first, second = (one.service for one in play.all_of(Partnership))
    assert first == invited(partner=None).all_of(Partnership)[0].service != second
    assert TypeAdapter(Slug).validate_python(first) == first
    [told, _] = [fact for fact in play.told_to(LEAD) if isinstance(fact, PartnershipInvited)]
    assert (told.service, told.state) == (first, "invited")


def test_a_company_without_an_instance_gives_its_name_and_takes_part_as_one_that_is_reached_by_e_mail() -> None:
    play = invited(partner=None, language="de")
    play.say(LEAD, resend(recipient="office@huber.example"))
    slug = the_partnership(play).service
    assert problem(play.say(slug, join())) == "partnership/name-missing"
    accepted = play.say(slug, join(name="Elektro Huber", organization="Nordlicht"))
    assert isinstance(accepted, Changed) and accepted.beside == ((slug, "joined"),)
    huber = Instance(slug=slug, name="Elektro Huber", language="de", email="office@huber.example", kind="portal")
    assert play.all_of(Instance) == [huber]
    assert [tell for tell in play.told if tell.data == InstanceJoined(instance=huber)] == [
        Publish(InstanceJoined(instance=huber), subject=slug)
    ]
    told = play.told_to(LEAD)[-1]
    assert isinstance(told, PartnershipAccepted) and (told.service, told.name) == (slug, "Elektro Huber")


def test_who_was_invited_by_its_slug_joins_nothing_anew() -> None:
    play = invited()
    play.say(SERVICE, join(name="Alpenwerk"))
    assert play.all_of(Instance) == []
    assert not any(isinstance(fact, InstanceJoined) for fact in play.published())


@pytest.mark.parametrize(("said", "days"), [({}, 30), ({"lapses_after_days": 1}, 1), ({"lapses_after_days": 90}, 90)])
def test_an_invitation_is_open_for_as_long_as_it_says(said: dict[str, int], days: int) -> None:
    play = invited(**said)
    assert the_partnership(play).lapses_at == NOW + timedelta(days=days)


@given(st.lists(st.sampled_from(list(ANSWERS)), min_size=1, max_size=6))
def test_the_first_of_accept_decline_revoke_and_lapse_wins_and_all_others_change_nothing(order: list[str]) -> None:
    play = invited()
    decisions = [ANSWERS[answer](play) for answer in order]
    assert [isinstance(decision, Changed) for decision in decisions] == [True] + [False] * (len(order) - 1)
    assert the_partnership(play).state == order[0]
    for answer, decision in zip(order[1:], decisions[1:], strict=True):
        if answer == "lapsed":
            assert decision == Unchanged()
        else:
            assert isinstance(decision, Refused)
            assert (decision.problem, decision.state) == ("partnership/wrong-state", order[0])
            assert decision.allowed == ALLOWED[State(order[0])]


@EVERY_ANSWER
def test_both_sides_and_nobody_else_are_told_the_same_of_every_answer(answer: str) -> None:
    play = invited()
    before = len(play.told)
    ANSWERS[answer](play)
    told = [tell for tell in play.told[before:] if isinstance(tell, Deliver)]
    assert Counter(one.to for one in told) == {LEAD: 1, SERVICE: 1}
    assert told[0].data == told[1].data
    assert told[0].data.model_dump()["state"] == answer


def test_the_other_services_hear_who_was_invited_where_and_what_became_of_it() -> None:
    heard = {}
    for answer, decide in ANSWERS.items():
        play = invited(language="de", note="Servus")
        decide(play)
        sent, heard[answer] = play.published()
        assert isinstance(sent, InvitationSent) and sent.note == "Servus"
        for fact in (sent, heard[answer]):
            assert (fact.recipient, fact.language) == ("alpenwerk@example.com", "de")
    assert {answer: type(fact) for answer, fact in heard.items()} == {
        "active": InvitationAccepted,
        "declined": InvitationDeclined,
        "revoked": InvitationRevoked,
        "lapsed": InvitationLapsed,
    }
    assert (heard["active"].accepted_by, heard["declined"].reason) == ("l.gruber", "too far away")


@EVERY_WORD
def test_what_is_the_other_side_s_to_say_is_refused(word: str) -> None:
    whose, command = WORDS[word]
    other, role = (SERVICE, "lead") if whose == LEAD else (LEAD, "service")
    refused = invited().say(other, command)
    assert isinstance(refused, Refused)
    assert (refused.problem, refused.state, refused.details) == ("partnership/not-yours", "invited", {"role": role})


@EVERY_WORD
def test_what_is_somebody_else_s_looks_like_what_is_not_there(word: str) -> None:
    _, command = WORDS[word]
    assert invited().say(STRANGER, command) == Play().say(STRANGER, command) == NotYet("partnership/unknown")


@EVERY_WORD
def test_what_has_ended_never_changes(word: str) -> None:
    whose, command = WORDS[word]
    play = partners()
    play.say(LEAD, end())
    ended = the_partnership(play)
    play.now += timedelta(days=40)
    refused = play.say(whose, command)
    assert isinstance(refused, Refused) and (refused.problem, refused.state) == ("partnership/wrong-state", "ended")
    assert play.run_out() == Unchanged()
    assert the_partnership(play) == ended


def test_an_acceptance_before_the_message_counts_however_late_it_is() -> None:
    play = invited()
    play.now += timedelta(days=31)
    assert isinstance(play.say(SERVICE, join()), Changed)
    assert play.run_out() == Unchanged()


def test_an_invitation_sent_again_is_corrected_and_starts_anew() -> None:
    play = invited(note="Hello", lapses_after_days=10)
    play.now += timedelta(days=8)
    assert isinstance(play.say(LEAD, resend(recipient="office@example.com", language="de")), Changed)
    open = the_partnership(play)
    assert (open.recipient, open.language, open.note) == ("office@example.com", "de", "Hello")
    assert open.lapses_at == play.now + timedelta(days=10)
    for slug in (LEAD, SERVICE):
        told = play.told_to(slug)[-1]
        assert isinstance(told, PartnershipResent) and (told.note, told.lapses_at) == ("Hello", open.lapses_at)
    heard = play.published()[-1]
    assert isinstance(heard, InvitationSent) and heard.recipient == "office@example.com"
    assert isinstance(play.say(LEAD, resend(note="")), Changed)
    assert the_partnership(play).note == ""


def test_the_time_of_an_invitation_that_was_sent_again_is_no_longer_that_of_the_first() -> None:
    play = invited()
    first = the_partnership(play).lapses_at
    play.now += timedelta(days=29)
    play.say(LEAD, resend())
    play.now = first
    assert play.say(OFFER_HANDLER, InvitationRanOut(partnership_id=PARTNERSHIP, lapses_at=first)) == Unchanged()
    assert isinstance(play.run_out(), Changed)


def test_an_invitation_is_sent_again_ten_times_at_most() -> None:
    play = invited()
    assert all(isinstance(play.say(LEAD, resend()), Changed) for _ in range(10))
    refused = play.say(LEAD, resend())
    assert isinstance(refused, Refused)
    assert (refused.problem, refused.allowed) == ("partnership/resent-too-often", ("partnership.revoke",))
    assert isinstance(play.say(LEAD, revoke()), Changed)


def test_to_revoke_and_to_invite_again_writes_to_nobody_more_often() -> None:
    play = invited()
    for _ in range(10):
        play.say(LEAD, revoke(the_last(play).partnership_id))
        assert isinstance(play.say(LEAD, invite(id=new_id())), Changed)
    play.say(LEAD, revoke(the_last(play).partnership_id))
    before = len(play.told)
    # Neither another way to write the address nor another company behind it makes a difference.
    for again in (invite(id=new_id()), invite(STRANGER, new_id(), recipient="Alpenwerk@Example.com")):
        refused = play.say(LEAD, again)
        assert isinstance(refused, Refused)
        assert (refused.problem, refused.details) == ("partnership/invited-too-often", {"limit": 11})
    assert len(play.told) == before
    play.now += timedelta(days=1)
    assert isinstance(play.say(LEAD, invite(id=new_id())), Changed)


def test_an_invitation_sent_again_counts_where_it_goes_to() -> None:
    play = invited()
    sent_there: list[Decision] = []
    for count in range(1, 12):
        play.say(LEAD, invite(None, id := new_id(), recipient=f"{count}@example.com"))
        sent_there.append(play.say(LEAD, resend(id, recipient="alpenwerk@example.com")))
    *counted, last = sent_there
    assert all(isinstance(one, Changed) for one in counted) and isinstance(last, Refused)
    assert (last.problem, last.state) == ("partnership/invited-too-often", "invited")
    assert problem(play.say(LEAD, resend())) == "partnership/invited-too-often"
    assert isinstance(play.say(LEAD, resend(recipient="office@example.com")), Changed)
    play.say(STRANGER, agree())
    assert isinstance(play.say(STRANGER, invite(id=new_id())), Changed), "what another lead writes is its own"


def test_the_service_partner_corrects_its_mapping_at_any_time_and_the_lead_is_not_told() -> None:
    play = partners()
    told = len(play.told_to(LEAD))
    # The third says what is so already, and is answered like the others.
    for count, organization in enumerate(("Nordlicht", "Nordlicht, Hamburg", "Nordlicht, Hamburg"), start=1):
        assert isinstance(play.say(SERVICE, assign(organization)), Changed)
        mapped = [data for data in play.told_to(SERVICE) if isinstance(data, PartnershipMapped)]
        assert len(mapped) == count and mapped[-1].organization == organization
    assert len(play.told_to(LEAD)) == told
    play.say(LEAD, send())
    assert isinstance(play.say(SERVICE, accept(organization=None)), Changed)
    assert problem(invited().say(SERVICE, assign())) == "partnership/wrong-state"
