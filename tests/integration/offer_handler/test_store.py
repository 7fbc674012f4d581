"""Every statement of the offer handler on a real Postgres, and what the schema itself holds."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from services.offer_handler import store
from services.offer_handler.domain.offers import Due, Outsourcing, State
from services.offer_handler.domain.partnerships import Agreement, Partnership
from services.offer_handler.domain.partnerships import State as Partnered
from shared.contracts.offer_handler import Terms, Ticket
from shared.database import Connection
from shared.ids import new_id
from tests.integration.databases import connection_to
from tests.unit.offer_handler.offering import CUSTOMER, LEAD, NOW, RESPOND_BY, SERVICE, STRANGER, send

LATER = NOW + timedelta(hours=1)
SENT_BY = ("/instances/nordlicht", UUID("01935e7a-4c00-7000-8000-000000000001"))


def partnership(**more: Any) -> Partnership:
    fresh = Partnership(
        new_id(), LEAD, SERVICE, Partnered.INVITED, "p@example.com", "en", "Hello", NOW, NOW + timedelta(days=30)
    )
    return replace(fresh, **more)


def outsourcing(partnership_id: UUID, number: str = "NL-1", **more: Any) -> Outsourcing:
    terms: Terms = send().terms
    ticket = Ticket(number=number, title="Switch", customer=CUSTOMER)
    fresh = Outsourcing(new_id(), new_id(), partnership_id, LEAD, SERVICE, ticket, terms, State.OFFERED, NOW, SENT_BY)
    return replace(fresh, **more)


async def saved_partnership(database: Connection) -> UUID:
    kept = partnership(state=Partnered.ACTIVE, accepted_at=LATER)
    await store.save_partnerships(database, [kept])
    return kept.partnership_id


async def test_agreements_are_found_as_they_were_accepted_last(database: Connection) -> None:
    agreements = [Agreement(slug, "2026-01", "k.sommer", NOW) for slug in (LEAD, SERVICE)]
    await store.save_agreements(database, agreements)
    newer = Agreement(LEAD, "2027-01", "m.huber", LATER)
    await store.save_agreements(database, [newer])
    assert await store.lock_agreements(database, [LEAD, SERVICE, STRANGER]) == [agreements[1], newer]


async def test_partnerships_are_found_by_id_and_by_pair_as_they_were_saved_last(database: Connection) -> None:
    one, other = partnership(), partnership(service=STRANGER)
    await store.save_partnerships(database, [other, one])
    assert await store.lock_partnerships(database, [new_id(), one.partnership_id, other.partnership_id]) == [one, other]
    active = replace(one, state=Partnered.ACTIVE, accepted_at=LATER, organization="Nordlicht IT GmbH")
    await store.save_partnerships(database, [active])
    assert await store.lock_live_partnerships_of_pairs(database, [one.pair, (SERVICE, LEAD)]) == [active]


async def test_a_lapsed_invitation_makes_room_for_another_in_one_statement(database: Connection) -> None:
    old, new = partnership(), partnership()
    await store.save_partnerships(database, [old])
    await store.save_partnerships(database, [replace(old, state=Partnered.LAPSED), new])
    assert await store.lock_live_partnerships_of_pairs(database, [old.pair]) == [new]


async def test_a_pair_cannot_have_two_partnerships_that_live(database: Connection) -> None:
    await store.save_partnerships(database, [partnership()])
    with pytest.raises(asyncpg.UniqueViolationError):
        await store.save_partnerships(database, [partnership(state=Partnered.ACTIVE, accepted_at=LATER)])


async def test_nobody_is_a_partner_of_itself(database: Connection) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await store.save_partnerships(database, [partnership(service=LEAD)])


async def test_outsourcings_are_found_by_id_and_by_ticket_as_they_were_saved_last(database: Connection) -> None:
    partnership_id = await saved_partnership(database)
    offered = [outsourcing(partnership_id, f"NL-{number}") for number in range(3)]
    await store.save_outsourcings(database, list(reversed(offered)))
    assert await store.lock_outsourcings(database, [new_id(), *(one.outsourcing_id for one in offered)]) == offered
    accepted = offered[0].answered(State.ACCEPTED, LATER)
    declined = offered[1].answered(State.DECLINED, LATER)
    completed = replace(offered[2].answered(State.ACCEPTED, NOW), state=State.COMPLETED, completed_at=LATER)
    await store.save_outsourcings(database, [accepted, declined, completed])
    assert await store.lock_outsourcings(database, [one.outsourcing_id for one in offered]) == [
        accepted,
        declined,
        completed,
    ]
    tickets = [one.of_ticket for one in offered]
    assert await store.lock_live_outsourcings_of_tickets(database, tickets) == [accepted]
    rounds = [new_id(), completed.round_id, declined.round_id]
    assert await store.lock_outsourcings_of_rounds(database, rounds) == [declined, completed]


async def test_a_ticket_cannot_have_two_offers_that_live(database: Connection) -> None:
    partnership_id = await saved_partnership(database)
    await store.save_outsourcings(database, [outsourcing(partnership_id)])
    with pytest.raises(asyncpg.UniqueViolationError):
        await store.save_outsourcings(database, [outsourcing(partnership_id)])


async def test_an_outsourcing_of_another_send_is_never_written_over(database: Connection) -> None:
    partnership_id = await saved_partnership(database)
    first = outsourcing(partnership_id).answered(State.ACCEPTED, LATER)
    await store.save_outsourcings(database, [first])
    second = outsourcing(partnership_id, "NL-2", outsourcing_id=first.outsourcing_id, sent_by=(SENT_BY[0], new_id()))
    with pytest.raises(asyncpg.NotNullViolationError):
        await store.save_outsourcings(database, [second])
    assert await store.lock_outsourcings(database, [first.outsourcing_id]) == [first]


async def test_a_partnership_of_another_pair_is_never_written_over(database: Connection) -> None:
    first = partnership()
    await store.save_partnerships(database, [first])
    with pytest.raises(asyncpg.NotNullViolationError):
        await store.save_partnerships(database, [replace(first, lead=STRANGER)])
    assert await store.lock_partnerships(database, [first.partnership_id]) == [first]


async def test_an_outsourcing_needs_its_partnership_at_the_end_of_the_turn(database: Connection) -> None:
    kept = partnership(state=Partnered.ACTIVE, accepted_at=LATER)
    async with database.transaction():
        await store.save_outsourcings(database, [outsourcing(kept.partnership_id)])
        await store.save_partnerships(database, [kept])
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await store.save_outsourcings(database, [outsourcing(new_id(), "NL-2")])


async def test_a_round_cannot_have_two_acceptances(database: Connection) -> None:
    partnership_id = await saved_partnership(database)
    first = outsourcing(partnership_id).answered(State.ACCEPTED, LATER)
    second = outsourcing(partnership_id, "NL-2", round_id=first.round_id).answered(State.ACCEPTED, LATER)
    with pytest.raises(asyncpg.UniqueViolationError):
        await store.save_outsourcings(database, [first, second])


@pytest.mark.parametrize(
    "impossible",
    [
        {"state": State.ACCEPTED},
        {"answered_at": LATER},
        {"completed_at": LATER},
        {"state": State.COMPLETED, "answered_at": LATER},
        {"offered_at": RESPOND_BY},
    ],
    ids=str,
)
async def test_states_and_times_agree(database: Connection, impossible: dict[str, Any]) -> None:
    partnership_id = await saved_partnership(database)
    with pytest.raises(asyncpg.CheckViolationError):
        await store.save_outsourcings(database, [outsourcing(partnership_id, **impossible)])


async def test_deadlines_fall_due_in_their_order_and_each_is_told_once(database: Connection) -> None:
    partnership_id = await saved_partnership(database)
    due = [
        outsourcing(partnership_id, f"NL-{minutes}", terms=_until(RESPOND_BY + timedelta(minutes=minutes)))
        for minutes in (3, 1, 2)
    ]
    answered = outsourcing(partnership_id, "NL-9").answered(State.ACCEPTED, LATER)
    await store.save_outsourcings(database, [*due, answered])
    assert await store.claim_due_deadlines(database, RESPOND_BY, 10) == []
    now = RESPOND_BY + timedelta(minutes=2)
    assert await store.claim_due_deadlines(database, now, 1) == [_due(due[1])]
    assert await store.claim_due_deadlines(database, now, 10) == [_due(due[2])]
    assert await store.claim_due_deadlines(database, now, 10) == []


async def test_two_workers_never_claim_the_same_deadline(database: Connection, database_url: str) -> None:
    partnership_id = await saved_partnership(database)
    await store.save_outsourcings(database, [outsourcing(partnership_id, f"NL-{number}") for number in range(10)])
    async with connection_to(database_url) as other, database.transaction():
        first = await store.claim_due_deadlines(database, RESPOND_BY, 6)
        second = await store.claim_due_deadlines(other, RESPOND_BY, 6)
    assert len(first) == 6 and len(second) == 4
    assert not {one.outsourcing_id for one in first} & {one.outsourcing_id for one in second}


async def test_due_deadlines_are_found_by_an_index(database: Connection) -> None:
    partnership_id = await saved_partnership(database)
    answered = [outsourcing(partnership_id, f"NL-{n}").answered(State.DECLINED, LATER) for n in range(2000)]
    open_ones = [
        outsourcing(partnership_id, f"NL-{n}", terms=_until(RESPOND_BY + timedelta(minutes=n))) for n in range(1000)
    ]
    await store.save_outsourcings(database, [*answered, *open_ones])
    await database.execute("ANALYZE outsourcing")
    asked: list[str] = []
    database.add_query_logger(lambda query: asked.append(query.query))
    assert len(await store.claim_due_deadlines(database, RESPOND_BY, 256)) == 1
    await asyncio.sleep(0)  # the driver calls its loggers one step later
    plan = await database.fetch(f"EXPLAIN {asked[0]}", RESPOND_BY, 256)
    lines = "\n".join(row[0] for row in plan)
    assert "Index Scan using outsourcing_due" in lines and "Seq Scan" not in lines, lines


def _until(respond_by: Any) -> Terms:
    return send(respond_by=respond_by).terms


def _due(of: Outsourcing) -> Due:
    return Due(of.outsourcing_id, of.terms.respond_by, SENT_BY)
