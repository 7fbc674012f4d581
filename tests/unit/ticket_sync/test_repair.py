"""Repair: what each side should hold, what it lacks, and that afterwards both hold it, whatever happened before."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.ticket_sync.domain import repair, writing
from services.ticket_sync.domain.entries import Entry
from services.ticket_sync.domain.line import MOST_IN_A_PIECE
from services.ticket_sync.domain.links import FIRST_DIGEST_AFTER
from services.ticket_sync.domain.opening import Due
from services.ticket_sync.domain.repair import ASK_AGAIN_AFTER, digest_due
from shared.contracts.ticket_sync import (
    EntryReplicated,
    EntryVersion,
    EntryWithdrawn,
    Inventory,
    RepairOrdered,
    RepairUnfinished,
    SyncDigest,
    SyncFellDue,
    SyncRequest,
)
from shared.contracts.values import Delivery, Payload
from shared.ids import new_id
from shared.messaging.outcomes import Caused, Changed, NotYet, Publish, Refused, Unchanged
from tests.unit.ticket_sync.outsourcing import (
    CHARGE,
    LEAD,
    NOTE,
    NOW,
    OUTSOURCING,
    SERVICE,
    STRANGER,
    TIME,
    Copies,
    Outsourcing,
    approve,
    approved,
    ask,
    awaiting,
    awaiting_approval,
    force,
    forced,
    give_back,
    in_progress,
    just_accepted,
    put,
    reject,
    remove,
    returned,
    submit,
)

SYNC = "tandem/ticket_sync"
A, B, C = (UUID(f"01935e7a-4c00-7000-8000-0000000000{n}") for n in ("a1", "b1", "c1"))


def repaired(outsourcing: Outsourcing, side: str, request: SyncRequest) -> tuple[SyncDigest, list[Delivery]]:
    """What a side is answered, and all that it is told again, piece by piece."""
    outsourcing.told.clear()
    outsourcing.now += ASK_AGAIN_AFTER
    assert isinstance(outsourcing.say(side, request), Changed)
    go_on(outsourcing)
    digest, *again = outsourcing.heard_by(side)
    assert isinstance(digest, SyncDigest)
    return digest, again


def go_on(outsourcing: Outsourcing) -> None:
    """Decide what ticket_sync tells itself until it has nothing more to say."""
    while events := [one for one in outsourcing.published() if isinstance(one, RepairUnfinished)]:
        outsourcing.told = [one for one in outsourcing.told if not isinstance(one.data, RepairUnfinished)]
        for event in events:
            outsourcing.say(SYNC, event)


def versions(*of: tuple[UUID, int]) -> tuple[EntryVersion, ...]:
    return tuple(EntryVersion(entry_id=id, version=version) for id, version in of)


def test_a_digest_is_the_sha_256_of_ids_and_versions_in_the_order_of_the_ids() -> None:
    text = f"{A}:3\n{B}:1\n".encode()
    assert Inventory.of({B: 1, A: 3}) == Inventory(entries=2, sha256=hashlib.sha256(text).hexdigest())
    assert Inventory.of({}).sha256 == hashlib.sha256(b"").hexdigest()


@given(of=st.dictionaries(st.uuids(), st.integers(1, 2**31 - 1), max_size=8), data=st.data())
def test_equal_holdings_have_equal_digests_and_others_have_others(of: dict[UUID, int], data: Any) -> None:
    other = dict(data.draw(st.permutations(list(of.items()))))
    assert Inventory.of(of, listed=True).agrees_with(Inventory.of(other))
    other[data.draw(st.uuids())] = 1
    assert not Inventory.of(of).agrees_with(Inventory.of(other))


@pytest.mark.parametrize("wrong", [{"entries": 1}, {"sha256": "0" * 64}, {"versions": [*versions((A, 1), (A, 2))]}])
def test_who_reckons_a_digest_in_another_way_is_refused_at_once(wrong: dict[str, Any]) -> None:
    right = Inventory.of({A: 1, B: 2}, listed=True).model_dump()
    with pytest.raises(ValidationError) as refused:
        Inventory.model_validate({**right, **wrong})
    assert [error["loc"] for error in refused.value.errors()] == [("versions",)]


def with_entries() -> Outsourcing:
    """The lead's A at 2, its internal B, its removed C; the service partner has been told of A and C."""
    outsourcing = in_progress()
    for word in (put(id=A), put(id=A, version=2), put(id=B, visibility="internal"), put(id=C), remove(C, 4)):
        outsourcing.say(LEAD, word)
    return outsourcing


