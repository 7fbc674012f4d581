"""Another number of shards while two replicas work under load: nothing is lost, doubled, or told out of order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from services.console.check import check_all
from services.console.installation import Installation, install
from shared.contracts.ticket_sync import EntryPut
from shared.database import Connection
from shared.messaging.broker_admin import broker_admin
from shared.messaging.topology import shard_queue
from tests.acceptance.conftest import StartWorkers
from tests.acceptance.partners import Partner, notes, outsource, partner, until
from tests.integration.databases import connection_to

OUTSOURCINGS = 50
# Some hundred notes a second.
PAUSE_SECONDS = 0.1


class Stream:
    """One note after another about each of these outsourcings, for as long as the context is open."""

    def __init__(self, lead: Partner, outsourcing_ids: list[UUID]) -> None:
        self.outsourcing_ids = outsourcing_ids
        self.sent: list[EntryPut] = []
        self._lead = lead
        self._enough = asyncio.Event()

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        flowing = asyncio.create_task(self._flow())
        try:
            yield
        finally:
            self._enough.set()
            await flowing

    async def _flow(self) -> None:
        while not self._enough.is_set():
            # The broker has all of one round before the next begins.
            await self._lead.send(*(once := notes(self.outsourcing_ids, 1)))
            self.sent += once
            await asyncio.sleep(PAUSE_SECONDS)


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
        with start("offer_handler", "ticket_sync", replicas=2):
            stream = Stream(lead, await outsource(lead, service, OUTSOURCINGS))
            async with stream.flowing():
                for generation, shards in ((2, 5), (3, 3)):
                    arrived = len(service.deliveries)
                    await service.until(lambda n=arrived: len(service.deliveries) > n + 500)  # type: ignore[misc]
                    # Nothing is decided meanwhile: what waits in the new queues must not come before what still waits
                    # in the old ones.
                    async with database.transaction():
                        await database.execute("LOCK TABLE ticket_sync.entry IN SHARE MODE")
                        await install(installation.stack, name=installation.name, shards=shards)
                    await until(lambda n=generation: _is_consumed_alone(database, n))  # type: ignore[misc]
            await service.until(lambda: len(_copies(service)) >= len(stream.sent))
            await until(lambda: _old_queues_are_gone(installation, 3, shards=3))
        print(f"{len(stream.sent)} notes were sent while 2 shards became 5 and 5 became 3")
        copies = _copies(service)
        for id in stream.outsourcing_ids:
            sent = [str(note.entry_id) for note in stream.sent if note.outsourcing_id == id]
            assert [entry_id for of, entry_id in copies if of == str(id)] == sent
        assert lead.of_kind("command.rejected") == []
        assert all(account.balanced for account in await check_all(installation.settings))


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
