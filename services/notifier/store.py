"""All SQL of the notifier, one function per statement."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from pydantic import TypeAdapter

from services.notifier.domain.delivery import Letter, Settled
from services.notifier.domain.gathering import Gathering
from services.notifier.domain.notifications import Facts, Notification
from services.notifier.domain.readers import NotificationSettings, Reader
from shared.database import Connection, columns_of

FACTS = TypeAdapter(Facts)
ANSWER_CHARACTERS = 1000
NOTIFICATION_COLUMNS = """id, cause_source, cause_id, subject_id, kind, role, recipient, partner, address, language,
                          time_zone, facts, next_attempt_at"""


async def find_settings(connection: Connection, instances: list[str]) -> list[NotificationSettings]:
    """What these instances have set."""
    rows = await connection.fetch(
        """
        SELECT instance, recipients, recipients_of, language, time_zone, gathering_minutes
        FROM notification_settings WHERE instance = ANY ($1::text[]) ORDER BY instance
        """,
        instances,
    )
    return [_settings(row) for row in rows]


async def save_settings(connection: Connection, settings: list[NotificationSettings]) -> None:
    """What these instances have set, in place of what was there."""
    rows = [
        (
            one.instance,
            # Arrays of arrays must be of one length: each goes as JSON.
            None if one.recipients is None else orjson.dumps(one.recipients).decode(),
            orjson.dumps(dict(one.recipients_of)).decode(),
            one.language,
            one.time_zone,
            one.gathering_minutes,
        )
        for one in settings
    ]
    await connection.execute(
        """
        INSERT INTO notification_settings
            (instance, recipients, recipients_of, language, time_zone, gathering_minutes)
        SELECT instance,
               CASE WHEN recipients IS NOT NULL THEN ARRAY (SELECT jsonb_array_elements_text(recipients)) END,
               recipients_of, language, time_zone, gathering_minutes
        FROM unnest($1::text[], $2::jsonb[], $3::jsonb[], $4::text[], $5::text[], $6::integer[])
             AS new (instance, recipients, recipients_of, language, time_zone, gathering_minutes)
        ON CONFLICT (instance) DO UPDATE SET
            recipients = excluded.recipients,
            recipients_of = excluded.recipients_of,
            language = excluded.language,
            time_zone = excluded.time_zone,
            gathering_minutes = excluded.gathering_minutes
        """,
        *columns_of(rows, 6),
    )


async def lock_gatherings(connection: Connection, keys: list[tuple[UUID, str]]) -> list[Gathering]:
    """What gathers of these sides, in the order of the keys."""
    rows = await connection.fetch(
        """
        SELECT outsourcing_id, writer, due_at, cause_source, cause_id
        FROM gathering JOIN unnest($1::uuid[], $2::text[]) AS wanted (outsourcing_id, writer)
             USING (outsourcing_id, writer)
        ORDER BY outsourcing_id, writer FOR UPDATE OF gathering
        """,
        *columns_of(keys, 2),
    )
    return [Gathering(**row) for row in rows]


async def save_gatherings(connection: Connection, gatherings: list[Gathering]) -> None:
    """What gathers from now on."""
    rows = [(*one.key, one.due_at, one.cause_source, one.cause_id) for one in gatherings]
    await connection.execute(
        """
        INSERT INTO gathering (outsourcing_id, writer, due_at, cause_source, cause_id)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::uuid[])
        ON CONFLICT (outsourcing_id, writer) DO NOTHING
        """,
        *columns_of(rows, 5),
    )


async def delete_due_gatherings(connection: Connection, now: datetime, *, at_most: int) -> list[Gathering]:
    """Take what has gathered for long enough, longest due first; what others work on is left for the next look."""
    rows = await connection.fetch(
        """
        WITH due AS MATERIALIZED (
            SELECT outsourcing_id, writer FROM gathering WHERE due_at <= $1
            ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
        )
        DELETE FROM gathering USING due
        WHERE gathering.outsourcing_id = due.outsourcing_id AND gathering.writer = due.writer
        RETURNING gathering.outsourcing_id, gathering.writer, due_at, cause_source, cause_id
        """,
        now,
        at_most,
    )
    return [Gathering(**row) for row in rows]


async def lock_notifications(connection: Connection, ids: list[UUID]) -> list[Notification]:
    """Those of these that can still be read, in the order of ids."""
    rows = await connection.fetch(
        f"""
        SELECT {NOTIFICATION_COLUMNS} FROM notification
        WHERE id = ANY ($1::uuid[]) AND forgotten_at IS NULL ORDER BY id FOR UPDATE
        """,
        ids,
    )
    return [_notification(row) for row in rows]


async def list_told(connection: Connection, causes: list[tuple[str, UUID]]) -> list[Notification]:
    """What was told already of these events."""
    rows = await connection.fetch(
        f"""
        SELECT {NOTIFICATION_COLUMNS}
        FROM unnest($1::text[], $2::uuid[]) AS cause (cause_source, cause_id)
        JOIN notification USING (cause_source, cause_id) WHERE forgotten_at IS NULL
        """,
        *columns_of(causes, 2),
    )
    return [_notification(row) for row in rows]


async def save_notifications(connection: Connection, notifications: list[Notification]) -> None:
    """New intents; no reader is told twice of one event."""
    rows = [
        (
            one.id,
            one.cause_source,
            one.cause_id,
            one.subject_id,
            one.kind,
            one.role,
            one.recipient,
            one.partner,
            one.reader.address,
            one.reader.language,
            one.reader.time_zone,
            FACTS.dump_json(one.facts, exclude_defaults=True).decode(),
            one.due_at,
        )
        for one in notifications
    ]
    await connection.execute(
        f"""
        INSERT INTO notification ({NOTIFICATION_COLUMNS})
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[],
                             $8::text[], $9::text[], $10::text[], $11::text[], $12::jsonb[], $13::timestamptz[])
        ON CONFLICT (id) DO NOTHING
        """,
        *columns_of(rows, 13),
    )


async def claim_due_letters(connection: Connection, now: datetime, *, lease: timedelta, at_most: int) -> list[Letter]:
    """Lease what is due and nobody else holds, longest due first; the attempt counts from here on."""
    rows = await connection.fetch(
        """
        WITH due AS (
            SELECT notification.id, reader.name AS recipient_name, other.name AS partner_name,
                   CASE role WHEN 'service' THEN reader.kind ELSE other.kind END = 'portal' AS by_mail_only
            FROM notification
            LEFT JOIN instance reader ON reader.slug = notification.recipient
            LEFT JOIN instance other ON other.slug = notification.partner
            WHERE state = 'pending' AND next_attempt_at <= $1 AND (leased_until IS NULL OR leased_until <= $1)
            ORDER BY next_attempt_at LIMIT $3
            FOR UPDATE OF notification SKIP LOCKED
        ), claimed AS (
            UPDATE notification
            SET attempts = attempts + 1, leased_until = $1 + $2::interval
            FROM due WHERE notification.id = due.id
            RETURNING notification.id, cause_source, cause_id, subject_id, kind, role, recipient, partner, address,
                      language, time_zone, facts, next_attempt_at, attempts, created_at,
                      coalesce(resent_at, created_at) AS begun_at, recipient_name, partner_name, by_mail_only
        )
        SELECT * FROM claimed ORDER BY next_attempt_at, id
        """,
        now,
        lease,
        at_most,
    )
    return [_letter(row) for row in rows]


async def mark_settled(connection: Connection, settled: list[Settled], now: datetime) -> set[UUID]:
    """Record what became of the attempts; the ids of those that were recorded.

    Who lost its lease is heard only where the mail did go out.
    """
    rows = [
        (one.id, one.state, one.attempts, one.counts, one.answer[:ANSWER_CHARACTERS], one.next_attempt_at)
        for one in settled
    ]
    written = await connection.fetch(
        """
        UPDATE notification
        SET state = done.state,
            -- An operator may have had it sent again meanwhile, from no attempt on: what went out was one.
            attempts = greatest(notification.attempts - CASE WHEN done.counts THEN 0 ELSE 1 END,
                                CASE WHEN done.state = 'pending' THEN 0 ELSE 1 END),
            answer = CASE WHEN done.counts THEN done.answer ELSE notification.answer END,
            next_attempt_at = done.next_attempt_at,
            leased_until = NULL,
            sent_at = CASE WHEN done.state = 'sent' THEN $7::timestamptz END,
            failed_at = CASE WHEN done.state = 'failed' THEN $7::timestamptz END
        FROM unnest($1::uuid[], $2::text[], $3::int[], $4::bool[], $5::text[], $6::timestamptz[])
             AS done (id, state, attempt, counts, answer, next_attempt_at)
        WHERE notification.id = done.id AND notification.state = 'pending'
              AND (notification.attempts = done.attempt OR done.state = 'sent')
        RETURNING notification.id
        """,
        *columns_of(rows, 6),
        now,
    )
    return {row["id"] for row in written}


async def forget_notifications(connection: Connection, now: datetime, *, older_than: timedelta, at_most: int) -> int:
    """Take address, facts and the server's words out of what was done so long ago; how many that were."""
    rows = await connection.fetch(
        """
        WITH old AS (
            SELECT id FROM notification
            WHERE forgotten_at IS NULL AND created_at <= $1::timestamptz - $2::interval AND state <> 'pending'
            ORDER BY created_at LIMIT $3 FOR UPDATE SKIP LOCKED
        )
        UPDATE notification SET address = NULL, facts = NULL, answer = NULL, forgotten_at = $1
        FROM old WHERE notification.id = old.id
        RETURNING notification.id
        """,
        now,
        older_than,
        at_most,
    )
    return len(rows)


def _settings(row: Any) -> NotificationSettings:
    return NotificationSettings(
        **{
            **row,
            "recipients": None if row["recipients"] is None else tuple(row["recipients"]),
            "recipients_of": {kind: tuple(one) for kind, one in orjson.loads(row["recipients_of"]).items()},
        }
    )


def _letter(row: Any) -> Letter:
    return Letter(
        notification=_notification(row),
        recipient_name=row["recipient_name"] or row["recipient"],
        partner_name=row["partner_name"] or row["partner"],
        by_mail_only=bool(row["by_mail_only"]),
        attempts=row["attempts"],
        created_at=row["created_at"],
        begun_at=row["begun_at"],
    )


def _notification(row: Any) -> Notification:
    return Notification(
        id=row["id"],
        cause_source=row["cause_source"],
        cause_id=row["cause_id"],
        subject_id=row["subject_id"],
        kind=row["kind"],
        role=row["role"],
        recipient=row["recipient"],
        partner=row["partner"],
        reader=Reader(row["address"], row["language"], row["time_zone"]),
        facts=FACTS.validate_json(row["facts"]),
        due_at=row["next_attempt_at"],
    )
