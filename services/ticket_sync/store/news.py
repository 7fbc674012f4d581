"""SQL of what gathers until the other side's people are told, one function per statement."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from services.ticket_sync.domain.news import News, Noted, Told
from services.ticket_sync.store import ENTRY_COLUMNS, entry_of
from shared.contracts.ticket_sync import MOST_NEWS_LISTED
from shared.database import Connection, columns_of

# What a turn reads of news: some tickets with the longest texts, or hundreds of usual ones. Of what is beyond it
# only is told that it is there.
LARGEST_NEWS_BYTES = 4 * 1024 * 1024


async def find_news(connection: Connection, outsourcing_ids: list[UUID]) -> list[News]:
    """What gathers of both sides of these outsourcings: the first of it in the order in which it was told."""
    # No index leads to what is new: it would about double what an entry costs to write, and each is written far more
    # often than it is looked for. All ten thousand entries of the largest ticket are read in a twentieth of a second.
    columns = ", ".join(column.strip() for column in ENTRY_COLUMNS.split(",") if "content" not in column)
    rows = await connection.fetch(
        f"""
        WITH told AS MATERIALIZED (
            SELECT outsourcing_id, first.*,
                   sum(bytes) OVER (ORDER BY outsourcing_id, first.writer, first.turn) <= $3 AS is_read
            FROM link
            CROSS JOIN LATERAL (VALUES (lead, lead_news_since), (service, service_news_since)) AS side (writer, since)
            CROSS JOIN LATERAL (
                SELECT entry_id, owner AS writer, side.since, max(told_at) OVER () AS until,
                       row_number() OVER in_order AS turn,
                       CASE WHEN row_number() OVER in_order = 1 THEN array_agg(entry_id) OVER () END AS ids,
                       coalesce(octet_length(content), 0) + coalesce(octet_length(copy_content), 0) AS bytes
                FROM entry
                WHERE entry.outsourcing_id = link.outsourcing_id AND owner = side.writer AND told_at >= side.since
                WINDOW in_order AS (ORDER BY told_at, entry_id)
                ORDER BY told_at, entry_id LIMIT $2
            ) AS first
            WHERE outsourcing_id = ANY ($1::uuid[]) AND side.since IS NOT NULL
        )
        SELECT {columns}, CASE WHEN is_read THEN content END AS content,
               CASE WHEN is_read THEN copy_content END AS copy_content, told.since, told.until, told.ids
        FROM told JOIN entry USING (outsourcing_id, entry_id) ORDER BY told.outsourcing_id, told.writer, told.turn
        """,
        outsourcing_ids,
        MOST_NEWS_LISTED,
        LARGEST_NEWS_BYTES,
    )
    found: dict[UUID, dict[str, Told]] = {}
    for row in map(dict, rows):
        since, until, ids = row.pop("since"), row.pop("until"), row.pop("ids")
        entry = entry_of(row)
        sides = found.setdefault(entry.outsourcing_id, {})
        if entry.owner in sides:
            first = sides[entry.owner]
            sides[entry.owner] = replace(first, entries=(*first.entries, entry))
        else:
            sides[entry.owner] = Told(entry.owner, since, (entry,), frozenset(ids), until)
    return [News(outsourcing_id, tuple(sides.values())) for outsourcing_id, sides in found.items()]


async def find_noted(connection: Connection, keys: list[tuple[UUID, str]]) -> list[Noted]:
    """The changes of fields that gather of these sides."""
    rows = await connection.fetch(
        """
        SELECT outsourcing_id, writer, changes, count
        FROM unnest($1::uuid[], $2::text[]) AS wanted (outsourcing_id, writer)
        JOIN noted_change USING (outsourcing_id, writer)
        """,
        *columns_of(keys, 2),
    )
    return [_noted(row) for row in rows]


async def list_noted(connection: Connection, outsourcing_ids: list[UUID]) -> list[Noted]:
    """The changes of fields that gather of both sides of these outsourcings."""
    rows = await connection.fetch(
        "SELECT outsourcing_id, writer, changes, count FROM noted_change WHERE outsourcing_id = ANY ($1::uuid[])",
        outsourcing_ids,
    )
    return [_noted(row) for row in rows]


async def save_noted(connection: Connection, noted: list[Noted]) -> None:
    """What gathers now; nothing once it has been told."""
    rows = [(*one.key, orjson.dumps(one.changes).decode(), one.count) for one in noted]
    await connection.execute(
        """
        INSERT INTO noted_change (outsourcing_id, writer, changes, count)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::jsonb[], $4::integer[])
        ON CONFLICT (outsourcing_id, writer) DO UPDATE SET changes = excluded.changes, count = excluded.count
        """,
        *columns_of(rows, 4),
    )


def _noted(row: Any) -> Noted:
    changes = tuple((datetime.fromisoformat(at), text) for at, text in orjson.loads(row["changes"]))
    return Noted(row["outsourcing_id"], row["writer"], changes, row["count"])
