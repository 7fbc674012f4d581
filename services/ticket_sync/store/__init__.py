"""All SQL of ticket_sync, one function per statement.

A turn locks the links first. Whatever else belongs to an outsourcing is guarded by its link's lock, so it is read
without locks of its own: a submission of thousands of entries would otherwise write to every one of them.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.ticket_sync.domain.agreed import Agreed
from services.ticket_sync.domain.caps import Effort
from services.ticket_sync.domain.entries import Entry, Travel
from services.ticket_sync.domain.links import Link, State
from services.ticket_sync.domain.opening import Due
from services.ticket_sync.domain.repair import Holdings, Repair
from services.ticket_sync.domain.snapshots import Snapshot
from shared.contracts.offer_handler import OutsourcingAccepted, Terms
from shared.contracts.ticket_sync import CompletionSnapshot
from shared.database import Connection, columns_of

LINK_COLUMNS = """outsourcing_id, lead, service, state, currency, lead_number, accepted_at, service_number, opened_at,
                  snapshot_id, submitted_at, completed_at, returned_at, entry_count, last_place, passed_place,
                  reminded_at, next_due_at, due_set_by_source, due_set_by_id, derived_from, lead_news_since,
                  service_news_since"""
ENTRY_COLUMNS = """outsourcing_id, entry_id, owner, version, kind, visibility, content, travel, copy_version,
                   copy_content, withdrawn_version, place, added_during_approval, path, told_at, copied_at"""
# What a turn reads of tickets to compare them: five of the fullest, or a thousand usual ones. Who finds less than the
# link counts is tried again, alone.
MOST_HOLDINGS = 50_000
# What a turn reads to tell it again; a single entry came in one message and is far smaller.
MOST_TOLD_AGAIN = 500
LARGEST_TOLD_AGAIN_BYTES = 4 * 1024 * 1024


async def lock_links(connection: Connection, outsourcing_ids: list[UUID]) -> list[Link]:
    """The links of these outsourcings, in the order of their ids."""
    rows = await connection.fetch(
        f"""
        SELECT {LINK_COLUMNS} FROM link
        WHERE outsourcing_id = ANY ($1::uuid[]) ORDER BY outsourcing_id FOR UPDATE
        """,
        outsourcing_ids,
    )
    return [_link(row) for row in rows]


async def save_links(connection: Connection, links: list[Link]) -> None:
    """New links, and what changed on known ones; who takes part never changes."""
    rows = [
        (
            link.outsourcing_id,
            link.lead,
            link.service,
            link.state,
            link.currency,
            link.lead_number,
            link.accepted_at,
            link.service_number,
            link.opened_at,
            link.snapshot_id,
            link.submitted_at,
            link.completed_at,
            link.returned_at,
            link.entry_count,
            link.last_place,
            link.passed_place,
            link.reminded_at,
            link.next_due_at,
            *(link.due_set_by or (None, None)),
            link.derived_from,
            link.lead_news_since,
            link.service_news_since,
        )
        for link in links
    ]
    await connection.execute(
        f"""
        INSERT INTO link ({LINK_COLUMNS})
        SELECT * FROM unnest($1::link_row[])
        ON CONFLICT (outsourcing_id) DO UPDATE SET
            state = excluded.state,
            service_number = excluded.service_number,
            opened_at = excluded.opened_at,
            snapshot_id = excluded.snapshot_id,
            submitted_at = excluded.submitted_at,
            completed_at = excluded.completed_at,
            returned_at = excluded.returned_at,
            entry_count = excluded.entry_count,
            last_place = excluded.last_place,
            passed_place = excluded.passed_place,
            reminded_at = excluded.reminded_at,
            next_due_at = excluded.next_due_at,
            due_set_by_source = excluded.due_set_by_source,
            due_set_by_id = excluded.due_set_by_id,
            lead_news_since = excluded.lead_news_since,
            service_news_since = excluded.service_news_since
        """,
        rows,
    )


async def claim_links_unopened(
    connection: Connection, now: datetime, limit: int, remind_after: Sequence[timedelta]
) -> list[Due]:
    """Links whose ticket may not be open yet and is to be looked for, those due longest first.

    They are due again at the next of these times from their acceptance on, if one is to come.
    """
    again = "(SELECT min(accepted_at + one) FROM unnest($3::interval[]) AS one WHERE accepted_at + one > $1)"
    return await _claim_due(connection, "state = 'accepted'", again, now, limit, remind_after)


async def claim_links_undigested(
    connection: Connection, now: datetime, limit: int, soonest: timedelta, latest: timedelta
) -> list[Due]:
    """Links whose sides are to be told what they should hold, those due longest first.

    They are due again between the soonest and the latest from now, each at a time of its own.
    """
    again = "$1::timestamptz + $3::interval + random() * ($4::interval - $3::interval)"
    return await _claim_due(connection, "state <> 'accepted'", again, now, limit, soonest, latest)


async def _claim_due(
    connection: Connection, which: str, next_due_at: str, now: datetime, limit: int, *more: object
) -> list[Due]:
    """Those that others work on are left for the next look."""
    # By key in an array, so that the links are found by their index however many are due.
    rows = await connection.fetch(
        f"""
        WITH due AS MATERIALIZED (
            SELECT outsourcing_id, next_due_at FROM link WHERE next_due_at <= $1 AND {which}
            ORDER BY next_due_at LIMIT $2 FOR UPDATE SKIP LOCKED
        ), claimed AS (
            UPDATE link SET next_due_at = {next_due_at}
            WHERE outsourcing_id = ANY (ARRAY (SELECT outsourcing_id FROM due))
            RETURNING outsourcing_id, due_set_by_source, due_set_by_id
        )
        SELECT outsourcing_id, due.next_due_at, due_set_by_source, due_set_by_id
        FROM claimed JOIN due USING (outsourcing_id) ORDER BY due.next_due_at
        """,
        now,
        limit,
        *more,
    )
    return [
        Due(row["outsourcing_id"], row["next_due_at"], (row["due_set_by_source"], row["due_set_by_id"])) for row in rows
    ]


async def find_agreed(connection: Connection, outsourcing_ids: list[UUID]) -> list[Agreed]:
    """What was agreed on at acceptance."""
    rows = await connection.fetch(
        "SELECT outsourcing_id, accepted FROM agreed WHERE outsourcing_id = ANY ($1::uuid[])", outsourcing_ids
    )
    return [Agreed(row["outsourcing_id"], OutsourcingAccepted.model_validate_json(row["accepted"])) for row in rows]


async def save_agreed(connection: Connection, all_agreed: list[Agreed]) -> None:
    """What was agreed on; written once."""
    rows = [(agreed.outsourcing_id, agreed.accepted.model_dump_json()) for agreed in all_agreed]
    await connection.execute(
        """
        INSERT INTO agreed (outsourcing_id, accepted) SELECT * FROM unnest($1::uuid[], $2::jsonb[])
        ON CONFLICT (outsourcing_id) DO NOTHING
        """,
        *columns_of(rows, 2),
    )


async def find_efforts(connection: Connection, outsourcing_ids: list[UUID]) -> list[Effort]:
    """What was worked so far, of those of these outsourcings that have an authorized amount."""
    rows = await connection.fetch(
        """
        SELECT outsourcing_id, title, terms, hours, charges, cost, told
        FROM effort WHERE outsourcing_id = ANY ($1::uuid[])
        """,
        outsourcing_ids,
    )
    return [
        Effort(**{**row, "terms": Terms.model_validate_json(row["terms"]), "told": tuple(row["told"].split())})
        for row in rows
    ]


async def save_efforts(connection: Connection, efforts: list[Effort]) -> None:
    """What was worked so far, and of what both sides were warned."""
    rows = [
        (
            one.outsourcing_id,
            one.title,
            one.terms.model_dump_json(),
            one.hours,
            one.charges,
            one.cost,
            " ".join(one.told),
        )
        for one in efforts
    ]
    await connection.execute(
        """
        INSERT INTO effort (outsourcing_id, title, terms, hours, charges, cost, told)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::jsonb[], $4::numeric[], $5::numeric[], $6::numeric[],
                             $7::text[])
        ON CONFLICT (outsourcing_id) DO UPDATE SET
            hours = excluded.hours, charges = excluded.charges, cost = excluded.cost, told = excluded.told
        """,
        *columns_of(rows, 7),
    )


async def find_entries(connection: Connection, keys: list[tuple[UUID, UUID]]) -> list[Entry]:
    """The entries with these keys, and whatever else is called by the same ids, on other tickets."""
    # The subquery keeps its own plan: a look-up for each id, however many entries there are by now.
    rows = await connection.fetch(
        f"""
        SELECT found.*
        FROM unnest($1::uuid[]) AS wanted (entry_id)
        CROSS JOIN LATERAL (SELECT {ENTRY_COLUMNS} FROM entry WHERE entry.entry_id = wanted.entry_id OFFSET 0) AS found
        """,
        list({entry_id for _, entry_id in keys}),
    )
    return [entry_of(row) for row in rows]


async def save_entries(connection: Connection, entries: list[Entry]) -> None:
    """The newest versions; the owner of an entry never changes."""
    rows = [
        (
            entry.outsourcing_id,
            entry.entry_id,
            entry.owner,
            entry.version,
            entry.kind,
            entry.visibility,
            entry.content,
            entry.travel,
            entry.copy_version,
            entry.copy_content,
            entry.withdrawn_version,
            entry.place,
            entry.added_during_approval,
            " ".join(entry.path) or None,
            entry.told_at,
            entry.copied_at,
        )
        for entry in entries
    ]
    await connection.execute(
        f"""
        INSERT INTO entry ({ENTRY_COLUMNS})
        SELECT * FROM unnest($1::entry_row[])
        ON CONFLICT (outsourcing_id, entry_id) DO UPDATE SET
            version = excluded.version,
            kind = excluded.kind,
            visibility = excluded.visibility,
            content = excluded.content,
            travel = excluded.travel,
            copy_version = excluded.copy_version,
            copy_content = excluded.copy_content,
            withdrawn_version = excluded.withdrawn_version,
            place = excluded.place,
            added_during_approval = excluded.added_during_approval,
            path = excluded.path,
            told_at = excluded.told_at,
            copied_at = excluded.copied_at
        """,
        rows,
    )


async def find_holdings(connection: Connection, outsourcing_ids: list[UUID]) -> list[Holdings]:
    """Every entry of these outsourcings without its content; where there are too many, not all of the last ones."""
    rows = await connection.fetch(
        """
        SELECT outsourcing_id, entry_id, owner, version, kind, visibility,
               CASE WHEN content IS NOT NULL THEN '' END AS content, travel, copy_version, NULL AS copy_content,
               withdrawn_version, place, added_during_approval, path, told_at, copied_at
        FROM entry WHERE outsourcing_id = ANY ($1::uuid[]) ORDER BY outsourcing_id, entry_id LIMIT $2
        """,
        outsourcing_ids,
        MOST_HOLDINGS,
    )
    of_each: dict[UUID, list[Entry]] = {}
    for row in rows:
        of_each.setdefault(row["outsourcing_id"], []).append(entry_of(row))
    return [Holdings(outsourcing_id, tuple(entries)) for outsourcing_id, entries in of_each.items()]


async def list_entries_to_tell_again(connection: Connection, keys: list[tuple[UUID, UUID]]) -> list[Entry]:
    """The first of these entries, as many as are little enough to be read at once."""
    rows = await connection.fetch(
        f"""
        SELECT {ENTRY_COLUMNS}
        FROM (
            SELECT found.*, place_asked,
                   sum(octet_length(coalesce(copy_content, content, ''))) OVER (ORDER BY place_asked) AS bytes_until
            FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS wanted (outsourcing_id, entry_id, place_asked)
            CROSS JOIN LATERAL (
                SELECT {ENTRY_COLUMNS} FROM entry
                WHERE entry.outsourcing_id = wanted.outsourcing_id AND entry.entry_id = wanted.entry_id
                OFFSET 0
            ) AS found
            WHERE place_asked <= $3
        ) AS told_again
        WHERE bytes_until <= $4
        """,
        *columns_of(keys, 2),
        MOST_TOLD_AGAIN,
        LARGEST_TOLD_AGAIN_BYTES,
    )
    return [entry_of(row) for row in rows]


async def find_repairs(connection: Connection, keys: list[tuple[UUID, str]]) -> list[Repair]:
    """The repairs of these sides that are under way, or were the last ones."""
    rows = await connection.fetch(
        """
        SELECT outsourcing_id, side, repair_id, begun_at, entry_ids
        FROM unnest($1::uuid[], $2::text[]) AS wanted (outsourcing_id, side) JOIN repair USING (outsourcing_id, side)
        """,
        *columns_of(keys, 2),
    )
    return [Repair(**{**row, "entry_ids": tuple(row["entry_ids"])}) for row in rows]


async def save_repairs(connection: Connection, repairs: list[Repair]) -> None:
    """What is still to be told again to each of these sides; a newer repair takes the place of an older one."""
    rows = [
        (one.outsourcing_id, one.side, one.repair_id, one.begun_at, ",".join(map(str, one.entry_ids)))
        for one in repairs
    ]
    await connection.execute(
        """
        INSERT INTO repair (outsourcing_id, side, repair_id, begun_at, entry_ids)
        SELECT outsourcing_id, side, repair_id, begun_at, string_to_array(entry_ids, ',')::uuid[]
        FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[], $5::text[])
             AS new (outsourcing_id, side, repair_id, begun_at, entry_ids)
        ON CONFLICT (outsourcing_id, side) DO UPDATE SET
            repair_id = excluded.repair_id, begun_at = excluded.begun_at, entry_ids = excluded.entry_ids
        """,
        *columns_of(rows, 5),
    )


async def find_snapshots(connection: Connection, snapshot_ids: list[UUID]) -> list[Snapshot]:
    """The work that was fixed under these ids."""
    rows = await connection.fetch(
        """
        SELECT snapshot_id, outsourcing_id, content, submitted_by, submitted_at
        FROM snapshot WHERE snapshot_id = ANY ($1::uuid[])
        """,
        snapshot_ids,
    )
    return [_snapshot(row) for row in rows]


async def save_snapshots(connection: Connection, snapshots: list[Snapshot]) -> None:
    """What was fixed as submitted or by force; written once."""
    rows = [
        (one.snapshot_id, one.outsourcing_id, one.content.model_dump_json(), one.submitted_by, one.submitted_at)
        for one in snapshots
    ]
    await connection.execute(
        """
        INSERT INTO snapshot (snapshot_id, outsourcing_id, content, submitted_by, submitted_at)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::jsonb[], $4::text[], $5::timestamptz[])
        ON CONFLICT (snapshot_id) DO NOTHING
        """,
        *columns_of(rows, 5),
    )


def _link(row: Any) -> Link:
    fields = dict(row)
    set_by = (fields.pop("due_set_by_source"), fields.pop("due_set_by_id"))
    return Link(**{**fields, "state": State(row["state"]), "due_set_by": None if set_by[1] is None else set_by})


def entry_of(row: Any) -> Entry:
    """The entry in a row of `ENTRY_COLUMNS`."""
    return Entry(**{**row, "travel": Travel(row["travel"]), "path": tuple((row["path"] or "").split())})


def _snapshot(row: Any) -> Snapshot:
    return Snapshot(**{**row, "content": CompletionSnapshot.model_validate_json(row["content"])})
