"""All SQL of the offer handler, one function per statement.

| who                       | locks, in this order                              | against                             |
|---------------------------|---------------------------------------------------|-------------------------------------|
| a turn                    | agreements, by instance                           | a send beside an end, invitations   |
|                           | rounds, by id; each stands for its outsourcings   | answers, cancels, deadlines of it   |
|                           | and its customer too                              |                                     |
|                           | partnerships, by id, then addressees              | answers to one invitation, mappings |
| claim_due                 | rounds with the outsourcing due, those not locked | turns, and others that look too     |
| claim_overdue_invitations | partnerships, those not locked                    | the same                            |

What is not there cannot be locked: that a ticket has one living round and a pair one living partnership is held by
unique indexes, and the turn that comes second is decided again. So is one that meets another crosswise.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from services.offer_handler.domain.addressees import Addressee
from services.offer_handler.domain.agreements import Agreement, CurrentVersion
from services.offer_handler.domain.deadlines import Due
from services.offer_handler.domain.invitations import Overdue
from services.offer_handler.domain.partnerships import Partnership
from services.offer_handler.domain.partnerships import State as PartnershipState
from services.offer_handler.domain.rounds import HiddenCustomer, Outsourcing, Round
from services.offer_handler.domain.rounds import State as OfferState
from shared.contracts.offer_handler import Customer, OfferedTicket, Terms
from shared.database import Connection, columns_of

PARTNERSHIP_COLUMNS = """partnership_id, lead, service, state, recipient, language, note, invited_at, lapses_at,
                         invited_by_source, invited_by_id, resends, accepted_at, organization, closed_at, ended_at"""
ROUND_COLUMNS = "round_id, lead, mode, ticket, terms, sent_at, sent_by_source, sent_by_id, derived_from"
OUTSOURCING_COLUMNS = """outsourcing_id, round_id, place, partnership_id, service, state, asked_by_source, asked_by_id,
                         offered_at, respond_by, next_due_at, answered_at, ended_at"""


async def find_current_version(connection: Connection, _keys: list[str]) -> list[CurrentVersion]:
    """The version of the agreement that was published last; workers cannot change it, so nobody locks it."""
    rows = await connection.fetch("SELECT version FROM agreement_version ORDER BY position DESC LIMIT 1")
    return [CurrentVersion(row["version"]) for row in rows]


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
            *one.invited_by,
            one.resends,
            one.accepted_at,
            one.organization,
            one.closed_at,
            one.ended_at,
        )
        for one in partnerships
    ]
    await connection.execute(
        f"""
        INSERT INTO partnership ({PARTNERSHIP_COLUMNS}, next_due_at)
        SELECT new.*, CASE WHEN state = 'invited' THEN lapses_at END
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                    $8::timestamptz[], $9::timestamptz[], $10::text[], $11::uuid[], $12::int[], $13::timestamptz[],
                    $14::text[], $15::timestamptz[], $16::timestamptz[]) AS new ({PARTNERSHIP_COLUMNS})
        ON CONFLICT (partnership_id) DO UPDATE SET
            state = CASE WHEN (partnership.lead, partnership.service) = (excluded.lead, excluded.service)
                         THEN excluded.state END,
            recipient = excluded.recipient, language = excluded.language, note = excluded.note,
            invited_at = excluded.invited_at, lapses_at = excluded.lapses_at,
            invited_by_source = excluded.invited_by_source, invited_by_id = excluded.invited_by_id,
            resends = excluded.resends, next_due_at = excluded.next_due_at, accepted_at = excluded.accepted_at,
            organization = excluded.organization, closed_at = excluded.closed_at, ended_at = excluded.ended_at
        """,
        *columns_of(rows, 16),
    )


async def claim_overdue_invitations(connection: Connection, now: datetime, limit: int) -> list[Overdue]:
    """Open invitations whose time is over, the oldest first, each once; those that others work on are left."""
    rows = await connection.fetch(
        """
        UPDATE partnership SET next_due_at = NULL
        WHERE partnership_id = ANY (ARRAY (
            SELECT partnership_id FROM partnership WHERE next_due_at <= $1
            ORDER BY next_due_at LIMIT $2 FOR UPDATE SKIP LOCKED
        ))
        RETURNING partnership_id, lapses_at, invited_by_source, invited_by_id
        """,
        now,
        limit,
    )
    overdue = [
        Overdue(row["partnership_id"], row["lapses_at"], (row["invited_by_source"], row["invited_by_id"]))
        for row in rows
    ]
    return sorted(overdue, key=lambda one: one.lapses_at)


async def lock_addressees(connection: Connection, keys: list[tuple[str, str]]) -> list[Addressee]:
    """Those of these addresses that these leads have written to before; the lead's agreement guards the first time."""
    rows = await connection.fetch(
        """
        SELECT lead, address, since, invitations FROM addressee
        WHERE (lead, address) IN (SELECT * FROM unnest($1::text[], $2::text[])) ORDER BY lead, address FOR UPDATE
        """,
        *columns_of(keys, 2),
    )
    return [Addressee(**dict(row)) for row in rows]


