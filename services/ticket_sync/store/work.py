"""What a submission, a return or an end by force speaks of: time and charges, as far as a message could tell them."""

from uuid import UUID

from services.ticket_sync.domain.entries import Entry
from services.ticket_sync.domain.snapshots import Work
from services.ticket_sync.store import ENTRY_COLUMNS, entry_of
from shared.contracts.ticket_sync import LARGEST_SNAPSHOT_BYTES
from shared.database import Connection

# Longer work fits into no snapshot: what a snapshot does not tell of an entry, above all the author of a charge, is at
# the most three times as long as what it tells.
LARGEST_WORK_BYTES = 4 * LARGEST_SNAPSHOT_BYTES
# An entry without its text, seldom as long; a ticket full of those is still read at once.
BYTES_WITHOUT_TEXT = 1024
# What a turn reads of all its tickets: some that are as long as can be, or hundreds of usual ones. One alone is always
# read; who finds more is tried again, alone.
LARGEST_OF_A_TURN_BYTES = 16 * 1024 * 1024


async def find_work(connection: Connection, outsourcing_ids: list[UUID]) -> list[Work]:
    """Of each of these outsourcings the service partner's time and charges that are shared and not removed."""
    columns = ", ".join(f"entry.{column.strip()}" for column in ENTRY_COLUMNS.split(",") if column.strip() != "content")
    rows = await connection.fetch(
        f"""
        WITH work AS NOT MATERIALIZED (
            SELECT entry.* FROM entry JOIN link USING (outsourcing_id)
            WHERE outsourcing_id = ANY ($1::uuid[]) AND entry.owner = link.service
              AND kind IN ('time', 'charge') AND visibility = 'shared' AND content IS NOT NULL
        ), size AS (
            SELECT outsourcing_id, count(*) AS entries, sum(octet_length(content)) AS bytes
            FROM work GROUP BY outsourcing_id
        ), measured AS MATERIALIZED (
            SELECT outsourcing_id, bytes > $2::bigint AS shortened,
                   sum(CASE WHEN bytes > $2::bigint THEN entries * $3::bigint ELSE bytes END)
                       OVER (ORDER BY outsourcing_id) AS bytes_until,
                   row_number() OVER (ORDER BY outsourcing_id) AS place
            FROM size
        )
        SELECT measured.outsourcing_id AS of_outsourcing, measured.shortened, {columns},
               CASE WHEN measured.shortened AND entry.kind = 'time' THEN (entry.content::jsonb #- '{{body,text}}')::text
                    ELSE entry.content END AS content
        FROM measured
        LEFT JOIN work AS entry ON entry.outsourcing_id = measured.outsourcing_id
                                AND (measured.bytes_until <= $4::bigint OR measured.place = 1)
        """,
        outsourcing_ids,
        LARGEST_WORK_BYTES,
        BYTES_WITHOUT_TEXT,
        LARGEST_OF_A_TURN_BYTES,
    )
    entries_of: dict[tuple[UUID, bool], list[Entry]] = {}
    for row in map(dict, rows):
        found = entries_of.setdefault((row.pop("of_outsourcing"), row.pop("shortened")), [])
        if row["entry_id"] is not None:
            found.append(entry_of(row))
    return [Work(id, tuple(found) or None, shortened) for (id, shortened), found in entries_of.items()]
