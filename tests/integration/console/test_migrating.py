"""`tandem migrate`: all is there afterwards, again changes nothing, and nobody has more than its rights."""

import asyncio
from collections import Counter
from contextlib import suppress
from typing import Any

import httpx
import pytest
from asyncpg.exceptions import InsufficientPrivilegeError

from services.console import generations
from services.console.installation import Installation, install
from services.console.migrating import migrate_all
from services.console.stack import LocalStack
from shared.contracts.offer_handler import Instance
from shared.database import Connection
from shared.messaging import topology
from shared.messaging.directory import find_instances, insert_instances
from tests.integration.databases import connection_to

EVERY_SERVICE = pytest.mark.parametrize("service", topology.SERVICES)


async def test_migrating_again_changes_nothing_and_two_at_once_give_out_what_was_cut_off_once(
    installation: Installation,
) -> None:
    before = await _definitions(installation)
    async with connection_to(installation.database_url) as database:
        # A run that ended between the declaration of the queues and the word to the workers that they are there.
        await database.execute("DELETE FROM ticket_sync.shard")
        runs = [migrate_all(installation.settings, installation.passwords) for _ in range(2)]
        assert await asyncio.gather(*runs) == [{s: [] for s in topology.SERVICES}] * 2
        assert await _shards(database) == {1: 2}
    assert await _definitions(installation) == before


