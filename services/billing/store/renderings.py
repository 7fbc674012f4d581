"""SQL of the files of invoices, one function per statement."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.billing.domain import Due, Rendering, Settled
from shared.contracts import billing as wire
from shared.database import Connection, columns_of

LONGEST_PROBLEM = 1000


async def lock_renderings(connection: Connection, invoice_ids: list[UUID]) -> list[Rendering]:
    """Which of these invoices have files made, in the order of ids; that is never changed, so nothing is locked."""
    rows = await connection.fetch(
        """
        SELECT invoice_id, cause_source, cause_id FROM rendering
        WHERE invoice_id = ANY ($1::uuid[]) ORDER BY invoice_id
        """,
        invoice_ids,
    )
    return [Rendering(**row) for row in rows]


async def insert_renderings(connection: Connection, renderings: list[Rendering]) -> None:
    """New intents, due at once."""
    rows = [(one.invoice_id, one.cause_source, one.cause_id) for one in renderings]
    await connection.execute(
        """
        INSERT INTO rendering (invoice_id, cause_source, cause_id)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[])
        """,
        *columns_of(rows, 3),
    )


async def claim_due_renderings(connection: Connection, now: datetime, *, lease: timedelta, at_most: int) -> list[Due]:
    """Lease what is due and nobody else holds, longest due first; the attempt counts from here on."""
    rows = await connection.fetch(
        """
        WITH due AS (
            SELECT invoice_id FROM rendering
            WHERE next_attempt_at <= $1 AND (leased_until IS NULL OR leased_until <= $1)
            ORDER BY next_attempt_at LIMIT $3
            FOR UPDATE SKIP LOCKED
        )
        UPDATE rendering SET attempts = attempts + 1, leased_until = $1 + $2::interval
        FROM due, invoice
        WHERE rendering.invoice_id = due.invoice_id AND invoice.id = due.invoice_id
        RETURNING rendering.invoice_id, cause_source, cause_id, attempts, lead, service, document
        """,
        now,
        lease,
        at_most,
    )
    return [_due(row) for row in rows]


async def mark_settled(connection: Connection, settled: list[Settled], now: datetime) -> list[UUID]:
    """Record what became of the attempts; the invoices whose files were not there before."""
    rows = [
        (
            one.due.rendering.invoice_id,
            one.due.attempts,
            one.problem and one.problem[:LONGEST_PROBLEM],
            one.next_attempt_at,
        )
        for one in settled
    ]
    marked = await connection.fetch(
        """
        UPDATE rendering
        SET problem = done.problem,
            next_attempt_at = done.next_attempt_at,
            leased_until = NULL,
            rendered_at = CASE WHEN done.next_attempt_at IS NULL THEN $5::timestamptz END
        FROM unnest($1::uuid[], $2::int[], $3::text[], $4::timestamptz[])
             AS done (invoice_id, attempt, problem, next_attempt_at)
        WHERE rendering.invoice_id = done.invoice_id AND rendering.rendered_at IS NULL
              AND (rendering.attempts = done.attempt OR done.next_attempt_at IS NULL)
        RETURNING rendering.invoice_id
        """,
        *columns_of(rows, 4),
        now,
    )
    return [row["invoice_id"] for row in marked]


async def insert_files(connection: Connection, settled: list[Settled]) -> None:
    """The files of these invoices."""
    rows = [
        (one.due.rendering.invoice_id, file.format, file.name, file.media_type, file.size, file.sha256)
        for one in settled
        for file in one.files
    ]
    await connection.execute(
        """
        INSERT INTO invoice_file (invoice_id, format, name, media_type, size, sha256)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[])
        """,
        *columns_of(rows, 6),
    )


def _due(row: Any) -> Due:
    return Due(
        rendering=Rendering(row["invoice_id"], row["cause_source"], row["cause_id"]),
        lead=row["lead"],
        service=row["service"],
        document=wire.Invoice.model_validate_json(row["document"]),
        attempts=row["attempts"],
    )
