"""The line: what waits is told piece by piece in its order, whatever is said while pieces are under way."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ticket_sync.domain import line
from services.ticket_sync.domain.entries import Travel
from services.ticket_sync.domain.line import Front, move
from shared.contracts.ticket_sync import (
    CompletionForced,
    CompletionSubmitted,
    EntryKeptLocal,
    EntryPut,
    EntryReleased,
    EntryReplicated,
    LineUnfinished,
    OutsourcingReturned,
)
from shared.contracts.values import Payload
from shared.messaging.outcomes import Changed, NotYet, Unchanged
from tests.unit.ticket_sync.outsourcing import (
    LEAD,
    NOW,
    OUTSOURCING,
    SERVICE,
    WITHDRAW,
    Outsourcing,
    abandoned,
    approve,
    ask,
    awaiting,
    awaiting_approval,
    force,
    give_back,
    in_progress,
    just_accepted,
    opened,
    put,
    reject,
    remove,
    submit,
)

SYNC = "tandem/ticket_sync"


@pytest.fixture(autouse=True)
def pieces_of_two() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line, "MOST_IN_A_PIECE", 2)
        yield


def under_way(outsourcing: Outsourcing) -> LineUnfinished | None:
    """The word of the next piece, if there is one; it is forgotten here."""
    unfinished = [one for one in outsourcing.published() if isinstance(one, LineUnfinished)]
    outsourcing.told = [one for one in outsourcing.told if not isinstance(one.data, LineUnfinished)]
    return unfinished[-1] if unfinished else None


def go_on(outsourcing: Outsourcing) -> int:
    """How many pieces follow until the line is empty."""
    pieces = 0
    while unfinished := under_way(outsourcing):
        assert isinstance(outsourcing.say(SYNC, unfinished), Changed)
        pieces += 1
    return pieces


def arrived(outsourcing: Outsourcing, at: str = SERVICE) -> list[Any]:
    return [fact.entry_id for fact in outsourcing.told_to(at) if isinstance(fact, EntryReplicated)]


def waiting_for_ticket(count: int, owner: str = LEAD) -> tuple[Outsourcing, list[EntryPut]]:
    outsourcing = just_accepted()
    waiting = [put() for _ in range(count)]
    for one in waiting:
        assert isinstance(outsourcing.say(owner, one), Changed)
    return outsourcing, waiting


def held(count: int) -> tuple[Outsourcing, list[EntryPut]]:
    outsourcing = awaiting_approval()
    puts = [put() for _ in range(count)]
    for one in puts:
        outsourcing.say(LEAD, one)
    return outsourcing, puts


def ids(puts: list[EntryPut]) -> list[Any]:
    return [one.entry_id for one in puts]


def test_what_waited_for_a_ticket_arrives_piece_by_piece_in_its_order() -> None:
    outsourcing, waiting = waiting_for_ticket(5)
    outsourcing.say(SERVICE, opened())
    assert arrived(outsourcing) == ids(waiting[:2])
    assert go_on(outsourcing) == 2
    assert arrived(outsourcing) == ids(waiting)
    assert outsourcing.link.line_is_empty


def test_what_was_held_is_released_piece_by_piece_and_each_owner_told() -> None:
    for resume, by in ((reject(), LEAD), (WITHDRAW, SERVICE)):
        outsourcing, puts = held(3)
        outsourcing.told.clear()
        outsourcing.say(by, resume)
        later = put()
        outsourcing.say(LEAD, later)
        go_on(outsourcing)
        copies = [fact for fact in outsourcing.told_to(SERVICE) if isinstance(fact, EntryReplicated)]
        assert [(one.entry_id, one.added_during_approval) for one in copies] == [
            *((id, True) for id in ids(puts)),
            (later.entry_id, False),
        ]
        released = [fact.entry_id for fact in outsourcing.told_to(LEAD) if isinstance(fact, EntryReleased)]
        assert released == ids(puts)


@given(st.lists(st.sampled_from(["put by lead", "put by service", "go on"]), max_size=20))
def test_nothing_that_is_put_meanwhile_overtakes_what_still_waits(operations: list[str]) -> None:
    outsourcing, waiting = waiting_for_ticket(5)
    said: dict[str, list[EntryPut]] = {LEAD: waiting, SERVICE: []}
    outsourcing.say(SERVICE, opened())
    unfinished = under_way(outsourcing)
    for operation in operations:
        if operation == "go on":
            if unfinished is not None:
                outsourcing.say(SYNC, unfinished)
                unfinished = under_way(outsourcing)
        else:
            by = LEAD if operation == "put by lead" else SERVICE
            said[by].append(put())
            outsourcing.say(by, said[by][-1])
    if unfinished is not None:
        outsourcing.say(SYNC, unfinished)
        go_on(outsourcing)
    assert outsourcing.link.line_is_empty
    assert arrived(outsourcing, SERVICE) == ids(said[LEAD])
    assert arrived(outsourcing, LEAD) == ids(said[SERVICE])


def test_a_change_of_what_waits_arrives_in_its_place_and_one_of_what_has_arrived_behind_it() -> None:
    outsourcing, waiting = waiting_for_ticket(4)
    outsourcing.say(SERVICE, opened())
    first, third = waiting[0].entry_id, waiting[2].entry_id
    outsourcing.say(LEAD, put(id=first, version=2))
    outsourcing.say(LEAD, put(id=third, version=2))
    outsourcing.say(LEAD, remove(waiting[3].entry_id, 2))
    entry = outsourcing.entry(first)
    assert (entry.travel, entry.copy_version, entry.copied_content) == (Travel.WAITING, 1, entry.content)
    outsourcing.told = [one for one in outsourcing.told if isinstance(one.data, LineUnfinished)]
    go_on(outsourcing)
    told = [(fact.entry_id, fact.version) for fact in outsourcing.told_to(SERVICE)]
    assert told == [(third, 2), (first, 2)]


def test_a_submission_waits_until_what_was_put_before_has_arrived() -> None:
    outsourcing, _ = waiting_for_ticket(3)
    outsourcing.say(SERVICE, opened())
    assert outsourcing.say(SERVICE, submit()) == NotYet("completion/entries-under-way", state="in_progress")
    go_on(outsourcing)
    assert isinstance(outsourcing.say(SERVICE, submit()), Changed)
    assert any(isinstance(fact, CompletionSubmitted) for fact in outsourcing.told_to(LEAD))


@pytest.mark.parametrize(
    ("by", "end"), [(SERVICE, give_back()), (LEAD, force()), ("tandem/offer_handler", abandoned())]
)
def test_an_end_while_pieces_are_under_way_leaves_the_rest_with_its_owners(by: str, end: Payload) -> None:
    outsourcing, waiting = waiting_for_ticket(6)
    outsourcing.say(SERVICE, opened())
    before_end = under_way(outsourcing)
    assert before_end is not None
    assert isinstance(outsourcing.say(by, end), Changed)
    assert outsourcing.say(SYNC, before_end) == Unchanged()
    go_on(outsourcing)
    assert arrived(outsourcing) == ids(waiting[:2])
    kept = [fact.entry_id for fact in outsourcing.told_to(LEAD) if isinstance(fact, EntryKeptLocal)]
    assert kept == ids(waiting[2:])
    ended, *_ = [fact for fact in outsourcing.told_to(LEAD) if isinstance(fact, CompletionForced | OutsourcingReturned)]
    facts = outsourcing.told_to(LEAD)
    assert facts.index(ended) < min(place for place, fact in enumerate(facts) if isinstance(fact, EntryKeptLocal))


def test_what_is_held_when_the_work_is_approved_stays_with_its_owners_piece_by_piece() -> None:
    outsourcing, puts = held(5)
    outsourcing.say(LEAD, approve(awaiting(outsourcing)))
    assert go_on(outsourcing) == 2
    kept = [fact.entry_id for fact in outsourcing.told_to(LEAD) if isinstance(fact, EntryKeptLocal)]
    assert kept == ids(puts)
    assert arrived(outsourcing) == []


def test_the_word_of_a_piece_that_was_told_or_may_not_be_told_changes_nothing() -> None:
    unopened, _ = waiting_for_ticket(3)
    submitted, _ = held(3)
    for outsourcing, after in ((unopened, 0), (submitted, 0), (in_progress(), 0)):
        assert outsourcing.say(SYNC, LineUnfinished(outsourcing_id=OUTSOURCING, after_place=after)) == Unchanged()
    unopened.say(SERVICE, opened())
    assert unopened.say(SYNC, LineUnfinished(outsourcing_id=OUTSOURCING, after_place=0)) == Unchanged()
    assert Outsourcing().say(SYNC, LineUnfinished(outsourcing_id=OUTSOURCING, after_place=0)) == Unchanged()


def test_of_a_line_that_was_read_in_part_nothing_beyond_it_is_told() -> None:
    """What a turn has at hand for other reasons may stand further back, with others before it."""
    outsourcing, waiting = waiting_for_ticket(5)
    opened_link = outsourcing.link.opened("A-7", outsourcing.now, (SYNC, OUTSOURCING))
    at_hand = tuple(outsourcing.entry(waiting[place].entry_id) for place in (0, 4))
    link, entries, tell = move(opened_link, Front(OUTSOURCING, 1), at_hand, NOW)
    assert ([one.entry_id for one in entries], link.passed_place) == (ids(waiting[:1]), 1)
    assert tell[-1].data == LineUnfinished(outsourcing_id=OUTSOURCING, after_place=1)
    again, none, tell = move(link, Front(OUTSOURCING, 1), at_hand[1:], NOW)
    assert (again, none, [one.data for one in tell]) == (
        link,
        [],
        [LineUnfinished(outsourcing_id=OUTSOURCING, after_place=1)],
    )


def test_a_copy_that_was_added_during_an_approval_is_told_again_as_such_while_a_newer_version_is_held() -> None:
    outsourcing, (entry,) = held(1)
    outsourcing.say(LEAD, reject())
    outsourcing.say(SERVICE, submit())
    outsourcing.say(LEAD, put(id=entry.entry_id, version=2))
    outsourcing.told.clear()
    outsourcing.say(SERVICE, ask())
    for unfinished in outsourcing.published():
        outsourcing.say(SYNC, unfinished)
    (again,) = [fact for fact in outsourcing.told_to(SERVICE) if isinstance(fact, EntryReplicated)]
    assert (again.version, again.added_during_approval) == (1, True)
    outsourcing.say(LEAD, reject())
    assert outsourcing.entry(entry.entry_id).added_during_approval
    outsourcing.say(LEAD, put(id=entry.entry_id, version=3))
    assert not outsourcing.entry(entry.entry_id).added_during_approval
