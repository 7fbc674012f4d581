"""Time to answer by the pure rules: when who is reminded, and that only the deadline's own message ends an offer."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.offer_handler import OfferExpired, OfferReminded, OutsourcingReminded
from shared.messaging.outcomes import Changed, Unchanged
from tests.unit.offer_handler.offering import (
    LEAD,
    NOW,
    OFFER_HANDLER,
    OTHERS,
    OUTSOURCING,
    RESPOND_BY,
    SERVICE,
    Play,
    accept,
    deadline,
    decline,
    offered,
    partners,
    send_to,
)

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def let_it_run_out(play: Play) -> list[tuple[timedelta, str]]:
    """Let all fall due that does; how long before the end what was told to the service partner."""
    told: list[tuple[timedelta, str]] = []
    [outsourcing] = play.outsourcings
    assert outsourcing.respond_by is not None
    while play.states == ["offered"]:
        before = len(play.told_to(SERVICE))
        play.let_time_pass()
        told += [(outsourcing.respond_by - play.now, type(one).__name__) for one in play.told_to(SERVICE)[before:]]
    return told


@pytest.mark.parametrize(
    ("time_to_answer", "reminded_before_the_end"),
    [
        (2 * MINUTE, [1 * MINUTE]),
        (4 * HOUR, [2 * HOUR]),
        (5 * HOUR, [2.5 * HOUR, 1 * HOUR]),
        (72 * HOUR, [36 * HOUR, 1 * HOUR]),
    ],
    ids=str,
)
def test_who_is_asked_is_reminded_at_half_the_time_and_of_long_offers_an_hour_before_the_end(
    time_to_answer: timedelta, reminded_before_the_end: list[timedelta]
) -> None:
    play = offered(respond_by=NOW + time_to_answer)
    reminded = [(left, "OfferReminded") for left in reminded_before_the_end]
    assert let_it_run_out(play) == [*reminded, (timedelta(0), "OfferExpired")]
    assert not any(isinstance(data, OfferReminded) for data in play.told_to(LEAD)), "the lead has nothing to do"
    assert sum(isinstance(data, OutsourcingReminded) for data in play.published()) == len(reminded)


def test_an_offer_expires_at_the_end_of_its_time_however_late_that_is_decided() -> None:
    play = offered()
    play.now = RESPOND_BY + timedelta(seconds=40)
    play.say(OFFER_HANDLER, deadline())
    [expired] = [data for data in play.told_to(LEAD) if isinstance(data, OfferExpired)]
    assert expired.expired_at == RESPOND_BY


def test_a_reminder_that_comes_too_late_is_none_and_ends_nothing_either() -> None:
    play = offered()
    play.claim(OUTSOURCING)
    play.now = RESPOND_BY + MINUTE
    before = len(play.told)
    assert isinstance(play.say(OFFER_HANDLER, deadline(due_at=NOW + 2 * HOUR)), Changed)
    assert len(play.told) == before
    accepted = play.say(SERVICE, accept())
    assert isinstance(accepted, Changed), "an answer that came before the deadline's own message counts"


def test_where_nobody_looked_until_after_the_last_reminder_it_is_said_once() -> None:
    play = offered(respond_by=NOW + 8 * HOUR)
    play.now = NOW + 7 * HOUR + MINUTE
    assert let_it_run_out(play) == [(59 * MINUTE, "OfferReminded"), (timedelta(0), "OfferExpired")]


def test_a_reminder_that_is_told_twice_takes_effect_once() -> None:
    play = offered()
    play.let_time_pass()
    before = len(play.told)
    assert play.say(OFFER_HANDLER, deadline(due_at=NOW + 2 * HOUR)) == Unchanged()
    assert len(play.told) == before


def test_a_message_is_under_way_from_when_something_falls_due_until_it_is_decided() -> None:
    def under_way() -> list[bool]:
        return [one.message_is_under_way for one in play.outsourcings]

    play = partners(SERVICE, *OTHERS)
    play.say(LEAD, send_to(SERVICE, *OTHERS, mode="one_after_another"))
    first = play.outsourcings[0].outsourcing_id
    assert under_way() == [False] * 3, "of those who are to be asked later nothing falls due"
    play.claim(first)
    assert under_way() == [True, False, False]
    play.say(OFFER_HANDLER, deadline(first, NOW + 2 * HOUR))
    assert under_way() == [False] * 3, "reminded: the deadline itself is still to come"
    play.claim(first)
    play.say(SERVICE, decline(first))
    assert under_way() == [False] * 3, "answered: whatever is still under way tells nothing any more"


@given(st.integers(1, 60 * 24 * 30))
def test_what_falls_due_comes_in_order_within_the_time_and_ends_with_the_deadline(minutes: int) -> None:
    play = offered(respond_by=NOW + minutes * MINUTE)
    told = let_it_run_out(play)
    left = [before_the_end for before_the_end, _ in told]
    assert left == sorted(left, reverse=True) and left[-1] == timedelta(0)
    assert len(set(left)) == len(left) in (2, 3)
    assert play.states == ["expired"]
