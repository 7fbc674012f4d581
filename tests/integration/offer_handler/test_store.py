"""Every statement of the offer handler on a real Postgres, and what the schema itself holds."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from services.offer_handler import store
from services.offer_handler.domain.agreements import Agreement, CurrentVersion
from services.offer_handler.domain.deadlines import Due
from services.offer_handler.domain.partnerships import Partnership
from services.offer_handler.domain.partnerships import State as Partnered
from services.offer_handler.domain.rounds import HiddenCustomer, Outsourcing, Round, State
from shared.database import Connection
from shared.ids import new_id
from tests.integration.databases import connection_to
from tests.unit.offer_handler.offering import CUSTOMER, LEAD, NOW, RESPOND_BY, SERVICE, STRANGER, send

LATER = NOW + timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SENT_BY = ("/instances/nordlicht", UUID("01935e7a-4c00-7000-8000-000000000001"))


def partnership(**more: Any) -> Partnership:
    fresh = Partnership(
        *(new_id(), LEAD, SERVICE, Partnered.INVITED, "p@example.com", "en", "Hello"),
        *(NOW, NOW + timedelta(days=30), SENT_BY),
    )
    return replace(fresh, **more)


def round_of(*partnership_ids: UUID, number: str = "NL-1", **terms: Any) -> Round:
    """A round to these partners, all of them asked."""
    sending = send(number, **terms)
    services = (SERVICE, STRANGER)
    planned = (
        Outsourcing(new_id(), place, id, service)
        for place, (id, service) in enumerate(zip(partnership_ids, services, strict=False))
    )
    return Round(
        round_id=new_id(),
        lead=LEAD,
        mode="all_at_once",
        ticket=sending.ticket.as_offered(),
        terms=sending.terms,
        sent_at=NOW,
        sent_by=SENT_BY,
        outsourcings=tuple(one.offered(SENT_BY, sending.terms.respond_by, NOW) for one in planned),
    )


def with_first(round: Round, **changes: Any) -> Round:
    return round.with_(replace(round.outsourcings[0], **changes))


def answered(round: Round, state: State, now: datetime = LATER) -> Round:
    return round.with_(round.outsourcings[0].answered(state, now))


async def saved_partnership(database: Connection, service: str = SERVICE) -> UUID:
    kept = partnership(service=service, state=Partnered.ACTIVE, accepted_at=LATER)
    await store.save_partnerships(database, [kept])
    return kept.partnership_id


async def test_the_version_that_was_published_last_is_in_force(database: Connection) -> None:
    assert await store.find_current_version(database, ["current"]) == [CurrentVersion("2026-01")]
    # Whatever the clock says: an operator's may have been set back.
    await database.execute("INSERT INTO agreement_version (version, published_at) VALUES ('2027-01', 'epoch')")
    assert await store.find_current_version(database, ["current"]) == [CurrentVersion("2027-01")]


async def test_agreements_are_found_as_they_were_accepted_last(database: Connection) -> None:
    await database.execute("INSERT INTO agreement_version (version) VALUES ('2027-01')")
    agreements = [Agreement(slug, "2026-01", "k.sommer", NOW) for slug in (LEAD, SERVICE)]
    await store.save_agreements(database, agreements)
    newer = Agreement(LEAD, "2027-01", "m.huber", LATER)
    await store.save_agreements(database, [newer])
    assert await store.lock_agreements(database, [LEAD, SERVICE, STRANGER]) == [agreements[1], newer]
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await store.save_agreements(database, [Agreement(STRANGER, "1999-01", "m.huber", LATER)])


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
    await store.save_partnerships(database, [old.closed(Partnered.LAPSED, LATER), new])
    assert await store.lock_live_partnerships_of_pairs(database, [old.pair]) == [new]


async def test_a_pair_cannot_have_two_partnerships_that_live(database: Connection) -> None:
    await store.save_partnerships(database, [partnership()])
    with pytest.raises(asyncpg.UniqueViolationError):
        await store.save_partnerships(database, [partnership(state=Partnered.ACTIVE, accepted_at=LATER)])


async def test_nobody_is_a_partner_of_itself(database: Connection) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await store.save_partnerships(database, [partnership(service=LEAD)])


async def test_rounds_are_found_by_every_key_as_they_were_saved_last(database: Connection) -> None:
    ids = [await saved_partnership(database), await saved_partnership(database, STRANGER)]
    first, second, third = rounds = [
        replace(round_of(*ids, number=f"NL-{number}"), derived_from=new_id()) for number in range(3)
    ]
    await store.save_rounds(database, list(reversed(rounds)))
    assert await store.lock_rounds(database, [new_id(), *(one.round_id for one in rounds)]) == rounds
    accepted = answered(first, State.ACCEPTED)
    declined = third.with_(*(one.answered(State.DECLINED, LATER) for one in third.outsourcings))
    await store.save_rounds(database, [accepted, declined])
    of_outsourcings = [new_id(), *first.outsourcing_ids, third.outsourcing_ids[1]]
    assert await store.lock_rounds_of_outsourcings(database, of_outsourcings) == [accepted, declined]
    tickets = [one.of_ticket for one in rounds]
    assert await store.lock_live_rounds_of_tickets(database, tickets) == [accepted, second]
    assert await store.lock_live_rounds_of_partnerships(database, [ids[1], new_id()]) == [accepted, second]
    completed = accepted.with_(accepted.outsourcings[0].ended(State.COMPLETED, LATER))
    await store.save_rounds(database, [completed])
    assert await store.lock_live_rounds_of_tickets(database, tickets[:1]) == [completed], "one partner is asked still"


async def test_of_a_round_only_what_changed_is_written(database: Connection) -> None:
    ids = [await saved_partnership(database), await saved_partnership(database, STRANGER)]
    round = round_of(*ids)
    await store.save_rounds(database, [round])
    before = await database.fetch("SELECT place, xmin::text FROM outsourcing ORDER BY place")
    await store.save_rounds(database, [answered(round, State.DECLINED)])
    after = await database.fetch("SELECT place, xmin::text FROM outsourcing ORDER BY place")
    assert before[0] != after[0] and before[1] == after[1]


async def test_the_customer_of_a_round_is_found_where_there_is_one(database: Connection) -> None:
    hidden = HiddenCustomer(new_id(), CUSTOMER)
    await store.save_hidden_customers(database, [hidden])
    assert await store.find_hidden_customers(database, [new_id(), hidden.round_id]) == [hidden]


async def test_a_ticket_cannot_have_two_rounds_that_live(database: Connection) -> None:
    partnership_id = await saved_partnership(database)
    await store.save_rounds(database, [round_of(partnership_id)])
    with pytest.raises(asyncpg.UniqueViolationError):
        await store.save_rounds(database, [round_of(partnership_id)])


async def test_a_round_or_an_outsourcing_of_another_send_is_never_written_over(database: Connection) -> None:
    partnership_id = await saved_partnership(database)
    first = answered(round_of(partnership_id), State.ACCEPTED)
    await store.save_rounds(database, [first])
    same_round = replace(round_of(partnership_id), round_id=first.round_id, sent_by=(SENT_BY[0], new_id()))
    same_outsourcing = with_first(
        round_of(partnership_id, number="NL-2"), outsourcing_id=first.outsourcings[0].outsourcing_id
    )
    same_outsourcing = replace(same_outsourcing, outsourcings=(first.outsourcings[0],))
    for other in (same_round, same_outsourcing):
        with pytest.raises(asyncpg.NotNullViolationError):
            await store.save_rounds(database, [other])
    assert await store.lock_rounds(database, [first.round_id]) == [first]


async def test_a_round_cannot_have_two_acceptances(database: Connection) -> None:
    ids = [await saved_partnership(database), await saved_partnership(database, STRANGER)]
    round = round_of(*ids)
    both = round.with_(*(one.answered(State.ACCEPTED, LATER) for one in round.outsourcings))
    with pytest.raises(asyncpg.UniqueViolationError):
        await store.save_rounds(database, [both])


async def test_nobody_is_asked_twice_in_a_round(database: Connection) -> None:
    id = await saved_partnership(database)
    with pytest.raises(asyncpg.UniqueViolationError):
        await store.save_rounds(database, [round_of(id, id)])


async def test_a_partnership_of_another_pair_is_never_written_over(database: Connection) -> None:
    first = partnership()
    await store.save_partnerships(database, [first])
    with pytest.raises(asyncpg.NotNullViolationError):
        await store.save_partnerships(database, [replace(first, lead=STRANGER)])
    assert await store.lock_partnerships(database, [first.partnership_id]) == [first]


async def test_an_outsourcing_needs_its_partnership_at_the_end_of_the_turn(database: Connection) -> None:
    kept = partnership(state=Partnered.ACTIVE, accepted_at=LATER)
    async with database.transaction():
        await store.save_rounds(database, [round_of(kept.partnership_id)])
        await store.save_partnerships(database, [kept])
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await store.save_rounds(database, [round_of(new_id(), number="NL-2")])


@pytest.mark.parametrize(
    "impossible",
    [
        {"state": State.ACCEPTED},
        {"state": State.PLANNED},
        {"answered_at": LATER},
        {"ended_at": LATER},
        {"state": State.DECLINED, "answered_at": LATER},
        {"state": State.COMPLETED, "answered_at": LATER, "next_due_at": None},
        {"offered_at": RESPOND_BY},
        {"asked_by": None},
    ],
    ids=str,
)
async def test_states_and_times_agree(database: Connection, impossible: dict[str, Any]) -> None:
    partnership_id = await saved_partnership(database)
    with pytest.raises(asyncpg.CheckViolationError):
        await store.save_rounds(database, [with_first(round_of(partnership_id), **impossible)])


async def test_what_is_due_is_claimed_in_its_order_and_each_once(database: Connection) -> None:
    partnership_id = await saved_partnership(database)
    due = [_due_at(round_of(partnership_id, number=f"NL-{n}"), RESPOND_BY + n * MINUTE) for n in (3, 1, 2)]
    over = answered(round_of(partnership_id, number="NL-9"), State.ACCEPTED)
    await store.save_rounds(database, [*due, over])
    assert await store.claim_due(database, RESPOND_BY, 10) == []
    now = RESPOND_BY + 2 * MINUTE
    assert await store.claim_due(database, now, 1) == [_due(due[1])]
    assert await store.claim_due(database, now, 10) == [_due(due[2])]
    assert await store.claim_due(database, now, 10) == []
    [claimed] = await store.lock_rounds(database, [due[1].round_id])
    assert claimed.outsourcings[0].next_due_at is None


async def test_two_workers_never_claim_the_same_and_leave_what_a_turn_works_on(
    database: Connection, database_url: str
) -> None:
    partnership_id = await saved_partnership(database)
    rounds = [_due_at(round_of(partnership_id, number=f"NL-{n}"), RESPOND_BY) for n in range(10)]
    await store.save_rounds(database, rounds)
    async with connection_to(database_url) as other, connection_to(database_url) as turn, turn.transaction():
        await store.lock_rounds(turn, [rounds[0].round_id])
        async with database.transaction():
            first = await store.claim_due(database, RESPOND_BY, 6)
            second = await store.claim_due(other, RESPOND_BY, 6)
    claimed = [one.outsourcing_id for one in (*first, *second)]
    assert len(first) == 6 and len(second) == 3
    assert set(claimed) == {id for round in rounds[1:] for id in round.outsourcing_ids}


async def test_two_workers_that_look_at_the_same_moment_claim_each_once(
    database: Connection, database_url: str
) -> None:
    partnership_id = await saved_partnership(database)
    rounds = [_due_at(round_of(partnership_id, number=f"NL-{n}"), RESPOND_BY) for n in range(3000)]
    await store.save_rounds(database, rounds)
    async with connection_to(database_url) as other:
        first, second = await asyncio.gather(_claim_all(database), _claim_all(other))
    assert len(first) + len(second) == len({*first, *second}) == len(rounds)


async def test_what_is_due_is_found_by_an_index(database: Connection) -> None:
    partnership_id = await saved_partnership(database)
    answered_ones = [answered(round_of(partnership_id, number=f"NL-{n}"), State.DECLINED) for n in range(2000)]
    open_ones = [_due_at(round_of(partnership_id, number=f"NL-{n}"), RESPOND_BY + n * MINUTE) for n in range(1000)]
    await store.save_rounds(database, [*answered_ones, *open_ones])
    await database.execute("ANALYZE outsourcing; ANALYZE round")
    asked: list[str] = []
    database.add_query_logger(lambda query: asked.append(query.query))
    assert len(await store.claim_due(database, RESPOND_BY, 256)) == 1
    await asyncio.sleep(0)  # the driver calls its loggers one step later
    plan = await database.fetch(f"EXPLAIN {asked[0]}", RESPOND_BY, 256)
    lines = "\n".join(row[0] for row in plan)
    assert "Index Scan using outsourcing_due" in lines and "Seq Scan" not in lines, lines


async def _claim_all(connection: Connection) -> list[UUID]:
    claimed: list[UUID] = []
    while due := await store.claim_due(connection, RESPOND_BY, 256):
        claimed += (one.outsourcing_id for one in due)
    return claimed


def _due_at(round: Round, next_due_at: datetime) -> Round:
    return with_first(round, next_due_at=next_due_at)


def _due(of: Round) -> Due:
    [outsourcing] = of.outsourcings
    assert outsourcing.next_due_at is not None
    return Due(outsourcing.outsourcing_id, outsourcing.next_due_at, SENT_BY)
