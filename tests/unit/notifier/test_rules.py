"""Who is told what, once; and when an attempt that failed is made again."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier import domain
from services.notifier.domain import GIVE_UP_AFTER, LONGEST_PAUSE, Result, Verdict, pause_after, settle
from shared.contracts.values import Event
from shared.messaging.outcomes import Changed, NotYet, Unchanged
from tests.unit.notifier.letters import (
    ACCEPTED,
    APPROVED,
    FORCED,
    FORCED_UNSTARTED,
    LANGUAGES,
    NOW,
    OFFERED,
    READERS,
    REJECTED,
    letter_to,
    message_of,
    told_of,
)

LETTER = letter_to("alpenwerk", OFFERED, LANGUAGES[0])


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (OFFERED, [("offered", "service", "alpenwerk")]),
        (ACCEPTED, [("accepted", "lead", "nordlicht")]),
        (REJECTED, [("rejected", "service", "alpenwerk")]),
        (APPROVED, [("approved", "lead", "nordlicht"), ("approved", "service", "alpenwerk")]),
        (FORCED, [("forced", "lead", "nordlicht"), ("forced", "service", "alpenwerk")]),
        (FORCED_UNSTARTED, [("forced", "lead", "nordlicht"), ("forced", "service", "alpenwerk")]),
    ],
)
def test_who_is_told(event: Event, told: list[tuple[str, str, str]]) -> None:
    assert [(one.kind, one.role, one.recipient) for one in told_of(event)] == told


@pytest.mark.parametrize(
    ("rule", "event"),
    [(domain.tell_of_offer, OFFERED), (domain.tell_of_acceptance, ACCEPTED), (domain.tell_of_rejection, REJECTED)],
)
def test_who_was_told_is_not_told_again(rule: Any, event: Event) -> None:
    (told,) = told_of(event)
    assert rule(told, READERS, message_of(event)) == Unchanged()


def test_of_a_completion_only_who_does_not_know_is_told() -> None:
    lead, service = told_of(APPROVED)
    decision = domain.tell_of_completion(lead, None, READERS, message_of(APPROVED))
    assert isinstance(decision, Changed)
    assert decision.values == (service,)
    assert domain.tell_of_completion(lead, service, READERS, message_of(APPROVED)) == Unchanged()


def test_a_reader_that_is_not_known_yet_is_waited_for_and_in_the_end_the_others_are_told_alone() -> None:
    lead, _ = told_of(APPROVED)
    nordlicht = READERS[:1]
    waiting = domain.tell_of_completion(None, None, nordlicht, message_of(APPROVED))
    assert isinstance(waiting, NotYet) and isinstance(waiting.otherwise, Changed)
    assert waiting.otherwise.values == (lead,)
    waiting = domain.tell_of_offer(None, nordlicht, message_of(OFFERED))
    assert isinstance(waiting, NotYet) and waiting.otherwise == Unchanged()


def test_only_who_reads_is_waited_for() -> None:
    assert isinstance(domain.tell_of_acceptance(None, READERS[:1], message_of(ACCEPTED)), Changed)


def test_both_sides_read_whether_anything_is_billed() -> None:
    for event, submitted in ((FORCED, True), (FORCED_UNSTARTED, False)):
        assert [one.facts.submitted for one in told_of(event)] == [submitted, submitted]
        assert [one.facts.hours is not None for one in told_of(event)] == [submitted, submitted]


def test_an_intent_has_one_id_for_an_event_and_a_recipient() -> None:
    other_event = UUID("0193fe00-0000-7000-8000-0000000000aa")
    ids = [one.id for event_id in (message_of(APPROVED).id, other_event) for one in told_of(APPROVED, event_id)]
    assert len(set(ids)) == 4
    assert ids[:2] == [one.id for one in told_of(APPROVED)]


def test_what_is_kept_names_neither_customer_nor_description_where_the_mail_does_not() -> None:
    for event in (ACCEPTED, APPROVED, FORCED_UNSTARTED):
        for told in told_of(event):
            assert told.facts.description == ""
            assert "ruth@sommer.example" not in repr(told)
    assert "ruth@sommer.example" not in repr(told_of(OFFERED))


def test_the_servers_word_on_a_mail_is_final() -> None:
    assert settle(Result(LETTER, "accepted", "250 ok"), NOW).state == "sent"
    refused = settle(Result(LETTER, "refused", "550 no such user"), NOW)
    assert (refused.state, refused.answer, refused.next_attempt_at) == ("failed", "550 no such user", None)


def test_a_letter_whose_turn_did_not_come_is_due_again_at_once() -> None:
    settled = settle(Result(LETTER, "untried", ""), NOW)
    assert (settled.state, settled.counts, settled.next_attempt_at) == ("pending", False, NOW)


@given(st.integers(min_value=1, max_value=10_000))
def test_pauses_grow_up_to_a_limit(attempts: int) -> None:
    assert timedelta(0) < pause_after(attempts) <= pause_after(attempts + 1) <= LONGEST_PAUSE


def test_trouble_is_tried_for_a_day_and_then_given_up() -> None:
    letter, now = LETTER, NOW
    verdict: Verdict = "trouble"
    while (settled := settle(Result(letter, verdict, "451 later"), now)).state == "pending":
        assert settled.next_attempt_at is not None
        assert settled.next_attempt_at > now
        now = settled.next_attempt_at
        letter = replace(letter, attempts=letter.attempts + 1)
    assert settled.state == "failed"
    assert GIVE_UP_AFTER - LONGEST_PAUSE <= now - NOW < GIVE_UP_AFTER
    assert 10 < letter.attempts < 40
