"""A copy that its holder edited: it no longer follows its owner, and both sides are told once."""

from collections.abc import Callable
from uuid import UUID

import pytest

from services.ticket_sync.domain.entries import Travel
from shared.contracts.ticket_sync import (
    EntryReleased,
    EntryReplicated,
    EntrySevered,
    RepairOrdered,
    SyncDigest,
    SyncFellDue,
    SyncRequest,
)
from shared.ids import new_id
from shared.messaging.outcomes import Changed, Refused
from tests.unit.ticket_sync.outsourcing import (
    LEAD,
    NOTE,
    OUTSOURCING,
    PATH,
    SERVICE,
    TIME,
    Outsourcing,
    approve,
    ask,
    awaiting,
    awaiting_approval,
    force,
    in_progress,
    just_accepted,
    put,
    reject,
    remove,
    sever,
    submit,
)
from tests.unit.ticket_sync.test_repair import SYNC, A, B, go_on, repaired, with_entries

ENTRY = UUID("01935e7a-4c00-7000-8000-0000000000d1")


def with_a_copy() -> Outsourcing:
    """The lead's note has its copy at the service partner; what was told until then is forgotten."""
    outsourcing = in_progress()
    outsourcing.say(LEAD, put(id=ENTRY, version=3))
    outsourcing.told.clear()
    return outsourcing


def severed() -> Outsourcing:
    outsourcing = with_a_copy()
    assert isinstance(outsourcing.say(SERVICE, sever(ENTRY)), Changed)
    outsourcing.told.clear()
    return outsourcing


def test_both_sides_are_told_which_copy_does_not_follow_any_more() -> None:
    outsourcing = with_a_copy()
    assert isinstance(outsourcing.say(SERVICE, sever(ENTRY)), Changed)
    told = EntrySevered(outsourcing_id=OUTSOURCING, entry_id=ENTRY, owner=LEAD, version=3, state="in_progress")
    assert outsourcing.heard_by(LEAD) == [told] == outsourcing.heard_by(SERVICE)


def test_its_owner_goes_on_with_its_own_and_nothing_of_it_arrives_or_is_held() -> None:
    outsourcing = severed()
    for version, word in enumerate(
        (put(id=ENTRY, version=4), put(id=ENTRY, version=5, visibility="internal"), remove(ENTRY, 6)), 4
    ):
        assert isinstance(outsourcing.say(LEAD, word), Changed)
        assert outsourcing.entry(ENTRY).version == version
    outsourcing.say(SERVICE, submit())
    outsourcing.told.clear()
    assert isinstance(outsourcing.say(LEAD, put(id=ENTRY, version=7)), Changed)
    assert outsourcing.told == []
    outsourcing.say(LEAD, reject())
    assert not [one for one in outsourcing.told if isinstance(one.data, EntryReplicated | EntryReleased)]
    assert (outsourcing.entry(ENTRY).travel, outsourcing.entry(ENTRY).copy_version) == (Travel.SEVERED, 3)


def test_a_change_that_is_held_when_its_copy_is_severed_is_neither_released_nor_kept_local() -> None:
    outsourcing = with_a_copy()
    outsourcing.say(SERVICE, submit())
    outsourcing.say(LEAD, put(id=ENTRY, version=4))
    outsourcing.told.clear()
    assert isinstance(outsourcing.say(SERVICE, sever(ENTRY)), Changed)
    told = EntrySevered(outsourcing_id=OUTSOURCING, entry_id=ENTRY, owner=LEAD, version=3, state="awaiting_approval")
    assert [one.data for one in outsourcing.told] == [told, told]
    outsourcing.told.clear()
    outsourcing.say(LEAD, approve(awaiting(outsourcing)))
    assert ENTRY not in {getattr(one.data, "entry_id", None) for one in outsourcing.told}


def test_a_copy_is_severed_once() -> None:
    outsourcing = severed()
    for _ in range(2):
        assert outsourcing.say(SERVICE, sever(ENTRY)) == Refused("entry/severed-already", state="in_progress")
    assert outsourcing.told == []


def test_the_lead_severs_nothing() -> None:
    outsourcing = in_progress()
    outsourcing.say(SERVICE, put(TIME, id=ENTRY))
    assert outsourcing.say(LEAD, sever(ENTRY)) == Refused("outsourcing/not-yours", state="in_progress", role="service")


def nothing_there(_: Outsourcing) -> None:
    """No entry of that id."""