def test_who_holds_what_it_should_is_told_so_and_nothing_else() -> None:
    for listed in (True, False):
        digest, again = repaired(with_entries(), LEAD, ask({A: 2, B: 1}, listed=listed))
        assert digest == SyncDigest(
            outsourcing_id=OUTSOURCING,
            own=Inventory.of({A: 2, B: 1}),
            copies=Inventory.of({}),
            state="in_progress",
        )
        assert again == []
        digest, again = repaired(with_entries(), SERVICE, ask({}, {A: 2}, listed=listed))
        assert (digest.copies, digest.own, again) == (Inventory.of({A: 2}), Inventory.of({}), [])


def test_who_holds_something_else_gets_the_list_to_find_the_difference_by() -> None:
    digest, again = repaired(with_entries(), LEAD, ask({A: 1}, listed=False))
    assert digest.own == Inventory.of({A: 2, B: 1}, listed=True)
    assert (digest.removed, digest.copies.versions, again) == (versions((C, 4)), None, [])
    digest, again = repaired(with_entries(), SERVICE, ask({}, {}, listed=False))
    assert (digest.copies, again) == (Inventory.of({A: 2}, listed=True), [])


@pytest.mark.parametrize("held", [{}, {A: 1}], ids=["missing", "older"])
def test_a_copy_that_is_missing_or_older_is_told_again_as_it_was_the_first_time(held: dict[UUID, int]) -> None:
    outsourcing = with_entries()
    first = [one.data for one in outsourcing.told if isinstance(one.data, EntryReplicated) and one.data.version == 2]
    digest, again = repaired(outsourcing, SERVICE, ask({}, held))
    assert (again, digest.to_follow) == (first, 1)


def test_just_what_is_missing_is_told_again() -> None:
    outsourcing = with_entries()
    outsourcing.say(LEAD, put(TIME))
    outsourcing.say(SERVICE, put(CHARGE))
    others = {one.entry_id: 1 for one in outsourcing.all_of(Entry) if one.kind == "time"}
    _, again = repaired(outsourcing, SERVICE, ask({}, {A: 2, **others}))
    assert again == []
    _, again = repaired(outsourcing, SERVICE, ask({}, {A: 2}))
    assert [one.entry_id for one in again if isinstance(one, EntryReplicated)] == list(others)


def test_a_copy_that_should_have_gone_goes() -> None:
    digest, again = repaired(with_entries(), SERVICE, ask({}, {A: 2, C: 1}))
    assert again == [EntryWithdrawn(outsourcing_id=OUTSOURCING, entry_id=C, owner=LEAD, version=4, state="in_progress")]
    assert digest.copies.version_of == {A: 2}


def test_of_what_it_was_never_told_a_side_learns_nothing_even_if_it_guesses_the_id() -> None:
    digest, again = repaired(with_entries(), SERVICE, ask({B: 1}, {A: 2, B: 9}))
    assert again == [] and B not in digest.copies.version_of and B not in digest.own.version_of
    assert digest.wanted == ()


def test_while_a_change_is_held_the_copy_as_it_stands_is_told_again() -> None:
    outsourcing = in_progress()
    outsourcing.say(SERVICE, put(TIME, id=A))
    (first,) = outsourcing.heard_by(LEAD)
    outsourcing.say(SERVICE, submit(1, "1.5"))
    for version in (2, 3):
        outsourcing.say(SERVICE, put(TIME.model_copy(update={"text": "Longer."}), id=A, version=version))
    outsourcing.say(SERVICE, put(NOTE, id=B))
    _, again = repaired(outsourcing, LEAD, ask())
    assert [one.model_copy(update={"state": "in_progress"}) for one in again] == [first]
    outsourcing.say(LEAD, approve(awaiting(outsourcing)))
    digest, again = repaired(outsourcing, LEAD, ask())
    assert again[0].model_copy(update={"state": "in_progress"}) == first
    assert len(again) == 2, "and the sum of the time"
    own, _ = repaired(outsourcing, SERVICE, ask({A: 3, B: 1}))
    assert own.own.versions is None and digest.copies.entries == 2


