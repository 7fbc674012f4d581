"""Accepted tickets that nobody opens, with two workers that could both speak of them."""

import pytest

from services.console.check import check_all
from services.console.installation import Installation
from tests.acceptance.conftest import StartWorkers
from tests.acceptance.partners import agree, lead_and_service
from tests.integration.databases import connection_to

TICKETS = 300


@pytest.mark.slow
@pytest.mark.parametrize("installation", [{"shards": 2}], indirect=True)
async def test_two_workers_remind_of_every_ticket_once(installation: Installation, start: StartWorkers) -> None:
    async with (
        lead_and_service(installation) as (lead, service),
        connection_to(installation.database_url) as database,
    ):
        with start("offer_handler", "ticket_sync", replicas=2):
            accepted = {str(id) for id in await agree(lead, service, TICKETS)}
            await database.execute(
                """
                UPDATE ticket_sync.link
                SET accepted_at = accepted_at - interval '1 day', next_due_at = next_due_at - interval '1 day'
                """
            )
            await service.until(lambda: len(service.of_kind("ticket.reminded")) >= TICKETS)
            await lead.until(lambda: len(lead.of_kind("ticket.reminded")) >= TICKETS)
        for side in (lead, service):
            reminded = side.of_kind("ticket.reminded")
            assert len(reminded) == TICKETS and {one.data["outsourcing_id"] for one in reminded} == accepted
        decided = "SELECT count(*) FROM ticket_sync.history WHERE event LIKE 'reminded of%and the lead told'"
        assert await database.fetchval(decided) == TICKETS
        assert await database.fetchval("SELECT count(*) FROM ticket_sync.link WHERE next_due_at IS NOT NULL") == 0
        assert all(account.balanced for account in await check_all(installation.settings))
