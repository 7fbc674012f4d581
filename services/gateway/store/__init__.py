"""All SQL of the gateway about files, one function per statement."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.gateway.domain.files import Access, Citation, CitedFile, File, IssuedFile, Leased, Upload
from shared.contracts.gateway import FileLimits
from shared.database import Connection, columns_of


async def find_access(connection: Connection, instance: str) -> Access | None:
    """What lets this instance in, and in which language it is answered."""
    row = await connection.fetchrow(
        """
        SELECT access.instance, language, token_hash, largest_bytes, refused_types
        FROM access JOIN instance ON instance.slug = access.instance LEFT JOIN file_limits USING (instance)
        WHERE access.instance = $1
        """,
        instance,
    )
    if row is None:
        return None
    usual = row["largest_bytes"] is None
    limits = (
        FileLimits() if usual else FileLimits(largest_bytes=row["largest_bytes"], refused_types=row["refused_types"])
    )
    return Access(row["instance"], row["language"], row["token_hash"], limits)


async def find_citation(connection: Connection, outsourcing_id: UUID, entry_id: UUID, reader: str) -> CitedFile | None:
    """What this reader finds under this entry."""
    row = await connection.fetchrow(
        """
        SELECT sha256, size, name, media_type FROM citation
        WHERE outsourcing_id = $1 AND entry_id = $2 AND reader = $3 AND sha256 IS NOT NULL
        """,
        outsourcing_id,
        entry_id,
        reader,
    )
    return None if row is None else CitedFile(**row)


async def find_issued(connection: Connection, invoice_id: UUID, format: str, reader: str) -> CitedFile | None:
    """This file of the invoice, where this reader is one of its two parties."""
    row = await connection.fetchrow(
        """
        SELECT sha256, size, name, media_type FROM invoice_file
        WHERE invoice_id = $1 AND format = $2 AND $3 IN (lead, service)
        """,
        invoice_id,
        format,
        reader,
    )
    return None if row is None else CitedFile(**row)


async def find_now(connection: Connection) -> datetime:
    """The database's clock; who can tell it is there."""
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return now


