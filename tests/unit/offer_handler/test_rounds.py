"""Rounds of several partners by the pure rules: all at once and one after another, and what nobody may learn."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.offer_handler.domain.rounds import Round, State
from shared.contracts.offer_handler import OfferCancelled, OfferSend, PartnershipEnd
from shared.ids import new_id
from shared.messaging.outcomes import Changed, Decision, Deliver, NotYet, Refused
from tests.unit.offer_handler.offering import (
    LEAD,
    NOW,
    OTHERS,
    OUTSOURCING,
    RESPOND_BY,
    SERVICE,
    STRANGER,
    Play,
    accept,
    cancel,
    decline,
    partners,
    partnership_with,
    send,
    send_to,
)

THREE = (SERVICE, *OTHERS)


def round_of(*, mode: str = "all_at_once", **terms: Any) -> tuple[Play, list[UUID]]:
    """A round to three partners just sent, and the ids of its outsourcings."""
    play = partners(*THREE)
    sending = send_to(*THREE, mode=mode, **terms)
    assert isinstance(play.say(LEAD, sending), Changed)
    return play, ids_of(sending)


def ids_of(sending: OfferSend) -> list[UUID]:
    return [offer.outsourcing_id for offer in sending.offers]


def delays_of_cancellations(decision: Decision) -> list[timedelta]:
    """By how much each partner's delivery is later than what it tells: each comes a tick after the one before."""
    assert isinstance(decision, Changed)
    deliveries = [tell for tell in decision.tell if isinstance(tell, Deliver)]
    return [
        NOW + position * timedelta(microseconds=1) - tell.data.cancelled_at
        for position, tell in enumerate(deliveries)
        if isinstance(tell.data, OfferCancelled) and tell.to != LEAD
    ]


def kinds(play: Play, slug: str) -> list[str]:
    """What one instance was told of offers and rounds, in order."""
    told = (data.kind.removeprefix("tandem.").removesuffix(".v1") for data in play.told_to(slug))
    return [kind for kind in told if kind.startswith(("offer.", "round."))]


@given(st.permutations(range(3)))
def test_of_all_asked_at_once_the_first_acceptance_wins(order: list[int]) -> None:
    play, ids = round_of()
    assert play.states == ["offered"] * 3
    decisions = [play.say(THREE[place], accept(id=ids[place])) for place in order]
    assert isinstance(decisions[0], Changed)
    for late in decisions[1:]:
        assert isinstance(late, Refused) and (late.problem, late.state) == ("offer/too-late", "cancelled")
    assert play.states == ["accepted" if place == order[0] else "cancelled" for place in range(3)]


def test_who_loses_a_round_is_told_what_a_cancellation_without_a_reason_tells() -> None:
    lost, ids = round_of()
    lost.say(OTHERS[0], accept(id=ids[1]))
    cancelled, other_ids = round_of()
    cancelled.say(LEAD, cancel(other_ids[0]).model_copy(update={"reason": None}))
    loser, taken_back = lost.told_to(SERVICE)[-1], cancelled.told_to(SERVICE)[-1]
    its_own = {"outsourcing_id": loser.outsourcing_id, "cancelled_at": loser.cancelled_at}
    assert taken_back.model_copy(update=its_own).model_dump_json() == loser.model_dump_json()


@pytest.mark.parametrize("winner", range(3))
def test_no_time_tells_a_loser_from_who_was_told_no_reason(winner: int) -> None:
    lost, ids = round_of()
    accepted = lost.say(THREE[winner], accept(id=ids[winner]))
    whole, ids = round_of()
    taken_back = whole.say(LEAD, cancel(ids[0], whole_round=True))
    alone, ids = round_of()
    one_taken_back = alone.say(LEAD, cancel(ids[winner]))
    delays = [delay for said in (accepted, taken_back, one_taken_back) for delay in delays_of_cancellations(said)]
    assert len(delays) == 2 + 3 + 1 and len(set(delays)) == 1


def test_two_who_lose_have_not_even_the_instant_in_common() -> None:
    play, ids = round_of()
    play.say(OTHERS[0], accept(id=ids[1]))
    assert play.told_to(SERVICE)[-1].cancelled_at != play.told_to(OTHERS[1])[-1].cancelled_at


def test_a_refusal_of_one_leaves_the_others_asked_and_the_last_closes_the_round() -> None:
    play, ids = round_of()
    play.say(SERVICE, decline(ids[0]))
    assert play.states == ["declined", "offered", "offered"]
    play.say(LEAD, cancel(ids[1]))
    play.now = RESPOND_BY
    while play.rounds[0].open_offers():
        play.let_time_pass()
    assert play.states == ["declined", "cancelled", "expired"]
    assert kinds(play, LEAD)[-1] == "round.closed"
    again = send(id=OUTSOURCING, respond_by=RESPOND_BY + timedelta(hours=1))
    assert isinstance(play.say(LEAD, again), Changed), "the ticket is free again"