async def save_addressees(connection: Connection, addressees: list[Addressee]) -> None:
    """How often each was written to in the day that counts for it."""
    rows = [(one.lead, one.address, one.since, one.invitations) for one in addressees]
    await connection.execute(
        """
        INSERT INTO addressee (lead, address, since, invitations)
        SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::int[])
        ON CONFLICT (lead, address) DO UPDATE SET since = excluded.since, invitations = excluded.invitations
        """,
        *columns_of(rows, 4),
    )


async def lock_rounds(connection: Connection, round_ids: list[UUID]) -> list[Round]:
    """The rounds with these ids, in that order."""
    return await _lock_rounds(connection, "round_id = ANY ($1::uuid[])", round_ids)


async def lock_rounds_of_outsourcings(connection: Connection, outsourcing_ids: list[UUID]) -> list[Round]:
    """The rounds that these outsourcings are part of; what an outsourcing is part of never changes."""
    part_of = "round_id IN (SELECT round_id FROM outsourcing WHERE outsourcing_id = ANY ($1::uuid[]))"
    return await _lock_rounds(connection, part_of, outsourcing_ids)


async def lock_live_rounds_of_tickets(connection: Connection, tickets: list[tuple[str, str]]) -> list[Round]:
    """The open or accepted round of each of these tickets, named by lead and number."""
    of_tickets = "(lead, ticket_number) IN (SELECT * FROM unnest($1::text[], $2::text[])) AND standing <> 'closed'"
    return await _lock_rounds(connection, of_tickets, *columns_of(tickets, 2))


async def lock_live_rounds_of_partnerships(connection: Connection, partnership_ids: list[UUID]) -> list[Round]:
    """The open or accepted rounds in which these partnerships take part, asked already or to be asked."""
    with_them = """
        standing <> 'closed' AND round_id IN (
            SELECT round_id FROM outsourcing
            WHERE partnership_id = ANY ($1::uuid[]) AND state IN ('planned', 'offered', 'accepted'))
    """
    return await _lock_rounds(connection, with_them, partnership_ids)


async def _lock_rounds(connection: Connection, which: str, *arguments: list[Any]) -> list[Round]:
    """Rounds first, and then their outsourcings as they are once the rounds are ours."""
    rounds = await connection.fetch(
        f"SELECT {ROUND_COLUMNS} FROM round WHERE {which} ORDER BY round_id FOR UPDATE", *arguments
    )
    outsourcings: dict[UUID, list[Outsourcing]] = {row["round_id"]: [] for row in rounds}
    for row in await connection.fetch(
        f"SELECT {OUTSOURCING_COLUMNS} FROM outsourcing WHERE round_id = ANY ($1::uuid[]) ORDER BY round_id, place",
        list(outsourcings),
    ):
        outsourcings[row["round_id"]].append(_outsourcing(row))
    return [_round(row, tuple(outsourcings[row["round_id"]])) for row in rounds]


async def save_rounds(connection: Connection, rounds: list[Round]) -> None:
    """New rounds, and how the outsourcings of known ones go on; what was sent never changes.

    Raises NotNullViolationError where another send was given an id meanwhile: what is there is not ours to change.
    """
    rows = [
        (
            one.round_id,
            one.lead,
            one.mode,
            one.ticket.model_dump_json(),
            one.terms.model_dump_json(),
            one.sent_at,
            *one.sent_by,
            one.derived_from,
            one.ticket.number,
            one.standing,
        )
        for one in rounds
    ]
    await connection.execute(
        f"""
        INSERT INTO round ({ROUND_COLUMNS}, ticket_number, standing)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::jsonb[], $6::timestamptz[],
                             $7::text[], $8::uuid[], $9::uuid[], $10::text[], $11::text[])
        ON CONFLICT (round_id) DO UPDATE SET
            standing = CASE WHEN (round.sent_by_source, round.sent_by_id)
                               = (excluded.sent_by_source, excluded.sent_by_id)
                            THEN excluded.standing END
        """,
        *columns_of(rows, 11),
    )
    await _save_outsourcings(connection, rounds)


