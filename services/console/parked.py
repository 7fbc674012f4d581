"""`tandem parked`: what waits, why, and an operator's word on it."""

from datetime import datetime
from typing import Any

import asyncpg
import orjson

from shared.database import Connection
from shared.messaging import parking
from shared.messaging.parking import Line


async def list_subjects(connection: Connection, service: str) -> list[dict[str, Any]]:
    """Every line of parked messages in a service, those longest waiting first.

    Messages of a subject wait in one line; what somebody says `apart`, of what is not its own, waits in another.
    """
    await _enter(connection, service)
    rows = await connection.fetch(
        """
        SELECT subject, apart, status, attempts, next_attempt_at, problem, error, parked_subject.parked_at,
               (SELECT count(*) FROM parked
                WHERE (parked.subject, parked.apart) = (parked_subject.subject, parked_subject.apart)) AS messages
        FROM parked_subject ORDER BY parked_at
        """
    )
    return [{"service": service, **dict(row)} for row in rows]


async def show_subject(connection: Connection, service: str, subject: str) -> list[dict[str, Any]]:
    """The waiting messages of one subject in order, without their data: that may be personal."""
    await _enter(connection, service)
    rows = await connection.fetch(
        "SELECT position, id, apart, sender, kind, parked_at, octet_length(body) AS bytes FROM parked"
        " WHERE subject = $1 ORDER BY apart, position",
        subject,
    )
    return [dict(row) for row in rows]


async def read_body(connection: Connection, service: str, subject: str) -> Any:
    """The first waiting message of a subject as it came, for an operator who asks to see it; None where none waits."""
    await _enter(connection, service)
    body = await connection.fetchval(
        "SELECT body FROM parked WHERE subject = $1 ORDER BY apart, position LIMIT 1", subject
    )
    return None if body is None else orjson.loads(body)


async def replay_subject(connection: Connection, service: str, subject: str) -> bool:
    """Have a subject tried again at once, with all its retries before it; says whether there was one."""
    await _enter(connection, service)
    status = await connection.execute(
        """
        UPDATE parked_subject SET status = 'retrying', attempts = 0, next_attempt_at = clock_timestamp(),
                                  give_up_at = NULL, problem = NULL
        WHERE subject = $1
        """,
        subject,
    )
    return bool(status != "UPDATE 0")


async def drop_first(connection: Connection, service: str, subject: str) -> dict[str, Any] | None:
    """Drop the first waiting message of a subject for good and let the rest be tried; tells which one it was."""
    await _enter(connection, service)
    async with connection.transaction():
        await connection.execute("SELECT FROM parked_subject WHERE subject = $1 ORDER BY apart FOR UPDATE", subject)
        dropped = await connection.fetchrow(
            """
            DELETE FROM parked
            WHERE position = (SELECT position FROM parked WHERE subject = $1 ORDER BY apart, position LIMIT 1)
            RETURNING id, source, apart, sender, kind, parked_at
            """,
            subject,
        )
        if dropped is None:
            return None
        await connection.execute(
            "UPDATE inbox SET outcome = 'dropped' WHERE id = $1 AND source = $2",
            dropped["id"],
            dropped["source"],
        )
        await parking.release_if_empty(connection, Line(subject, dropped["apart"]))
    await replay_subject(connection, service, subject)
    return dict(dropped)


async def connect_as_operator(url: str) -> Connection:
    """A connection that may work in every service's schema. Raises what asyncpg raises when there is none."""
    return await asyncpg.connect(url, timeout=5, command_timeout=30)


async def _enter(connection: Connection, service: str) -> None:
    await connection.execute("SELECT set_config('search_path', $1, false)", service)


def as_text(value: object) -> str:
    """A cell of a table."""
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else "" if value is None else str(value)
