"""News for people gathers from the first change on, tells no more than the copies do, and comes before the end."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from services.ticket_sync.domain.agreed import Agreed
from services.ticket_sync.domain.entries import Entry
from services.ticket_sync.domain.news import News, Told
from services.ticket_sync.handlers import HANDLERS
from shared.contracts.notifier import NewsFellDue
from shared.contracts.ticket_sync import (
    MOST_NEWS_LISTED,
    ChargeBody,
    NewsCameUp,
    NewsGathered,
    NewsLine,
    NoteBody,
    OutsourcingCompleted,
    OutsourcingHandedBack,
    TimeBody,
)
from shared.contracts.values import Payload
from shared.ids import new_id
from shared.messaging.outcomes import Changed, Publish, Unchanged
from tests.unit.ticket_sync.outsourcing import (
    FILE,
    LEAD,
    OUTSOURCING,
    PATH,
    SERVICE,
    UPDATE,
    Outsourcing,
    abandoned,
    approve,
    ask,
    awaiting,
    force,
    give_back,
    in_progress,
    just_accepted,
    opened,
    put,
    reject,
    remove,
    sever,
    submit,
)

MINUTE = timedelta(minutes=1)
TIME = TimeBody(kind="time", hours=Decimal("1.5"), work_on=date(2026, 3, 2), text="Exchanged\nthe module.")
CHARGE = ChargeBody(kind="charge", name="SFP module", quantity=Decimal(2), unit_price=Decimal("21.00"), currency="EUR")
NOTE = NoteBody(kind="note", text="  It   drops.  ")


def news(outsourcing: Outsourcing) -> list[NewsCameUp]:
    return [one for one in outsourcing.news if isinstance(one, NewsCameUp)]


def gathered(outsourcing: Outsourcing, writer: str = SERVICE) -> NewsGathered:
    """What has gathered of one side, when the other is to be told of it."""
    decision = outsourcing.say("tandem/notifier", NewsFellDue(outsourcing_id=OUTSOURCING, writer=writer))
    assert isinstance(decision, Changed)
    (told,) = decision.tell
    assert isinstance(told.data, NewsGathered)
    return told.data


def say(outsourcing: Outsourcing, sender: str, *messages: Payload) -> None:
    """Say these, a minute after each other."""
    for message in messages:
        assert isinstance(outsourcing.say(sender, message), Changed)
        outsourcing.now += MINUTE


def test_the_first_change_begins_it_and_the_others_only_join() -> None:
    outsourcing = in_progress()
    began_at = outsourcing.now
    note = put(NOTE)
    say(outsourcing, SERVICE, note, put(TIME), put(id=note.entry_id, version=2), remove(note.entry_id, 3), UPDATE)
    say(outsourcing, LEAD, put(NOTE), UPDATE)
    by_service, by_lead = news(outsourcing)
    assert (by_service.writer, by_service.reader, by_service.since) == (SERVICE, LEAD, began_at)
    assert (by_lead.writer, by_lead.reader) == (LEAD, SERVICE)


def test_what_has_gathered_is_told_in_order_and_then_it_begins_anew() -> None:
    outsourcing = in_progress()
    say(outsourcing, SERVICE, put(NOTE), put(TIME), UPDATE, put(CHARGE))
    told = gathered(outsourcing)
    assert told.lines == (
        NewsLine(deed="added", what="note", by="L. Gruber", text="It drops."),
        NewsLine(
            deed="added",
            what="time",
            by="L. Gruber",
            text="Exchanged the module.",
            on=date(2026, 3, 2),
            hours=Decimal("1.5"),
        ),
        NewsLine(deed="changed", what="field", text="priority: 1"),
        NewsLine(deed="added", what="charge", by="L. Gruber", text="SFP module", amount=Decimal("42.00")),
    )
    assert (told.count, told.writer, told.title, told.service_number) == (
        4,
        SERVICE,
        "Switch drops its uplink",
        "A-7",
    )
    again = outsourcing.say("tandem/notifier", NewsFellDue(outsourcing_id=OUTSOURCING, writer=SERVICE))
    assert again == Unchanged()
    say(outsourcing, SERVICE, put(NOTE))
    assert len(news(outsourcing)) == 2
    assert gathered(outsourcing).count == 1


def test_it_says_what_became_of_an_entry_since_the_last_time() -> None:
    outsourcing = in_progress()
    old, gone, hidden = put(NOTE), put(NOTE), put(NOTE)
    say(outsourcing, SERVICE, old, gone, hidden)
    gathered(outsourcing)
    new = put(NOTE)
    say(
        outsourcing,
        SERVICE,
        put(id=old.entry_id, version=2),
        remove(gone.entry_id, 2),
        put(id=hidden.entry_id, version=2, visibility="internal"),
        new,
        put(id=new.entry_id, version=2),
    )
    assert [line.deed for line in gathered(outsourcing).lines] == ["changed", "removed", "removed", "added"]


def test_of_what_was_removed_only_the_kind_is_told() -> None:
    outsourcing = in_progress()
    time = put(TIME)
    say(outsourcing, SERVICE, time, remove(time.entry_id, 2))
    assert gathered(outsourcing).lines == (NewsLine(deed="removed", what="time"),)


def test_of_the_leads_time_the_service_partner_learns_no_more_than_its_copy_says() -> None:
    outsourcing = in_progress()
    time, gone = put(TIME), put(TIME)
    say(outsourcing, LEAD, time, gone, remove(gone.entry_id, 2))
    assert gathered(outsourcing, LEAD).lines == (
        NewsLine(deed="added", what="note", by="L. Gruber", text="Exchanged the module."),
        NewsLine(deed="removed", what="note"),
    )


@pytest.mark.parametrize("kept", [put(NOTE, visibility="internal"), put(PATH), remove(new_id(), 1)])
def test_what_is_not_told_to_the_other_side_is_no_news(kept: Payload) -> None:
    outsourcing = in_progress()
    say(outsourcing, SERVICE, kept)
    assert news(outsourcing) == []


def test_neither_a_repair_nor_what_an_edited_copy_misses_is_news() -> None:
    outsourcing = in_progress()
    note = put(NOTE)
    say(outsourcing, LEAD, note)
    gathered(outsourcing, LEAD)
    say(outsourcing, SERVICE, ask(), sever(note.entry_id))
    say(outsourcing, LEAD, put(id=note.entry_id, version=2))
    assert len(news(outsourcing)) == 1


def test_what_waits_is_news_once_it_arrives_and_what_was_held_is_marked() -> None:
    outsourcing = just_accepted()
    say(outsourcing, LEAD, put(NOTE), put(NOTE))
    assert news(outsourcing) == []
    say(outsourcing, SERVICE, opened())
    assert [line.deed for line in gathered(outsourcing, LEAD).lines] == ["added", "added"]
    say(outsourcing, SERVICE, submit(), put(NOTE), put(CHARGE))
    assert len(news(outsourcing)) == 1
    say(outsourcing, LEAD, reject())
    assert [(line.deed, line.what) for line in gathered(outsourcing).lines] == [
        ("released", "note"),
        ("released", "charge"),
    ]


def test_a_list_is_no_longer_than_a_reader_wants_and_the_rest_is_counted() -> None:
    outsourcing = in_progress()
    say(outsourcing, SERVICE, *(put(NOTE) for _ in range(MOST_NEWS_LISTED)), *(UPDATE for _ in range(3)))
    told = gathered(outsourcing)
    assert {line.what for line in told.lines} == {"note"}
    assert (len(told.lines), told.count) == (MOST_NEWS_LISTED, MOST_NEWS_LISTED + 3)


def test_a_long_text_is_told_by_its_beginning() -> None:
    outsourcing = in_progress()
    say(outsourcing, SERVICE, put(NoteBody(kind="note", text="word " * 9_000)))
    (line,) = gathered(outsourcing).lines
    assert line.text.startswith("word word") and len(line.text) <= 200


def submitted(outsourcing: Outsourcing) -> Payload:
    say(outsourcing, SERVICE, submit())
    return approve(awaiting(outsourcing))


@pytest.mark.parametrize(
    ("sender", "end"),
    [
        (LEAD, submitted),
        (LEAD, lambda _: force()),
        (SERVICE, lambda _: give_back()),
        ("tandem/offer_handler", lambda _: abandoned()),
    ],
)
def test_the_end_tells_first_what_has_gathered(sender: str, end: Callable[[Outsourcing], Payload]) -> None:
    outsourcing = in_progress()
    say(outsourcing, SERVICE, put(NOTE), UPDATE)
    say(outsourcing, LEAD, put(FILE))
    decision = outsourcing.say(sender, end(outsourcing))
    assert isinstance(decision, Changed)
    *before, ended = [one.data for one in decision.tell if isinstance(one, Publish)]
    assert isinstance(ended, OutsourcingCompleted | OutsourcingHandedBack)
    assert [(one.writer, one.count, one.state) for one in before if isinstance(one, NewsGathered)] == [
        (LEAD, 1, outsourcing.link.state),
        (SERVICE, 2, outsourcing.link.state),
    ]
    for writer in (LEAD, SERVICE):
        due = NewsFellDue(outsourcing_id=OUTSOURCING, writer=writer)
        assert outsourcing.say("tandem/notifier", due) == Unchanged()


def test_the_end_says_nothing_where_nothing_has_gathered() -> None:
    outsourcing = in_progress()
    say(outsourcing, LEAD, force())
    assert outsourcing.news == []


def test_what_the_same_turn_tells_is_listed_behind_what_was_found_and_counted_once() -> None:
    """A turn finds what was there before it, and has in its hands what it tells itself, some of it once more."""
    outsourcing = in_progress()
    first, second, again = put(NOTE), put(TIME), put(TIME)
    say(outsourcing, SERVICE, first, second, again)
    before: Entry = outsourcing.entry(first.entry_id)
    assert before.told_at is not None
    ids = frozenset({first.entry_id, again.entry_id, *(new_id() for _ in range(28))})
    found = News(OUTSOURCING, (Told(SERVICE, before.told_at, (before,), ids, before.told_at),))
    (agreed,) = outsourcing.all_of(Agreed)
    at_hand = (replace(before, version=9), outsourcing.entry(second.entry_id), outsourcing.entry(again.entry_id))
    due = outsourcing.message("tandem/notifier", NewsFellDue(outsourcing_id=OUTSOURCING, writer=SERVICE))
    decision = HANDLERS.routes[NewsFellDue.kind].decide(outsourcing.link, agreed, found, (), at_hand, due)
    assert isinstance(decision, Changed)
    told = [one.data for one in decision.tell if isinstance(one, Publish)]
    assert [[line.what for line in one.lines] for one in told if isinstance(one, NewsGathered)] == [
        ["note", "time", "time"]
    ]
    assert [one.count for one in told if isinstance(one, NewsGathered)] == [31]


def test_a_clock_that_is_set_back_loses_no_news() -> None:
    outsourcing = in_progress()
    say(outsourcing, SERVICE, put(NOTE))
    outsourcing.now -= timedelta(hours=1)
    say(outsourcing, SERVICE, put(NOTE))
    assert gathered(outsourcing).count == 2
