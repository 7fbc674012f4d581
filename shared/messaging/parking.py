"""The parking lot: messages that cannot be decided now wait here under their subject, in order."""

from dataclasses import dataclass
from datetime import datetime, timedelta
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
    """Why the first message of a subject waits, and when it is tried again (never by itself when stuck)."""

    subject: str
    status: str
    attempts: int
    next_attempt_at: datetime | None
    give_up_at: datetime | None = None
    problem: str | None = None
    error: str | None = None


def most_parked_behind(status: str) -> int:
    """How many messages a sender may have parked for another one to queue up behind a subject of this status."""
    return MOST_WAITING_PER_SENDER if status == NOT_YET else MOST_PARKED_PER_SENDER


def not_yet(subject: str, problem: str, attempts: int, give_up_at: datetime, now: datetime) -> Blocker:
    """Wait for what may still be on its way, at the longest until `give_up_at`."""
    pause = NOT_YET_PAUSES_SECONDS[min(attempts, len(NOT_YET_PAUSES_SECONDS) - 1)]
    next_attempt_at = min(now + timedelta(seconds=pause), give_up_at)
    return Blocker(subject, NOT_YET, attempts, next_attempt_at, give_up_at, problem)


def spent(blocker: Blocker) -> bool:
    """Whether every attempt there is was begun: whoever made the last one did not live to tell how it ended."""
    return blocker.status == RETRYING and blocker.attempts > len(RETRY_PAUSES_SECONDS) + 1


def failed(subject: str, error: str, attempts: int, now: datetime) -> Blocker:
    """A rule raised or the database refused the data: pause longer each time, and stay stuck after the last pause."""
    if attempts > len(RETRY_PAUSES_SECONDS):
        return Blocker(subject, STUCK, attempts, None, error=error)
    pause = RETRY_PAUSES_SECONDS[max(attempts, 1) - 1]
    return Blocker(subject, RETRYING, attempts, now + timedelta(seconds=pause), error=error)


async def lock_blockers(connection: Connection, subjects: list[str]) -> dict[str, str]:
    """The status of those subjects that have parked messages, locked before any row of the business."""
    rows = await connection.fetch(
        "SELECT subject, status FROM parked_subject WHERE subject = ANY ($1::text[]) ORDER BY subject FOR UPDATE",
        subjects,
    )
    return {row["subject"]: row["status"] for row in rows}


async def claim_due(connection: Connection) -> Blocker | None:
    """Take the subject that has been due longest and count the attempt, before anything is tried.

    One at a time, so that a message that kills the worker is charged to itself alone.
    """
    row = await connection.fetchrow(
        """
        UPDATE parked_subject
        SET attempts = attempts + 1, next_attempt_at = clock_timestamp() + make_interval(secs => $1)
        WHERE subject = (SELECT subject FROM parked_subject WHERE next_attempt_at <= clock_timestamp()
                         ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING subject, status, attempts, next_attempt_at, give_up_at, problem, error
        """,
        REPLAY_LEASE_SECONDS,
    )
    return None if row is None else Blocker(**dict(row))


async def seconds_until_due(connection: Connection) -> float | None:
    """How long until the next subject is due; None while nothing waits for its time."""
    seconds: float | None = await connection.fetchval(
        "SELECT extract(epoch FROM min(next_attempt_at) - clock_timestamp())::float FROM parked_subject"
        " WHERE next_attempt_at IS NOT NULL"
    )
    return seconds


async def list_parked_of(connection: Connection, subject: str, limit: int) -> list[ParkedMessage]:
    """The waiting messages of a subject, the oldest first."""
    rows = await connection.fetch(
        "SELECT position, id, source, sender, kind, body, parked_at FROM parked WHERE subject = $1"
        " ORDER BY position LIMIT $2",
        subject,
        limit,
    )
    return [ParkedMessage(**dict(row)) for row in rows]


async def save_blockers(connection: Connection, blockers: list[Blocker], now: datetime) -> None:
    """Write why each subject waits; a subject that waits already keeps what it has."""
    await connection.execute(
        """
        INSERT INTO parked_subject (subject, status, attempts, next_attempt_at, give_up_at, problem, error, parked_at)
        SELECT *, $8 FROM unnest($1::text[], $2::text[], $3::int[], $4::timestamptz[], $5::timestamptz[], $6::text[],
                                 $7::text[])
        ON CONFLICT (subject) DO NOTHING
        """,
        *_columns(blockers),
        now,
    )


async def update_blocker(connection: Connection, blocker: Blocker) -> None:
    """Write what the replay of a subject found out about its first message."""
    await connection.execute(
        """
        UPDATE parked_subject SET status = $2, attempts = $3, next_attempt_at = $4, give_up_at = $5, problem = $6,
                                  error = $7
        WHERE subject = $1
        """,
        *[column[0] for column in _columns([blocker])],
    )


async def make_due(connection: Connection, subjects: list[str]) -> None:
    """What these subjects wait for has come: try them at once, before those that only hope so."""
    await connection.execute(
        "UPDATE parked_subject SET next_attempt_at = to_timestamp(0)"
        " WHERE subject = ANY ($1::text[]) AND status = 'not_yet'",
        subjects,
    )


async def insert_parked(
    connection: Connection, rows: list[tuple[str, UUID, str, str, str, bytes]], now: datetime
) -> None:
    """Queue messages up behind their subject, in this order: (subject, id, source, sender, kind, body)."""
    await connection.execute(
        """
        INSERT INTO parked (subject, id, source, sender, kind, body, parked_at)
        SELECT subject, id, source, sender, kind, body, $7
        FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::bytea[]) WITH ORDINALITY
             AS waiting (subject, id, source, sender, kind, body, place)
        ORDER BY place
        """,
        *columns_of(rows, 6),
        now,
    )


async def delete_parked(connection: Connection, positions: list[int]) -> None:
    """These wait no longer."""
    await connection.execute("DELETE FROM parked WHERE position = ANY ($1::bigint[])", positions)


async def release_if_empty(connection: Connection, subject: str) -> bool:
    """Let a subject flow again once nothing waits under it; says whether it does."""
    status = await connection.execute(
        "DELETE FROM parked_subject WHERE subject = $1 AND NOT EXISTS (SELECT FROM parked WHERE subject = $1)",
        subject,
    )
    return bool(status != "DELETE 0")


def _columns(blockers: list[Blocker]) -> list[list[object]]:
    rows = [(b.subject, b.status, b.attempts, b.next_attempt_at, b.give_up_at, b.problem, b.error) for b in blockers]
    return columns_of(rows, 7)
