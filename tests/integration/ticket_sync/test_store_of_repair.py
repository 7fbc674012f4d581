"""What repair asks of a real Postgres: versions without contents, as much as fits, always by an index."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from services.ticket_sync import store
from services.ticket_sync.domain.entries import Entry, Travel
from services.ticket_sync.domain.repair import Holdings, Repair
from shared.contracts.ticket_sync import NoteBody
from shared.database import Connection
from shared.ids import new_id
from tests.integration.databases import plan_of, statements_of
from tests.integration.ticket_sync.test_store import entry, link, saved_link
from tests.unit.ticket_sync.outsourcing import LEAD, NOTE, NOW, SERVICE


async def saved_entries(database: Connection, *entries: Entry) -> list[Entry]:
    await store.save_entries(database, list(entries))
    return list(entries)


def bare(entry: Entry) -> Entry:
    """The same without what it says."""
    return replace(entry, content=None if entry.content is None else "", copy_content=None)


async def test_all_that_is_known_of_an_entry_but_its_content_is_found_by_its_outsourcing(database: Connection) -> None:
    first, second = sorted([new_id(), new_id()])
    entries = await saved_entries(
        database,
        entry(first),
        entry(first, version=2, travel=Travel.HELD, copy_content="{}", place=1),
        entry(first, content=None, copy_version=None, withdrawn_version=1, visibility="internal"),
        entry(second, owner=LEAD, path=(SERVICE, "elbtal")),
        entry(new_id()),
    )
    found = await store.find_holdings(database, [new_id(), second, first])
    assert [one.outsourcing_id for one in found] == [first, second]
    assert set(found[0].entries) == {bare(one) for one in entries[:3]}
    assert found[1] == Holdings(second, (bare(entries[3]),))


async def test_of_too_many_entries_the_last_are_left_out(database: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_HOLDINGS", 3)
    first, second = sorted([new_id(), new_id()])
    await saved_entries(database, *(entry(one) for one in (first, first, second, second)))
    assert [len(one.entries) for one in await store.find_holdings(database, [first, second])] == [2, 1]


async def test_what_is_told_again_is_read_as_far_as_it_is_little_enough(
    database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    outsourcing_id = new_id()
    large = NoteBody(kind="note", text="x" * 1000)
    entries = await saved_entries(
        database,
        entry(outsourcing_id, large),
        entry(outsourcing_id, content=None, copy_version=None, withdrawn_version=1, visibility="internal"),
        entry(outsourcing_id, large, version=2, travel=Travel.HELD, copy_content="{}", place=1),
        entry(outsourcing_id, large),
    )
    keys = [one.key for one in entries]
    assert await store.list_entries_to_tell_again(database, keys) == entries
    monkeypatch.setattr(store, "LARGEST_TOLD_AGAIN_BYTES", 2000)
    assert await store.list_entries_to_tell_again(database, keys) == entries[:3]
    monkeypatch.setattr(store, "MOST_TOLD_AGAIN", 2)
    assert await store.list_entries_to_tell_again(database, [(outsourcing_id, new_id()), *keys]) == entries[:1]
    assert await store.list_entries_to_tell_again(database, []) == []


async def test_a_repair_is_kept_for_each_side_as_it_was_saved_last(database: Connection) -> None:
    outsourcing_id = (await saved_link(database)).outsourcing_id
    repairs = [Repair(outsourcing_id, side, new_id(), NOW, (new_id(), new_id())) for side in (LEAD, SERVICE)]
    await store.save_repairs(database, repairs)
    newer = replace(repairs[0], repair_id=new_id(), begun_at=NOW + timedelta(days=1), entry_ids=())
    await store.save_repairs(database, [newer])
    assert await store.find_repairs(database, [newer.key, (new_id(), LEAD)]) == [newer]
    assert await store.find_repairs(database, [repairs[1].key]) == [repairs[1]]


async def test_with_an_entry_comes_what_is_called_by_its_id_on_other_tickets(database: Connection) -> None:
    id = new_id()
    known, namesake, _ = await saved_entries(
        database,
        entry(new_id(), entry_id=id),
        entry(new_id(), owner=LEAD, entry_id=id),
        entry(new_id()),
    )
    assert set(await store.find_entries(database, [known.key])) == {known, namesake}


async def test_an_owner_has_one_entry_of_an_id(database: Connection) -> None:
    id = new_id()
    await saved_entries(database, entry(new_id(), entry_id=id), entry(new_id(), owner=LEAD, entry_id=id))
    with pytest.raises(asyncpg.UniqueViolationError):
        await saved_entries(database, entry(new_id(), entry_id=id))


@pytest.mark.parametrize(
    ("find", "index"),
    [
        (store.find_entries, "entry_entry_id_owner_key"),
        (store.list_entries_to_tell_again, "Index Scan using entry_"),
        (store.find_holdings, "entry_pkey"),
        (store.find_repairs, "repair_pkey"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
async def test_among_many_entries_it_is_found_by_an_index(database: Connection, find: Any, index: str) -> None:
    links = [link() for _ in range(500)]
    await store.save_links(database, links)
    entries = [entry(one.outsourcing_id, NOTE) for one in links for _ in range(10)]
    await store.save_entries(database, entries)
    await store.save_repairs(database, [Repair(one.outsourcing_id, LEAD, new_id(), NOW, ()) for one in links])
    await database.execute("ANALYZE")
    keys: dict[Any, list[Any]] = {
        store.find_holdings: [links[0].outsourcing_id],
        store.find_repairs: [(links[0].outsourcing_id, LEAD)],
    }
    wanted = keys.get(find, [one.key for one in entries[:100]])
    (statement,) = await statements_of(database, find(database, wanted))
    plan = await plan_of(database, statement, *_values(find, wanted))
    assert index in plan and "Seq Scan on entry" not in plan and "Seq Scan on repair" not in plan, plan


def _values(find: Any, wanted: list[Any]) -> list[Any]:
    """What the statement is given."""
    if find is store.find_holdings:
        return [wanted, store.MOST_HOLDINGS]
    columns: list[list[UUID]] = [list(column) for column in zip(*wanted, strict=True)]
    if find is store.find_entries:
        return columns[1:]
    return [*columns, *([500, 4 * 1024 * 1024] if find is store.list_entries_to_tell_again else [])]
