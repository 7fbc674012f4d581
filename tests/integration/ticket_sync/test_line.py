"""What waits in line on a real Postgres: read from the front, as much as fits, and told by real turns in its order."""

import base64
import hashlib
import tracemalloc
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from services.ticket_sync import store
from services.ticket_sync.domain.entries import Entry, Travel
from services.ticket_sync.domain.line import MOST_IN_A_PIECE, Front
from services.ticket_sync.domain.links import Link
from services.ticket_sync.store import line as line_store
from shared.contracts.ticket_sync import LARGEST_INLINE_BYTES, AttachmentBody, EntryBody, LineUnfinished, NoteBody
from shared.database import Connection
from shared.messaging import parking
from shared.messaging.arrivals import Arrival
from shared.messaging.turn import Turn
from tests.integration.databases import plan_of, statements_of
from tests.integration.messaging.posting import event
from tests.integration.ticket_sync.test_store import entry, link
from tests.integration.ticket_sync.test_turns import begun, sent, take, turn, who_and_what
from tests.unit.ticket_sync.outsourcing import LEAD, NOTE, SERVICE, force, opened, put, submit

__all__ = ["turn"]
LARGE = NoteBody(kind="note", text="x" * 1000)
FILE_BYTES = bytes(LARGEST_INLINE_BYTES)
FILE = AttachmentBody(
    kind="attachment",
    name="log.bin",
    media_type="application/octet-stream",
    size=LARGEST_INLINE_BYTES,
    sha256=hashlib.sha256(FILE_BYTES).hexdigest(),
    content=base64.b64encode(FILE_BYTES).decode(),
)


def waiting(outsourcing_id: UUID, place: int, body: EntryBody = NOTE) -> Entry:
    return entry(outsourcing_id, body, owner=LEAD, travel=Travel.WAITING, copy_version=None, place=place)


async def saved_line(database: Connection, *bodies: EntryBody, passed_place: int = 0) -> tuple[Link, list[Entry]]:
    """A link with these in its line, behind what has been passed on already."""
    kept = link(last_place=passed_place + len(bodies), passed_place=passed_place, entry_count=len(bodies))
    entries = [waiting(kept.outsourcing_id, passed_place + place, body) for place, body in enumerate(bodies, 1)]
    await store.save_links(database, [kept])
    await store.save_entries(database, list(reversed(entries)))
    return kept, entries


async def read(database: Connection, *links: Link) -> tuple[list[Front], list[Entry]]:
    ids = sorted(one.outsourcing_id for one in links)
    fronts = await line_store.find_fronts(database, ids)
    entries = await line_store.list_entries_at_front(database, ids)
    return (
        sorted(fronts, key=lambda one: one.outsourcing_id),
        sorted(entries, key=lambda one: (one.outsourcing_id, one.place)),
    )


async def test_a_short_line_is_read_to_its_end_for_its_outsourcing_alone(database: Connection) -> None:
    mine, in_line = await saved_line(database, NOTE, NOTE, passed_place=7)
    empty, _ = await saved_line(database)
    await saved_line(database, NOTE)
    await store.save_entries(database, [entry(mine.outsourcing_id)])
    fronts, entries = await read(database, mine, empty)
    assert {(one.outsourcing_id, one.until_place) for one in fronts} == {
        (mine.outsourcing_id, None),
        (empty.outsourcing_id, None),
    }
    assert entries == in_line


async def test_of_a_long_line_a_piece_is_read(database: Connection) -> None:
    long, in_line = await saved_line(database, *[NOTE] * (MOST_IN_A_PIECE + 1))
    fronts, entries = await read(database, long)
    assert fronts == [Front(long.outsourcing_id, MOST_IN_A_PIECE)]
    assert entries == in_line[:MOST_IN_A_PIECE]


