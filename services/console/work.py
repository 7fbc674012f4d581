"""`tandem work` and `tandem outsourcing`: the lists that people live in, and one outsourcing's whole history."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from shared.database import Connection
from shared.messaging.topology import SERVICES

# More than anybody reads; a list that is longer is filtered.
MOST_LISTED = 1000
# What a line of a timeline says on a screen.
TIMELINE = ("at", "actor", "event", "service", "message", "cause_id")


class Received(StrEnum):
    """Work that a service partner was given."""

    WAITING_ACCEPTANCE = "waiting-acceptance"
    IN_PROGRESS = "in-progress"
    WAITING_APPROVAL = "waiting-approval"
    CLOSED = "declined-and-expired"
    COMPLETED = "completed"


class Outsourced(StrEnum):
    """Work that a lead gave away."""

    OPEN = "open"
    WAITING_APPROVAL = "waiting-approval"
    CLOSED = "declined-and-expired"
    COMPLETED = "completed"


STATES: dict[str, tuple[str, ...]] = {
    Received.WAITING_ACCEPTANCE: ("offered",),
    Received.IN_PROGRESS: ("accepted", "in_progress"),
    Received.WAITING_APPROVAL: ("awaiting_approval",),
    Received.CLOSED: ("declined", "expired", "cancelled", "returned"),
    Received.COMPLETED: ("completed",),
    Outsourced.OPEN: ("offered", "accepted", "in_progress", "awaiting_approval"),
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which of an instance's outsourcings are wanted; what is None does not matter."""

    list: str | None = None
    partner: str | None = None
    state: str | None = None
    due_before: datetime | None = None


async def list_received(connection: Connection, instance: str, wanted: Filter) -> list[dict[str, Any]]:
    """What a service partner was given, what is due first at the top."""
    return await _list(connection, "service", "lead", instance, wanted)


async def list_outsourced(connection: Connection, instance: str, wanted: Filter) -> list[dict[str, Any]]:
    """What a lead gave away, what is due first at the top."""
    return await _list(connection, "lead", "service", instance, wanted)


async def find_outsourcing(connection: Connection, outsourcing_id: UUID) -> dict[str, Any] | None:
    """Who and what an outsourcing is about, and its state; None where there is none."""
    row = await connection.fetchrow(
        f"{_OUTSOURCING} SELECT * FROM work WHERE outsourcing_id = $1",
        outsourcing_id,
    )
    return None if row is None else dict(row)


async def list_history(connection: Connection, outsourcing_id: UUID) -> list[dict[str, Any]]:
    """All that ever took effect on an outsourcing, in any service, the oldest first; and the message that did it.

    Its `message` is the kind of that message, while the inbox remembers it.
    """
    of_each = " UNION ALL ".join(
        f"SELECT at, '{service}' AS service, actor, event, inbox.kind AS message, cause_source, cause_id"
        f" FROM {service}.history"
        f" LEFT JOIN {service}.inbox ON (inbox.id, inbox.source) = (cause_id, cause_source)"
        " WHERE history.subject = $1"
        for service in SERVICES
    )
    rows = await connection.fetch(f"{of_each} ORDER BY at, service", str(outsourcing_id))
    return [dict(row) for row in rows]


# From acceptance on ticket_sync is the authority; the offer handler only follows. Nobody knows of a planned one yet.
_OUTSOURCING = """
WITH work AS (
    SELECT outsourcing_id, offered.lead, offered.service, ticket_number AS lead_number, service_number,
           ticket ->> 'title' AS title,
           CASE WHEN offered.state IN ('accepted', 'returned', 'completed') THEN coalesce(link.state, offered.state)
                ELSE offered.state END AS state,
           offered_at, offered.respond_by, (terms ->> 'complete_by')::timestamptz AS complete_by,
           CASE WHEN offered.state = 'offered' THEN offered.respond_by
                ELSE coalesce((terms ->> 'complete_by')::timestamptz, (ticket ->> 'due_at')::timestamptz) END AS due_at
    FROM offer_handler.outsourcing AS offered
    JOIN offer_handler.round USING (round_id)
    LEFT JOIN ticket_sync.link USING (outsourcing_id)
    WHERE offered.state <> 'planned'
)
"""


async def _list(connection: Connection, role: str, other: str, instance: str, wanted: Filter) -> list[dict[str, Any]]:
    states = STATES[wanted.list] if wanted.list else None
    if wanted.state is not None:
        states = tuple({wanted.state} & set(states)) if states else (wanted.state,)
    rows = await connection.fetch(
        f"""
        {_OUTSOURCING}
        SELECT state, {other} AS partner, lead_number, service_number, title, due_at, outsourcing_id
        FROM work
        WHERE {role} = $1 AND ($2::text[] IS NULL OR state = ANY ($2)) AND ($3::text IS NULL OR {other} = $3)
          AND ($4::timestamptz IS NULL OR due_at < $4)
        ORDER BY due_at NULLS LAST, outsourcing_id LIMIT $5
        """,
        instance,
        states,
        wanted.partner,
        wanted.due_before,
        MOST_LISTED,
    )
    return [dict(row) for row in rows]
