"""All SQL of the offer handler, one function per statement."""

from datetime import datetime
from typing import Any
from uuid import UUID

from services.offer_handler.domain.offers import Due, Outsourcing
from services.offer_handler.domain.offers import State as OfferState
from services.offer_handler.domain.partnerships import Agreement, Partnership
from services.offer_handler.domain.partnerships import State as PartnershipState
from shared.contracts.offer_handler import Terms, Ticket
from shared.database import Connection, columns_of

PARTNERSHIP_COLUMNS = """partnership_id, lead, service, state, recipient, language, note, invited_at, lapses_at,
                         accepted_at, organization"""
OUTSOURCING_COLUMNS = """outsourcing_id, round_id, partnership_id, lead, service, ticket, terms, state, offered_at,
                         sent_by_source, sent_by_id, answered_at, completed_at"""


async def lock_agreements(connection: Connection, instances: list[str]) -> list[Agreement]:
    """The agreements that these instances accepted, in the order of their slugs."""
    rows = await connection.fetch(
        "SELECT instance, version, accepted_by, accepted_at FROM agreement"
        " WHERE instance = ANY ($1::text[]) ORDER BY instance FOR UPDATE",
        instances,
    )
    return [Agreement(**dict(row)) for row in rows]


async def save_agreements(connection: Connection, agreements: list[Agreement]) -> None:
    """The agreement as each instance accepted it last."""
    rows = [(one.instance, one.version, one.accepted_by, one.accepted_at) for one in agreements]
    await connection.execute(
        """
        INSERT INTO agreement (instance, version, accepted_by, accepted_at)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[])
        ON CONFLICT (instance) DO UPDATE SET
            version = excluded.version, accepted_by = excluded.accepted_by, accepted_at = excluded.accepted_at
        """,
        *columns_of(rows, 4),
    )


async def lock_partnerships(connection: Connection, partnership_ids: list[UUID]) -> list[Partnership]:
    """The partnerships with these ids, in that order."""
    rows = await connection.fetch(
        f"""
        SELECT {PARTNERSHIP_COLUMNS} FROM partnership
        WHERE partnership_id = ANY ($1::uuid[]) ORDER BY partnership_id FOR UPDATE
        """,
        partnership_ids,
    )
    return [_partnership(row) for row in rows]


async def lock_live_partnerships_of_pairs(connection: Connection, pairs: list[tuple[str, str]]) -> list[Partnership]:
    """The open or active partnership of each of these pairs of lead and service partner."""
    rows = await connection.fetch(
        f"""
        SELECT {PARTNERSHIP_COLUMNS} FROM partnership
        WHERE (lead, service) IN (SELECT * FROM unnest($1::text[], $2::text[])) AND state IN ('invited', 'active')
        ORDER BY partnership_id FOR UPDATE
        """,
        *columns_of(pairs, 2),
    )
    return [_partnership(row) for row in rows]


async def save_partnerships(connection: Connection, partnerships: list[Partnership]) -> None:
    """New partnerships, and what changed on known ones; who takes part never changes.

    Raises NotNullViolationError where another pair was given the id meanwhile: its partnership is not ours to change.
    """
    rows = [
        (
            one.partnership_id,
            one.lead,
            one.service,
            one.state,
            one.recipient,
            one.language,
            one.note,
            one.invited_at,
            one.lapses_at,
            one.accepted_at,
            one.organization,
        )
        for one in partnerships
    ]
    await connection.execute(
        f"""
        INSERT INTO partnership ({PARTNERSHIP_COLUMNS})
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                             $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::text[])
        ON CONFLICT (partnership_id) DO UPDATE SET
            state = CASE WHEN (partnership.lead, partnership.service) = (excluded.lead, excluded.service)
                         THEN excluded.state END,
            accepted_at = excluded.accepted_at, organization = excluded.organization
        """,
        *columns_of(rows, 11),
    )


async def lock_outsourcings(connection: Connection, outsourcing_ids: list[UUID]) -> list[Outsourcing]:
    """The outsourcings with these ids, in that order."""
    rows = await connection.fetch(
        f"""
        SELECT {OUTSOURCING_COLUMNS} FROM outsourcing
        WHERE outsourcing_id = ANY ($1::uuid[]) ORDER BY outsourcing_id FOR UPDATE
        """,
        outsourcing_ids,
    )
    return [_outsourcing(row) for row in rows]