@pytest.mark.slow
async def test_another_number_of_shards_is_another_generation_and_the_old_one_stays_until_it_is_given_up_and_empty(
    installation: Installation, stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The local broker counts every second, and not every five.
    monkeypatch.setattr(generations, "COUNTED_SECONDS", 4.0)
    name = installation.name
    async with connection_to(installation.database_url) as database:
        assert await _shards(database) == {1: 2}
        await install(stack, name=name, shards=3)
        assert await _shards(database) == {1: 2, 2: 3}
        async with asyncio.timeout(30):
            while not all(queue.get("messages") == 0 for queue in await _queues(installation)):
                await asyncio.sleep(0.1)
        # What came into an old queue when the workers had given it up, and the broker has counted nothing in it.
        await _publish(installation, "ticket_sync.buckets.1", "a.ticket.opened.00")
        await database.execute("DELETE FROM ticket_sync.shard WHERE generation = 1")
        assert await _shards(database) == {2: 3}
        await install(stack, name=name)
        assert await _shards(database) == {1: 2, 2: 3}
        assert await _queues_of_generations(installation) == {1: 2, 2: 3}
        await _ask(installation, f"queues/{name}/ticket_sync.shard.1.0/contents", "DELETE")
        await database.execute("DELETE FROM ticket_sync.shard WHERE generation = 1")
        async with asyncio.timeout(60):
            while await _queues_of_generations(installation) != {2: 3}:
                await install(stack, name=name)
                await database.execute("DELETE FROM ticket_sync.shard WHERE generation = 1")
        assert await _shards(database) == {2: 3}
        exchanges = {one["name"] for one in await _ask(installation, f"exchanges/{name}")}
        assert {one for one in exchanges if one.startswith("ticket_sync.")} == {
            *("ticket_sync.in", "ticket_sync.buckets.2", "ticket_sync.odd.2")
        }


async def test_every_queue_is_a_durable_quorum_queue_that_refuses_what_it_has_no_room_for(
    installation: Installation,
) -> None:
    await installation.add_instance("nordlicht", "Nordlicht IT GmbH", "de", "nordlicht@example.com")
    queues = await _queues(installation)
    async with asyncio.timeout(20):
        # The broker tells of policies only with its next count.
        while not all("effective_policy_definition" in queue for queue in queues):
            await asyncio.sleep(0.1)
            queues = await _queues(installation)
    assert len(queues) == 1 + len(topology.SERVICES) * 3
    for queue in queues:
        assert (queue["type"], queue["durable"]) == ("quorum", True), queue["name"]
        policy = queue["effective_policy_definition"]
        assert policy["overflow"] == "reject-publish" and policy["max-length"] > 0, queue["name"]
        if ".shard." in queue["name"]:
            assert queue["arguments"]["x-single-active-consumer"] is True
            assert policy["delivery-limit"] == topology.DELIVERY_LIMIT
            assert (policy["dead-letter-exchange"], policy["dead-letter-strategy"]) == (topology.DEAD, "at-least-once")


async def test_every_bucket_leads_to_one_shard(standing: Installation) -> None:
    bindings = await _ask(standing, f"exchanges/{standing.name}/ticket_sync.buckets.1/bindings/source")
    led_to = {binding["routing_key"]: binding["destination"] for binding in bindings}
    assert len(bindings) == len(led_to) == topology.BUCKETS
    assert led_to["#.00"] == "ticket_sync.shard.1.0" and led_to["#.ff"] == "ticket_sync.shard.1.1"


@EVERY_SERVICE
async def test_a_worker_s_role_works_in_its_own_schema_within_limits(standing: Installation, service: str) -> None:
    async with connection_to(standing.database_url_of(service)) as connection:
        assert await connection.fetchval("SHOW search_path") == service
        assert await connection.fetchval("SHOW lock_timeout") == "5s"
        assert await connection.fetchval("SHOW statement_timeout") == "10s"
        assert await connection.fetchval("SHOW idle_in_transaction_session_timeout") == "5s"
        assert await connection.fetchval("SELECT count(*) FROM inbox") == 0


@EVERY_SERVICE
@pytest.mark.parametrize(
    "forbidden",
    [
        "INSERT INTO instance VALUES ('mine', 'Mine', 'en', 'me@example.com', 'psa')",
        "INSERT INTO instance (slug, name, language, email, kind) VALUES ('m', 'M', 'en', 'm@example.com', 'portal')",
        "UPDATE instance SET email = 'me@example.com'",
        "DELETE FROM instance",
        "UPDATE history SET event = 'another'",
        "DELETE FROM history",
        "SELECT * FROM _yoyo_migration",
        "CREATE TABLE mine ()",
        "DROP TABLE outbox",
        "TRUNCATE inbox",
        "INSERT INTO shard (generation, number, shards) VALUES (9, 0, 1)",
    ],
)
async def test_a_worker_s_role_may_not_rewrite_what_happened(
    standing: Installation, service: str, forbidden: str
) -> None:
    async with connection_to(standing.database_url_of(service)) as connection:
        with pytest.raises(InsufficientPrivilegeError):
            await connection.execute(forbidden)


@EVERY_SERVICE
async def test_a_worker_s_role_adds_instances_that_are_reached_by_e_mail_alone(
    standing: Installation, service: str
) -> None:
    huber = Instance(slug="sub-1", name="Elektro Huber", language="de", email="office@huber.example", kind="psa")
    async with connection_to(standing.database_url_of(service)) as connection:
        await insert_instances(connection, [huber])
        assert [one.kind for one in await find_instances(connection, ["sub-1"])] == ["portal"]


@pytest.mark.parametrize(
    "forbidden",
    [
        "INSERT INTO agreement_version (version) VALUES ('mine')",
        "UPDATE agreement_version SET version = 'mine'",
        "DELETE FROM agreement_version",
    ],
)
async def test_a_worker_s_role_only_reads_which_agreement_is_in_force(standing: Installation, forbidden: str) -> None:
    async with connection_to(standing.database_url_of("offer_handler")) as connection:
        before = await connection.fetch("SELECT * FROM agreement_version")
        # What a policy hides from a change is not there to be changed, and that is no error.
        with suppress(InsufficientPrivilegeError):
            await connection.execute(forbidden)
        assert await connection.fetch("SELECT * FROM agreement_version") == before != []


@EVERY_SERVICE
async def test_a_worker_s_role_sees_no_other_service_s_tables(standing: Installation, service: str) -> None:
    async with connection_to(standing.database_url_of(service)) as connection:
        for other in set(topology.SERVICES) - {service}:
            with pytest.raises(InsufficientPrivilegeError):
                await connection.execute(f"SELECT * FROM {other}.inbox")


async def _definitions(installation: Installation) -> object:
    definitions = await _ask(installation, f"definitions/{installation.name}")
    return {part: sorted(map(repr, definitions[part])) for part in ("exchanges", "queues", "bindings", "policies")}


async def _queues(installation: Installation) -> Any:
    return await _ask(installation, f"queues/{installation.name}")


async def _shards(database: Connection) -> dict[int, int]:
    """How many shards of each generation ticket_sync's workers are to consume."""
    rows = await database.fetch("SELECT generation, count(*) AS n FROM ticket_sync.shard GROUP BY generation")
    return {row["generation"]: row["n"] for row in rows}


async def _queues_of_generations(installation: Installation) -> dict[int, int]:
    found = [topology.generation_of(queue["name"]) for queue in await _queues(installation)]
    return Counter(one[1] for one in found if one and one[0] == "ticket_sync")


async def _publish(installation: Installation, exchange: str, key: str) -> None:
    message = {"routing_key": key, "payload": "{}", "payload_encoding": "string", "properties": {}}
    answer = await _ask(installation, f"exchanges/{installation.name}/{exchange}/publish", "POST", message)
    assert answer == {"routed": True}


async def _ask(installation: Installation, path: str, method: str = "GET", body: object = None) -> Any:
    url = installation.settings.admin_broker_url.get_secret_value()
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        answer = await http.request(method, f"api/{path}", json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None