def test_what_waits_for_the_ticket_is_no_copy_yet() -> None:
    outsourcing = just_accepted()
    outsourcing.say(LEAD, put(id=A))
    digest, again = repaired(outsourcing, SERVICE, ask())
    assert (digest.copies, again, digest.state) == (Inventory.of({}), [], "accepted")


def test_what_was_added_during_approval_is_marked_when_it_is_told_again() -> None:
    outsourcing = awaiting_approval()
    outsourcing.say(SERVICE, put(id=A))
    outsourcing.say(LEAD, reject())
    _, (again,) = repaired(outsourcing, LEAD, ask())
    assert isinstance(again, EntryReplicated) and again.added_during_approval


def test_what_a_side_has_newer_than_tandem_is_wanted() -> None:
    told = {A: 2, B: 3, C: 5, UUID(int=1): 1, UUID(int=2): 8}
    digest, _ = repaired(with_entries(), LEAD, ask(told))
    assert set(digest.wanted) == {B, C, UUID(int=1), UUID(int=2)}
    digest, _ = repaired(with_entries(), LEAD, ask(told, listed=False))
    assert digest.wanted == ()


def test_an_instance_restored_from_a_backup_goes_on_above_what_tandem_knows() -> None:
    outsourcing = with_entries()
    digest, _ = repaired(outsourcing, LEAD, ask({A: 1, C: 1}))
    known = {one.entry_id: one.version for one in (*(digest.own.versions or ()), *digest.removed)}
    assert known == {A: 2, B: 1, C: 4} and digest.wanted == ()
    for id, version in known.items():
        assert isinstance(outsourcing.say(LEAD, put(id=id, version=version + 1)), Changed)


@pytest.mark.parametrize("end", [approved, forced, returned])
def test_after_the_end_what_was_told_before_can_be_had_again_and_nothing_else_travels(
    end: Callable[[], Outsourcing],
) -> None:
    outsourcing = end()
    digest, again = repaired(outsourcing, LEAD, ask({A: 1}))
    assert (digest.wanted, again, digest.own) == ((), [], Inventory.of({}, listed=True))


@pytest.mark.parametrize("end", [force, give_back])
def test_copies_that_were_edited_or_removed_after_the_end_are_left_alone_while_they_are_listed(
    end: Callable[[], Payload],
) -> None:
    outsourcing = with_entries()
    outsourcing.say(SERVICE if end is give_back else LEAD, end())
    digest, again = repaired(outsourcing, SERVICE, ask({}, {A: 2}))
    assert (digest.copies.versions, digest.to_follow, again) == (None, 0, [])


def test_the_sum_of_the_time_is_told_again_to_the_lead_that_lost_it() -> None:
    outsourcing = in_progress()
    outsourcing.say(SERVICE, put(TIME))
    outsourcing.heard_by(LEAD)
    outsourcing.say(LEAD, force())
    (summed,) = [one for one in outsourcing.heard_by(LEAD) if isinstance(one, EntryReplicated)]
    assert (summed.owner, summed.visibility) == ("tandem", "internal")
    _, again = repaired(outsourcing, LEAD, ask())
    assert len(again) == 2 and summed in again
    digest, again = repaired(outsourcing, SERVICE, ask({}, {summed.entry_id: 1}))
    assert (digest.copies, again) == (Inventory.of({}, listed=True), [])


def test_the_fullest_ticket_can_be_listed_with_the_sum_of_its_time() -> None:
    outsourcing = in_progress()
    note = put()
    for one in (put(TIME), note):
        outsourcing.say(SERVICE, one)
    written = outsourcing.entry(note.entry_id)
    for _ in range(writing.MOST_ENTRIES - 2):
        outsourcing.keep(replace(written, entry_id=new_id()))
    outsourcing.keep(replace(outsourcing.link, entry_count=writing.MOST_ENTRIES))
    assert outsourcing.problem_of(SERVICE, put()) == "entry/too-many"
    assert isinstance(outsourcing.say(LEAD, force()), Changed)
    outsourcing.told.clear()
    assert isinstance(outsourcing.say(LEAD, ask(listed=False)), Changed)
    (digest,) = [one for one in outsourcing.told_to(LEAD) if isinstance(one, SyncDigest)]
    assert digest.copies.versions is not None and len(digest.copies.versions) == writing.MOST_ENTRIES + 1


