"""`tandem agreement`: the versions of the outsourcing agreement, and which is in force."""

from typing import Any

import asyncpg

from shared.database import Connection


class VersionKnown(Exception):
    """This version was published already; what was agreed under it cannot be replaced."""


async def publish_version(connection: Connection, version: str) -> None:
    """Put a version in force: who has not accepted it invites and sends no more until then. Raises VersionKnown."""
    try:
        await connection.execute("INSERT INTO offer_handler.agreement_version (version) VALUES ($1)", version)
    except asyncpg.UniqueViolationError:
        raise VersionKnown(f"{version} was published already; `tandem agreement list` shows all") from None


async def list_versions(connection: Connection) -> list[dict[str, Any]]:
    """Every version, the one in force at the top, and how many instances accepted it last."""
    rows = await connection.fetch(
        """
        SELECT version, published_at, position = max(position) OVER () AS in_force,
               (SELECT count(*) FROM offer_handler.agreement AS accepted WHERE accepted.version = published.version)
                   AS accepted_by
        FROM offer_handler.agreement_version AS published ORDER BY position DESC
        """
    )
    return [dict(row) for row in rows]
