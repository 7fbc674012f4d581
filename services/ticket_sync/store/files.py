"""All SQL about files that go by claim check: what instances uploaded, and which files they may send."""

from datetime import datetime
from typing import Any

from services.ticket_sync.domain.files import Limited, Upload
from shared.contracts.gateway import FileLimits
from shared.database import Connection, columns_of

UPLOAD_COLUMNS = "instance, sha256, size, media_type, uploaded_at, lapses_at, told_by_source, told_by_id"


async def find_limits(connection: Connection, instances: list[str]) -> list[Limited]:
    """Which files these instances may send, where an operator has said so."""
    rows = await connection.fetch(
        "SELECT instance, largest_bytes, refused_types FROM file_limits WHERE instance = ANY ($1::text[])", instances
    )
    return [
        Limited(row["instance"], FileLimits(largest_bytes=row["largest_bytes"], refused_types=row["refused_types"]))
        for row in rows
    ]


async def lock_uploads(connection: Connection, keys: list[tuple[str, str]]) -> list[Upload]:
    """These instances' uploads of these contents; none of them lapses while an entry is about to cite it."""
    rows = await connection.fetch(
        f"""
        SELECT {UPLOAD_COLUMNS}
        FROM upload JOIN unnest($1::text[], $2::text[]) AS wanted (instance, sha256) USING (instance, sha256)
        ORDER BY instance, sha256 FOR UPDATE OF upload
        """,
        *columns_of(keys, 2),
    )
    return [_upload(row) for row in rows]


async def save_uploads(connection: Connection, uploads: list[Upload]) -> None:
    """The newest uploads."""
    rows = [
        (one.instance, one.sha256, one.size, one.media_type, one.uploaded_at, one.lapses_at, *one.told_by)
        for one in uploads
    ]
    await connection.execute(
        f"""
        INSERT INTO upload ({UPLOAD_COLUMNS})
        SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::timestamptz[], $6::timestamptz[],
                             $7::text[], $8::uuid[])
        ON CONFLICT (instance, sha256) DO UPDATE SET
            size = excluded.size,
            media_type = excluded.media_type,
            uploaded_at = excluded.uploaded_at,
            lapses_at = excluded.lapses_at,
            told_by_source = excluded.told_by_source,
            told_by_id = excluded.told_by_id
        """,
        *columns_of(rows, 8),
    )


async def delete_lapsed_uploads(connection: Connection, now: datetime, limit: int) -> list[Upload]:
    """Forget uploads that may be cited no longer; those that a turn is about to cite are left."""
    rows = await connection.fetch(
        f"""
        WITH lapsed AS MATERIALIZED (
            SELECT instance, sha256 FROM upload WHERE lapses_at <= $1
            ORDER BY lapses_at LIMIT $2 FOR UPDATE SKIP LOCKED
        )
        DELETE FROM upload USING lapsed
        WHERE (upload.instance, upload.sha256) = (lapsed.instance, lapsed.sha256)
        RETURNING {", ".join("upload." + column for column in UPLOAD_COLUMNS.split(", "))}
        """,
        now,
        limit,
    )
    return [_upload(row) for row in rows]


def _upload(row: Any) -> Upload:
    fields = dict(row)
    told_by = (fields.pop("told_by_source"), fields.pop("told_by_id"))
    return Upload(**fields, told_by=told_by)
