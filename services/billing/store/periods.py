"""SQL of the months that end by themselves, one function per statement."""

from datetime import date, datetime

from services.billing.domain import BillingSettings, Ended, Period
from shared.contracts.billing import BillingData
from shared.database import Connection, columns_of


async def lock_periods(connection: Connection, issuers: list[str]) -> list[Period]:
    """When the months of these issuers are over, in their order."""
    rows = await connection.fetch(
        """
        SELECT issuer, ends_at, set_by_source, set_by_id FROM period
        WHERE issuer = ANY ($1::text[]) ORDER BY issuer FOR UPDATE
        """,
        issuers,
    )
    return [Period(row["issuer"], row["ends_at"], (row["set_by_source"], row["set_by_id"])) for row in rows]


async def save_periods(connection: Connection, periods: list[Period]) -> None:
    """When they are over from now on."""
    rows = [(one.issuer, one.ends_at, *one.set_by) for one in periods]
    await connection.execute(
        """
        INSERT INTO period (issuer, ends_at, set_by_source, set_by_id)
        SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::uuid[])
        ON CONFLICT (issuer) DO UPDATE SET
            ends_at = excluded.ends_at, set_by_source = excluded.set_by_source, set_by_id = excluded.set_by_id
        """,
        *columns_of(rows, 4),
    )


async def claim_ended(connection: Connection, now: datetime, limit: int) -> list[Ended]:
    """Months that are over, those over longest first; those that others work on are left for the next look."""
    rows = await connection.fetch(
        """
        SELECT issuer, data, ends_at, set_by_source, set_by_id
        FROM period JOIN billing_settings ON instance = issuer
        WHERE ends_at <= $1 ORDER BY ends_at LIMIT $2 FOR UPDATE OF period SKIP LOCKED
        """,
        now,
        limit,
    )
    return [
        Ended(
            BillingSettings(row["issuer"], BillingData.model_validate_json(row["data"])),
            row["ends_at"],
            (row["set_by_source"], row["set_by_id"]),
        )
        for row in rows
    ]


async def list_leads_with_posted(connection: Connection, ended: list[tuple[str, date]]) -> list[tuple[str, str]]:
    """The issuers and those of their leads for whom something is posted of work completed by that day."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT service, lead
        FROM item JOIN bill USING (outsourcing_id)
             JOIN unnest($1::text[], $2::date[]) AS ended (service, until) USING (service)
        WHERE item.state = 'posted' AND ended_on <= until
        ORDER BY service, lead
        """,
        *columns_of(ended, 2),
    )
    return [(row["service"], row["lead"]) for row in rows]


async def mark_next_ends(connection: Connection, ends: list[tuple[str, datetime]]) -> None:
    """When the months after those that are over will be."""
    await connection.execute(
        """
        UPDATE period SET ends_at = next.ends_at
        FROM unnest($1::text[], $2::timestamptz[]) AS next (issuer, ends_at) WHERE period.issuer = next.issuer
        """,
        *columns_of(ends, 2),
    )