async def _save_outsourcings(connection: Connection, rounds: list[Round]) -> None:
    """Those that changed: of a round of a hundred, an answer changes one."""
    rows = [
        (
            one.outsourcing_id,
            round.round_id,
            one.place,
            one.partnership_id,
            one.service,
            one.state,
            *(one.asked_by or (None, None)),
            one.offered_at,
            one.respond_by,
            one.next_due_at,
            one.answered_at,
            one.ended_at,
            round.lead,
        )
        for round in rounds
        for one in round.outsourcings
    ]
    await connection.execute(
        f"""
        INSERT INTO outsourcing ({OUTSOURCING_COLUMNS}, lead)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::uuid[], $5::text[], $6::text[], $7::text[],
                             $8::uuid[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[],
                             $13::timestamptz[], $14::text[])
        ON CONFLICT (outsourcing_id) DO UPDATE SET
            state = CASE WHEN outsourcing.round_id = excluded.round_id THEN excluded.state END,
            asked_by_source = excluded.asked_by_source, asked_by_id = excluded.asked_by_id,
            offered_at = excluded.offered_at, respond_by = excluded.respond_by, next_due_at = excluded.next_due_at,
            answered_at = excluded.answered_at, ended_at = excluded.ended_at
        WHERE (outsourcing.round_id, outsourcing.state, outsourcing.next_due_at)
              IS DISTINCT FROM (excluded.round_id, excluded.state, excluded.next_due_at)
        """,
        *columns_of(rows, 14),
    )


async def find_hidden_customers(connection: Connection, round_ids: list[UUID]) -> list[HiddenCustomer]:
    """Who the work of these rounds is for; guarded by their rounds' locks."""
    rows = await connection.fetch(
        "SELECT round_id, customer FROM hidden_customer WHERE round_id = ANY ($1::uuid[])", round_ids
    )
    return [HiddenCustomer(row["round_id"], Customer.model_validate_json(row["customer"])) for row in rows]


async def save_hidden_customers(connection: Connection, hidden: list[HiddenCustomer]) -> None:
    """Who the work of these rounds is for; written once."""
    rows = [(one.round_id, one.customer.model_dump_json()) for one in hidden]
    await connection.execute(
        "INSERT INTO hidden_customer (round_id, customer) SELECT * FROM unnest($1::uuid[], $2::jsonb[])",
        *columns_of(rows, 2),
    )


async def claim_due(connection: Connection, now: datetime, limit: int) -> list[Due]:
    """Reminders and deadlines of open offers that have fallen due, the oldest first, each once.

    A round's lock stands for its outsourcings here too: rounds that others work on are left for the next look. The
    outsourcing's own row is locked beside it, or what another worker claimed since this look began is claimed again.
    """
    rows = await connection.fetch(
        """
        WITH due AS (
            SELECT outsourcing_id, next_due_at AS due_at
            FROM outsourcing JOIN round USING (round_id)
            WHERE next_due_at <= $1 ORDER BY next_due_at LIMIT $2 FOR UPDATE SKIP LOCKED
        )
        UPDATE outsourcing SET next_due_at = NULL
        FROM due WHERE outsourcing.outsourcing_id = due.outsourcing_id
        RETURNING outsourcing.outsourcing_id, due_at, asked_by_source, asked_by_id
        """,
        now,
        limit,
    )
    due = [Due(row["outsourcing_id"], row["due_at"], (row["asked_by_source"], row["asked_by_id"])) for row in rows]
    return sorted(due, key=lambda one: one.due_at)


def _partnership(row: Any) -> Partnership:
    fields = {**dict(row), "state": PartnershipState(row["state"])}
    invited_by = (fields.pop("invited_by_source"), fields.pop("invited_by_id"))
    return Partnership(**fields, invited_by=invited_by)


def _round(row: Any, outsourcings: tuple[Outsourcing, ...]) -> Round:
    return Round(
        round_id=row["round_id"],
        lead=row["lead"],
        mode=row["mode"],
        ticket=OfferedTicket.model_validate_json(row["ticket"]),
        terms=Terms.model_validate_json(row["terms"]),
        sent_at=row["sent_at"],
        sent_by=(row["sent_by_source"], row["sent_by_id"]),
        outsourcings=outsourcings,
        derived_from=row["derived_from"],
    )


def _outsourcing(row: Any) -> Outsourcing:
    return Outsourcing(
        outsourcing_id=row["outsourcing_id"],
        place=row["place"],
        partnership_id=row["partnership_id"],
        service=row["service"],
        state=OfferState(row["state"]),
        asked_by=None if row["asked_by_id"] is None else (row["asked_by_source"], row["asked_by_id"]),
        offered_at=row["offered_at"],
        respond_by=row["respond_by"],
        next_due_at=row["next_due_at"],
        answered_at=row["answered_at"],
        ended_at=row["ended_at"],
    )