@pytest.mark.parametrize("end", ["accepted", "open", "closed"])
def test_a_lead_is_told_to_offer_again_only_when_it_may_and_a_partner_cannot_tell_whether_it_may(end: str) -> None:
    play, ids = round_of()
    play.say(SERVICE, decline(ids[0]))
    if end == "accepted":
        play.say(OTHERS[0], accept(id=ids[1]))
    if end == "closed":
        play.say(LEAD, cancel(ids[1], whole_round=True))
    lead, partner = play.say(LEAD, cancel(ids[0])), play.say(SERVICE, accept(id=ids[0]))
    assert isinstance(lead, Refused) and isinstance(partner, Refused)
    assert (lead.state, partner.state, partner.allowed) == ("declined", "declined", ("offer.send",))
    assert isinstance(play.say(LEAD, send()), Changed) == ("offer.send" in lead.allowed) == (end == "closed")


def test_one_after_another_the_next_is_asked_when_the_one_before_declines_or_does_not_answer() -> None:
    play, ids = round_of(mode="one_after_another")
    assert play.states == ["offered", "planned", "planned"]
    assert kinds(play, OTHERS[0]) == kinds(play, OTHERS[1]) == []
    assert play.say(OTHERS[0], accept(id=ids[1])) == NotYet("outsourcing/unknown"), "nobody has asked it yet"
    play.now = NOW + timedelta(hours=1)
    play.say(SERVICE, decline(ids[0]))
    assert play.states == ["declined", "offered", "planned"]
    second = play.find(ids[1])
    assert second is not None
    assert second.respond_by == play.now + (RESPOND_BY - NOW), "each has as long as the first one had"
    assert play.told_to(OTHERS[0])[-1].terms.respond_by == second.respond_by
    while second.state is State.OFFERED:
        play.let_time_pass()
        second = play.find(ids[1])
        assert second is not None
    assert play.states == ["declined", "expired", "offered"]
    assert isinstance(play.say(OTHERS[1], accept(id=ids[2])), Changed)
    assert play.states == ["declined", "expired", "accepted"]
    assert kinds(play, LEAD) == [
        *("offer.sent", "offer.declined", "offer.sent", "offer.expired", "offer.sent", "offer.accepted"),
    ]


def test_an_outsourcing_is_its_lead_s_and_its_partner_s_from_when_that_is_asked() -> None:
    play, ids = round_of(mode="one_after_another")
    [round] = play.all_of(Round)
    assert [round.parties_of(str(id)) for id in ids] == [(LEAD, SERVICE), (LEAD,), (LEAD,)]
    assert round.parties_of(str(round.round_id)) == (LEAD,)


def test_one_after_another_ends_with_an_acceptance_and_the_rest_never_hear_of_it() -> None:
    play, ids = round_of(mode="one_after_another")
    play.say(SERVICE, accept(id=ids[0]))
    assert play.states == ["accepted", "planned", "planned"]
    assert kinds(play, OTHERS[0]) == kinds(play, OTHERS[1]) == []


def test_one_after_another_ends_when_the_lead_takes_the_offer_back() -> None:
    play, ids = round_of(mode="one_after_another")
    play.say(LEAD, cancel(ids[0]))
    assert play.states == ["cancelled", "planned", "planned"]
    assert kinds(play, LEAD)[-1] == "round.closed"
    assert isinstance(play.say(LEAD, send()), Changed)


def test_one_after_another_asks_nobody_who_would_answer_after_the_work_is_due() -> None:
    play, ids = round_of(mode="one_after_another", complete_by=RESPOND_BY + timedelta(hours=1))
    play.now = NOW + timedelta(hours=2)
    play.say(SERVICE, decline(ids[0]))
    assert play.states == ["declined", "planned", "planned"]
    assert kinds(play, LEAD)[-1] == "round.closed"


def test_a_whole_round_is_taken_back_at_once() -> None:
    play, ids = round_of()
    play.say(OTHERS[1], decline(ids[2]))
    play.say(LEAD, cancel(ids[0], whole_round=True))
    assert play.states == ["cancelled", "cancelled", "declined"]
    assert [kinds(play, slug)[-1] for slug in THREE] == ["offer.cancelled", "offer.cancelled", "offer.declined"]


