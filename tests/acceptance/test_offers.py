"""Offers under way between real processes: races that have one winner, replicas that are killed, and discretion."""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.console.check import check_all
from services.console.installation import Installation
from shared.contracts.offer_handler import OfferAccept, OfferCancel
from shared.database import Connection
from tests.acceptance.conftest import StartWorkers
from tests.acceptance.partners import Partner, become_partners, lead_and_service, until
from tests.acceptance.pending_offers import let_fall_due, store_pending_offers
from tests.integration.databases import connection_to

RACES = 1_000
RACED_WITHIN = timedelta(seconds=12)
# Answers come around the end of the time to answer, which the worker notices within a quarter of a second; some so
# early that they are in time even where a busy machine sends them a second late.
AROUND_SECONDS = (-1.5, 0.35)
ENDINGS = ("accepted", "cancelled", "expired")

DEADLINES = 10_000
DUE_WITHIN = timedelta(seconds=12)
SHARDS = 4
KILLS = 8


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_of_accept_cancel_and_expire_exactly_one_wins_and_both_sides_are_told_the_same(
    installation: Installation, start: StartWorkers
) -> None:
    async with (
        lead_and_service(installation) as (lead, service),
        connection_to(installation.database_url) as database,
    ):
        with start("offer_handler"):
            [partnership_id] = await become_partners(lead, service)
            await store_pending_offers(database, partnership_id, RACES)
            ids = await let_fall_due(database, RACES, datetime.now(UTC) + timedelta(seconds=1), RACED_WITHIN)
            await asyncio.gather(*(_race(lead, service, id, end) for id, end in await _ends(database)))
            await until(lambda: _none_is_open(database))
            won = {row["outsourcing_id"]: row["state"] for row in await _states(database)}
            for side in (lead, service):
                await _all_endings_told_to(side, RACES)
                assert _endings_told_to(side) == [(str(id), won[id]) for id in sorted(ids, key=str)]
            # Two answers to each offer, and at most one of them has won.
            lost = 2 * RACES - sum(state != "expired" for state in won.values())
            await until(lambda: _as_many_as(lost, lead, service))
            refusals = [one.data["type"] for side in (lead, service) for one in side.once("command.rejected")]
            assert refusals == ["offer/too-late"] * lost
    assert set(won.values()) == set(ENDINGS), f"no race where somebody always wins: {Counter(won.values())}"
    assert all(account.balanced for account in await check_all(installation.settings))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("installation", [{"shards": SHARDS}], indirect=True, ids=["four shards"])
async def test_two_replicas_killed_in_turns_miss_no_deadline_and_tell_none_twice(
    installation: Installation, start: StartWorkers
) -> None:
    async with (
        lead_and_service(installation) as (lead, service),
        connection_to(installation.database_url) as database,
    ):
        with start("offer_handler", replicas=2) as replicas:
            [partnership_id] = await become_partners(lead, service)
            await store_pending_offers(database, partnership_id, DEADLINES)
            first_end = datetime.now(UTC) + timedelta(seconds=2)
            ids = await let_fall_due(database, DEADLINES, first_end, DUE_WITHIN)
            await _wait_for(first_end)
            for kill in range(KILLS):
                await asyncio.sleep(random.uniform(0.5, 1.5))
                replicas[kill % 2].kill()
                replicas[kill % 2].start()
            await until(lambda: _none_is_open(database), 120)
            for side in (lead, service):
                await _all_endings_told_to(side, DEADLINES)
                assert _endings_told_to(side) == [(str(id), "expired") for id in sorted(ids, key=str)]
        told = await database.fetch("SELECT event, count(*) AS n FROM offer_handler.history GROUP BY event")
        assert {row["event"]: row["n"] for row in told}["expired"] == DEADLINES
    assert all(account.balanced for account in await check_all(installation.settings))


async def _race(lead: Partner, service: Partner, id: UUID, end: datetime) -> None:
    """Both answer an offer at about the moment at which it ends."""
    accept = OfferAccept(actor="service", outsourcing_id=id)
    cancel = OfferCancel(actor="lead", outsourcing_id=id)
    await asyncio.gather(_send_around(service, accept, end), _send_around(lead, cancel, end))


async def _send_around(who: Partner, answer: OfferAccept | OfferCancel, end: datetime) -> None:
    await _wait_for(end + timedelta(seconds=random.uniform(*AROUND_SECONDS)))
    await who.send(answer)


async def _wait_for(instant: datetime) -> None:
    await asyncio.sleep(max(0.0, (instant - datetime.now(UTC)).total_seconds()))


async def _all_endings_told_to(side: Partner, number: int) -> None:
    await side.until(lambda: side.has_heard(number, *(f"offer.{how}" for how in ENDINGS)))


def _endings_told_to(side: Partner) -> list[tuple[str, str]]:
    """Each ending that a partner was told, each delivery once, by outsourcing."""
    told = [(one.data["outsourcing_id"], how) for how in ENDINGS for one in side.once(f"offer.{how}")]
    return sorted(told)


async def _as_many_as(refused: int, *sides: Partner) -> bool:
    return sum(len(side.once("command.rejected")) for side in sides) >= refused


async def _none_is_open(database: Connection) -> bool:
    return not await database.fetchval("SELECT EXISTS (SELECT FROM offer_handler.outsourcing WHERE state = 'offered')")


async def _ends(database: Connection) -> list[tuple[UUID, datetime]]:
    rows = await database.fetch("SELECT outsourcing_id, respond_by FROM offer_handler.outsourcing")
    return [(row["outsourcing_id"], row["respond_by"]) for row in rows]


async def _states(database: Connection) -> list[dict[str, object]]:
    rows = await database.fetch("SELECT outsourcing_id, state FROM offer_handler.outsourcing")
    return [dict(row) for row in rows]
