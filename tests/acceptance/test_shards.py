"""Another number of shards while two replicas work under load: nothing is lost, doubled, or told out of order."""

from contextlib import AbstractAsyncContextManager
from functools import partial
from uuid import UUID

import pytest

from services.console import generations
from services.console.check import check_all
from services.console.installation import Installation, install
from shared.contracts.ticket_sync import EntryPut
from shared.database import Connection
from shared.messaging.broker_admin import broker_admin
from shared.messaging.topology import shard_queue
from tests.acceptance.conftest import StartWorkers
from tests.acceptance.partners import Partner, lead_and_service, notes, outsource, until
from tests.integration.databases import connection_to
from tests.integration.messaging.posting import again_and_again

OUTSOURCINGS = 50
# Hundreds of notes a second: each change of the number meets some that wait, and some under way.
PAUSE_SECONDS = 0.2


class Stream:
    """One note after another about each of these outsourcings, for as long as the context is open."""

    def __init__(self, lead: Partner, outsourcing_ids: list[UUID]) -> None:
        self.outsourcing_ids = outsourcing_ids
        self.sent: list[EntryPut] = []
        self._lead = lead

    def flowing(self) -> AbstractAsyncContextManager[None]:
        return again_and_again(self._send, PAUSE_SECONDS)

    async def _send(self) -> None:
        # The broker has all of one round before the next begins.
        await self._lead.send(*(once := notes(self.outsourcing_ids, 1)))
        self.sent += once


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("installation", [{"shards": 2}], indirect=True, ids=["two shards"])
async def test_from_two_shards_to_five_and_to_three_under_load_each_note_arrives_once_and_in_order(
    installation: Installation, start: StartWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The local broker counts every second, and not every five.
    monkeypatch.setattr(generations, "COUNTED_SECONDS", 4.0)
    async with (
        lead_and_service(installation) as (lead, service),
        connection_to(installation.database_url) as database,
    ):
        with start("offer_handler", "ticket_sync", replicas=2):
            stream = Stream(lead, await outsource(lead, service, OUTSOURCINGS))
            async with stream.flowing():
                for generation, shards in ((2, 5), (3, 3)):
                    await _hears_more(service, 300)
                    # Nothing is decided meanwhile: what waits in the new queues must not come before what still waits
                    # in the old ones.
                    async with database.transaction():
                        await database.execute("LOCK TABLE ticket_sync.entry IN SHARE MODE")
                        await install(installation.stack, name=installation.name, shards=shards)
                    await until(partial(_is_consumed_alone, database, generation))
            await service.until(lambda: service.has_heard(len(stream.sent), "entry.replicated"))
            await until(lambda: _old_queues_are_gone(installation, 3, shards=3))
        print(f"{len(stream.sent)} notes were sent while 2 shards became 5 and 5 became 3")
        copies = _copies(service)
        for id in stream.outsourcing_ids:
            sent = [str(note.entry_id) for note in stream.sent if note.outsourcing_id == id]
            assert [entry_id for of, entry_id in copies if of == str(id)] == sent
        assert lead.of_kind("command.rejected") == []
        assert all(account.balanced for account in await check_all(installation.settings))


async def _hears_more(partner: Partner, number: int) -> None:
    before = len(partner.deliveries)
    await partner.until(lambda: len(partner.deliveries) > before + number)


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
    return [(copy.data["outsourcing_id"], copy.data["entry_id"]) for copy in service.once("entry.replicated")]
