"""Workers on machines whose clocks are wrong by days: what falls due does so by the database's clock alone."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from services.console.installation import Installation
from services.console.workers import workers
from shared.contracts.offer_handler import OfferAccept
from shared.ids import millis_of, new_id
from tests.acceptance.partners import become_partners, lead_and_service, offer
from tests.integration.databases import connection_to

WRONG_CLOCK = Path(__file__).parent / "wrong_clock"
TIME_TO_ANSWER = timedelta(seconds=6)
HOUR = timedelta(hours=1)


@pytest.mark.slow
@pytest.mark.parametrize("off", [timedelta(days=2), timedelta(days=-2)], ids=["ahead", "behind"])
async def test_a_worker_whose_clock_is_wrong_reminds_and_expires_by_that_of_the_database(
    installation: Installation, tmp_path: Path, off: timedelta
) -> None:
    wrong = {"PYTHONPATH": str(WRONG_CLOCK), "CLOCK_IS_OFF_BY_SECONDS": str(off.total_seconds())}
    environments = {name: installation.environment_of(name) | wrong for name in ("offer_handler", "ticket_sync")}
    short, long, late, fresh = (new_id() for _ in range(4))
    async with (
        lead_and_service(installation) as (lead, service),
        connection_to(installation.database_url) as database,
    ):
        with workers(environments, tmp_path) as running:
            # Ids made now are neither too old nor too new to a worker that is two days off.
            [id] = await become_partners(lead, service)
            now: datetime = await database.fetchval("SELECT clock_timestamp()")
            ends = {short: now + TIME_TO_ANSWER, long: now + HOUR, late: now + HOUR, fresh: now + HOUR}
            await lead.send(*(offer(f"L-{one}", {id: one}, end) for one, end in ends.items()))
            await service.send(*(OfferAccept(actor="service", outsourcing_id=one) for one in (late, fresh)))
            await service.hears("ticket.requested", times=2)
            await database.execute(
                "UPDATE ticket_sync.link SET accepted_at = accepted_at - interval '5 hours',"
                " next_due_at = next_due_at - interval '5 hours' WHERE outsourcing_id = $1",
                late,
            )
            await lead.until(lambda: len(lead.of_kind("offer.expired")) > 0)
            await service.until(lambda: len(service.of_kind("ticket.reminded")) > 0)
            [expired] = lead.of_kind("offer.expired")
            assert expired.data["outsourcing_id"] == str(short)
            [reminded] = service.of_kind("offer.reminded")
            assert reminded.data["outsourcing_id"] == str(short)
            [unopened] = service.of_kind("ticket.reminded")
            assert unopened.data["outsourcing_id"] == str(late)
            until_now: datetime = await database.fetchval("SELECT clock_timestamp()")
            assert now + TIME_TO_ANSWER / 2 <= _at(reminded.envelope) < ends[short] <= _at(expired.envelope) < until_now
            assert ends[short] <= _made_at(expired.id) < until_now
        assert all(_logged_at(worker.log) - off < until_now + HOUR for worker in running)
        assert all(abs(_logged_at(worker.log) - until_now) > HOUR for worker in running), "their clocks were right"


def _at(envelope: dict[str, str]) -> datetime:
    return datetime.fromisoformat(envelope["time"])


def _made_at(id: str) -> datetime:
    """When the id of a delivery was made, to the millisecond."""
    return datetime.fromtimestamp(millis_of(UUID(id)) / 1000 + 0.001, UTC)


def _logged_at(log: Path) -> datetime:
    """The clock of a worker, as its log has it."""
    return datetime.fromisoformat(json.loads(log.read_text().splitlines()[0])["timestamp"])
