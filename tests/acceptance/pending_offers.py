"""A great many offers that wait for their answer, stored at once as if one message had sent them all."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from shared.database import Connection
from shared.ids import new_id

# None of them falls due by itself while it is looked at.
LATER = timedelta(days=30)


async def store_pending_offers(database: Connection, partnership_id: UUID, number: int) -> None:
    """So many offers from nordlicht to alpenwerk; the message that sent them is accounted for like any other."""
    later, sent_by = datetime.now(UTC) + LATER, new_id()
    await database.execute(
        """
        WITH sent AS (
            INSERT INTO offer_handler.round
                (round_id, lead, mode, ticket_number, ticket, terms, standing, sent_at, sent_by_source, sent_by_id)
            SELECT gen_random_uuid(), 'nordlicht', 'all_at_once', 'NL-' || n,
                   jsonb_build_object('number', 'NL-' || n, 'title', 'Switch drops its uplink', 'description', ''),
                   jsonb_build_object('mode', 'hourly', 'currency', 'EUR', 'hourly_rate', '95.00',
                                      'respond_by', $2::text),
                   'open', now(), '/instances/nordlicht', $5
            FROM generate_series(1, $4) AS n
            RETURNING round_id
        )
        INSERT INTO offer_handler.outsourcing
            (outsourcing_id, round_id, place, partnership_id, lead, service, state, asked_by_source, asked_by_id,
             offered_at, respond_by, next_due_at)
        SELECT gen_random_uuid(), round_id, 0, $1, 'nordlicht', 'alpenwerk', 'offered', '/instances/nordlicht', $5,
               now(), $3, $3
        FROM sent
        """,
        partnership_id,
        later.isoformat(),
        later,
        number,
        sent_by,
        timeout=1800,
    )
    await database.execute(
        """
        INSERT INTO offer_handler.inbox (source, id, sender, kind, subject, digest, outcome, received_at)
        VALUES ('/instances/nordlicht', $1, 'nordlicht', 'tandem.offer.send.v1', 'many', $2, 'applied', now())
        """,
        sent_by,
        bytes(32),
    )
    await database.execute(
        """
        INSERT INTO offer_handler.history (cause_id, cause_source, subject, actor, event, at)
        VALUES ($1, '/instances/nordlicht', 'many', 'lead', 'offered to alpenwerk', now())
        """,
        sent_by,
    )


async def let_fall_due(database: Connection, number: int, first: datetime, within: timedelta) -> list[UUID]:
    """So many of them end at random instants from then on; their ids."""
    rows = await database.fetch(
        """
        WITH due AS (SELECT outsourcing_id, $1::timestamptz + random() * $2::interval AS due_at
                     FROM offer_handler.outsourcing LIMIT $3)
        UPDATE offer_handler.outsourcing SET respond_by = due_at, next_due_at = due_at
        FROM due WHERE outsourcing.outsourcing_id = due.outsourcing_id
        RETURNING outsourcing.outsourcing_id
        """,
        first,
        within,
        number,
        timeout=600,
    )
    await database.execute("ANALYZE offer_handler.round, offer_handler.outsourcing", timeout=600)
    return [row["outsourcing_id"] for row in rows]
