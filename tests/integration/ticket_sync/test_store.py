"""Every statement of ticket_sync on a real Postgres: what was saved is found again, one statement for all keys."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from services.ticket_sync import store
from services.ticket_sync.domain.agreed import Agreed
from services.ticket_sync.domain.caps import Effort
from services.ticket_sync.domain.entries import Entry, Travel
from services.ticket_sync.domain.links import FIRST_DIGEST_AFTER, Link, State
from services.ticket_sync.domain.opening import Due
from services.ticket_sync.domain.replication import word_of, written
from services.ticket_sync.domain.snapshots import Snapshot, Work
from services.ticket_sync.store import work as work_store
from services.ticket_sync.store.work import LARGEST_WORK_BYTES, find_work
from shared.contracts.ticket_sync import CompletionSnapshot, EntryBody, TimeBody
from shared.database import Connection
from shared.ids import new_id
from tests.integration.databases import plan_of, statements_of
from tests.unit.ticket_sync.outsourcing import CHARGE, FILE, LEAD, NOTE, PATH, SERVICE, TIME, accepted, put

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
claim_links_unopened = partial(store.claim_links_unopened, remind_after=(HOUR, DAY))
claim_links_undigested = partial(store.claim_links_undigested, soonest=DAY, latest=2 * DAY)
Claim = Callable[[Connection, datetime, int], Awaitable[list[Due]]]
SET_BY = ("/tandem/offer_handler", UUID("01935e7a-4c00-7000-8000-000000000001"))


def link(**more: Any) -> Link:
    fresh = Link(new_id(), LEAD, SERVICE, State.ACCEPTED, "EUR", "T-1", NOW)
    return replace(fresh, **more)


def entry(outsourcing_id: UUID, body: EntryBody = NOTE, owner: str = SERVICE, **more: Any) -> Entry:
    content = written(word_of(put(body)))
    fresh = Entry(outsourcing_id, new_id(), owner, 1, body.kind, "shared", content, Travel.DELIVERED, 1)
    return replace(fresh, **more)


async def test_an_effort_is_found_as_it_was_counted_last(database: Connection) -> None:
    terms = accepted().terms.model_copy(update={"authorized_hours": Decimal(8)})
    effort = Effort.none_yet(accepted(new_id()).model_copy(update={"terms": terms}))
    assert effort is not None
    await store.save_efforts(database, [effort])
    counted = replace(effort, hours=Decimal("8.5"), cost=Decimal("765.00"), told=("hours:80", "hours:100"))
    await store.save_efforts(database, [counted])
    assert await store.find_efforts(database, [effort.outsourcing_id, new_id()]) == [counted]


async def saved_link(database: Connection) -> Link:
    kept = link()
    await store.save_links(database, [kept])
    return kept


async def test_links_are_found_in_the_order_of_their_ids_as_they_were_saved_last(database: Connection) -> None:
    links = [link(derived_from=new_id()), link(), link()]
    await store.save_links(database, list(reversed(links)))
    assert await store.lock_links(database, [new_id(), *(one.outsourcing_id for one in links)]) == links
    opened = [one.with_another_entry().with_another_in_line().opened("A-7", NOW, SET_BY) for one in links]
    submitted = [one.submitted(new_id(), NOW) for one in opened]
    reminded = [one.reminded(NOW) for one in links]
    resumed = [one.resumed() for one in submitted]
    for changed in (
        reminded,
        opened,
        submitted,
        resumed,
        [one.returned(NOW) for one in resumed],
        [one.completed(NOW) for one in submitted],
    ):
        await store.save_links(database, changed)
        assert await store.lock_links(database, [one.outsourcing_id for one in links]) == changed


async def test_a_locked_link_stays_with_its_turn(database: Connection, second_connection: Connection) -> None:
    kept = await saved_link(database)
    await second_connection.execute("SET lock_timeout = '50ms'")
    async with database.transaction():
        await store.lock_links(database, [kept.outsourcing_id])
        with pytest.raises(asyncpg.LockNotAvailableError):
            await store.lock_links(second_connection, [kept.outsourcing_id])
    assert await store.lock_links(second_connection, [kept.outsourcing_id]) == [kept]


@pytest.mark.parametrize(
    "broken",
    [
        {"service": LEAD},
        {"state": State.IN_PROGRESS},
        {"state": State.AWAITING_APPROVAL, "service_number": "A-7", "opened_at": NOW},
        {"state": State.COMPLETED},
        {"state": State.RETURNED},
        {"returned_at": NOW},
        {"state": State.RETURNED, "returned_at": NOW, "snapshot_id": new_id(), "submitted_at": NOW},
        {"service_number": "A-7"},
        {"next_due_at": NOW},
        {"state": State.RETURNED, "returned_at": NOW, "next_due_at": NOW, "due_set_by": SET_BY},
        {"currency": "euro"},
        {"last_place": 1, "passed_place": 2},
    ],
)
async def test_no_link_is_kept_that_cannot_be(database: Connection, broken: dict[str, Any]) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await store.save_links(database, [link(**broken)])


def due(at: datetime, **more: Any) -> Link:
    return link(next_due_at=at, due_set_by=SET_BY, **more)


async def test_what_falls_due_is_claimed_in_its_order_and_once(database: Connection) -> None:
    third, first, second = [due(NOW + timedelta(minutes=minutes)) for minutes in (3, 1, 2)]
    await store.save_links(database, [third, first, second, link()])
    assert await claim_links_unopened(database, NOW, 10) == []
    now = NOW + timedelta(minutes=2)
    assert await claim_links_unopened(database, now, 1) == [_claimed(first)]
    assert await claim_links_unopened(database, now, 10) == [_claimed(second)]
    assert await claim_links_unopened(database, now, 10) == []
    assert await store.lock_links(database, [third.outsourcing_id]) == [third]


async def test_a_link_that_nobody_opens_is_claimed_for_each_reminder_and_then_no_more(database: Connection) -> None:
    unopened = due(NOW + HOUR)
    await store.save_links(database, [unopened])
    for due_again in (NOW + DAY, None):
        assert unopened.next_due_at is not None
        assert await claim_links_unopened(database, unopened.next_due_at, 10) == [_claimed(unopened)]
        unopened = replace(unopened, next_due_at=due_again)
        assert await store.lock_links(database, [unopened.outsourcing_id]) == [unopened]
    assert await claim_links_unopened(database, NOW + 9 * DAY, 10) == []


async def test_two_workers_never_claim_the_same_and_leave_what_a_turn_works_on(
    database: Connection, second_connection: Connection
) -> None:
    links = [due(NOW + timedelta(seconds=seconds)) for seconds in range(10)]
    await store.save_links(database, links)
    async with database.transaction():
        await store.lock_links(database, [links[0].outsourcing_id])
        async with second_connection.transaction():
            theirs = await claim_links_unopened(second_connection, NOW + DAY, 6)
            ours = await claim_links_unopened(database, NOW + DAY, 6)
    assert theirs == [_claimed(one) for one in links[1:7]]
    assert ours == [_claimed(one) for one in (links[0], *links[7:])]


async def test_open_tickets_are_claimed_for_a_digest_and_others_for_a_reminder(database: Connection) -> None:
    unopened, opened = due(NOW), link().opened("A-7", NOW - FIRST_DIGEST_AFTER, SET_BY)
    submitted = replace(opened, outsourcing_id=new_id()).submitted(new_id(), NOW)
    await store.save_links(database, [unopened, opened, submitted, link().opened("A-8", NOW, SET_BY)])
    claimed = await claim_links_undigested(database, NOW, 10)
    assert {one.outsourcing_id for one in claimed} == {opened.outsourcing_id, submitted.outsourcing_id}
    assert await claim_links_unopened(database, NOW, 10) == [_claimed(unopened)]


async def test_a_link_that_is_claimed_for_a_digest_is_due_again_at_a_time_of_its_own(database: Connection) -> None:
    links = [link().opened("A-7", NOW - FIRST_DIGEST_AFTER, SET_BY) for _ in range(20)]
    await store.save_links(database, links)
    assert len(await claim_links_undigested(database, NOW, 256)) == 20
    assert await claim_links_undigested(database, NOW, 256) == []
    due_again = {one.next_due_at for one in await store.lock_links(database, [one.outsourcing_id for one in links])}
    assert len(due_again) == 20 and all(at and NOW + DAY <= at <= NOW + 2 * DAY for at in due_again)


@pytest.mark.parametrize("claim", [claim_links_unopened, claim_links_undigested])
async def test_what_falls_due_is_found_by_an_index(database: Connection, claim: Claim) -> None:
    unopened = [due(NOW + timedelta(minutes=minutes)) for minutes in range(1000)]
    opened = [link().opened("A-7", one.next_due_at - FIRST_DIGEST_AFTER, SET_BY) for one in unopened if one.next_due_at]
    ended = [one.returned(NOW) for one in (link() for _ in range(2000))]
    await store.save_links(database, [*unopened, *opened, *ended])
    await database.execute("ANALYZE link")
    # With the first of them a connection learns of the types that it is given.
    *_, statement = await statements_of(database, claim(database, NOW, 256))
    is_reminder = claim is claim_links_unopened
    index, more = ("link_unopened", ([HOUR, DAY],)) if is_reminder else ("link_undigested", (DAY, 2 * DAY))
    for now in (NOW, NOW + DAY):
        plan = await plan_of(database, statement, now, 256, *more)
        assert index in plan and "Seq Scan" not in plan, plan


async def test_what_was_agreed_on_is_written_once(database: Connection) -> None:
    kept = await saved_link(database)
    agreed = Agreed(kept.outsourcing_id, accepted(kept.outsourcing_id))
    await store.save_agreed(database, [agreed])
    await store.save_agreed(database, [Agreed(kept.outsourcing_id, accepted(kept.outsourcing_id, currency="CHF"))])
    assert await store.find_agreed(database, [kept.outsourcing_id, new_id()]) == [agreed]


async def test_entries_of_every_kind_are_found_by_their_keys_as_they_were_saved_last(database: Connection) -> None:
    outsourcing_id = (await saved_link(database)).outsourcing_id
    entries = [entry(outsourcing_id, body) for body in (NOTE, TIME, FILE, CHARGE, PATH)]
    await store.save_entries(database, entries)
    keys = [(outsourcing_id, new_id()), (new_id(), entries[0].entry_id), *(one.key for one in entries)]
    assert sorted(await store.find_entries(database, keys), key=lambda one: one.key) == entries
    changed = [
        replace(entries[0], version=2, content=None, visibility="internal", copy_version=None, withdrawn_version=2),
        replace(entries[1], version=2, travel=Travel.HELD, copy_content=entries[1].content, place=7),
        replace(entries[2], version=2, travel=Travel.SEVERED, added_during_approval=True, path=(LEAD, "elbtal")),
        replace(entries[3], travel=Travel.LOCAL, copy_version=None, visibility="internal"),
        replace(entries[4], travel=Travel.WAITING, copy_version=None, place=2**40),
    ]
    await store.save_entries(database, changed)
    assert sorted(await store.find_entries(database, keys), key=lambda one: one.key) == changed


async def test_a_tombstone_of_what_never_came_has_no_kind(database: Connection) -> None:
    gone = entry((await saved_link(database)).outsourcing_id, kind=None, content=None, visibility="internal")
    await store.save_entries(database, [gone])
    assert await store.find_entries(database, [gone.key]) == [gone]


@pytest.mark.parametrize(
    "broken",
    [
        {"kind": None},
        {"kind": "invoice"},
        {"version": 0},
        {"place": 1},
        {"travel": Travel.HELD},
        {"travel": Travel.LOCAL},
        {"copy_version": 2},
        {"copy_content": "{}"},
        {"version": 2, "travel": Travel.HELD, "place": 1},
        {"withdrawn_version": 1},
        {"copy_version": None, "withdrawn_version": 2},
        {"travel": Travel.SEVERED, "copy_version": None},
        {"travel": Travel.LOCAL, "copy_version": None, "added_during_approval": True},
    ],
)
async def test_no_entry_is_kept_that_cannot_be(database: Connection, broken: dict[str, Any]) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await store.save_entries(database, [entry(new_id(), **broken)])


async def test_work_is_the_service_partners_shared_time_and_charges(database: Connection) -> None:
    outsourcing_id = (await saved_link(database)).outsourcing_id
    work = [entry(outsourcing_id, TIME), entry(outsourcing_id, CHARGE)]
    others = [
        entry(outsourcing_id, TIME, owner=LEAD),
        entry(outsourcing_id, NOTE),
        entry(outsourcing_id, TIME, visibility="internal", travel=Travel.LOCAL, copy_version=None),
        entry(outsourcing_id, TIME, content=None, copy_version=None),
        entry((await saved_link(database)).outsourcing_id, TIME),
    ]
    await store.save_entries(database, [*work, *others])
    [found] = await find_work(database, [outsourcing_id])
    assert sorted(found.entries or (), key=lambda one: one.key) == work and not found.shortened
    assert await find_work(database, [new_id()]) == []


async def test_work_too_long_for_a_message_is_read_without_its_texts_and_of_too_much_the_first_alone(
    database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_long, of_short = sorted([(await saved_link(database)).outsourcing_id for _ in range(2)])
    long = TIME.model_copy(update={"text": "ü" * (LARGEST_WORK_BYTES // 4)})
    await store.save_entries(database, [entry(of_long, long), entry(of_long, long), entry(of_long, CHARGE)])
    await store.save_entries(database, [entry(of_short, TIME)])
    shortened, whole = sorted(await find_work(database, [of_short, of_long]), key=lambda one: one.outsourcing_id)
    texts = {one.text for one in bodies_of(shortened) if isinstance(one, TimeBody)}
    assert (shortened.shortened, texts) == (True, {""}) and CHARGE in bodies_of(shortened)
    assert (whole.shortened, bodies_of(whole)) == (False, [TIME])
    monkeypatch.setattr(work_store, "LARGEST_OF_A_TURN_BYTES", 1)
    first, left = sorted(await find_work(database, [of_short, of_long]), key=lambda one: one.outsourcing_id)
    assert len(first.entries or ()) == 3 and left.entries is None


def bodies_of(found: Work) -> list[EntryBody]:
    return [one.word.body for one in found.entries or () if one.word]


async def test_a_submission_is_written_once(database: Connection) -> None:
    outsourcing_id = (await saved_link(database)).outsourcing_id
    id = new_id()
    content = CompletionSnapshot(snapshot_id=id, hours=Decimal("1.5"), charge_total=Decimal("1.01"), currency="EUR")
    snapshot = Snapshot(id, outsourcing_id, content, "l.gruber", NOW)
    await store.save_snapshots(database, [snapshot])
    await store.save_snapshots(database, [replace(snapshot, submitted_by="somebody else")])
    assert await store.find_snapshots(database, [new_id(), id]) == [snapshot]


async def test_nothing_wanted_is_nothing_found(database: Connection) -> None:
    assert await store.find_entries(database, []) == []
    await store.save_entries(database, [])
    await store.save_links(database, [])


def _claimed(of: Link) -> Due:
    assert of.next_due_at is not None
    return Due(of.outsourcing_id, of.next_due_at, SET_BY)
