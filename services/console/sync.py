"""`tandem sync`: whether every copy that should be there was told, and an operator's word to have all told again."""

from dataclasses import dataclass
from uuid import UUID

from shared.contracts.ticket_sync import RepairOrdered
from shared.database import Connection
from shared.messaging import outbox
from shared.messaging.directory import Directory
from shared.messaging.letters import Correspondence
from shared.messaging.outcomes import Caused, Publish

# What one look takes; each is then verified by a statement of its own, for one can have ten thousand entries.
MOST_AT_ONCE = 1000

# What each side should have been told of the other's entries, found anew from the entries themselves: the newest word
# where it is shared and nothing keeps it back, or else what was told before. And the letters that told it.
_VERIFY = """
WITH expected AS (
    SELECT entry_id, side, CASE
               WHEN visibility = 'shared' AND content IS NOT NULL AND entry.kind <> 'link' AND travel <> 'kept_local'
                    AND (travel, state) NOT IN (('waiting', 'accepted'), ('held', 'awaiting_approval')) THEN version
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
SELECT count(*) AS copies, count(*) FILTER (WHERE confirmed IS NULL) AS untold,
       count(*) FILTER (WHERE NOT confirmed) AS unconfirmed
FROM expected LEFT JOIN told USING (side, entry_id, version) WHERE version IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Wrong:
    """An outsourcing whose sides were not told all that they should have been, or not confirmed yet."""

    outsourcing_id: UUID
    copies: int
    untold: int
    unconfirmed: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """So many copies of so many outsourcings should have been told, and these are the ones where not all were."""

    outsourcings: int
    copies: int
    wrong: tuple[Wrong, ...]


async def verify(connection: Connection, outsourcing_id: UUID | None = None) -> Verdict:
    """The verdict on one outsourcing, or on all."""
    await _enter(connection)
    outsourcings, copies, wrong = 0, 0, []
    after = UUID(int=0)
    while ids := await _list_outsourcings(connection, outsourcing_id, after):
        for id in ids:
            row = await connection.fetchrow(_VERIFY, id)
            outsourcings, copies = outsourcings + 1, copies + row["copies"]
            if row["untold"] or row["unconfirmed"]:
                wrong.append(Wrong(id, **row))
        after = ids[-1]
    return Verdict(outsourcings, copies, tuple(wrong))


async def order_repair(connection: Connection, outsourcing_id: UUID, side: str) -> bool:
    """Have all told again that this side should know of the other's entries; says whether it is a side of it."""
    await _enter(connection)
    async with connection.transaction():
        # An operator's word comes by no message: it goes back to the one that set when to look at the link again.
        link = await connection.fetchrow(
            """
            SELECT due_set_by_source, due_set_by_id, clock_timestamp() AS now
            FROM link WHERE outsourcing_id = $1 AND $2 IN (lead, service)
            """,
            outsourcing_id,
            side,
        )
        if link is None:
            return False
        ordered = Publish(RepairOrdered(outsourcing_id=outsourcing_id, side=side))
        caused = Caused(link["due_set_by_source"], link["due_set_by_id"], str(outsourcing_id), (ordered,))
        directory = Directory()
        letter = Correspondence("ticket_sync", directory).caused(caused, ordered, link["now"])
        await outbox.post(connection, directory, [letter], link["now"])
    return True


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


async def _enter(connection: Connection) -> None:
    await connection.execute("SELECT set_config('search_path', 'ticket_sync', false)")