async def lock_outsourcings_of_rounds(connection: Connection, round_ids: list[UUID]) -> list[Outsourcing]:
    """All outsourcings of these rounds, whatever became of them."""
    rows = await connection.fetch(
        f"""
        SELECT {OUTSOURCING_COLUMNS} FROM outsourcing
        WHERE round_id = ANY ($1::uuid[]) ORDER BY outsourcing_id FOR UPDATE
        """,
        round_ids,
    )
    return [_outsourcing(row) for row in rows]


async def lock_live_outsourcings_of_tickets(
    connection: Connection, tickets: list[tuple[str, str]]
) -> list[Outsourcing]:
    """The open or accepted outsourcing of each of these tickets, named by lead and number."""
    rows = await connection.fetch(
        f"""
        SELECT {OUTSOURCING_COLUMNS} FROM outsourcing
        WHERE (lead, ticket_number) IN (SELECT * FROM unnest($1::text[], $2::text[]))
          AND state IN ('offered', 'accepted')
        ORDER BY outsourcing_id FOR UPDATE
        """,
        *columns_of(tickets, 2),
    )
    return [_outsourcing(row) for row in rows]


async def save_outsourcings(connection: Connection, outsourcings: list[Outsourcing]) -> None:
    """New outsourcings, and how known ones go on; what was offered to whom never changes.

    Raises NotNullViolationError where another send was given the id meanwhile: its outsourcing is not ours to change.
    """
    rows = [
        (
            one.outsourcing_id,
            one.round_id,
            one.partnership_id,
            one.lead,
            one.service,
            one.ticket.model_dump_json(),
            one.terms.model_dump_json(),
            one.state,
            one.offered_at,
            *one.sent_by,
            one.answered_at,
            one.completed_at,
            one.ticket.number,
            one.terms.respond_by,
        )
        for one in outsourcings
    ]
    await connection.execute(
        f"""
        INSERT INTO outsourcing ({OUTSOURCING_COLUMNS}, ticket_number, respond_by)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::jsonb[], $7::jsonb[],
                             $8::text[], $9::timestamptz[], $10::text[], $11::uuid[], $12::timestamptz[],
                             $13::timestamptz[], $14::text[], $15::timestamptz[])
        ON CONFLICT (outsourcing_id) DO UPDATE SET
            state = CASE WHEN (outsourcing.sent_by_source, outsourcing.sent_by_id)
                            = (excluded.sent_by_source, excluded.sent_by_id)
                         THEN excluded.state END,
            answered_at = excluded.answered_at, completed_at = excluded.completed_at
        """,
        *columns_of(rows, 15),
    )


async def claim_due_deadlines(connection: Connection, now: datetime, limit: int) -> list[Due]:
    """Open offers whose time to answer is over, the oldest first, each once; those that others work on are left."""
    rows = await connection.fetch(
        """
        UPDATE outsourcing SET deadline_told_at = $1
        WHERE outsourcing_id = ANY (ARRAY (
            SELECT outsourcing_id FROM outsourcing
            WHERE state = 'offered' AND deadline_told_at IS NULL AND respond_by <= $1
            ORDER BY respond_by LIMIT $2 FOR UPDATE SKIP LOCKED
        ))
        RETURNING outsourcing_id, respond_by, sent_by_source, sent_by_id
        """,
        now,
        limit,
    )
    due = [Due(row["outsourcing_id"], row["respond_by"], (row["sent_by_source"], row["sent_by_id"])) for row in rows]
    return sorted(due, key=lambda one: one.respond_by)


def _partnership(row: Any) -> Partnership:
    return Partnership(**{**dict(row), "state": PartnershipState(row["state"])})


def _outsourcing(row: Any) -> Outsourcing:
    return Outsourcing(
        outsourcing_id=row["outsourcing_id"],
        round_id=row["round_id"],
        partnership_id=row["partnership_id"],
        lead=row["lead"],
        service=row["service"],
        ticket=Ticket.model_validate_json(row["ticket"]),
        terms=Terms.model_validate_json(row["terms"]),
        state=OfferState(row["state"]),
        offered_at=row["offered_at"],
        sent_by=(row["sent_by_source"], row["sent_by_id"]),
        answered_at=row["answered_at"],
        completed_at=row["completed_at"],
    )
