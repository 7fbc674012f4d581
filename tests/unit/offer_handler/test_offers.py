"""Offers to one partner by the pure rules: who may do what when, and that exactly one answer wins."""

from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.offer_handler.domain.partnerships import State as Partnered
from services.offer_handler.domain.rounds import State
from shared.contracts.offer_handler import (
    AgreementAccept,
    OfferAccepted,
    OfferReceived,
    OfferSend,
    OutsourcingAccepted,
    OutsourcingOffered,
    PartnerOffer,
)
from shared.contracts.problems import describe
from shared.contracts.values import Event, Payload
from shared.ids import new_id
from shared.messaging.outcomes import Changed, Decision, Deliver, FieldError, NotYet, Publish, Refused, Unchanged
from tests.unit.offer_handler.offering import (
    CUSTOMER,
    LEAD,
    NOW,
    OFFER_HANDLER,
    OUTSOURCING,
    PARTNERSHIP,
    RESPOND_BY,
    SERVICE,
    STRANGER,
    TICKET_SYNC,
    Play,
    accept,
    agree,
    cancel,
    completed,
    deadline,
    decline,
    handed_back,
    invite,
    join,
    offered,
    partners,
    partnership_with,
    send,
)

# Each ending by who brings it, and the state it leads to.
ENDINGS: dict[str, tuple[str, Payload]] = {
    "accepted": (SERVICE, accept()),
    "declined": (SERVICE, decline()),
    "cancelled": (LEAD, cancel()),
    "expired": (OFFER_HANDLER, deadline()),
}


def problem(decision: Decision) -> str:
    assert isinstance(decision, Refused | NotYet), decision
    return decision.problem


@given(st.lists(st.sampled_from(list(ENDINGS)), min_size=1, max_size=8))
def test_the_first_of_accept_decline_cancel_and_expire_wins_and_all_others_change_nothing(order: list[str]) -> None:
    play = offered()
    decisions = [play.say(*ENDINGS[ending]) for ending in order]
    assert [isinstance(decision, Changed) for decision in decisions] == [True] + [False] * (len(order) - 1)
    assert play.states == [order[0]]
    for ending, decision in zip(order[1:], decisions[1:], strict=True):
        if ending == "expired":
            assert decision == Unchanged()
        else:
            assert isinstance(decision, Refused)
            assert (decision.problem, decision.state) == ("offer/too-late", order[0])


@given(st.sampled_from(list(ENDINGS)))
def test_both_sides_are_told_the_same_of_every_ending(ending: str) -> None:
    play = offered()
    before = len(play.told)
    play.say(*ENDINGS[ending])
    told = [tell for tell in play.told[before:] if isinstance(tell, Deliver)]
    assert Counter(one.to for one in told) == {LEAD: 1, SERVICE: 1}
    assert told[0].data == told[1].data


@pytest.mark.parametrize(
    ("sender", "data"), [(LEAD, accept()), (LEAD, decline()), (SERVICE, cancel())], ids=["accept", "decline", "cancel"]
)
def test_what_is_the_other_side_s_to_say_is_refused(sender: str, data: Payload) -> None:
    play = offered()
    assert problem(play.say(sender, data)) == "offer/not-yours"
    assert play.states == ["offered"]


@pytest.mark.parametrize(
    ("sender", "data", "role"),
    [(LEAD, accept(), "des Service-Partners"), (SERVICE, cancel(), "des Lead-Partners")],
    ids=["accept", "cancel"],
)
def test_whose_word_it_is_is_said_in_the_reader_s_language(sender: str, data: Payload, role: str) -> None:
    refused = offered().say(sender, data)
    assert isinstance(refused, Refused)
    assert describe(refused.problem, "de", refused.details)[1] == f"Das darf nur die Seite {role}."


@pytest.mark.parametrize("state", [*State, *Partnered], ids=str)
def test_every_state_is_said_in_the_reader_s_language(state: str) -> None:
    assert f"„{state}“" not in describe("offer/too-late", "de", {"state": state})[1]


@pytest.mark.parametrize("data", [accept(), decline(), cancel()], ids=["accept", "decline", "cancel"])
def test_what_is_somebody_else_s_looks_like_what_is_not_there(data: Payload) -> None:
    assert offered().say(STRANGER, data) == Play().say(STRANGER, data) == NotYet("outsourcing/unknown")


def test_the_customer_is_disclosed_with_the_acceptance_and_not_before() -> None:
    play = partners()
    sent = play.say(LEAD, send())
    assert isinstance(sent, Changed)
    for tell in sent.tell:
        said = tell.data.model_dump_json()
        assert not any(value in said for value in CUSTOMER.model_dump().values())
    assert {type(tell.data) for tell in sent.tell} >= {OfferReceived, OutsourcingOffered}
    accepted = play.say(SERVICE, accept())
    assert isinstance(accepted, Changed)
    [published] = [tell.data for tell in accepted.tell if isinstance(tell, Publish)]
    assert isinstance(published, OutsourcingAccepted) and published.ticket.customer == CUSTOMER


def test_all_that_is_told_of_an_offer_goes_under_the_outsourcing() -> None:
    sent = partners().say(LEAD, send())
    assert isinstance(sent, Changed)
    assert {tell.subject for tell in sent.tell} == {str(OUTSOURCING)}