def test_a_round_needs_an_active_partnership_with_everybody_and_says_where_it_has_none() -> None:
    play = partners(SERVICE, OTHERS[0])
    assert play.say(LEAD, send_to(SERVICE, *OTHERS)) == NotYet("partnership/unknown")
    play.partner_with(OTHERS[1])
    play.say(LEAD, PartnershipEnd(actor="k.sommer", partnership_id=partnership_with(OTHERS[1])))
    refused = play.say(LEAD, send_to(SERVICE, *OTHERS))
    assert isinstance(refused, Refused) and refused.problem == "partnership/not-active"
    assert [error.pointer for error in refused.errors] == ["/data/offers/2/partnership_id"]


def test_who_is_no_partner_any_more_is_passed_over() -> None:
    play, ids = round_of(mode="one_after_another")
    play.say(LEAD, PartnershipEnd(actor="k.sommer", partnership_id=partnership_with(OTHERS[0])))
    play.say(SERVICE, decline(ids[0]))
    assert play.states == ["declined", "planned", "offered"]


def test_a_partnership_with_work_under_way_ends_only_by_force() -> None:
    play, ids = round_of()
    ending = PartnershipEnd(actor="k.sommer", partnership_id=partnership_with(SERVICE), reason="moved away")
    refused = play.say(LEAD, ending)
    assert isinstance(refused, Refused)
    assert (refused.problem, refused.details["count"]) == ("partnership/work-under-way", 1)
    ended = play.say(LEAD, ending.model_copy(update={"force": True}))
    assert isinstance(ended, Changed)
    assert play.partnership(SERVICE).state == "ended"
    assert play.states == ["cancelled", "offered", "offered"]
    for slug in (LEAD, SERVICE):
        [notice] = [data for data in play.told_to(slug) if data.kind == "tandem.partnership.ended.v1"]
        assert (notice.forced, notice.reason) == (True, "moved away")
    assert (str(ids[0]), "cancelled: the partnership has ended") in play.history


def test_a_partnership_that_ends_by_force_has_accepted_work_completed_and_the_round_goes_on_without_it() -> None:
    play, ids = round_of(mode="one_after_another")
    ending = PartnershipEnd(actor="k.sommer", partnership_id=partnership_with(SERVICE), force=True)
    play.say(LEAD, ending)
    assert play.states == ["cancelled", "offered", "planned"]
    play.say(OTHERS[0], accept(id=ids[1]))
    play.say(LEAD, ending.model_copy(update={"partnership_id": partnership_with(OTHERS[0])}))
    assert play.published()[-1].kind == "tandem.outsourcing.abandoned.v1"
    assert play.published()[-1].outsourcing_id == ids[1]
    assert play.states == ["cancelled", "accepted", "planned"], "the authority over accepted work is elsewhere"


@pytest.mark.parametrize("sender", [SERVICE, STRANGER])
def test_only_the_lead_ends_a_partnership(sender: str) -> None:
    decision = partners().say(sender, PartnershipEnd(actor="x", partnership_id=partnership_with(SERVICE)))
    if sender == SERVICE:
        assert isinstance(decision, Refused) and decision.problem == "partnership/not-yours"
    else:
        assert decision == NotYet("partnership/unknown")


def test_history_says_of_every_outsourcing_what_became_of_it() -> None:
    play, ids = round_of()
    play.say(OTHERS[0], accept(id=ids[1]))
    told = {id: [words for subject, words in play.history if subject == str(id)] for id in ids}
    assert told[ids[0]] == [f"offered to {SERVICE}", "cancelled: another partner has accepted"]
    assert told[ids[1]] == [f"offered to {OTHERS[0]}", "accepted"]


def test_nothing_that_two_partners_of_a_round_are_told_names_the_other_or_has_an_id_in_common() -> None:
    play, ids = round_of()
    play.say(OTHERS[1], decline(ids[2]))
    play.say(OTHERS[0], accept(id=ids[1]))
    rounds = {str(one.round_id) for one in play.rounds}
    for slug, id in zip(THREE, ids, strict=True):
        told = [tell for tell in play.told if isinstance(tell, Deliver) and tell.to == slug]
        said = " ".join(f"{tell.subject} {tell.data.model_dump_json()}" for tell in told)
        hidden = [*(other for other in THREE if other != slug), *(str(other) for other in ids if other != id), *rounds]
        assert str(id) in said and not any(word in said for word in hidden)


def test_ids_of_another_round_are_refused() -> None:
    play, ids = round_of()
    again = send_to(*THREE, number="NL-2")
    taken = again.offers[1].model_copy(update={"outsourcing_id": ids[0]})
    refused = play.say(LEAD, again.model_copy(update={"offers": (again.offers[0], taken, again.offers[2])}))
    assert isinstance(refused, Refused) and refused.problem == "offer/id-taken"
    assert isinstance(play.say(LEAD, send(number="NL-3", id=new_id())), Changed)
