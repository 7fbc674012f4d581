"""The outbox: what a turn tells, written with the turn and published afterwards."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from shared.database import Connection
from shared.messaging import topology
from shared.messaging.directory import Directory


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to be published; its id stays the same across every retry.

    `lane` is what must stay in order: the recipient of deliveries, the bucket of events.
    """

    message_id: UUID
    lane: str
    exchange: str
    routing_key: str
    kind: str
    subject: str
    body: bytes
    cause_id: UUID
    cause_source: str
    headers: dict[str, Any] | None = None

    @property
    def to_instance(self) -> bool:
        return self.exchange == topology.DELIVERIES


@dataclass(frozen=True, slots=True)
class Posted:
    """A letter in the outbox; positions rise within a lane."""

    position: int
    letter: Letter


# Of rows and the time.
INSERTION = """
INSERT INTO outbox (message_id, lane, exchange, routing_key, kind, subject, bucket, body, headers,
                    cause_id, cause_source, created_at)
SELECT message_id, lane, exchange, routing_key, kind, subject, bucket, body, headers, cause_id, cause_source, $2
FROM unnest($1::outbox_row[]) WITH ORDINALITY ORDER BY ordinality
RETURNING position, message_id
"""


async def post(connection: Connection, directory: Directory, letters: list[Letter], now: datetime) -> list[Posted]:
    """Write those letters whose recipient reads them, in this order, to be published once that is committed."""
    letters = await deliverable(connection, directory, letters)
    inserted = await connection.fetch(INSERTION, rows_of(letters), now) if letters else []
    return posted(letters, inserted)


async def deliverable(connection: Connection, directory: Directory, letters: list[Letter]) -> list[Letter]:
    """Those letters whose recipient reads them; one to nobody is not written, and its sender cannot tell."""
    await directory.look_up(connection, {letter.lane for letter in letters if letter.to_instance})
    return [letter for letter in letters if _has_recipient(letter, directory)]


def _has_recipient(letter: Letter, directory: Directory) -> bool:
    if letter.to_instance:
        return directory.has_queue(letter.lane)
    return letter.exchange != topology.EVENTS or topology.noun_verb(letter.kind) not in topology.UNHEARD


def rows_of(letters: list[Letter]) -> list[tuple[Any, ...]]:
    """What the insertion writes of these letters."""
    return [
        (
            letter.message_id,
            letter.lane,
            letter.exchange,
            letter.routing_key,
            letter.kind,
            letter.subject,
            topology.bucket(letter.subject),
            letter.body,
            orjson.dumps(letter.headers).decode() if letter.headers else None,
            letter.cause_id,
            letter.cause_source,
        )
        for letter in letters
    ]


def posted(letters: list[Letter], inserted: Iterable[Mapping[str, Any]]) -> list[Posted]:
    """These letters with the positions that their insertion returned."""
    position_of = {row["message_id"]: row["position"] for row in inserted}
    return [Posted(position_of[letter.message_id], letter) for letter in letters]


async def find_waiting(connection: Connection, lane: str, buckets: list[str], limit: int) -> list[Posted]:
    """The oldest letters of a lane about subjects in these buckets that nobody has confirmed yet, in order."""
    rows = await connection.fetch(
        """
        SELECT * FROM outbox WHERE lane = $1 AND bucket = ANY ($2::text[]) AND published_at IS NULL
        ORDER BY position LIMIT $3
        """,
        lane,
        buckets,
        limit,
    )
    return [
        Posted(
            row["position"],
            Letter(
                row["message_id"],
                row["lane"],
                row["exchange"],
                row["routing_key"],
                row["kind"],
                row["subject"],
                row["body"],
                row["cause_id"],
                row["cause_source"],
                orjson.loads(row["headers"]) if row["headers"] else None,
            ),
        )
        for row in rows
    ]


async def list_waiting_lanes(connection: Connection, buckets: list[str], older_than_seconds: float) -> list[str]:
    """Lanes with a letter about a subject in these buckets that has waited for so long."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT lane FROM outbox
        WHERE bucket = ANY ($1::text[]) AND published_at IS NULL
          AND created_at < clock_timestamp() - make_interval(secs => $2)
        """,
        buckets,
        older_than_seconds,
    )
    return [row["lane"] for row in rows]


async def mark_published(connection: Connection, positions: list[int]) -> None:
    """The broker has confirmed these."""
    await connection.execute(
        "UPDATE outbox SET published_at = clock_timestamp() WHERE position = ANY ($1::bigint[])", positions
    )