def test_a_stranger_is_answered_as_if_there_were_nothing() -> None:
    assert in_progress().say(STRANGER, ask()) == Outsourcing().say(LEAD, ask()) == NotYet("outsourcing/unknown")


def test_a_repair_goes_piece_by_piece_and_a_newer_one_takes_its_place() -> None:
    outsourcing, ids = in_progress(), sorted(new_id() for _ in range(2 * MOST_IN_A_PIECE + 1))
    for id in ids:
        outsourcing.say(LEAD, put(id=id))
    outsourcing.told.clear()
    outsourcing.say(SERVICE, ask())
    sizes = []
    while pieces := [one for one in outsourcing.published() if isinstance(one, RepairUnfinished)]:
        outsourcing.told.clear()
        outsourcing.say(SYNC, pieces[0])
        sizes.append(len([one for one in outsourcing.told_to(SERVICE) if isinstance(one, EntryReplicated)]))
    assert sizes == [MOST_IN_A_PIECE, MOST_IN_A_PIECE, 1]
    outsourcing.told.clear()
    for request in (ask(), ask({}, dict.fromkeys(ids[1:], 1))):
        outsourcing.now += ASK_AGAIN_AFTER
        outsourcing.say(SERVICE, request)
    old, new = (one for one in outsourcing.published() if isinstance(one, RepairUnfinished))
    assert outsourcing.say(SYNC, old) == Unchanged()
    assert isinstance(outsourcing.say(SYNC, new), Changed)
    assert [one.entry_id for one in outsourcing.told_to(SERVICE) if isinstance(one, EntryReplicated)] == [ids[0]]


def test_a_question_without_a_list_stops_no_repair_that_is_under_way() -> None:
    outsourcing, ids = in_progress(), sorted(new_id() for _ in range(MOST_IN_A_PIECE + 1))
    for id in ids:
        outsourcing.say(LEAD, put(id=id))
    outsourcing.say(SERVICE, ask())
    outsourcing.now += ASK_AGAIN_AFTER
    outsourcing.say(SERVICE, ask(listed=False))
    assert outsourcing.say(SERVICE, ask(listed=False)) == Refused("sync/too-soon", state="in_progress")
    outsourcing.told, pieces = [], [one for one in outsourcing.published() if isinstance(one, RepairUnfinished)]
    for piece in pieces:
        outsourcing.say(SYNC, piece)
        pieces += [one for one in outsourcing.published() if isinstance(one, RepairUnfinished) and one not in pieces]
    told_again = [one.entry_id for one in outsourcing.told_to(SERVICE) if isinstance(one, EntryReplicated)]
    assert told_again == ids


@pytest.mark.parametrize("first", [ask(), ask({}, {A: 2}), ask({}, {A: 2}, listed=False)])
def test_who_asks_again_at_once_is_refused_before_anything_is_compared(first: SyncRequest) -> None:
    outsourcing = with_entries()
    assert isinstance(outsourcing.say(SERVICE, first), Changed)
    (last,) = outsourcing.all_of(repair.Repair)
    again = outsourcing.message(SERVICE, first)
    # Of a ticket with so many entries that they could not be loaded it would be: not yet.
    assert repair.ask(outsourcing.link, None, (), last, again) == Refused("sync/too-soon", state="in_progress")


def test_who_asks_again_and_again_is_not_told_all_each_time() -> None:
    outsourcing = with_entries()
    too_soon = Refused("sync/too-soon", state="in_progress")
    assert [isinstance(outsourcing.say(SERVICE, ask()), Changed) for _ in range(3)] == [True, False, False]
    assert outsourcing.say(SERVICE, ask()) == too_soon
    assert isinstance(outsourcing.say(LEAD, ask()), Changed), "the other side has asked nothing"
    assert outsourcing.say(SERVICE, ask({}, {A: 2})) == too_soon, "also where all is in step: it is compared first"
    outsourcing.now += ASK_AGAIN_AFTER
    assert isinstance(outsourcing.say(SERVICE, ask()), Changed)


