"""The parking lot: messages that cannot be decided now wait here under their subject, in order."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from shared.database import Connection, columns_of

# What waits for something still on its way is tried again often at first: the thing is usually milliseconds behind.
NOT_YET_PAUSES_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)
# What raised is tried again ever more rarely; after the last pause it is stuck and an operator decides.
RETRY_PAUSES_SECONDS = (1.0, 5.0, 30.0, 120.0, 600.0)
# Time for one replay to end; a worker that died in it leaves the subject to the next after this.
REPLAY_LEASE_SECONDS = 30.0
# What one instance may have waiting for things that are not there, so that guessing ids cannot fill the table.
MOST_WAITING_PER_SENDER = 1000
# What it may have waiting while a fault of ours keeps a subject back: a night's work on one ticket, and no more.
MOST_PARKED_PER_SENDER = 10_000

NOT_YET, RETRYING, STUCK = "not_yet", "retrying", "stuck"


class Line(NamedTuple):
    """Messages that wait one behind another: those of a subject, or what one sender says `apart` from them.

    Who speaks of what is not its own waits apart, so that it keeps nobody waiting whose own it is.
    """

    subject: str
    apart: str = ""


@dataclass(frozen=True, slots=True)
class ParkedMessage:
    """One waiting message, as it came."""

    position: int
    id: UUID
    source: str
    sender: str
    kind: str
    body: bytes
    parked_at: datetime


@dataclass(frozen=True, slots=True)
class Blocker:
    """Why the first message of a line waits, and when it is tried again (never by itself when stuck)."""

    line: Line
    status: str
    attempts: int
    next_attempt_at: datetime | None
    give_up_at: datetime | None = None
    problem: str | None = None
    error: str | None = None


def most_parked_behind(status: str) -> int:
    """How many messages a sender may have parked for another one to queue up in a line of this status."""
    return MOST_WAITING_PER_SENDER if status == NOT_YET else MOST_PARKED_PER_SENDER


def not_yet(line: Line, problem: str, attempts: int, give_up_at: datetime, now: datetime) -> Blocker:
    """Wait for what may still be on its way, at the longest until `give_up_at`."""
    pause = NOT_YET_PAUSES_SECONDS[min(attempts, len(NOT_YET_PAUSES_SECONDS) - 1)]
    next_attempt_at = min(now + timedelta(seconds=pause), give_up_at)
    return Blocker(line, NOT_YET, attempts, next_attempt_at, give_up_at, problem)


def spent(blocker: Blocker) -> bool:
    """Whether every attempt there is was begun: whoever made the last one did not live to tell how it ended."""
    return blocker.status == RETRYING and blocker.attempts > len(RETRY_PAUSES_SECONDS) + 1


def failed(line: Line, error: str, attempts: int, now: datetime) -> Blocker:
    """A rule raised or the database refused the data: pause longer each time, and stay stuck after the last pause."""
    if attempts > len(RETRY_PAUSES_SECONDS):
        return Blocker(line, STUCK, attempts, None, error=error)
    pause = RETRY_PAUSES_SECONDS[max(attempts, 1) - 1]
    return Blocker(line, RETRYING, attempts, now + timedelta(seconds=pause), error=error)


async def lock_blockers(connection: Connection, lines: set[Line]) -> dict[Line, str]:
    """The status of those lines in which messages wait, locked before any row of the business."""
    rows = await connection.fetch(
        """
        SELECT subject, apart, status FROM parked_subject
        WHERE subject = ANY ($1::text[]) AND apart = ANY ($2::text[]) ORDER BY subject, apart FOR UPDATE
        """,
        sorted({line.subject for line in lines}),
        sorted({line.apart for line in lines}),
    )
    return {Line(row["subject"], row["apart"]): row["status"] for row in rows}


async def claim_due(connection: Connection) -> Blocker | None:
    """Take the line that has been due longest and count the attempt, before anything is tried.

    One at a time, so that a message that kills the worker is charged to itself alone.
    """
    row = await connection.fetchrow(
        """
        UPDATE parked_subject
        SET attempts = attempts + 1, next_attempt_at = clock_timestamp() + make_interval(secs => $1)
        WHERE (subject, apart) = (SELECT subject, apart FROM parked_subject WHERE next_attempt_at <= clock_timestamp()
                                  ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING subject, apart, status, attempts, next_attempt_at, give_up_at, problem, error
        """,
        REPLAY_LEASE_SECONDS,
    )
    if row is None:
        return None
    subject, apart, *told = row
    return Blocker(Line(subject, apart), *told)


async def seconds_until_due(connection: Connection) -> float | None:
    """How long until the next line is due; None while nothing waits for its time."""
    seconds: float | None = await connection.fetchval(
        "SELECT extract(epoch FROM min(next_attempt_at) - clock_timestamp())::float FROM parked_subject"
        " WHERE next_attempt_at IS NOT NULL"
    )
    return seconds


async def list_parked_of(connection: Connection, line: Line, limit: int) -> list[ParkedMessage]:
    """The waiting messages of a line, the oldest first."""
    rows = await connection.fetch(
        "SELECT position, id, source, sender, kind, body, parked_at FROM parked WHERE subject = $1 AND apart = $2"
        " ORDER BY position LIMIT $3",
        *line,
        limit,
    )
    return [ParkedMessage(**dict(row)) for row in rows]


async def save_blockers(connection: Connection, blockers: list[Blocker], now: datetime) -> None:
    """Write why each line waits; one that waits already keeps what it has."""
    await connection.execute(
        """
        INSERT INTO parked_subject (subject, apart, status, attempts, next_attempt_at, give_up_at, problem, error,
                                    parked_at)
        SELECT *, $9 FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::timestamptz[], $6::timestamptz[],
                                 $7::text[], $8::text[])
        ON CONFLICT (subject, apart) DO NOTHING
        """,
        *_columns(blockers),
        now,
    )


async def update_blocker(connection: Connection, blocker: Blocker) -> None:
    """Write what the replay of a line found out about its first message."""
    await connection.execute(
        """
        UPDATE parked_subject SET status = $3, attempts = $4, next_attempt_at = $5, give_up_at = $6, problem = $7,
                                  error = $8
        WHERE subject = $1 AND apart = $2
        """,
        *[column[0] for column in _columns([blocker])],
    )


async def set_apart(connection: Connection, blocker: Blocker, now: datetime) -> None:
    """Let all that this sender says of the subject wait in its own line from now on, behind none of the others'."""
    await save_blockers(connection, [blocker], now)
    await connection.execute(
        "UPDATE parked SET apart = $2 WHERE subject = $1 AND apart = '' AND sender = $2", *blocker.line
    )


