"""The inbox: every message that was taken, once, with how it ended."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from shared.database import Connection
from shared.messaging import outbox
from shared.messaging.outbox import Letter, Posted

Key = tuple[UUID, str]
# What an applied message did to one subject, in words: (cause id, cause source, subject, actor, event, at).
Event = tuple[UUID, str, str, str, str, datetime]


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

    def as_seen(self) -> Seen:
        return Seen(self.digest, self.outcome, self.problem, self.state)


@dataclass(frozen=True, slots=True)
class Known:
    """What a turn must know before it decides: the database's clock, what was taken before, and who has what parked.

    `held_up` tells whether messages about one of its subjects wait.
    """

    now: datetime
    seen: dict[Key, Seen]
    waiting: dict[str, int]
    held_up: bool


class TakenMeanwhile(Exception):
    """Another worker took one of these messages between our look and our commit; the turn is repeated."""


async def find_known(connection: Connection, keys: list[Key], senders: list[str], subjects: list[str]) -> Known:
    """The clock, those of these messages that were taken before, how many messages each of these senders has parked,
    and whether any about these subjects are."""
    # One statement for all of it: a turn of one message spends most of its time on the way to the database and back.
    rows = await connection.fetch(
        """
        SELECT clock_timestamp() AS now, inbox.id, source, digest, outcome, problem, state,
               (SELECT jsonb_object_agg(sender, waiting)
                FROM (SELECT sender, count(*) AS waiting FROM parked WHERE sender = ANY ($2::text[]) GROUP BY sender)
                     AS of_each) AS waiting,
               EXISTS (SELECT FROM parked_subject WHERE subject = ANY ($3::text[])) AS held_up
        FROM (VALUES (true)) AS always LEFT JOIN inbox ON id = ANY ($1::uuid[])
        """,
        [id for id, _ in keys],
        senders,
        subjects,
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
    return Known(rows[0]["now"], seen, orjson.loads(rows[0]["waiting"] or "{}"), rows[0]["held_up"])


# With how messages ended goes what they did and what is told of it, in the same statement.
_INSERT = f"""
WITH taken AS (
    INSERT INTO inbox (id, source, sender, kind, subject, digest, outcome, problem, state, received_at)
    SELECT *, $2 FROM unnest($3::inbox_row[])
    ON CONFLICT (id, source) DO NOTHING
    RETURNING id, source
), told AS (
    INSERT INTO history (cause_id, cause_source, subject, actor, event, at)
    SELECT event.* FROM unnest($4::history_row[]) AS event JOIN taken ON (id, source) = (cause_id, cause_source)
), posted AS ({outbox.INSERTION})
SELECT (SELECT count(*) FROM taken) AS taken, position, message_id
FROM (VALUES (true)) AS always LEFT JOIN posted ON true
"""

_FINISH = """
WITH finished AS (
    UPDATE inbox SET outcome = done.outcome, problem = done.problem, state = done.state
    FROM unnest($1::inbox_row[]) AS done
    WHERE inbox.id = done.id AND inbox.source = done.source AND inbox.outcome = 'parked'
    RETURNING inbox.id, inbox.source
), told AS (
    INSERT INTO history (cause_id, cause_source, subject, actor, event, at)
    SELECT event.* FROM unnest($2::history_row[]) AS event JOIN finished ON (id, source) = (cause_id, cause_source)
)
SELECT count(*) FROM finished
"""


async def insert_taken(
    connection: Connection, entries: list[Entry], history: list[Event], letters: list[Letter], now: datetime
) -> list[Posted]:
    """Remember these messages for good, what they did, and what is told of it.

    Raises TakenMeanwhile when one of them is already there.
    """
    inserted = await connection.fetch(_INSERT, outbox.rows_of(letters), now, _rows_of(entries), history)
    if inserted[0]["taken"] < len(entries):
        raise TakenMeanwhile
    return outbox.posted(letters, inserted)


async def finish_parked(connection: Connection, entries: list[Entry], history: list[Event]) -> None:
    """Write how messages ended that were parked until now, and what they did.

    Raises TakenMeanwhile when one is parked no longer.
    """
    if await connection.fetchval(_FINISH, _rows_of(entries), history) < len(entries):
        raise TakenMeanwhile


def _rows_of(entries: list[Entry]) -> list[tuple[Any, ...]]:
    return [
        (e.id, e.source, e.sender, e.kind, e.subject, e.digest, e.outcome, _json(e.problem), e.state) for e in entries
    ]


def _json(value: dict[str, Any] | None) -> str | None:
    return None if value is None else orjson.dumps(value).decode()
