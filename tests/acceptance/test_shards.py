"""Another number of shards while two replicas work under load: nothing is lost, doubled, or told out of order."""

import asyncio
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest

from services.console.check import check_all
from services.console.installation import Installation, install
from services.console.workers import Worker
from shared.contracts.ticket_sync import EntryPut
from shared.database import Connection
from shared.messaging.broker_admin import broker_admin
from shared.messaging.topology import shard_queue
from tests.acceptance.conftest import StartWorkers
from tests.acceptance.partners import Partner, notes, outsource, partner, until
from tests.integration.databases import connection_to

OUTSOURCINGS = 50
NOTES_EACH = 120


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("installation", [{"shards": 2}], indirect=True, ids=["two shards"])
async def test_from_two_shards_to_five_and_to_three_under_load_each_note_arrives_once_and_in_order(
    installation: Installation, start: StartWorkers
) -> None:
    async with (
        partner(installation, "nordlicht", "Nordlicht IT GmbH") as lead,
        partner(installation, "alpenwerk", "Alpenwerk Systems") as service,
        connection_to(installation.database_url) as database,
    ):
        with start("offer_handler", "ticket_sync", replicas=2) as running:
            sync = [worker for worker in running if worker.service == "ticket_sync"]
            entries = notes(await outsource(lead, service, OUTSOURCINGS), NOTES_EACH)
            sending = asyncio.create_task(_send_in_rounds(lead, entries))
            for generation, shards in ((2, 5), (3, 3)):
                arrived = len(service.deliveries)
                await service.until(lambda n=arrived: len(service.deliveries) > n + 300)  # type: ignore[misc]
                # So something waits in the old queues, and what waits in the new ones must not come before it.
                with _frozen(sync):
                    await install(installation.stack, name=installation.name, shards=shards)
                await until(lambda n=generation: _is_consumed_alone(database, n))  # type: ignore[misc]
            assert not sending.done(), "all of it happened under load"
            await sending
            await service.until(lambda: len(_copies(service)) >= len(entries))
            await until(lambda: _old_queues_are_gone(installation, 3, shards=3))
        copies = _copies(service)
        for id in {entry.outsourcing_id for entry in entries}:
            sent = [str(entry.entry_id) for entry in entries if entry.outsourcing_id == id]
            assert [entry_id for of, entry_id in copies if of == str(id)] == sent
        assert lead.of_kind("command.repeated") == lead.of_kind("command.rejected") == []
        assert all(account.balanced for account in await check_all(installation.settings))


async def _send_in_rounds(lead: Partner, entries: list[EntryPut]) -> None:
    """One note of every outsourcing at a time, so that those of one outsourcing are sent in order."""
    for first in range(0, len(entries), OUTSOURCINGS):
        await lead.send(*entries[first : first + OUTSOURCINGS])


@contextmanager
def _frozen(workers: Iterable[Worker]) -> Iterator[None]:
    for worker in workers:
        os.kill(worker.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for worker in workers:
            os.kill(worker.pid, signal.SIGCONT)


async def _is_consumed_alone(database: Connection, generation: int) -> bool:
    """Whether ticket_sync has gone over to this generation, with both replicas."""
    rows = await database.fetch("SELECT generation, holder FROM ticket_sync.shard")
    return {row["generation"] for row in rows} == {generation} and len({row["holder"] for row in rows} - {None}) == 2


async def _old_queues_are_gone(installation: Installation, generation: int, shards: int) -> bool:
    """Whether, after another `tandem migrate`, ticket_sync has the queues of this generation alone."""
    await install(installation.stack, name=installation.name, shards=shards)
    admin_url = installation.settings.admin_broker_url.get_secret_value()
    async with broker_admin(admin_url, installation.name) as broker:
        names = [
            queue["name"] for queue in await broker.list_queues() if queue["name"].startswith("ticket_sync.shard.")
        ]
    return sorted(names) == [shard_queue("ticket_sync", generation, number) for number in range(shards)]


def _copies(service: Partner) -> list[tuple[str, str]]:
    """Outsourcing and entry of each delivered copy, in order; a delivery that came twice counts once."""
    deliveries = {delivered.id: delivered.data for delivered in service.of_kind("entry.replicated")}
    return [(data["outsourcing_id"], data["entry_id"]) for data in deliveries.values()]