async def make_due(connection: Connection, subjects: list[str]) -> None:
    """What these subjects wait for has come: try them at once, before those that only hope so."""
    await connection.execute(
        "UPDATE parked_subject SET next_attempt_at = to_timestamp(0)"
        " WHERE subject = ANY ($1::text[]) AND apart = '' AND status = 'not_yet'",
        subjects,
    )


async def insert_parked(
    connection: Connection, rows: list[tuple[str, str, UUID, str, str, str, bytes]], now: datetime
) -> None:
    """Queue messages up in their lines, in this order: (subject, apart, id, source, sender, kind, body)."""
    await connection.execute(
        """
        INSERT INTO parked (subject, apart, id, source, sender, kind, body, parked_at)
        SELECT subject, apart, id, source, sender, kind, body, $8
        FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::bytea[])
             WITH ORDINALITY AS waiting (subject, apart, id, source, sender, kind, body, place)
        ORDER BY place
        """,
        *columns_of(rows, 7),
        now,
    )


async def delete_parked(connection: Connection, positions: list[int]) -> None:
    """These wait no longer."""
    await connection.execute("DELETE FROM parked WHERE position = ANY ($1::bigint[])", positions)


async def release_if_empty(connection: Connection, line: Line) -> bool:
    """Let what comes flow again once nothing waits in a line; says whether it does."""
    status = await connection.execute(
        "DELETE FROM parked_subject WHERE subject = $1 AND apart = $2"
        " AND NOT EXISTS (SELECT FROM parked WHERE subject = $1 AND apart = $2)",
        *line,
    )
    return bool(status != "DELETE 0")


def _columns(blockers: list[Blocker]) -> list[list[object]]:
    rows = [(*b.line, b.status, b.attempts, b.next_attempt_at, b.give_up_at, b.problem, b.error) for b in blockers]
    return columns_of(rows, 8)
