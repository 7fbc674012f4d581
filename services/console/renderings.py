"""`tandem renderings`: invoices whose files are not there yet, why, and when that is tried again."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Connection


@dataclass(frozen=True, slots=True)
class Waiting:
    """An issued invoice without its files; `problem` is what went wrong last, None where it was not tried yet."""

    invoice_id: UUID
    number: str
    service: str
    lead: str
    attempts: int
    problem: str | None
    next_attempt_at: datetime


async def list_waiting(connection: Connection) -> list[Waiting]:
    """All of them, those that were tried most often first."""
    rows = await connection.fetch(
        """
        SELECT invoice_id, number, service, lead, attempts, problem, next_attempt_at
        FROM billing.rendering JOIN billing.invoice ON invoice.id = invoice_id
        WHERE rendered_at IS NULL ORDER BY attempts DESC, number
        """
    )
    return [Waiting(**row) for row in rows]


async def try_again_now(connection: Connection) -> int:
    """Have all that wait for their next attempt tried at once; how many."""
    rows = await connection.fetch(
        """
        UPDATE billing.rendering SET next_attempt_at = clock_timestamp()
        WHERE rendered_at IS NULL AND next_attempt_at > clock_timestamp() RETURNING invoice_id
        """
    )
    return len(rows)