async def begin_transfer(
    connection: Connection, *, instance: str, sha256: str, size: int, at_most: int, least: int, lasts: timedelta
) -> UUID | None:
    """Let an instance bring so much; None where it would have brought more than `at_most` that it has not cited.

    What it finds under an entry it has cited, or was told of; nobody learns from it what others keep. Each file counts
    as `least` at least. One after another, so that two at once do not both take the last room.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('transfer ' || $1, 0))", instance)
        id: UUID | None = await connection.fetchval(
            """
            WITH over AS (DELETE FROM transfer WHERE ends_at <= clock_timestamp()),
                 uncited AS (
                     SELECT greatest(size, $5) AS bytes FROM upload
                     WHERE instance = $1 AND NOT lapsed AND sha256 <> $2
                       AND NOT EXISTS (SELECT FROM citation
                                       WHERE citation.sha256 = upload.sha256 AND citation.reader = upload.instance)
                     UNION ALL
                     SELECT bytes FROM transfer WHERE instance = $1 AND ends_at > clock_timestamp())
            INSERT INTO transfer (instance, bytes, ends_at)
            SELECT $1, greatest($3::bigint, $5::bigint), clock_timestamp() + $6::interval FROM uncited
            HAVING coalesce(sum(bytes), 0) + greatest($3::bigint, $5::bigint) <= $4::bigint
            RETURNING id
            """,
            *(instance, sha256, size, at_most, least, lasts),
        )
    return id


async def end_transfer(connection: Connection, id: UUID) -> None:
    """It has come, and counts as an upload; or it has not, and counts no more."""
    await connection.execute("DELETE FROM transfer WHERE id = $1", id)


async def announce_file(connection: Connection, sha256: str) -> bool:
    """This content is about to be stored, and is not removed meanwhile; False where it is just being removed.

    Who brings something else in the end has not made what is stored needed for longer.
    """
    status = await connection.execute(
        """
        INSERT INTO file (sha256, unneeded_since, announced_at)
        SELECT $1, now, now FROM clock_timestamp() AS now
        ON CONFLICT (sha256) DO UPDATE SET announced_at = excluded.announced_at, removing_until = NULL
        WHERE file.removing_until IS NULL OR file.removing_until < excluded.unneeded_since
        """,
        sha256,
    )
    return bool(status == "INSERT 0 1")


async def lock_files(connection: Connection, digests: list[str]) -> list[File]:
    """Those of these contents that are there and stay there, in the order of their digests."""
    rows = await connection.fetch(
        """
        SELECT sha256, kept_by, cited, unneeded_since FROM file
        WHERE sha256 = ANY ($1::text[]) AND removing_until IS NULL ORDER BY sha256 FOR UPDATE
        """,
        digests,
    )
    return [File(**row) for row in rows]


async def save_files(connection: Connection, files: list[File]) -> None:
    """What keeps these contents now; they were announced before."""
    rows = [(file.sha256, file.kept_by, file.cited, file.unneeded_since) for file in files]
    await connection.execute(
        """
        UPDATE file SET kept_by = newest.kept_by, cited = newest.cited, unneeded_since = newest.unneeded_since
        FROM unnest($1::text[], $2::int[], $3::bool[], $4::timestamptz[])
             AS newest (sha256, kept_by, cited, unneeded_since)
        WHERE file.sha256 = newest.sha256
        """,
        *columns_of(rows, 4),
    )


async def lock_uploads(connection: Connection, keys: list[tuple[str, str]]) -> list[Upload]:
    """These instances' uploads of these contents, in the order of their keys."""
    await _wait_for_turns_that_add(connection, "upload", keys)
    rows = await connection.fetch(
        """
        SELECT instance, sha256, size, uploaded_at, lapsed
        FROM upload JOIN unnest($1::text[], $2::text[]) AS wanted (instance, sha256) USING (instance, sha256)
        ORDER BY instance, sha256 FOR UPDATE OF upload
        """,
        *columns_of(keys, 2),
    )
    return [Upload(**row) for row in rows]


async def save_uploads(connection: Connection, uploads: list[Upload]) -> None:
    """The newest uploads, and those that have lapsed."""
    rows = [(one.instance, one.sha256, one.size, one.uploaded_at, one.lapsed) for one in uploads]
    await connection.execute(
        """
        INSERT INTO upload (instance, sha256, size, uploaded_at, lapsed)
        SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[], $5::bool[])
        ON CONFLICT (instance, sha256) DO UPDATE SET
            size = excluded.size,
            uploaded_at = excluded.uploaded_at,
            lapsed = excluded.lapsed
        """,
        *columns_of(rows, 5),
    )


async def lock_citations(connection: Connection, keys: list[tuple[UUID, UUID, str]]) -> list[Citation]:
    """What these readers find under these entries, in the order of their keys."""
    await _wait_for_turns_that_add(connection, "citation", keys)
    rows = await connection.fetch(
        """
        SELECT outsourcing_id, entry_id, reader, version, sha256, size, name, media_type
        FROM citation JOIN unnest($1::uuid[], $2::uuid[], $3::text[]) AS wanted (outsourcing_id, entry_id, reader)
             USING (outsourcing_id, entry_id, reader)
        ORDER BY outsourcing_id, entry_id, reader FOR UPDATE OF citation
        """,
        *columns_of(keys, 3),
    )
    return [_citation(row) for row in rows]


async def save_citations(connection: Connection, citations: list[Citation]) -> None:
    """What readers find from now on."""
    rows = [
        (
            one.outsourcing_id,
            one.entry_id,
            one.reader,
            one.version,
            *((one.file.sha256, one.file.size, one.file.name, one.file.media_type) if one.file else (None,) * 4),
        )
        for one in citations
    ]
    await connection.execute(
        """
        INSERT INTO citation (outsourcing_id, entry_id, reader, version, sha256, size, name, media_type)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::text[],
                             $8::text[])
        ON CONFLICT (outsourcing_id, entry_id, reader) DO UPDATE SET
            version = excluded.version,
            sha256 = excluded.sha256,
            size = excluded.size,
            name = excluded.name,
            media_type = excluded.media_type
        """,
        *columns_of(rows, 8),
    )


