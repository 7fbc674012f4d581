"""Real turns of tickets that are outsourced on, of severed copies, and of repair, with the service's own routes."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from services.console import parked
from services.ticket_sync import store
from services.ticket_sync.handlers import HANDLERS
from services.ticket_sync.poller import digests_every
from shared.contracts.ticket_sync import CopiedFrom, Inventory, RepairOrdered, RepairUnfinished, SyncFellDue
from shared.database import Connection
from shared.ids import new_id
from shared.messaging import parking
from shared.messaging.arrivals import Arrival
from shared.messaging.directory import Directory
from shared.messaging.letters import Correspondence
from shared.messaging.outcomes import Publish
from shared.messaging.turn import Turn
from tests.integration.databases import statements_of
from tests.integration.messaging.posting import event
from tests.integration.ticket_sync.test_turns import begun, outbox_after, sent, take, turn, who_and_what
from tests.unit.ticket_sync.outsourcing import (
    LEAD,
    NOTE,
    SERVICE,
    accepted,
    approve,
    ask,
    opened,
    put,
    reject,
    remove,
    sever,
    submit,
)

__all__ = ["turn"]
Told = list[tuple[str, str, dict[str, Any]]]


async def in_progress(turn: Turn, database: Connection, count: int = 1) -> list[UUID]:
    """So many open tickets; what was told until then is not asked for."""
    ids = sorted(new_id() for _ in range(count))
    await take(turn, database, *(begun(id) for id in ids))
    await take(turn, database, *(sent(SERVICE, opened(outsourcing_id=id), id) for id in ids))
    return ids


def passed_on(data: dict[str, Any], id: UUID) -> Arrival:
    """What ticket_sync told itself, as it comes back."""
    return event(RepairUnfinished.model_validate(data), str(id), service="ticket_sync")


async def all_told_again(turn: Turn, database: Connection, told: Told, id: UUID) -> list[Told]:
    """What each piece of a repair tells, until it tells of no more."""
    pieces = []
    while unfinished := [data for to, _, data in told if to == "repair"]:
        told = await take(turn, database, passed_on(unfinished[0], id))
        pieces.append([one for one in told if one[0] != "repair"])
    return pieces


async def test_an_entry_goes_on_and_does_not_come_back_in_one_turn_as_in_several(
    turn: Turn, database: Connection
) -> None:
    """The service partner of the first ticket is the lead of the second, which its lead works on."""
    for together in (True, False):
        [first] = await in_progress(turn, database)
        second = new_id()
        acceptance = accepted(second).model_copy(update={"lead": SERVICE, "service": LEAD, "derived_from": first})
        await take(turn, database, event(acceptance, str(second), service="offer_handler"))
        await take(turn, database, sent(LEAD, opened(outsourcing_id=second), second))
        origin = put(NOTE, outsourcing_id=first)
        source = CopiedFrom(outsourcing_id=first, entry_id=origin.entry_id)
        arrivals = [
            sent(LEAD, origin, first),
            sent(SERVICE, put(NOTE, outsourcing_id=first, copied_from=source), first),
            sent(SERVICE, put(NOTE, outsourcing_id=second, copied_from=source), second),
        ]
        before = await database.fetchval("SELECT coalesce(max(position), 0) FROM outbox")
        for some in [arrivals] if together else [[one] for one in arrivals]:
            await take(turn, database, *some)
        assert who_and_what(await outbox_after(database, before)) == [(SERVICE, "entry.replicated.v1")]
        rows = await database.fetch(
            "SELECT path, copy_version FROM entry WHERE path IS NOT NULL AND owner = $1", SERVICE
        )
        assert {row["path"] for row in rows} == {LEAD}
        assert await database.fetchval("SELECT derived_from FROM link WHERE outsourcing_id = $1", second) == first


async def test_a_turn_of_entries_that_are_passed_on_asks_no_more_of_the_database_than_one_that_is_not(
    turn: Turn, database: Connection
) -> None:
    ids = await in_progress(turn, database, 4)
    # With its first entry a connection learns of the types of their columns.
    await take(turn, database, sent(LEAD, put(NOTE, outsourcing_id=ids[0]), ids[0]))
    origins = [put(NOTE, outsourcing_id=id) for id in ids]
    plain = await statements_of(
        database, take(turn, database, *(sent(LEAD, one, one.outsourcing_id) for one in origins))
    )
    sources = [CopiedFrom(outsourcing_id=one.outsourcing_id, entry_id=one.entry_id) for one in origins]
    onward = [sent(SERVICE, put(NOTE, outsourcing_id=id, copied_from=source), id) for id in ids for source in sources]
    onward.append(sent(SERVICE, put(NOTE, outsourcing_id=ids[0]), ids[0]))  # the only one that is told
    assert await statements_of(database, take(turn, database, *onward)) == plain
    assert await database.fetchval("SELECT count(*) FROM entry WHERE path IS NOT NULL") == 16


async def test_what_is_passed_on_before_it_is_there_waits_for_it(turn: Turn, database: Connection) -> None:
    here, there = await in_progress(turn, database, 2)
    own = put(NOTE, outsourcing_id=there)
    source = CopiedFrom(outsourcing_id=there, entry_id=own.entry_id)
    assert await take(turn, database, sent(SERVICE, put(NOTE, outsourcing_id=here, copied_from=source), here)) == []
    await take(turn, database, sent(SERVICE, own, there))
    await database.execute("UPDATE parked_subject SET next_attempt_at = clock_timestamp()")
    blocker = await parking.claim_due(database)
    assert blocker is not None and blocker.problem == "outsourcing/unknown"
    await turn.replay(database, blocker)
    assert await database.fetchval("SELECT count(*) FROM entry WHERE travel = 'delivered'") == 2


async def test_an_id_is_for_one_ticket_in_one_turn_as_in_several(turn: Turn, database: Connection) -> None:
    first, second = await in_progress(turn, database, 2)
    for again in (new_id(), new_id()):
        arrivals = [sent(LEAD, put(NOTE, id=again, outsourcing_id=id), id) for id in (first, second)]
        told = await take(turn, database, *arrivals)
        assert [(to, data.get("type")) for to, _, data in told] == [
            (SERVICE, None),
            (LEAD, "entry/other-outsourcing"),
        ]
    (refused,) = await take(turn, database, sent(LEAD, remove(again, 2, second), second))
    assert refused[2]["type"] == "entry/other-outsourcing"


async def test_of_two_turns_that_use_an_id_for_two_tickets_at_one_moment_one_is_done_again(
    turn: Turn, database: Connection, second_connection: Connection
) -> None:
    first, second = await in_progress(turn, database, 2)
    id = new_id()
    later = turn.read(sent(LEAD, put(NOTE, id=id, outsourcing_id=second), second))
    async with database.transaction():
        await take(turn, database, sent(LEAD, put(NOTE, id=id, outsourcing_id=first), first))
        other = Turn(HANDLERS, Directory(), Correspondence("ticket_sync", Directory()))
        meanwhile = asyncio.create_task(other.take(second_connection, [later]))
        async with asyncio.timeout(10):
            while not await database.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"):
                await asyncio.sleep(0.01)
    with pytest.raises(asyncpg.UniqueViolationError):
        await meanwhile
    before = await database.fetchval("SELECT max(position) FROM outbox")
    await turn.take(database, [later])
    assert [data["type"] for _, _, data in await outbox_after(database, before)] == ["entry/other-outsourcing"]


async def test_a_severed_copy_gets_nothing_more(turn: Turn, database: Connection) -> None:
    [id] = await in_progress(turn, database)
    note = put(NOTE, outsourcing_id=id)
    await take(turn, database, sent(LEAD, note, id))
    newer = put(NOTE, id=note.entry_id, version=2, outsourcing_id=id)
    told = await take(turn, database, sent(SERVICE, sever(note.entry_id, id), id), sent(LEAD, newer, id))
    assert who_and_what(told) == [(LEAD, "entry.severed.v1"), (SERVICE, "entry.severed.v1")]
    (again,) = await take(turn, database, sent(SERVICE, sever(note.entry_id, id), id))
    assert again[2]["type"] == "entry/severed-already"
    row = await database.fetchrow("SELECT version, travel, copy_version FROM entry")
    assert tuple(row) == (2, "severed", 1)


async def test_a_side_that_lost_all_is_told_all_again_in_pieces_that_read_no_more_than_they_tell(
    turn: Turn, database: Connection
) -> None:
    [id] = await in_progress(turn, database)
    notes = [put(NOTE, outsourcing_id=id) for _ in range(250)]
    first = await take(turn, database, *(sent(LEAD, one, id) for one in notes))
    told = await take(turn, database, sent(SERVICE, ask(outsourcing_id=id), id))
    assert who_and_what(told) == [(SERVICE, "sync.digest.v1"), ("repair", "repair.unfinished.v1")]
    assert told[0][2]["to_follow"] == 250 and len(told[0][2]["copies"]["versions"]) == 250
    pieces = await all_told_again(turn, database, told, id)
    assert [len(one) for one in pieces] == [100, 100, 50]
    by_id = sorted(first, key=lambda one: one[2]["entry_id"])
    assert [one for piece in pieces for one in piece] == by_id
    held = {UUID(one[2]["entry_id"]): one[2]["version"] for one in by_id}
    await database.execute("UPDATE repair SET begun_at = begun_at - make_interval(secs => 1)")
    (in_step,) = await take(turn, database, sent(SERVICE, ask({}, held, outsourcing_id=id), id))
    assert (in_step[2]["copies"]["versions"], in_step[2]["to_follow"]) == (None, 0)


async def test_pieces_are_smaller_where_entries_are_larger(
    turn: Turn, database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await in_progress(turn, database, 2)
    await take(turn, database, *(sent(LEAD, put(NOTE, outsourcing_id=id), id) for id in ids for _ in range(3)))
    told = await take(turn, database, *(sent(SERVICE, ask(outsourcing_id=id), id) for id in ids))
    monkeypatch.setattr(store, "MOST_TOLD_AGAIN", 2)
    copies: list[str] = []
    for _ in range(3):
        events = [data for to, _, data in told if to == "repair"]
        told = await take(turn, database, *(passed_on(one, UUID(one["outsourcing_id"])) for one in events))
        copies += [data["entry_id"] for _, kind, data in told if kind == "entry.replicated.v1"]
    assert len(copies) == len(set(copies)) == 6
    assert {to for to, _, _ in told} == {SERVICE}


async def test_repair_asks_the_database_as_often_for_many_as_for_one(turn: Turn, database: Connection) -> None:
    ids = await in_progress(turn, database, 8)
    await take(turn, database, *(sent(LEAD, put(NOTE, outsourcing_id=id), id) for id in ids for _ in range(5)))

    async def asked(some: list[UUID]) -> tuple[list[str], list[str]]:
        before = await database.fetchval("SELECT max(position) FROM outbox")
        request = take(turn, database, *(sent(SERVICE, ask(outsourcing_id=id), id) for id in some))
        of_request = await statements_of(database, request)
        events = [data for to, _, data in await outbox_after(database, before) if to == "repair"]
        pieces = take(turn, database, *(passed_on(one, UUID(one["outsourcing_id"])) for one in events))
        return of_request, await statements_of(database, pieces)

    assert await asked(ids[:1]) == await asked(ids[1:])


async def test_a_request_sees_what_this_turn_has_changed_before_it(turn: Turn, database: Connection) -> None:
    [id] = await in_progress(turn, database)
    old, new = put(NOTE, outsourcing_id=id), put(NOTE, outsourcing_id=id)
    await take(turn, database, sent(LEAD, old, id))
    newer = put(NOTE, id=old.entry_id, version=2, outsourcing_id=id)
    own = {old.entry_id: 2, new.entry_id: 1}
    told = await take(
        turn,
        database,
        sent(LEAD, newer, id),
        sent(LEAD, new, id),
        sent(LEAD, ask(own, outsourcing_id=id), id),
        sent(LEAD, remove(new.entry_id, 2, id), id),
        sent(SERVICE, ask({}, {old.entry_id: 2}, outsourcing_id=id), id),
    )
    digests = [data for _, kind, data in told if kind == "sync.digest.v1"]
    assert [one["own"]["versions"] for one in digests] == [None, None]
    assert digests[0]["own"]["sha256"] == Inventory.of(own).sha256
    assert (digests[1]["copies"]["versions"], digests[1]["to_follow"]) == (None, 0)


async def test_what_is_too_much_beside_others_is_compared_alone_a_little_later(
    turn: Turn, database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await in_progress(turn, database, 2)
    await take(turn, database, *(sent(LEAD, put(NOTE, outsourcing_id=id), id) for id in ids for _ in range(3)))
    monkeypatch.setattr(store, "MOST_HOLDINGS", 4)
    told = await take(turn, database, *(sent(SERVICE, ask(outsourcing_id=id, listed=False), id) for id in ids))
    assert [data["outsourcing_id"] for _, _, data in told] == [str(ids[0])]
    await database.execute("UPDATE parked_subject SET next_attempt_at = clock_timestamp()")
    blocker = await parking.claim_due(database)
    assert blocker is not None and (blocker.line.subject, blocker.problem) == (str(ids[1]), "sync/too-much-at-once")
    before = await database.fetchval("SELECT max(position) FROM outbox")
    await turn.replay(database, blocker)
    assert who_and_what(await outbox_after(database, before)) == [(SERVICE, "sync.digest.v1")]


async def test_what_is_held_released_and_kept_local_is_repaired_as_it_was_told(
    turn: Turn, database: Connection
) -> None:
    [id] = await in_progress(turn, database)
    kept, added = put(NOTE, outsourcing_id=id), put(NOTE, outsourcing_id=id)
    told = await take(turn, database, sent(SERVICE, kept, id), sent(SERVICE, submit(outsourcing_id=id), id))
    told += await take(turn, database, sent(SERVICE, added, id), sent(LEAD, reject(id), id))
    submitted = await take(turn, database, sent(SERVICE, submit(outsourcing_id=id), id))
    newer = [put(NOTE, id=one.entry_id, version=2, outsourcing_id=id) for one in (kept, added)]
    await take(turn, database, *(sent(SERVICE, one, id) for one in newer))
    snapshot_id = UUID(submitted[0][2]["snapshot"]["snapshot_id"])
    await take(turn, database, sent(LEAD, approve(snapshot_id, id), id))
    answered = await take(turn, database, sent(LEAD, ask(outsourcing_id=id), id))
    (piece,) = await all_told_again(turn, database, answered, id)
    first = {data["entry_id"]: data["body"] for to, kind, data in told if (to, kind) == (LEAD, "entry.replicated.v1")}
    assert {data["entry_id"]: data["body"] for _, _, data in piece} == first
    assert {(data["version"], data["state"]) for _, _, data in piece} == {(1, "completed")}


async def test_an_operator_s_repair_tells_all_again(turn: Turn, database: Connection) -> None:
    [id] = await in_progress(turn, database)
    gone = put(NOTE, outsourcing_id=id)
    await take(turn, database, sent(LEAD, put(NOTE, outsourcing_id=id), id), sent(LEAD, gone, id))
    await take(turn, database, sent(LEAD, remove(gone.entry_id, 2, id), id))
    ordered = event(RepairOrdered(outsourcing_id=id, side=SERVICE), str(id), service="ticket_sync")
    (piece,) = await all_told_again(turn, database, await take(turn, database, ordered), id)
    assert sorted(who_and_what(piece)) == [(SERVICE, "entry.replicated.v1"), (SERVICE, "entry.withdrawn.v1")]


async def test_both_sides_are_told_once_a_day_what_they_should_hold(turn: Turn, database: Connection) -> None:
    [id] = await in_progress(turn, database)
    await take(turn, database, sent(LEAD, put(NOTE, outsourcing_id=id), id))
    digests = digests_every(24)
    opened_at = await database.fetchval("SELECT opened_at FROM link")
    assert await digests.due(database, opened_at) == []
    for hours in (1, 31):
        now = await database.fetchval("SELECT $1::timestamptz + make_interval(hours => $2)", opened_at, hours)
        ((caused,),) = [one.tell for one in await digests.due(database, now)]
        assert await digests.due(database, now) == [] and isinstance(caused, Publish)
        told = await take(turn, database, event(caused.data, str(id), service="ticket_sync"))
        assert who_and_what(told) == [(LEAD, "sync.digest.v1"), (SERVICE, "sync.digest.v1")]
        assert [(data["own"]["entries"], data["copies"]["entries"]) for _, _, data in told] == [(1, 0), (0, 1)]
        next_due_at = await database.fetchval("SELECT next_due_at FROM link")
        assert 18 <= (next_due_at - now).total_seconds() / 3600 <= 30


async def test_a_digest_that_an_operator_drops_is_not_the_last_one(
    turn: Turn, database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    [id] = await in_progress(turn, database)
    await take(turn, database, *(sent(LEAD, put(NOTE, outsourcing_id=id), id) for _ in range(2)))
    digests = digests_every(24)
    now = await database.fetchval("SELECT opened_at + interval '1 hour' FROM link")
    monkeypatch.setattr(store, "MOST_HOLDINGS", 1)
    ((caused,),) = [one.tell for one in await digests.due(database, now)]
    assert await take(turn, database, event(caused.data, str(id), service="ticket_sync")) == []
    dropped = await parked.drop_first(database, "ticket_sync", str(id))
    assert dropped is not None and dropped["kind"] == SyncFellDue.kind
    monkeypatch.undo()
    ((caused,),) = [one.tell for one in await digests.due(database, now + timedelta(hours=30))]
    told = await take(turn, database, event(caused.data, str(id), service="ticket_sync"))
    assert who_and_what(told) == [(LEAD, "sync.digest.v1"), (SERVICE, "sync.digest.v1")]