def its_own(outsourcing: Outsourcing) -> None:
    outsourcing.say(SERVICE, put(NOTE, id=ENTRY))


def internal(outsourcing: Outsourcing) -> None:
    outsourcing.say(LEAD, put(NOTE, id=ENTRY, visibility="internal"))


def a_link(outsourcing: Outsourcing) -> None:
    outsourcing.say(LEAD, put(PATH, id=ENTRY))


def withdrawn(outsourcing: Outsourcing) -> None:
    outsourcing.say(LEAD, put(NOTE, id=ENTRY))
    outsourcing.say(LEAD, remove(ENTRY, 2))


def not_arrived_yet(outsourcing: Outsourcing) -> None:
    outsourcing.say(LEAD, put(NOTE, id=ENTRY))


@pytest.mark.parametrize(
    ("begin", "happened"),
    [
        (in_progress, nothing_there),
        (in_progress, its_own),
        (in_progress, internal),
        (in_progress, a_link),
        (in_progress, withdrawn),
        (just_accepted, not_arrived_yet),
        (awaiting_approval, not_arrived_yet),
    ],
)
def test_what_is_no_copy_is_answered_as_if_there_were_nothing(
    begin: Callable[[], Outsourcing], happened: Callable[[Outsourcing], None]
) -> None:
    outsourcing = begin()
    happened(outsourcing)
    answers = [outsourcing.say(SERVICE, sever(id)) for id in (ENTRY, new_id())]
    assert answers == [Refused("entry/not-a-copy", state=outsourcing.link.state)] * 2


def with_a_severed_copy() -> Outsourcing:
    """The service partner's copy of A was severed at 2, and its owner has gone on."""
    outsourcing = with_entries()
    outsourcing.say(SERVICE, sever(A))
    outsourcing.say(LEAD, put(id=A, version=3))
    return outsourcing


TOLD = EntrySevered(outsourcing_id=OUTSOURCING, entry_id=A, owner=LEAD, version=2, state="in_progress")


@pytest.mark.parametrize(
    ("side", "request_of_side"),
    [
        (LEAD, ask()),
        (LEAD, ask({A: 3, B: 1})),
        (SERVICE, ask()),
        (SERVICE, ask({}, {A: 2})),
        (SERVICE, ask({}, {A: 2}, severed={A})),
    ],
    ids=["owner lost all", "owner forgot it", "holder lost all", "holder forgot it", "holder holds it all the same"],
)
def test_who_does_not_know_that_a_copy_is_severed_is_told_again_whichever_side_it_is(
    side: str, request_of_side: SyncRequest
) -> None:
    digest, again = repaired(with_a_severed_copy(), side, request_of_side)
    assert (again, digest.to_follow, digest.severed, digest.copies.entries) == ([TOLD], 1, 1, 0)


@pytest.mark.parametrize(("side", "own"), [(LEAD, {A: 3, B: 1}), (SERVICE, {})])
def test_who_knows_that_a_copy_is_severed_is_told_nothing_of_it(side: str, own: dict[UUID, int]) -> None:
    digest, again = repaired(with_a_severed_copy(), side, ask(own, severed={A}))
    assert (again, digest.own.versions, digest.copies.versions) == ([], None, None)


def test_from_time_to_time_both_sides_are_told_how_many_copies_are_severed() -> None:
    outsourcing = with_a_severed_copy()
    outsourcing.told.clear()
    outsourcing.say(SYNC, SyncFellDue(outsourcing_id=OUTSOURCING))
    assert [one.data.severed for one in outsourcing.told if isinstance(one.data, SyncDigest)] == [1, 1]


def test_an_operator_has_the_owner_told_again_which_copies_are_severed() -> None:
    outsourcing = with_a_severed_copy()
    outsourcing.told.clear()
    assert isinstance(outsourcing.say(SYNC, RepairOrdered(outsourcing_id=OUTSOURCING, side=LEAD)), Changed)
    go_on(outsourcing)
    assert (outsourcing.heard_by(LEAD), outsourcing.heard_by(SERVICE)) == ([TOLD], [])


def test_which_copies_are_severed_can_be_had_again_after_the_end_too() -> None:
    outsourcing = with_a_severed_copy()
    outsourcing.say(LEAD, force())
    _, again = repaired(outsourcing, LEAD, ask({A: 3, B: 1}))
    assert again == [TOLD.model_copy(update={"state": "completed"})]
