"""What an operator is told of copies, and an operator's word to have all told again, after turns as they are taken."""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest

from services.console import check, sync
from services.console.sync import Side, Verdict
from services.ticket_sync.domain import line
from services.ticket_sync.store import line as line_store
from shared.contracts.ticket_sync import CopiedFrom, LineUnfinished, RepairOrdered
from shared.database import Connection
from shared.ids import new_id
from shared.messaging.arrivals import Arrival
from shared.messaging.turn import Turn
from tests.integration.databases import plan_of
from tests.integration.messaging.posting import event
from tests.integration.ticket_sync.test_chain_and_repair_turns import all_told_again, in_progress
from tests.integration.ticket_sync.test_turns import begun, sent, take, turn, who_and_what
from tests.unit.ticket_sync.outsourcing import (
    LEAD,
    NOTE,
    PATH,
    SERVICE,
    TIME,
    approve,
    force,
    opened,
    put,
    reject,
    remove,
    sever,
    submit,
)

__all__ = ["turn"]


ORDERS = "SELECT message_id, subject, body FROM outbox WHERE kind = 'tandem.repair.ordered.v1' ORDER BY position"


def _order_of(row: Any) -> Arrival:
    """As the broker brings it."""
    ordered = RepairOrdered.model_validate(json.loads(row["body"])["data"])
    return event(ordered, row["subject"], service="ticket_sync", id=row["message_id"])


async def confirm(database: Connection) -> None:
    """The broker has all that was written until now."""
    await database.execute("UPDATE outbox SET published_at = now()")


async def verdict_is(database: Connection, copies: int, *wrong: tuple[str, int, int, int]) -> None:
    """So many copies, and the sides that lack some: how many they should have, and were not told, or not yet."""
    [id] = [row[0] for row in await database.fetch("SELECT outsourcing_id FROM link")]
    verdict = Verdict(1, copies, tuple(Side(id, *side) for side in wrong))
    assert await sync.verify(database) == await sync.verify(database, id) == verdict


async def test_at_every_point_of_a_life_all_is_right_that_was_told_and_confirmed(
    turn: Turn, database: Connection
) -> None:
    id = new_id()
    kept, gone, hidden, severed, late = notes = [put(NOTE, outsourcing_id=id) for _ in range(5)]
    steps = [
        ([begun(id)], 0),
        ([sent(LEAD, one, id) for one in notes[:4]], 0),
        ([sent(SERVICE, opened(outsourcing_id=id), id)], 4),
        ([sent(LEAD, remove(gone.entry_id, 2, id), id), sent(SERVICE, sever(severed.entry_id, id), id)], 3),
        ([sent(LEAD, put(id=hidden.entry_id, version=2, visibility="internal", outsourcing_id=id), id)], 3),
        ([sent(LEAD, put(PATH, outsourcing_id=id), id), sent(SERVICE, put(TIME, outsourcing_id=id), id)], 4),
        ([sent(SERVICE, submit(1, "1.5", outsourcing_id=id), id), sent(LEAD, late, id)], 4),
        ([sent(LEAD, reject(id), id)], 5),
        ([sent(SERVICE, submit(1, "1.5", outsourcing_id=id), id)], 5),
        ([sent(LEAD, put(id=kept.entry_id, version=2, outsourcing_id=id), id)], 5),
    ]
    for arrivals, copies in steps:
        await take(turn, database, *arrivals)
        assert (await sync.verify(database)).copies == copies
        await confirm(database)
        await verdict_is(database, copies)
    await take(turn, database, sent(LEAD, approve(await database.fetchval("SELECT snapshot_id FROM link"), id), id))
    await verdict_is(database, 6, (LEAD, 2, 0, 1))
    await confirm(database)
    await verdict_is(database, 6)


async def test_what_was_never_told_is_found_whatever_the_entries_say_of_themselves(
    turn: Turn, database: Connection
) -> None:
    [id] = await in_progress(turn, database)
    await take(turn, database, *(sent(LEAD, put(NOTE, outsourcing_id=id), id) for _ in range(3)))
    await confirm(database)
    await database.execute("DELETE FROM outbox WHERE position = (SELECT max(position) FROM outbox)")
    await verdict_is(database, 3, (SERVICE, 3, 1, 0))
    await database.execute("DELETE FROM outbox WHERE kind = 'tandem.entry.replicated.v1'")
    await database.execute("UPDATE entry SET travel = 'waiting', copy_version = NULL, copied_at = NULL, place = 1")
    await verdict_is(database, 3, (SERVICE, 3, 3, 0))


