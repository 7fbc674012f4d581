"""Entries: one writer each, versions that only rise, and copies by the replication table."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ticket_sync.domain import writing
from services.ticket_sync.domain.entries import Travel
from services.ticket_sync.domain.snapshots import id_of_sum
from shared.contracts.ticket_sync import (
    ChargeBody,
    EntryHeld,
    EntryReleased,
    EntryReplicated,
    EntryWithdrawn,
    NoteBody,
)
from shared.contracts.values import Payload
from shared.ids import new_id
from shared.messaging.outcomes import Changed, NotYet, Refused, Unchanged
from tests.unit.ticket_sync.outsourcing import (
    CHARGE,
    LEAD,
    NOTE,
    PATH,
    SERVICE,
    STRANGER,
    TIME,
    Copies,
    Outsourcing,
    accepted,
    awaiting_approval,
    in_progress,
    opened,
    put,
    reject,
    remove,
    submit,
)

ENTRY = UUID("01935e7a-4c00-7000-8000-0000000000d1")
OTHER_SIDE = {LEAD: SERVICE, SERVICE: LEAD}


def test_what_turns_internal_goes_and_what_turns_shared_comes() -> None:
    outsourcing = in_progress()
    outsourcing.say(LEAD, put(id=ENTRY))
    outsourcing.say(LEAD, put(id=ENTRY, version=2, visibility="internal"))
    outsourcing.say(LEAD, put(id=ENTRY, version=3, visibility="internal"))
    outsourcing.say(LEAD, put(id=ENTRY, version=4))
    heard = outsourcing.heard_by(SERVICE)
    assert [(type(one), getattr(one, "version", 0)) for one in heard] == [
        (EntryReplicated, 1),
        (EntryWithdrawn, 2),
        (EntryReplicated, 4),
    ]


def test_a_removal_leaves_a_tombstone_that_older_versions_do_not_raise() -> None:
    outsourcing = in_progress()
    outsourcing.say(LEAD, put(id=ENTRY))
    outsourcing.say(LEAD, remove(ENTRY, 3))
    assert outsourcing.say(LEAD, put(id=ENTRY, version=2)) == Unchanged()
    assert outsourcing.say(LEAD, remove(ENTRY, 3)) == Unchanged()
    assert [type(one) for one in outsourcing.heard_by(SERVICE)] == [EntryReplicated, EntryWithdrawn]
    assert outsourcing.entry(ENTRY).removed


def test_a_removal_may_come_before_what_it_removes() -> None:
    outsourcing = in_progress()
    assert isinstance(outsourcing.say(LEAD, remove(ENTRY, 2)), Changed)
    assert outsourcing.say(LEAD, put(id=ENTRY)) == Unchanged()
    assert outsourcing.told == []


@pytest.mark.parametrize("change", [put(id=ENTRY, version=2), remove(ENTRY, 2)])
def test_only_its_owner_changes_an_entry(change: Payload) -> None:
    for owner in (LEAD, SERVICE):
        outsourcing = in_progress()
        outsourcing.say(owner, put(id=ENTRY))
        assert outsourcing.problem_of(OTHER_SIDE[owner], change) == "entry/not-owner"
        assert outsourcing.entry(ENTRY).version == 1


@pytest.mark.parametrize(
    "change",
    [put(NoteBody(kind="note", text="else"), id=ENTRY), put(id=ENTRY, visibility="internal"), remove(ENTRY, 1)],
)
def test_the_same_version_with_other_content_is_refused(change: Payload) -> None:
    outsourcing = in_progress()
    outsourcing.say(LEAD, put(id=ENTRY))
    assert outsourcing.problem_of(LEAD, change) == "entry/version-reused"


def test_an_entry_keeps_its_kind() -> None:
    outsourcing = in_progress()
    outsourcing.say(LEAD, put(NOTE, id=ENTRY))
    assert outsourcing.problem_of(LEAD, put(TIME, id=ENTRY, version=2)) == "entry/kind-changed"


def begun_with_another_partner(outsourcing: Outsourcing, lead: str, service: str) -> UUID:
    """A second ticket beside the first; its outsourcing."""
    id = new_id()
    acceptance = accepted(id).model_copy(update={"lead": lead, "service": service})
    outsourcing.say("tandem/offer_handler", acceptance)
    outsourcing.say(service, opened(outsourcing_id=id))
    outsourcing.told.clear()
    return id


@pytest.mark.parametrize("word", [put(id=ENTRY), remove(ENTRY, 1)])
@pytest.mark.parametrize(("lead", "service"), [(LEAD, STRANGER), (STRANGER, LEAD)])
def test_an_entry_stays_on_its_ticket(lead: str, service: str, word: Payload) -> None:
    outsourcing = in_progress()
    outsourcing.say(LEAD, put(id=ENTRY))
    elsewhere = begun_with_another_partner(outsourcing, lead, service)
    moved = word.model_copy(update={"outsourcing_id": elsewhere})
    assert outsourcing.say(LEAD, moved) == Refused("entry/other-outsourcing", state="in_progress")


def test_what_others_call_their_entries_on_other_tickets_is_not_noticed() -> None:
    outsourcing = in_progress()
    elsewhere = begun_with_another_partner(outsourcing, STRANGER, SERVICE)
    outsourcing.say(LEAD, put(id=ENTRY))
    assert isinstance(outsourcing.say(STRANGER, put(id=ENTRY, outsourcing_id=elsewhere)), Changed)
    assert [type(one) for one in outsourcing.heard_by(SERVICE)] == [EntryReplicated] * 2
    assert outsourcing.problem_of(SERVICE, put(id=ENTRY)) == "entry/not-owner"


def test_what_tandem_adds_in_the_end_is_nobody_s_to_write_before() -> None:
    outsourcing = in_progress()
    assert outsourcing.problem_of(SERVICE, put(id=id_of_sum(outsourcing.link))) == "entry/not-owner"


def test_charges_are_in_the_currency_of_the_terms() -> None:
    francs = ChargeBody.model_validate(CHARGE.model_dump() | {"currency": "CHF"})
    decision = in_progress().say(SERVICE, put(francs))
    assert isinstance(decision, Refused) and decision.problem == "entry/foreign-currency"
    assert decision.details == {"currency": "EUR"} and decision.state == "in_progress"


def test_a_ticket_is_full_at_some_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MOST_ENTRIES", 2)
    outsourcing = in_progress()
    known = put()
    for one in (known, put(PATH)):
        outsourcing.say(LEAD, one)
    assert outsourcing.problem_of(SERVICE, put()) == "entry/too-many"
    assert isinstance(outsourcing.say(LEAD, put(id=known.entry_id, version=2)), Changed)


@pytest.mark.parametrize("told", [put(), remove(ENTRY, 1)])
def test_a_stranger_is_answered_as_if_there_were_nothing(told: Payload) -> None:
    assert Outsourcing().say(LEAD, told) == in_progress().say(STRANGER, told) == NotYet("outsourcing/unknown")


def test_a_changed_entry_does_not_save_the_link() -> None:
    outsourcing = in_progress()
    first = outsourcing.say(LEAD, put(id=ENTRY))
    second = outsourcing.say(LEAD, put(id=ENTRY, version=2))
    assert isinstance(first, Changed) and [type(one).__name__ for one in first.values] == ["Link", "Entry"]
    assert isinstance(second, Changed) and [type(one).__name__ for one in second.values] == ["Entry"]


VERSIONS = st.lists(
    st.tuples(st.sampled_from(["shared", "internal", "removed"]), st.sampled_from(["a", "b", "c"])),
    min_size=1,
    max_size=6,
)


@given(history=VERSIONS, data=st.data())
def test_any_order_and_duplication_ends_with_the_newest_version(history: list[tuple[str, str]], data: Any) -> None:
    told: list[Payload] = [
        remove(ENTRY, number)
        if how == "removed"
        else put(
            NoteBody(kind="note", text=text),
            id=ENTRY,
            version=number,
            visibility="internal" if how == "internal" else "shared",
        )
        for number, (how, text) in enumerate(history, 1)
    ]
    order = data.draw(st.permutations([*told, *data.draw(st.lists(st.sampled_from(told), max_size=6))]))
    suspend_at = data.draw(st.integers(0, len(order)))
    outsourcing = in_progress()
    for message in order[:suspend_at]:
        outsourcing.say(LEAD, message)
    _submit_as_it_is(outsourcing)
    for message in order[suspend_at:]:
        outsourcing.say(LEAD, message)
    outsourcing.say(LEAD, reject())
    how, text = history[-1]
    copies = Copies()
    copies.take(outsourcing.heard_by(SERVICE))
    assert [one.body for one in copies.standing.values()] == (
        [NoteBody(kind="note", text=text)] if how == "shared" else []
    )
    assert outsourcing.entry(ENTRY).version == len(history)


def test_what_comes_before_the_ticket_waits_for_it_in_order() -> None:
    outsourcing = Outsourcing(("tandem/offer_handler", accepted()))
    outsourcing.told.clear()
    first, second, third, gone = (new_id() for _ in range(4))
    for told in (
        put(id=third),
        put(id=first),
        put(id=gone),
        put(id=second),
        put(id=third, version=2),
        put(id=gone, version=2, visibility="internal"),
    ):
        outsourcing.say(LEAD, told)
    assert outsourcing.told == [] and outsourcing.entry(first).travel is Travel.WAITING
    outsourcing.say(SERVICE, opened())
    copies = [one for one in outsourcing.heard_by(SERVICE) if isinstance(one, EntryReplicated)]
    assert [(one.entry_id, one.version) for one in copies] == [(third, 2), (first, 1), (second, 1)]
    assert {one.state for one in copies} == {"in_progress"}
    assert outsourcing.entry(first).travel is Travel.DELIVERED and outsourcing.entry(first).place is None


@given(puts=st.lists(st.tuples(st.sampled_from([LEAD, SERVICE]), st.integers(0, 3)), max_size=12))
def test_what_comes_during_approval_is_held_and_released_in_order(puts: list[tuple[str, int]]) -> None:
    ids = [new_id() for _ in range(8)]
    outsourcing = awaiting_approval()
    line: dict[UUID, int] = {}
    for version, (owner, number) in enumerate(puts, 1):
        id = ids[number + (4 if owner == LEAD else 0)]
        outsourcing.say(owner, put(id=id, version=version))
        assert outsourcing.told[-1].data == EntryHeld(
            outsourcing_id=outsourcing.link.outsourcing_id, entry_id=id, version=version
        )
        line[id] = version
    outsourcing.told.clear()
    outsourcing.say(LEAD, reject())
    copies = [one.data for one in outsourcing.told if isinstance(one.data, EntryReplicated)]
    released = [one.data for one in outsourcing.told if isinstance(one.data, EntryReleased)]
    assert [(one.entry_id, one.version) for one in copies] == list(line.items())
    assert [(one.entry_id, one.version) for one in released] == list(line.items())
    assert all(one.added_during_approval for one in copies)


def test_what_turns_internal_during_approval_goes_when_the_work_goes_on() -> None:
    outsourcing = in_progress()
    outsourcing.say(LEAD, put(id=ENTRY))
    _submit_as_it_is(outsourcing)
    outsourcing.say(LEAD, put(id=ENTRY, version=2, visibility="internal"))
    outsourcing.told.clear()
    outsourcing.say(LEAD, reject())
    assert isinstance(outsourcing.heard_by(SERVICE)[-1], EntryWithdrawn)


def _submit_as_it_is(outsourcing: Outsourcing) -> None:
    assert isinstance(outsourcing.say(SERVICE, submit()), Changed)
