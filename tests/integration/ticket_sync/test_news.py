"""What gathers, on a real Postgres: found in the order in which it was told, bounded, and flushed with the end."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

from services.ticket_sync import store
from services.ticket_sync.domain.links import Link, State
from services.ticket_sync.domain.news import News, Noted, Told
from services.ticket_sync.store import news as news_store
from shared.contracts.notifier import NewsFellDue
from shared.contracts.ticket_sync import MOST_NEWS_LISTED, FieldChange, TicketUpdate
from shared.database import Connection
from shared.ids import new_id
from shared.messaging.arrivals import Arrival
from shared.messaging.turn import Turn
from tests.integration.databases import statements_of
from tests.integration.messaging.posting import event
from tests.integration.ticket_sync.test_chain_and_repair_turns import in_progress
from tests.integration.ticket_sync.test_store import NOW, entry, link
from tests.integration.ticket_sync.test_turns import sent, turn
from tests.unit.ticket_sync.outsourcing import LEAD, NOTE, SERVICE, TIME, force, put, remove

__all__ = ["turn"]
SECOND = timedelta(seconds=1)


async def linked(database: Connection, **more: Any) -> Link:
    kept = link(state=State.IN_PROGRESS, service_number="A-7", opened_at=NOW, **more)
    await store.save_links(database, [kept])
    return kept


async def test_the_first_that_were_told_are_found_in_their_order_and_the_others_by_id(
    database: Connection,
) -> None:
    since = NOW + 5 * SECOND
    kept, other = await linked(database, service_news_since=since), await linked(database)
    id = kept.outsourcing_id
    told = [entry(id, told_at=NOW + place * SECOND, copied_at=NOW) for place in range(5 + MOST_NEWS_LISTED + 3)]
    from_lead = entry(id, owner=LEAD, told_at=since)
    elsewhere = entry(other.outsourcing_id, told_at=since)
    await store.save_entries(database, [*reversed(told), from_lead, elsewhere, entry(id)])
    listed = tuple(told[5 : 5 + MOST_NEWS_LISTED])
    until = told[-1].told_at
    assert until is not None
    found = await news_store.find_news(database, [id, other.outsourcing_id, new_id()])
    ids = frozenset(one.entry_id for one in told[5:])
    assert found == [News(id, (Told(SERVICE, since, listed, ids, until),))]


async def test_both_sides_have_news_of_their_own(database: Connection) -> None:
    kept = await linked(database, lead_news_since=NOW, service_news_since=NOW)
    told = {side: entry(kept.outsourcing_id, owner=side, told_at=NOW) for side in (LEAD, SERVICE)}
    await store.save_entries(database, list(told.values()))
    [found] = await news_store.find_news(database, [kept.outsourcing_id])
    assert {side: found.of(side) for side in told} == {
        side: Told(side, NOW, (one,), frozenset({one.entry_id}), NOW) for side, one in told.items()
    }


async def test_what_is_too_long_to_be_read_is_found_without_its_content(
    database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await linked(database, service_news_since=NOW)
    told = [entry(kept.outsourcing_id, told_at=NOW + place * SECOND) for place in range(3)]
    await store.save_entries(database, told)
    monkeypatch.setattr(news_store, "LARGEST_NEWS_BYTES", 2 * len((told[0].content or "").encode()))
    [found] = await news_store.find_news(database, [kept.outsourcing_id])
    [side] = found.sides
    assert side.entries == (*told[:2], replace(told[2], content=None))


async def test_noted_changes_come_back_unchanged_until_they_are_told(database: Connection) -> None:
    kept = await linked(database)
    noted = Noted(kept.outsourcing_id, LEAD).with_changes((FieldChange(field="priority", new="1"),), NOW)
    for one in (noted, noted.with_changes((FieldChange(field="title"),), NOW + SECOND), noted.told()):
        await news_store.save_noted(database, [one])
        assert await news_store.find_noted(database, [noted.key, (new_id(), LEAD)]) == [one]
        assert await news_store.list_noted(database, [kept.outsourcing_id]) == [one]


async def test_news_is_told_once_with_what_the_same_turn_adds_to_it(turn: Turn, database: Connection) -> None:
    [id] = await in_progress(turn, database)
    gone, time = put(NOTE, outsourcing_id=id), put(TIME, outsourcing_id=id)
    await news_of(turn, database, sent(SERVICE, gone, id))
    assert await news_of(turn, database, sent(SERVICE, time, id)) == []
    update = TicketUpdate(actor="x", outsourcing_id=id, changes=(FieldChange(field="priority", new="1"),))
    [told] = await news_of(
        turn,
        database,
        sent(SERVICE, remove(gone.entry_id, 2, id), id),
        sent(SERVICE, update, id),
        due(id),
        due(id),
    )
    assert [(line["deed"], line["what"]) for line in told["lines"]] == [
        ("added", "time"),
        ("removed", "note"),
        ("changed", "field"),
    ]
    assert (told["count"], told["writer"], told["service_number"]) == (3, SERVICE, "A-7")
    await news_of(turn, database, sent(SERVICE, put(NOTE, outsourcing_id=id), id))
    again, more = await news_of(turn, database, due(id), sent(SERVICE, put(TIME, outsourcing_id=id), id), due(id))
    assert [[line["what"] for line in told["lines"]] for told in (again, more)] == [["note"], ["time"]]


async def test_an_end_tells_before_itself_what_was_told_before_and_in_its_own_turn(
    turn: Turn, database: Connection
) -> None:
    [id] = await in_progress(turn, database)
    await news_of(turn, database, sent(SERVICE, put(NOTE, outsourcing_id=id), id))
    [news] = await news_of(
        turn, database, sent(SERVICE, put(TIME, outsourcing_id=id), id), sent(LEAD, force(id), id), due(id)
    )
    assert (news["count"], news["state"]) == (2, "completed")
    kinds = [
        row["kind"]
        for row in await database.fetch(
            "SELECT kind FROM outbox WHERE routing_key ~ '^(news|outsourcing)' ORDER BY position"
        )
    ]
    assert kinds[-2:] == ["tandem.news.gathered.v1", "tandem.outsourcing.completed.v1"]


async def test_a_turn_of_much_news_issues_as_many_statements_as_a_turn_of_one(turn: Turn, database: Connection) -> None:
    ids = await in_progress(turn, database, 20)
    await news_of(turn, database, *(sent(SERVICE, put(NOTE, outsourcing_id=id), id) for id in ids))
    alone, many = [
        await statements_of(database, turn.take(database, [turn.read(due(id)) for id in some]))
        for some in (ids[:1], ids[1:])
    ]
    assert many == alone


def due(id: UUID) -> Arrival:
    return event(NewsFellDue(outsourcing_id=id, writer=SERVICE), str(id), service="notifier")


async def news_of(turn: Turn, database: Connection, *arrivals: Arrival) -> list[dict[str, Any]]:
    """What is told as gathered because of these."""
    before = await database.fetchval("SELECT coalesce(max(position), 0) FROM outbox")
    await turn.take(database, [turn.read(arrival) for arrival in arrivals])
    rows = await database.fetch(
        "SELECT convert_from(body, 'UTF8')::jsonb -> 'data' AS data FROM outbox"
        " WHERE kind = 'tandem.news.gathered.v1' AND position > $1 ORDER BY position",
        before,
    )
    return [orjson.loads(row["data"]) for row in rows]
