"""All SQL of the line: as much of what waits as a turn may read, from the front on."""

from uuid import UUID

from services.ticket_sync.domain.entries import Entry
from services.ticket_sync.domain.line import MOST_IN_A_PIECE, Front
from services.ticket_sync.store import ENTRY_COLUMNS, entry_of
from shared.database import Connection

# What a turn reads of lines; a single entry came in one message and is far smaller.
MOST_IN_LINE = 500
LARGEST_IN_LINE_BYTES = 4 * 1024 * 1024
# The first in each line, and whether they are few and little enough to be read in one turn. A length is known without
# reading what has it.
_IN_LINE = """
    WITH in_line AS MATERIALIZED (
        SELECT outsourcing_id, entry_id, place,
               row_number() OVER read <= $3 AND sum(bytes) OVER read <= $4 AS is_read
        FROM link CROSS JOIN LATERAL (
            SELECT entry_id, place,
                   coalesce(octet_length(content), 0) + coalesce(octet_length(copy_content), 0) AS bytes
            FROM entry
            WHERE entry.outsourcing_id = link.outsourcing_id AND place > link.passed_place
            ORDER BY place LIMIT $2
        ) AS first
        WHERE outsourcing_id = ANY ($1::uuid[])
        WINDOW read AS (ORDER BY outsourcing_id, place)
    )
"""


async def find_fronts(connection: Connection, outsourcing_ids: list[UUID]) -> list[Front]:
    """How far the lines of these outsourcings can be read at once."""
    rows = await connection.fetch(
        f"""
        {_IN_LINE}
        SELECT outsourcing_id,
               CASE WHEN count(place) < $2 AND count(place) = count(place) FILTER (WHERE is_read) THEN NULL
                    ELSE coalesce(max(place) FILTER (WHERE is_read), passed_place) END AS until_place
        FROM link LEFT JOIN in_line USING (outsourcing_id)
        WHERE outsourcing_id = ANY ($1::uuid[]) GROUP BY outsourcing_id
        """,
        *_read_at_once(outsourcing_ids),
    )
    return [Front(**row) for row in rows]


async def list_entries_at_front(connection: Connection, outsourcing_ids: list[UUID]) -> list[Entry]:
    """What waits for a ticket, for an approval or behind others: as much of it as can be read at once."""
    rows = await connection.fetch(
        f"""
        {_IN_LINE}
        SELECT found.* FROM in_line CROSS JOIN LATERAL (
            SELECT {ENTRY_COLUMNS} FROM entry
            WHERE entry.outsourcing_id = in_line.outsourcing_id AND entry.entry_id = in_line.entry_id
            OFFSET 0
        ) AS found
        WHERE is_read
        """,
        *_read_at_once(outsourcing_ids),
    )
    return [entry_of(row) for row in rows]


def _read_at_once(outsourcing_ids: list[UUID]) -> tuple[list[UUID], int, int, int]:
    return outsourcing_ids, MOST_IN_A_PIECE, MOST_IN_LINE, LARGEST_IN_LINE_BYTES
