"""A worker that is really killed, again and again, in the middle of its work."""

import asyncio
import os
import random
import signal
from collections import Counter
from uuid import UUID

import httpx
import pytest

from services.console.check import check_all
from services.console.installation import Installation
from services.console.workers import Worker
from shared.database import Connection
from shared.messaging import topology
from shared.migrate import role_of
from tests.acceptance.approvals import LEAD_PARTY, SERVICE_PARTY, approvals
from tests.acceptance.conftest import StartWorkers
from tests.acceptance.partners import Partner, lead_and_service, notes, outsource, until
from tests.integration.databases import connection_to
from tests.integration.messaging.posting import again_and_again

KILLS = 20
KILLS_INSIDE_A_TRANSACTION = 10
OUTSOURCINGS = 50
NOTES_EACH = 100
KILLS_WHILE_ISSUING = 3


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_twenty_kills_in_the_middle_of_five_thousand_entries_lose_and_double_nothing(
    installation: Installation, start: StartWorkers
) -> None:
    async with (
        lead_and_service(installation) as (lead, service),
        connection_to(installation.database_url) as database,
    ):
        with start("offer_handler", "ticket_sync") as running:
            sync = next(worker for worker in running if worker.service == "ticket_sync")
            entries = notes(await outsource(lead, service, OUTSOURCINGS), NOTES_EACH)
            share = len(entries) // KILLS
            for kill in range(KILLS):
                stored = await _entries_stored(database)
                await lead.send(*entries[kill * share : (kill + 1) * share])
                if kill < KILLS_INSIDE_A_TRANSACTION:
                    await _kill_inside_a_transaction(sync, database)
                else:
                    await _kill_at_work(sync, database, stored)
                sync.start()
            await until(lambda: _all_stored(database, len(entries)))
            await service.until(lambda: service.has_heard(len(entries), "entry.replicated"))
            redelivered = await _redelivered(installation)
        copies = Counter(copy.data["entry_id"] for copy in service.once("entry.replicated"))
        assert copies == {str(entry.entry_id): 1 for entry in entries}
        assert redelivered > 0
        assert await database.fetchval(
            "SELECT count(*) FROM ticket_sync.history WHERE event LIKE '% delivered'"
        ) == len(entries)
        assert all(account.balanced for account in await check_all(installation.settings))


@pytest.mark.slow
async def test_workers_killed_while_they_issue_leave_no_gap_in_the_numbers_and_bill_all_work_once(
    installation: Installation, start: StartWorkers
) -> None:
    approved: list[UUID] = []
    async with (
        lead_and_service(installation) as (lead, service),
        connection_to(installation.database_url) as database,
        approvals(installation, lines=3) as approve,
    ):

        async def approve_more() -> None:
            approved.append(await approve())

        with start("billing") as [billing]:
            await lead.send(LEAD_PARTY)
            await service.send(SERVICE_PARTY)
            await service.hears("billing-settings.changed")
            await lead.hears("billing-settings.changed")
            async with again_and_again(approve_more, pause_seconds=0.02):
                for _ in range(KILLS_WHILE_ISSUING):
                    await _hears_of_another_invoice(service)
                    await _kill_inside_a_transaction(billing, database)
                    billing.start()
            await service.until(lambda: service.has_heard(len(approved), "invoice.issued"))
            await lead.until(lambda: lead.has_heard(len(approved), "invoice.received"))
        numbers = await database.fetch("SELECT series_number FROM billing.invoice ORDER BY series_number")
        assert [row["series_number"] for row in numbers] == list(range(1, len(approved) + 1))
        billed = await database.fetch("SELECT outsourcing_id FROM billing.item WHERE state = 'invoiced'")
        assert Counter(row["outsourcing_id"] for row in billed) == dict.fromkeys(approved, 3)
        issued = Counter(one.data["invoice"]["number"] for one in service.once("invoice.issued"))
        assert set(issued.values()) == {1}
        assert all(account.balanced for account in await check_all(installation.settings))


async def _hears_of_another_invoice(service: Partner) -> None:
    heard = len(service.once("invoice.issued"))
    await service.until(lambda: service.has_heard(heard + 1, "invoice.issued"))


async def _kill_inside_a_transaction(worker: Worker, database: Connection) -> None:
    """Stop the process, look whether the database has a transaction of it open that wrote, and only then kill it."""
    async with asyncio.timeout(60):
        while True:
            os.kill(worker.pid, signal.SIGSTOP)
            if await database.fetchval(
                """
                SELECT EXISTS (SELECT FROM pg_stat_activity
                               WHERE usename = $1 AND datname = current_database()
                                 AND state = 'idle in transaction' AND backend_xid IS NOT NULL)
                """,
                role_of(worker.service),
            ):
                worker.kill()
                return
            os.kill(worker.pid, signal.SIGCONT)
            await asyncio.sleep(random.uniform(0.0, 0.005))


async def _kill_at_work(worker: Worker, database: Connection, stored: int) -> None:
    """Kill the process once it has stored something of what was just sent, wherever it is then."""
    async with asyncio.timeout(60):
        while await _entries_stored(database) == stored:
            await asyncio.sleep(random.uniform(0.0, 0.01))
    await asyncio.sleep(random.uniform(0.0, 0.05))
    worker.kill()


async def _entries_stored(database: Connection) -> int:
    return int(await database.fetchval("SELECT count(*) FROM ticket_sync.entry"))


async def _all_stored(database: Connection, number: int) -> bool:
    return await _entries_stored(database) == number


async def _redelivered(installation: Installation) -> int:
    """How many deliveries of the shard queue were not the first of their message, as the broker counts."""
    queue = topology.shard_queue("ticket_sync", 1, 0)
    url = installation.settings.admin_broker_url.get_secret_value()
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        async with asyncio.timeout(20):
            while True:
                told = (await http.get(f"api/queues/{installation.name}/{queue}")).json()
                if "redeliver" in told.get("message_stats", {}):
                    return int(told["message_stats"]["redeliver"])
                await asyncio.sleep(0.2)