@pytest.mark.parametrize("limit", ["MOST_IN_LINE", "LARGEST_IN_LINE_BYTES"])
async def test_of_several_lines_no_more_is_read_than_fits_into_a_turn_and_each_only_from_its_front(
    database: Connection, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    lines = sorted([await saved_line(database, *[LARGE] * 3) for _ in range(3)], key=lambda one: one[0].outsourcing_id)
    size = len((lines[0][1][0].content or "").encode())
    monkeypatch.setattr(line_store, limit, 4 if limit == "MOST_IN_LINE" else 4 * size)
    fronts, entries = await read(database, *(one for one, _ in lines))
    assert [one.until_place for one in fronts] == [None, 1, 0]
    assert entries == [*lines[0][1], lines[1][1][0]]


async def test_what_a_copy_says_counts_as_well(database: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, [first, second] = await saved_line(database, LARGE, LARGE)
    held = replace(first, version=2, travel=Travel.HELD, copy_version=1, copy_content=first.content)
    await store.save_entries(database, [held])
    monkeypatch.setattr(line_store, "LARGEST_IN_LINE_BYTES", 2 * len(second.content or ""))
    assert await read(database, kept) == ([Front(kept.outsourcing_id, 1)], [held])


@pytest.mark.parametrize("find", [line_store.find_fronts, line_store.list_entries_at_front])
async def test_the_front_of_a_line_is_found_by_an_index_however_long_it_is(database: Connection, find: Any) -> None:
    kept, _ = await saved_line(database, *[NOTE] * 3000)
    for _ in range(20):
        await saved_line(database, *[NOTE] * 100)
    await database.execute("ANALYZE")
    (statement,) = await statements_of(database, find(database, [kept.outsourcing_id]))
    values = ([kept.outsourcing_id], MOST_IN_A_PIECE, line_store.MOST_IN_LINE, line_store.LARGEST_IN_LINE_BYTES)
    plan = await plan_of(database, statement, *values)
    assert "entry_in_line" in plan and "Seq Scan on entry" not in plan, plan


def next_piece(told: list[tuple[str, str, dict[str, Any]]], id: UUID) -> list[Arrival]:
    """What ticket_sync told itself, as it comes back."""
    return [
        event(LineUnfinished.model_validate(data), str(id), service="ticket_sync")
        for to, kind, data in told
        if (to, kind) == ("line", "line.unfinished.v1")
    ]


async def begun_with_files(turn: Turn, database: Connection, count: int) -> tuple[UUID, list[UUID]]:
    """An outsourcing whose lead has put so many files of 64 KiB before the ticket was opened."""
    kept, entries = link(), []
    id = kept.outsourcing_id
    await take(turn, database, begun(id))
    for begin in range(0, count, 50):
        some = [waiting(id, place, FILE) for place in range(begin + 1, min(begin + 50, count) + 1)]
        await store.save_entries(database, some)
        entries += [one.entry_id for one in some]
    await database.execute(
        "UPDATE link SET last_place = $2::integer, entry_count = $2 WHERE outsourcing_id = $1", id, count
    )
    return id, entries


async def test_hundreds_of_files_reach_a_ticket_in_pieces_of_few_mebibytes_and_in_their_order(
    turn: Turn, database: Connection
) -> None:
    """About 2 seconds: 200 files are 17 MiB as they are written."""
    id, files = await begun_with_files(turn, database, 200)
    arrivals = [sent(SERVICE, opened(outsourcing_id=id), id)]
    later = put(NOTE, outsourcing_id=id)
    pieces: list[int] = []
    arrived: list[str] = []
    tracemalloc.start()
    while arrivals:
        told = await take(turn, database, *arrivals)
        copies = [data["entry_id"] for _, kind, data in told if kind == "entry.replicated.v1"]
        arrived += copies
        pieces.append(len(copies))
        arrivals = [*next_piece(told, id), *([sent(LEAD, later, id)] if len(pieces) == 1 else [])]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert arrived == [str(one) for one in (*files, later.entry_id)]
    assert len(pieces) >= 4 and max(pieces) * len(FILE.content or "") <= line_store.LARGEST_IN_LINE_BYTES
    assert peak < 12 * line_store.LARGEST_IN_LINE_BYTES, "a piece and what is made of it, whatever the line holds"
    assert await database.fetchval("SELECT passed_place = last_place FROM link WHERE outsourcing_id = $1", id)


async def test_a_submission_that_comes_while_pieces_are_under_way_waits_for_the_last_of_them(
    turn: Turn, database: Connection
) -> None:
    id, files = await begun_with_files(turn, database, 60)
    told = await take(turn, database, sent(SERVICE, opened(outsourcing_id=id), id))
    assert await take(turn, database, sent(SERVICE, submit(outsourcing_id=id), id)) == []
    copies = [data["entry_id"] for _, kind, data in told if kind == "entry.replicated.v1"]
    while arrivals := next_piece(told, id):
        told = await take(turn, database, *arrivals)
        copies += [data["entry_id"] for _, kind, data in told if kind == "entry.replicated.v1"]
    assert copies == [str(one) for one in files]
    blocker = await parking.claim_due(database)
    assert blocker is not None and blocker.problem == "completion/entries-under-way"
    await turn.replay(database, blocker)
    assert await database.fetchval("SELECT state FROM link WHERE outsourcing_id = $1", id) == "awaiting_approval"


async def test_an_end_while_pieces_are_under_way_is_told_before_what_stays_with_its_owners(
    turn: Turn, database: Connection
) -> None:
    id, files = await begun_with_files(turn, database, 60)
    told = await take(turn, database, sent(SERVICE, opened(outsourcing_id=id), id))
    arrived = sum(kind == "entry.replicated.v1" for _, kind in who_and_what(told))
    stale = next_piece(told, id)
    told = await take(turn, database, sent(LEAD, force(id), id))
    kept = [data["entry_id"] for _, kind, data in told if kind == "entry.kept-local.v1"]
    assert await take(turn, database, *stale) == []
    while arrivals := next_piece(told, id):
        told = await take(turn, database, *arrivals)
        kept += [data["entry_id"] for _, kind, data in told if kind == "entry.kept-local.v1"]
    assert kept == [str(one) for one in files[arrived:]]
