"""All SQL of the notifier, one function per statement."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from services.notifier.domain import Facts, Letter, Notification, Settled
from shared.database import Connection, columns_of

FACTS = TypeAdapter(Facts)
ANSWER_CHARACTERS = 1000


async def lock_notifications(connection: Connection, ids: list[UUID]) -> list[Notification]:
    """What was told already, in the order of ids."""
    rows = await connection.fetch(
        """
        SELECT id, cause_source, cause_id, outsourcing_id, kind, role, recipient, partner, facts
        FROM notification WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE
        """,
        ids,
    )
    return [_notification(row) for row in rows]


async def save_notifications(connection: Connection, notifications: list[Notification]) -> None:
    """New intents, with language and address as the recipient has them now; nobody is told twice of one event.

    Raises NotNullViolationError where a recipient is not known: it would be told nothing, and nobody would see it.
    """
    rows = [
        (
            one.id,
            one.cause_source,
            one.cause_id,
            one.outsourcing_id,
            one.kind,
            one.role,
            one.recipient,
            one.partner,
            FACTS.dump_json(one.facts, exclude_defaults=True).decode(),
        )
        for one in notifications
    ]
    await connection.execute(
        """
        INSERT INTO notification (
            id, cause_source, cause_id, outsourcing_id, kind, role, recipient, partner, language, address, facts
        )
        SELECT new.id, cause_source, cause_id, outsourcing_id, new.kind, role, recipient, partner, language, email,
               facts
        FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[],
                    $9::jsonb[])
             AS new (id, cause_source, cause_id, outsourcing_id, kind, role, recipient, partner, facts)
        LEFT JOIN instance ON instance.slug = new.recipient
        ON CONFLICT ON CONSTRAINT notification_once DO NOTHING
        """,
        *columns_of(rows, 9),
    )


async def claim_due_letters(connection: Connection, now: datetime, *, lease: timedelta, at_most: int) -> list[Letter]:
    """Lease what is due and nobody else holds, longest due first; the attempt counts from here on."""
    rows = await connection.fetch(
        """
        WITH due AS (
            SELECT notification.id, reader.name AS recipient_name, other.name AS partner_name
            FROM notification
            LEFT JOIN instance reader ON reader.slug = notification.recipient
            LEFT JOIN instance other ON other.slug = notification.partner
            WHERE state = 'pending' AND next_attempt_at <= $1 AND (leased_until IS NULL OR leased_until <= $1)
            ORDER BY next_attempt_at LIMIT $3
            FOR UPDATE OF notification SKIP LOCKED
        )
        UPDATE notification
        SET attempts = attempts + 1, leased_until = $1 + $2::interval
        FROM due WHERE notification.id = due.id
        RETURNING notification.id, cause_source, cause_id, outsourcing_id, kind, role, recipient, partner, facts,
                  language, address, attempts, created_at, recipient_name, partner_name
        """,
        now,
        lease,
        at_most,
    )
    return sorted((_letter(row) for row in rows), key=lambda letter: letter.created_at)


async def mark_settled(connection: Connection, settled: list[Settled], now: datetime) -> None:
    """Record what became of the attempts; who lost its lease is heard only where the mail did go out."""
    rows = [
        (one.id, one.state, one.attempts, one.counts, one.answer[:ANSWER_CHARACTERS], one.next_attempt_at)
        for one in settled
    ]
    await connection.execute(
        """
        UPDATE notification
        SET state = done.state,
            attempts = notification.attempts - CASE WHEN done.counts THEN 0 ELSE 1 END,
            answer = CASE WHEN done.counts THEN done.answer ELSE notification.answer END,
            next_attempt_at = done.next_attempt_at,
            leased_until = NULL,
            sent_at = CASE WHEN done.state = 'sent' THEN $7::timestamptz END,
            failed_at = CASE WHEN done.state = 'failed' THEN $7::timestamptz END
        FROM unnest($1::uuid[], $2::text[], $3::int[], $4::bool[], $5::text[], $6::timestamptz[])
             AS done (id, state, attempt, counts, answer, next_attempt_at)
        WHERE notification.id = done.id AND notification.state = 'pending'
              AND (notification.attempts = done.attempt OR done.state = 'sent')
        """,
        *columns_of(rows, 6),
        now,
    )


def _letter(row: Any) -> Letter:
    return Letter(
        notification=_notification(row),
        language=row["language"],
        address=row["address"],
        recipient_name=row["recipient_name"] or row["recipient"],
        partner_name=row["partner_name"] or row["partner"],
        attempts=row["attempts"],
        created_at=row["created_at"],
    )


def _notification(row: Any) -> Notification:
    return Notification(
        id=row["id"],
        cause_source=row["cause_source"],
        cause_id=row["cause_id"],
        outsourcing_id=row["outsourcing_id"],
        kind=row["kind"],
        role=row["role"],
        recipient=row["recipient"],
        partner=row["partner"],
        facts=FACTS.validate_json(row["facts"]),
    )
