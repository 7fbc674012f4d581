"""`tandem sync`: whether every copy that should be there was told, and an operator's word to have all told again."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.contracts.ticket_sync import RepairOrdered
from shared.database import Connection
from shared.messaging import outbox
from shared.messaging.directory import Directory
from shared.messaging.letters import Correspondence
from shared.messaging.outbox import Letter
from shared.messaging.outcomes import Caused, Publish

# What one look takes; each is then verified by a statement of its own, for one can have ten thousand entries.
MOST_AT_ONCE = 1000
# What is ordered at once: each looks at all entries of its ticket, before the commands that come behind it.
ORDERED_AT_ONCE = 32
LOOKED_SECONDS = 0.2
# What is ordered is ticket_sync's alone to hear.
_NOBODY = Directory()

# What each side should have been told of the other's entries, found anew from the entries themselves: the newest word
# where it is shared and nothing keeps it back, or else what was told before. And the letters that told it. What stands
# in a line that is being told piece by piece is on its way.
_VERIFY = """
WITH expected AS (
    SELECT entry_id, side, state = 'in_progress' AND place > passed_place AND passed_place < last_place AS in_line, CASE
               WHEN visibility = 'shared' AND content IS NOT NULL AND entry.kind <> 'link' AND travel <> 'kept_local'
                    AND (place IS NULL OR state = 'in_progress') THEN version
               ELSE coalesce(copy_version, withdrawn_version) END AS version
    FROM link JOIN entry USING (outsourcing_id)
    CROSS JOIN LATERAL (SELECT CASE WHEN entry.owner = lead THEN service ELSE lead END AS side) AS other
    JOIN instance ON slug = side AND instance.kind = 'psa'
    WHERE outsourcing_id = $1 AND travel <> 'severed' AND NOT side = ANY (string_to_array(coalesce(path, ''), ' '))
), told AS (
    SELECT lane AS side, (data ->> 'entry_id')::uuid AS entry_id, (data ->> 'version')::bigint AS version,
           bool_or(published_at IS NOT NULL) AS confirmed
    FROM history JOIN outbox USING (cause_id, cause_source, subject)
    CROSS JOIN LATERAL (SELECT convert_from(body, 'UTF8')::json -> 'data' AS data) AS letter
    WHERE subject = $1::uuid::text AND outbox.kind IN ('tandem.entry.replicated.v1', 'tandem.entry.withdrawn.v1')
    GROUP BY 1, 2, 3
)
SELECT side, count(*) AS copies, count(*) FILTER (WHERE confirmed IS NULL AND in_line IS NOT TRUE) AS untold,
       count(*) FILTER (WHERE NOT coalesce(confirmed, in_line IS NOT TRUE)) AS unconfirmed
FROM expected LEFT JOIN told USING (side, entry_id, version) WHERE version IS NOT NULL GROUP BY side ORDER BY side
"""


@dataclass(frozen=True, slots=True)
class Side:
    """How many copies one side of an outsourcing should have been told of, and of which it was not, or not yet."""

    outsourcing_id: UUID
    side: str
    copies: int
    untold: int
    unconfirmed: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """So many copies of so many outsourcings should have been told, and these are the sides where not all were."""

    outsourcings: int
    copies: int
    wrong: tuple[Side, ...]


async def verify(
    connection: Connection, outsourcing_id: UUID | None = None, tell: Callable[[int], None] = lambda _: None
) -> Verdict:
    """The verdict on one outsourcing, or on all; `tell` is told again and again how many have been looked at."""
    await _enter(connection)
    outsourcings, copies, wrong = 0, 0, []
    after = UUID(int=0)
    while ids := await _list_outsourcings(connection, outsourcing_id, after):
        for id in ids:
            sides = [Side(id, **row) for row in await connection.fetch(_VERIFY, id)]
            outsourcings, copies = outsourcings + 1, copies + sum(side.copies for side in sides)
            wrong += [side for side in sides if side.untold or side.unconfirmed]
        after = ids[-1]
        tell(outsourcings)
    return Verdict(outsourcings, copies, tuple(wrong))


async def order_repair(
    connection: Connection, outsourcing_id: UUID | None, side: str, tell: Callable[[int], None] = lambda _: None
) -> int:
    """Have all told again that this side should know of the other's entries, on one ticket or on all; on how many.

    Of many tickets the next are ordered when ticket_sync has taken those before; `tell` is told again and again how
    many have been.
    """
    await _enter(connection)
    ordered, after, letters = 0, UUID(int=0), list[Letter]()
    while links := await _list_links_of(connection, outsourcing_id, side, after):
        await _until_taken(connection, letters)
        letters = [_order(link, side) for link in links]
        await outbox.post(connection, _NOBODY, letters, links[0]["now"])
        ordered, after = ordered + len(links), links[-1]["outsourcing_id"]
        tell(ordered)
    return ordered


async def _until_taken(connection: Connection, letters: list[Letter]) -> None:
    ids = [letter.message_id for letter in letters]
    while True:
        if await connection.fetchval("SELECT count(*) FROM inbox WHERE id = ANY ($1::uuid[])", ids) == len(ids):
            return
        await asyncio.sleep(LOOKED_SECONDS)


def _order(link: Any, side: str) -> Letter:
    """An operator's word comes by no message: it goes back to the one that set when to look at the link again."""
    id = link["outsourcing_id"]
    ordered = Publish(RepairOrdered(outsourcing_id=id, side=side))
    caused = Caused(link["due_set_by_source"], link["due_set_by_id"], str(id), (ordered,))
    return Correspondence("ticket_sync", _NOBODY).caused(caused, ordered, link["now"])


async def _list_outsourcings(connection: Connection, outsourcing_id: UUID | None, after: UUID) -> list[UUID]:
    rows = await connection.fetch(
        """
        SELECT outsourcing_id FROM link
        WHERE outsourcing_id > $1 AND ($2::uuid IS NULL OR outsourcing_id = $2) ORDER BY outsourcing_id LIMIT $3
        """,
        after,
        outsourcing_id,
        MOST_AT_ONCE,
    )
    return [row["outsourcing_id"] for row in rows]


async def _list_links_of(connection: Connection, outsourcing_id: UUID | None, side: str, after: UUID) -> list[Any]:
    found: list[Any] = await connection.fetch(
        """
        SELECT outsourcing_id, due_set_by_source, due_set_by_id, clock_timestamp() AS now FROM link
        JOIN instance ON slug = $3 AND instance.kind = 'psa'
        WHERE outsourcing_id > $1 AND ($2::uuid IS NULL OR outsourcing_id = $2) AND $3 IN (lead, service)
        ORDER BY outsourcing_id LIMIT $4
        """,
        after,
        outsourcing_id,
        side,
        ORDERED_AT_ONCE,
    )
    return found


async def _enter(connection: Connection) -> None:
    await connection.execute("SELECT set_config('search_path', 'ticket_sync', false)")