def test_the_first_ticket_of_a_lead_needs_the_organization_and_later_ones_remember_it() -> None:
    play = offered()
    assert problem(play.say(SERVICE, accept(organization=None))) == "offer/organization-missing"
    assert isinstance(play.say(SERVICE, accept()), Changed)
    play.say(OFFER_HANDLER, completed())
    another = new_id()
    sent = play.say(LEAD, send(id=another))
    assert isinstance(sent, Changed)
    [received] = [tell.data for tell in sent.tell if isinstance(tell.data, OfferReceived)]
    assert not received.needs_organization
    assert isinstance(play.say(SERVICE, accept(organization=None, id=another)), Changed)


@pytest.mark.parametrize(("late", "told"), [(-1.0, None), (0.0, None), (0.2, 1), (90.0, 90)])
def test_an_answer_before_the_deadline_s_message_counts_and_tells_how_late_it_is(late: float, told: int | None) -> None:
    play = offered()
    play.now = RESPOND_BY + timedelta(seconds=late)
    accepted = play.say(SERVICE, accept())
    assert isinstance(accepted, Changed)
    late_by = [
        one.data.late_by_seconds for one in accepted.tell if isinstance(one.data, OfferAccepted | OutsourcingAccepted)
    ]
    assert late_by == [told] * 3


@pytest.mark.parametrize("ending", ["declined", "cancelled", "expired"])
def test_a_ticket_has_one_live_offer_and_is_free_again_when_that_has_ended(ending: str) -> None:
    play = offered()
    assert problem(play.say(LEAD, send(id=new_id()))) == "offer/ticket-not-free"
    play.say(*ENDINGS[ending])
    assert isinstance(play.say(LEAD, send(id=new_id())), Changed)


@pytest.mark.parametrize("closing", [completed(), handed_back()], ids=["completed", "returned"])
def test_a_send_for_a_ticket_that_is_just_closing_waits_for_the_event_that_closes_it(closing: Event) -> None:
    play = offered()
    play.say(SERVICE, accept())
    assert play.say(LEAD, send(id=new_id())) == NotYet("offer/ticket-not-free", 10.0, "accepted")
    assert isinstance(play.say(TICKET_SYNC, closing), Changed)
    assert play.say(TICKET_SYNC, closing) == Unchanged()
    assert isinstance(play.say(LEAD, send(id=new_id())), Changed)


def test_an_offer_needs_agreement_partnership_time_and_an_id_of_its_own() -> None:
    assert problem(Play().say(LEAD, send())) == "partnership/unknown"
    assert problem(partners().say(STRANGER, send())) == "partnership/unknown"
    assert problem(partners().say(SERVICE, send())) == "partnership/unknown"
    assert problem(partners().say(LEAD, send(respond_by=NOW))) == "offer/respond-by-past"
    assert problem(offered().say(LEAD, send(number="NL-2"))) == "offer/id-taken"
    declined = offered()
    declined.say(SERVICE, decline())
    assert problem(declined.say(LEAD, send())) == "offer/id-taken"
    invited = Play()
    invited.say(LEAD, AgreementAccept(actor="k.sommer", version="2026-01"))
    invited.say(LEAD, invite())
    refused = invited.say(LEAD, send())
    assert isinstance(refused, Refused) and (refused.problem, refused.state) == ("partnership/not-active", "invited")
    assert refused.errors == (FieldError("/data/offers/0/partnership_id", "is invited"),)


def test_a_round_is_sent_once_whatever_became_of_it() -> None:
    play = partners()
    round = send()
    play.say(LEAD, round)
    play.say(SERVICE, accept())
    play.say(OFFER_HANDLER, completed())
    again = round.model_copy(update={"offers": (PartnerOffer(partnership_id=PARTNERSHIP, outsourcing_id=new_id()),)})
    assert problem(play.say(LEAD, again)) == "offer/id-taken"


def test_a_ticket_is_passed_on_by_who_works_on_it_and_nobody_is_told() -> None:
    """The lead holds it as a service partner of a stranger; the second outsourcing is that of its own partner."""
    play, theirs = partners(), new_id()
    play.say(STRANGER, agree())
    play.say(STRANGER, invite(LEAD, partnership_with(LEAD)))
    play.say(LEAD, join(partnership_with(LEAD), organization="Elbtal AG"))
    play.say(STRANGER, send(id=theirs, partnership_id=partnership_with(LEAD)))

    def onward(derived_from: UUID) -> OfferSend:
        return send("NL-2").model_copy(update={"derived_from": derived_from})

    unknown = NotYet("outsourcing/unknown")
    assert play.say(LEAD, onward(theirs)) == unknown, "only offered"
    play.say(LEAD, accept(id=theirs))
    assert play.say(LEAD, onward(new_id())) == unknown, "not there"
    play.told.clear()
    assert isinstance(play.say(LEAD, onward(theirs)), Changed)
    play.say(SERVICE, accept())
    assert [one.derived_from for one in play.published() if isinstance(one, OutsourcingAccepted)] == [theirs]
    assert str(theirs) not in "".join(f"{one.data!r}" for one in play.told if isinstance(one, Deliver))
    assert play.say(LEAD, onward(OUTSOURCING)) == unknown, "its own as a lead"
    play.say(TICKET_SYNC, completed(theirs))
    assert play.say(LEAD, onward(theirs)) == unknown, "over"
