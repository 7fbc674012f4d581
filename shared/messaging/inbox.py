"""The inbox: every message that was taken, once, with how it ended."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from shared.database import Connection, columns_of

Key = tuple[UUID, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """A message taken before: its content's digest and its first outcome."""

    digest: bytes
    outcome: str
    problem: dict[str, Any] | None
    state: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One row to be written: the message and its outcome in this turn."""

    id: UUID
    source: str
    sender: str
    kind: str
    subject: str
    digest: bytes
    outcome: str
    problem: dict[str, Any] | None = None
    state: str | None = None


class TakenMeanwhile(Exception):
    """Another worker took one of these messages between our look and our commit; the turn is repeated."""


async def find_seen(connection: Connection, keys: list[Key]) -> tuple[datetime, dict[Key, Seen]]:
    """The database's clock, and those of these messages that were taken before."""
    rows = await connection.fetch(
        """
        SELECT clock_timestamp() AS now, inbox.id, source, digest, outcome, problem, state
        FROM (VALUES (true)) AS always LEFT JOIN inbox ON id = ANY ($1::uuid[])
        """,
        [id for id, _ in keys],
    )
    wanted = set(keys)
    seen = {
        (row["id"], row["source"]): Seen(
            row["digest"],
            row["outcome"],
            orjson.loads(row["problem"]) if row["problem"] else None,
            row["state"],
        )
        for row in rows
        if (row["id"], row["source"]) in wanted
    }
    return rows[0]["now"], seen


_INSERT = """
INSERT INTO inbox (id, source, sender, kind, subject, digest, outcome, problem, state, received_at)
SELECT *, $10 FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::text[],
                          $8::jsonb[], $9::text[])
ON CONFLICT (id, source) DO NOTHING
"""

_FINISH = """
UPDATE inbox SET outcome = done.outcome, problem = done.problem, state = done.state
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::text[]) AS done (id, source, outcome, problem, state)
WHERE inbox.id = done.id AND inbox.source = done.source AND inbox.outcome = 'parked'
"""


async def insert_taken(connection: Connection, entries: list[Entry], now: datetime) -> None:
    """Remember these messages for good. Raises TakenMeanwhile when one of them is already there."""
    rows = [
        (e.id, e.source, e.sender, e.kind, e.subject, e.digest, e.outcome, _json(e.problem), e.state) for e in entries
    ]
    if _affected(await connection.execute(_INSERT, *columns_of(rows, 9), now)) < len(entries):
        raise TakenMeanwhile


async def finish_parked(connection: Connection, entries: list[Entry]) -> None:
    """Write how messages ended that were parked until now. Raises TakenMeanwhile when one is parked no longer."""
    rows = [(e.id, e.source, e.outcome, _json(e.problem), e.state) for e in entries]
    if _affected(await connection.execute(_FINISH, *columns_of(rows, 5))) < len(entries):
        raise TakenMeanwhile


async def insert_history(connection: Connection, rows: list[tuple[UUID, str, str, str, str, datetime]]) -> None:
    """Say in words what applied messages did to which subject, and when: (id, source, subject, actor, event, at)."""
    await connection.execute(
        """
        INSERT INTO history (cause_id, cause_source, subject, actor, event, at)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
        """,
        *columns_of(rows, 6),
    )


def _json(value: dict[str, Any] | None) -> str | None:
    return None if value is None else orjson.dumps(value).decode()


def _affected(status: str) -> int:
    """The count in a command tag such as `INSERT 0 5`."""
    return int(status.rsplit(" ", 1)[1])
