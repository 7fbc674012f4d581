"""Who is told what, once; and when an attempt that failed is made again."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain.delivery import (
    GIVE_UP_AFTER,
    LONGEST_PAUSE,
    Letter,
    Result,
    Verdict,
    failure,
    pause_after,
    settle,
)
from services.notifier.domain.gathering import Gathering, fell_due
from services.notifier.domain.notifications import PASSAGE_CHARACTERS, Line, Notification
from services.notifier.domain.readers import NotificationSettings, Reader
from services.notifier.handlers import HANDLERS
from services.notifier.store import FACTS
from services.notifier.texts import content_of
from shared.contracts.notifier import NewsFellDue, NotificationFailed, NotificationSettingsChange
from shared.contracts.offer_handler import Instance
from shared.contracts.ticket_sync import NewsCameUp
from shared.contracts.values import Event
from shared.messaging.outcomes import Changed, Deliver, NotYet, Unchanged
from tests.unit.memory import Memory
from tests.unit.notifier.happenings import (
    ACCEPTED,
    ANSWERED,
    ANSWERED_BY_LEAD,
    APPROVED,
    ASKED,
    ASKED_BY_SERVICE,
    CANCELLED,
    CREDIT_RENDERED,
    CREDITED,
    CUSTOMER,
    DECLINED,
    EVENT_ID,
    EXPIRED,
    FORCED,
    FORCED_UNSTARTED,
    HOURS_REACHED,
    INVITATION_ACCEPTED,
    INVITATION_DECLINED,
    INVITATION_LAPSED,
    INVITATION_REVOKED,
    INVITED,
    INVITED_BY_LINK,
    INVITEE,
    INVOICE_RENDERED,
    INVOICED,
    NEWS,
    NEWS_OF_LEAD,
    NOW,
    OFFERED,
    OUTSOURCING_ID,
    REJECTED,
    REMINDED,
    RETURNED,
    SNAPSHOT,
    SUBMITTED,
    TICKET,
    UNOPENED,
    WITHDRAWN,
)
from tests.unit.notifier.letters import (
    LANGUAGES,
    READERS,
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
        (INVITED, [("invited", "service", "alpenwerk")]),
        (INVITATION_ACCEPTED, [("invitation_accepted", "lead", "nordlicht")]),
        (INVITATION_DECLINED, [("invitation_declined", "lead", "nordlicht")]),
        (INVITATION_REVOKED, [("invitation_revoked", "service", "alpenwerk")]),
        (
            INVITATION_LAPSED,
            [("invitation_lapsed", "lead", "nordlicht"), ("invitation_lapsed", "service", "alpenwerk")],
        ),
        (REMINDED, [("reminded", "service", "alpenwerk")]),
        (EXPIRED, [("expired", "lead", "nordlicht"), ("expired", "service", "alpenwerk")]),
        (DECLINED, [("declined", "lead", "nordlicht")]),
        (CANCELLED, [("cancelled", "service", "alpenwerk")]),
        (RETURNED, [("returned", "lead", "nordlicht")]),
        (ASKED, [("asked", "service", "alpenwerk")]),
        (ASKED_BY_SERVICE, [("asked", "lead", "nordlicht")]),
        (ANSWERED, [("answered", "lead", "nordlicht")]),
        (ANSWERED_BY_LEAD, [("answered", "service", "alpenwerk")]),
        (SUBMITTED, [("submitted", "lead", "nordlicht")]),
        (HOURS_REACHED, [("cap_reached", "lead", "nordlicht"), ("cap_reached", "service", "alpenwerk")]),
        (INVOICED, [("invoice_issued", "service", "alpenwerk")]),
        (INVOICE_RENDERED, [("invoice_issued", "lead", "nordlicht")]),
        (CREDITED, [("credit_note_issued", "service", "alpenwerk")]),
        (CREDIT_RENDERED, [("credit_note_issued", "lead", "nordlicht")]),
        (NEWS, [("entries", "lead", "nordlicht")]),
        (NEWS_OF_LEAD, [("entries", "service", "alpenwerk")]),
        (WITHDRAWN, [("withdrawn", "lead", "nordlicht")]),
    ],
)
def test_who_is_told(event: Event, told: list[tuple[str, str, str]]) -> None:
    assert [(one.kind, one.role, one.recipient) for one in told_of(event)] == told


def tell(event: Event, *told: Notification, instances: tuple[Instance, ...] = READERS) -> Any:
    return HANDLERS.routes[event.kind].decide(told, instances, (), message_of(event))


@pytest.mark.parametrize("event", [OFFERED, ACCEPTED, REJECTED, APPROVED, INVITED])
def test_who_was_told_is_not_told_again(event: Event) -> None:
    assert tell(event, *told_of(event)) == Unchanged()


def test_of_a_completion_only_who_does_not_know_is_told() -> None:
    lead, service = told_of(APPROVED)
    assert tell(APPROVED, lead).values == (service,)


def test_a_reader_that_is_not_known_yet_is_waited_for_and_in_the_end_the_others_are_told_alone() -> None:
    lead, _ = told_of(APPROVED)
    nordlicht = READERS[:1]
    waiting = tell(APPROVED, instances=nordlicht)
    assert isinstance(waiting, NotYet) and isinstance(waiting.otherwise, Changed)
    assert waiting.otherwise.values == (lead,)
    waiting = tell(OFFERED, instances=nordlicht)
    assert isinstance(waiting, NotYet) and waiting.otherwise == Unchanged()


def test_only_who_reads_is_waited_for() -> None:
    assert isinstance(tell(ACCEPTED, instances=READERS[:1]), Changed)


def test_who_is_invited_is_told_whether_or_not_there_is_such_an_instance() -> None:
    for instances in (READERS, READERS[:1], ()):
        (told,) = tell(INVITED, instances=instances).values
        assert told.reader == Reader(INVITEE, "de")


def test_of_a_ticket_that_is_not_open_the_lead_learns_the_last_time_only() -> None:
    assert [one.recipient for one in told_of(UNOPENED)] == ["alpenwerk", "nordlicht"]
    first = UNOPENED.model_copy(update={"lead_told": False})
    assert [one.recipient for one in told_of(first)] == ["alpenwerk"]


def test_each_of_those_named_for_a_kind_is_told_and_where_nobody_is_named_nobody() -> None:
    settings = NotificationSettings(
        "alpenwerk",
        recipients=("all@alpenwerk.example",),
        recipients_of={"offered": ("a@alpenwerk.example", "b@alpenwerk.example"), "rejected": ()},
        language="de-AT",
        time_zone="Europe/Vienna",
    )
    both = [Reader(f"{one}@alpenwerk.example", "de-AT", "Europe/Vienna") for one in "ab"]
    assert [one.reader for one in told_of(OFFERED, EVENT_ID, settings)] == both
    assert len({one.id for one in told_of(OFFERED, EVENT_ID, settings)}) == 2
    assert HANDLERS.routes[REJECTED.kind].decide((), READERS, (settings,), message_of(REJECTED)) == Unchanged()
    completed = {one.recipient: one.reader.address for one in told_of(APPROVED, EVENT_ID, settings)}
    assert completed == {"nordlicht": "service@nordlicht.example", "alpenwerk": "all@alpenwerk.example"}


def test_settings_replace_what_was_there_and_said_again_are_told_again() -> None:
    memory = Memory(HANDLERS, NOW)
    first = NotificationSettingsChange(actor="x", recipients=("a@alpenwerk.example",))
    memory.say("alpenwerk", first)
    memory.say("alpenwerk", NotificationSettingsChange(actor="x", time_zone="Europe/Vienna"))
    memory.say("alpenwerk", NotificationSettingsChange(actor="x", time_zone="Europe/Vienna"))
    assert memory.all_of(NotificationSettings) == [NotificationSettings("alpenwerk", time_zone="Europe/Vienna")]
    told = memory.told_to("alpenwerk")
    assert [one.recipients for one in told] == [("a@alpenwerk.example",), None, None]
    assert told[1] == told[2]


def test_both_sides_read_whether_anything_is_billed() -> None:
    for event, billed in ((FORCED, True), (FORCED_UNSTARTED, False)):
        assert [one.facts.billed for one in told_of(event)] == [billed, billed]
        assert [one.facts.hours is not None for one in told_of(event)] == [billed, billed]


def failed(letter: Letter, words: str) -> tuple[str, NotificationFailed]:
    """Who is told that the letter failed so, and what."""
    caused = failure(Result(letter, "refused", words), NOW)
    assert caused.cause_id == letter.notification.cause_id
    (told,) = caused.tell
    assert isinstance(told, Deliver) and isinstance(told.data, NotificationFailed)
    return told.to, told.data


def test_of_a_mail_that_failed_who_it_was_for_is_told_and_of_an_invitation_its_sender() -> None:
    words = "550 5.1.1 no such user"
    for event, by_mail_only, concerned in (
        (OFFERED, False, "alpenwerk"),
        (INVITED, False, "nordlicht"),
        (INVITED_BY_LINK, True, "nordlicht"),
    ):
        letter = replace(letter_to("alpenwerk", event, "en"), by_mail_only=by_mail_only)
        to, told = failed(letter, words)
        assert (to, told.recipient, told.words) == (concerned, letter.notification.reader.address, words)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("550 5.1.1 <office@huber.example> is not Elektro Huber's", "550 5.1.1"),
        ("550 Elektro Huber is unknown", "550"),
        ("552 5.2.2huber", "552"),
        ("not reached: SMTPConnectError", "not reached: SMTPConnectError"),
    ],
)
def test_of_a_partner_without_an_instance_its_lead_is_told_without_an_address(words: str, told: str) -> None:
    letter = replace(letter_to("alpenwerk", OFFERED, "en"), by_mail_only=True)
    to, failure_told = failed(letter, words)
    assert (to, failure_told.recipient, failure_told.words) == ("nordlicht", None, told)
    assert (failure_told.about, failure_told.told_of) == (OUTSOURCING_ID, "offered")
    # The lead's own mails are its own.
    to, failure_told = failed(replace(letter_to("nordlicht", ACCEPTED, "en"), by_mail_only=True), words)
    assert (to, failure_told.recipient, failure_told.words) == ("nordlicht", "service@nordlicht.example", words)


def test_who_is_invited_reads_times_in_the_zone_of_who_invites() -> None:
    settings = (
        NotificationSettings("nordlicht", time_zone="Europe/Lisbon"),
        NotificationSettings("alpenwerk", time_zone="America/New_York"),
    )
    (told,) = told_of(INVITED, EVENT_ID, *settings)
    assert told.reader == Reader(INVITEE, "de", "Europe/Lisbon")
    (told,) = told_of(OFFERED, EVENT_ID, *settings)
    assert told.reader.time_zone == "America/New_York"


def gather(memory: Memory, *, after: timedelta = timedelta()) -> Gathering:
    came_up = NewsCameUp(outsourcing_id=OUTSOURCING_ID, writer="alpenwerk", reader="nordlicht", since=NOW + after)
    memory.say("tandem/ticket_sync", came_up)
    (gathering,) = memory.all_of(Gathering)
    assert isinstance(gathering, Gathering)
    return gathering


def test_news_gathers_from_the_first_on_for_as_long_as_its_readers_want() -> None:
    usual, patient, hurried = (Memory(HANDLERS, NOW) for _ in range(3))
    patient.say("nordlicht", NotificationSettingsChange(actor="x", gathering_minutes=30))
    patient.say("alpenwerk", NotificationSettingsChange(actor="x", gathering_minutes=1))
    hurried.say("nordlicht", NotificationSettingsChange(actor="x", gathering_minutes=0))
    minutes = [gather(one).due_at - NOW for one in (usual, patient, hurried)]
    assert minutes == [timedelta(minutes=wanted) for wanted in (2, 30, 0)]


def test_what_gathers_already_is_not_put_off() -> None:
    memory = Memory(HANDLERS, NOW)
    assert gather(memory) == gather(memory, after=timedelta(minutes=1))


def test_what_has_gathered_is_asked_for_with_its_cause() -> None:
    gathering = gather(Memory(HANDLERS, NOW))
    caused = fell_due(gathering)
    assert (caused.cause_source, caused.cause_id) == (gathering.cause_source, gathering.cause_id)
    (told,) = caused.tell
    assert told.data == NewsFellDue(outsourcing_id=OUTSOURCING_ID, writer="alpenwerk")
    assert caused.subject == str(OUTSOURCING_ID)


def test_news_lists_no_more_than_it_was_told_and_counts_all() -> None:
    (told,) = told_of(NEWS)
    assert [line.deed for line in told.facts.lines] == ["added", "released", "changed", "added", "removed", "changed"]
    assert (told.facts.line_count, told.facts.state) == (23, "in_progress")


def test_an_intent_has_one_id_for_an_event_and_a_recipient() -> None:
    other_event = UUID("0193fe00-0000-7000-8000-0000000000aa")
    ids = [one.id for event_id in (message_of(APPROVED).id, other_event) for one in told_of(APPROVED, event_id)]
    assert len(set(ids)) == 4
    assert ids[:2] == [one.id for one in told_of(APPROVED)]


def test_what_is_kept_names_no_customer_and_describes_nothing_where_the_mail_does_not() -> None:
    assert (ACCEPTED.ticket.customer, ACCEPTED.ticket.description) == (CUSTOMER, TICKET.description)
    for told in told_of(ACCEPTED):
        kept = repr(told)
        assert not [one for one in CUSTOMER.model_dump().values() if one and one in kept]
        assert told.facts.description == ""


@pytest.mark.parametrize("next_to_the_cut", ["x", " ", "\n"])
def test_of_long_texts_no_more_is_kept_than_a_mail_shows_and_the_mail_is_the_same(next_to_the_cut: str) -> None:
    text = ("\n" * 9_000 + "Zeile\tum  Zeile\r\n" * 300)[: 9_000 + PASSAGE_CHARACTERS] + next_to_the_cut + "y" * 30_000
    terms = OFFERED.terms.model_copy(update={"instructions": text})
    time = tuple(one.model_copy(update={"text": text}) for one in SNAPSHOT.time)
    offered = OFFERED.ticket.model_copy(update={"description": text})
    submitted = SNAPSHOT.model_copy(update={"summary": text, "time": time, "charges": ()})
    lines = tuple(Line("time", by=one.author, text=text, on=one.work_on, hours=one.hours) for one in time)
    for event, whole in (
        (OFFERED.model_copy(update={"ticket": offered, "terms": terms}), {"description": text, "terms": terms}),
        (SUBMITTED.model_copy(update={"snapshot": submitted}), {"text": text, "lines": lines}),
        (ASKED.model_copy(update={"text": text}), {"text": text}),
        (INVITED.model_copy(update={"note": text}), {"text": text}),
    ):
        (told,) = told_of(event)
        assert len(FACTS.dump_json(told.facts)) < 3 * PASSAGE_CHARACTERS
        letter = letter_to(told.recipient, event, "en")
        uncut = replace(letter, notification=replace(letter.notification, facts=replace(told.facts, **whole)))
        assert content_of(letter) == content_of(uncut)
        assert "(shortened" in str(content_of(letter).passages)


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