async def lock_issued(connection: Connection, keys: list[tuple[UUID, str]]) -> list[IssuedFile]:
    """These files of invoices; they never change, so there is nothing to lock."""
    rows = await connection.fetch(
        """
        SELECT invoice_id, format, lead, service, sha256, size, name, media_type
        FROM invoice_file JOIN unnest($1::uuid[], $2::text[]) AS wanted (invoice_id, format) USING (invoice_id, format)
        ORDER BY invoice_id, format
        """,
        *columns_of(keys, 2),
    )
    return [_issued(row) for row in rows]


async def insert_issued(connection: Connection, files: list[IssuedFile]) -> None:
    """Files of invoices, which stay."""
    rows = [
        (
            one.invoice_id,
            one.format,
            one.lead,
            one.service,
            one.file.sha256,
            one.file.size,
            one.file.name,
            one.file.media_type,
        )
        for one in files
    ]
    await connection.execute(
        """
        INSERT INTO invoice_file (invoice_id, format, lead, service, sha256, size, name, media_type)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[],
                             $8::text[])
        """,
        *columns_of(rows, 8),
    )


async def claim_unneeded_files(
    connection: Connection, now: datetime, *, uncited_for: timedelta, cited_for: timedelta, lease: timedelta, limit: int
) -> list[Leased]:
    """Lease contents that nothing has kept for so long, those that an entry once cited for longer.

    None that somebody may be bringing at this moment.
    """
    rows = await connection.fetch(
        """
        UPDATE file SET removing_until = $1::timestamptz + $4::interval
        WHERE sha256 = ANY (ARRAY (
            SELECT sha256 FROM file
            WHERE kept_by = 0 AND (removing_until IS NULL OR removing_until < $1)
              AND announced_at <= $1 - $2::interval
              AND (NOT cited AND unneeded_since <= $1 - $2::interval OR cited AND unneeded_since <= $1 - $3::interval)
            LIMIT $5 FOR UPDATE SKIP LOCKED))
        RETURNING sha256, removing_until
        """,
        now,
        uncited_for,
        cited_for,
        lease,
        limit,
    )
    return [Leased(**row) for row in rows]


async def delete_files(connection: Connection, leased: list[Leased]) -> None:
    """Forget contents that are out of the store, except those that others have leased or brought since."""
    await connection.execute(
        """
        DELETE FROM file USING unnest($1::text[], $2::timestamptz[]) AS leased (sha256, removing_until)
        WHERE (file.sha256, file.removing_until) = (leased.sha256, leased.removing_until)
        """,
        *columns_of([(one.sha256, one.removing_until) for one in leased], 2),
    )


async def _wait_for_turns_that_add(connection: Connection, table: str, keys: Sequence[tuple[object, ...]]) -> None:
    """Only one turn at a time speaks of a key, also while there is no row to lock yet; held until the turn ends.

    What is told of one entry comes by the queues of several files, and an upload by any replica. Of two turns that both
    find nothing the later would write over the newer version, and count a file as kept that nothing lets go.
    """
    await connection.execute(
        """
        SELECT pg_advisory_xact_lock(id) FROM (
            SELECT DISTINCT hashtextextended(key, 0) AS id FROM unnest($1::text[]) AS key ORDER BY id OFFSET 0
        ) AS spoken_of
        """,
        [" ".join((table, *map(str, key))) for key in keys],
    )


def _citation(row: Any) -> Citation:
    file = None if row["sha256"] is None else CitedFile(row["sha256"], row["size"], row["name"], row["media_type"])
    return Citation(row["outsourcing_id"], row["entry_id"], row["reader"], row["version"], file)


def _issued(row: Any) -> IssuedFile:
    file = CitedFile(row["sha256"], row["size"], row["name"], row["media_type"])
    return IssuedFile(row["invoice_id"], row["format"], row["lead"], row["service"], file)