def test_what_was_too_much_to_be_read_at_once_is_the_next_piece() -> None:
    outsourcing = in_progress()
    for id in (A, B, C):
        outsourcing.say(LEAD, put(id=id))
    outsourcing.told.clear()
    outsourcing.say(SERVICE, ask())
    (unfinished,) = outsourcing.published()
    (under_way,) = outsourcing.all_of(repair.Repair)
    piece = (outsourcing.entry(A), outsourcing.entry(B))
    decision = repair.go_on(outsourcing.link, under_way, piece, outsourcing.message(SYNC, unfinished))
    assert isinstance(decision, Changed)
    assert [one.data.entry_ids for one in decision.tell if isinstance(one.data, RepairUnfinished)] == [(C,)]


def test_an_operator_has_all_told_again_that_one_side_should_know() -> None:
    outsourcing = with_entries()
    outsourcing.say(SERVICE, put(TIME))
    told_first = Copies()
    told_first.take(outsourcing.told_to(SERVICE))
    outsourcing.told.clear()
    assert isinstance(outsourcing.say(SYNC, RepairOrdered(outsourcing_id=OUTSOURCING, side=SERVICE)), Changed)
    go_on(outsourcing)
    told_again = Copies()
    told_again.take(outsourcing.heard_by(SERVICE))
    assert told_again.known == told_first.known
    assert outsourcing.heard_by(LEAD) == []


def test_from_time_to_time_both_sides_are_told_what_they_should_hold_and_no_more() -> None:
    outsourcing = with_entries()
    assert outsourcing.link.next_due_at == NOW + FIRST_DIGEST_AFTER
    outsourcing.told.clear()
    assert isinstance(outsourcing.say(SYNC, SyncFellDue(outsourcing_id=OUTSOURCING)), Changed)
    (for_lead,), (for_service,) = outsourcing.heard_by(LEAD), outsourcing.heard_by(SERVICE)
    assert isinstance(for_lead, SyncDigest) and isinstance(for_service, SyncDigest)
    assert (for_lead.own, for_lead.copies) == (Inventory.of({A: 2, B: 1}), Inventory.of({}))
    assert (for_service.own, for_service.copies) == (Inventory.of({}), Inventory.of({A: 2}))
    assert for_lead.removed == for_lead.wanted == () and for_lead.to_follow == 0


@pytest.mark.parametrize("end", [approved, forced, returned])
def test_of_what_has_ended_nobody_is_told_unasked(end: Callable[[], Outsourcing]) -> None:
    due = SyncFellDue(outsourcing_id=OUTSOURCING)
    assert end().say(SYNC, due) == Unchanged()


def test_that_a_digest_is_due_goes_back_to_the_message_that_set_the_time() -> None:
    due = Due(OUTSOURCING, NOW, ("/tandem/ticket_sync", A))
    told = Publish(SyncFellDue(outsourcing_id=OUTSOURCING))
    assert digest_due(due) == Caused("/tandem/ticket_sync", A, str(OUTSOURCING), (told,))


def test_where_there_is_too_much_to_load_beside_others_it_is_compared_alone_later() -> None:
    """Who finds less than the link counts was not given everything."""
    outsourcing = with_entries()
    link, loaded = outsourcing.link, repair.Holdings(OUTSOURCING, (outsourcing.entry(A), outsourcing.entry(B)))
    asking = outsourcing.message(SERVICE, ask())
    ordered = outsourcing.message(SYNC, RepairOrdered(outsourcing_id=OUTSOURCING, side=LEAD))
    due = outsourcing.message(SYNC, SyncFellDue(outsourcing_id=OUTSOURCING))
    assert repair.ask(link, loaded, (), None, asking) == NotYet("sync/too-much-at-once", state="in_progress")
    assert repair.order(link, loaded, (), ordered) == NotYet("sync/too-much-at-once")
    in_vain = repair.fall_due(link, loaded, (), due)
    assert isinstance(in_vain, NotYet) and isinstance(in_vain.otherwise, Changed)
    assert isinstance(repair.ask(link, loaded, (outsourcing.entry(C),), None, asking), Changed)