async def test_what_stands_in_a_line_that_is_being_told_is_on_its_way_until_the_end(
    turn: Turn, database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for read_by in (line, line_store):
        monkeypatch.setattr(read_by, "MOST_IN_A_PIECE", 1)
    id = new_id()
    await take(turn, database, begun(id), *(sent(LEAD, put(NOTE, outsourcing_id=id), id) for _ in range(4)))
    await take(turn, database, sent(SERVICE, opened(outsourcing_id=id), id))
    await confirm(database)
    await verdict_is(database, 4, (SERVICE, 4, 0, 3))
    await take(turn, database, event(LineUnfinished(outsourcing_id=id, after_place=1), str(id), service="ticket_sync"))
    await verdict_is(database, 4, (SERVICE, 4, 0, 3))
    await confirm(database)
    await verdict_is(database, 4, (SERVICE, 4, 0, 2))
    await take(turn, database, sent(LEAD, force(id), id))
    await verdict_is(database, 2)


async def test_of_what_would_come_back_and_of_who_has_no_queue_nobody_is_told_and_that_is_right(
    turn: Turn, database: Connection
) -> None:
    [id] = await in_progress(turn, database)
    origin = put(NOTE, outsourcing_id=id)
    await take(turn, database, sent(LEAD, origin, id))
    back = CopiedFrom(outsourcing_id=id, entry_id=origin.entry_id)
    await take(turn, database, sent(SERVICE, put(NOTE, outsourcing_id=id, copied_from=back), id))
    await verdict_is(database, 1, (SERVICE, 1, 0, 1))
    await database.execute("UPDATE instance SET kind = 'portal' WHERE slug = $1", SERVICE)
    await verdict_is(database, 0)


async def test_an_operator_s_word_goes_the_way_of_messages_and_tells_all_again(
    turn: Turn, database: Connection
) -> None:
    [id] = await in_progress(turn, database)
    first = await take(turn, database, sent(LEAD, put(NOTE, outsourcing_id=id), id))
    assert not await sync.order_repair(database, id, "elbtal")
    assert not await sync.order_repair(database, new_id(), SERVICE)
    assert await sync.order_repair(database, id, SERVICE)
    letter = await database.fetchrow("SELECT kind, subject, body FROM outbox ORDER BY position DESC LIMIT 1")
    assert (letter["kind"], letter["subject"]) == ("tandem.repair.ordered.v1", str(id))
    ordered = RepairOrdered.model_validate(json.loads(letter["body"])["data"])
    told = await take(turn, database, event(ordered, str(id), service="ticket_sync"))
    assert await all_told_again(turn, database, told, id) == [first]
    assert who_and_what(first) == [(SERVICE, "entry.replicated.v1")]
    assert (await check.check_service(database, "ticket_sync")).balanced


async def test_many_are_verified_and_told_again_in_pieces_and_it_is_said_how_many_so_far(
    turn: Turn, database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "MOST_AT_ONCE", 2)
    ids = await in_progress(turn, database, 3)
    told: list[int] = []
    assert (await sync.verify(database, tell=told.append)).outsourcings == 3 and told == [2, 3]
    assert await sync.order_repair(database, None, "elbtal") == 0
    assert await sync.order_repair(database, None, SERVICE) == 3
    assert {row["subject"] for row in await database.fetch(ORDERS)} == {str(id) for id in ids}


async def test_of_many_tickets_the_next_are_told_again_when_those_before_were_taken(
    turn: Turn, database: Connection, second_connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "ORDERED_AT_ONCE", 2)
    monkeypatch.setattr(sync, "LOOKED_SECONDS", 0.01)
    ids = await in_progress(turn, database, 3)
    told = asyncio.Queue[int]()
    async with asyncio.TaskGroup() as group:
        ordering = group.create_task(sync.order_repair(second_connection, None, SERVICE, told.put_nowait))
        assert await told.get() == 2
        orders = await database.fetch(ORDERS)
        await take(turn, database, *(_order_of(row) for row in orders[:1]))
        assert told.empty() and len(await database.fetch(ORDERS)) == 2
        await take(turn, database, *(_order_of(row) for row in orders[1:]))
        assert await told.get() == await ordering == 3
    assert {row["subject"] for row in await database.fetch(ORDERS)} == {str(id) for id in ids}


async def test_a_verdict_is_found_by_indexes(database: Connection) -> None:
    await database.execute(
        """
        INSERT INTO history (cause_id, cause_source, subject, actor, event, at)
        SELECT gen_random_uuid(), '/instances/nordlicht', gen_random_uuid(), 'nordlicht', 'told', now()
        FROM generate_series(1, 5000);
        INSERT INTO entry (outsourcing_id, entry_id, owner, version, visibility, travel, added_during_approval)
        SELECT gen_random_uuid(), gen_random_uuid(), 'nordlicht', 1, 'internal', 'local', false
        FROM generate_series(1, 5000);
        ANALYZE;
        SET enable_seqscan = off;  -- the other tables are small here
        """
    )
    plan = await plan_of(database, sync._VERIFY, new_id())
    for index in ("link_pkey", "entry_pkey", "history_by_subject", "outbox_by_cause"):
        assert index in plan, plan


@pytest.mark.parametrize("side", [LEAD, SERVICE])
async def test_of_what_is_not_there_nothing_is_said(database: Connection, side: str) -> None:
    assert await sync.verify(database, UUID(int=1)) == Verdict(0, 0, ())
    assert not await sync.order_repair(database, UUID(int=1), side)
