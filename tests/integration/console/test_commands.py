"""`tandem …` as a process, as an operator runs it: on the screen, for scripts, and when it is asked wrongly."""

import asyncio
import json
from typing import Any

import pytest

from services.console.installation import Installation
from services.console.instances import LIMITING
from shared.contracts.gateway import REFUSED_TYPES
from shared.messaging import topology
from tests import nursery
from tests.integration.databases import connection_to

SUBJECT = "0193a5f0-0000-7000-8000-000000000001"
NORDLICHT = ("--name", "Nordlicht IT GmbH", "--language", "de", "--email", "info@example.com")


class Command:
    """Runs `tandem` against one installation."""

    def __init__(self, installation: Installation) -> None:
        self._environment = installation.administrator_environment() | {
            f"TANDEM_{name.upper()}_PASSWORD": installation.passwords.of(name) for name in topology.SERVICES
        }

    async def __call__(self, *arguments: str, expect: int = 0, environment: dict[str, str] | None = None) -> str:
        environment = self._environment if environment is None else environment
        done = await asyncio.to_thread(nursery.run, "services.console", environment, *arguments)
        assert done.returncode == expect, done.stderr
        return done.stdout + done.stderr

    async def wide(self, *arguments: str) -> str:
        """On a screen on which no cell of a table is broken."""
        return await self(*arguments, environment=self._environment | {"COLUMNS": "300"})

    async def json(self, *arguments: str, expect: int = 0) -> Any:
        return json.loads(await self(*arguments, "--json", expect=expect))


@pytest.fixture
def tandem(standing: Installation) -> Command:
    return Command(standing)


async def test_migrate_says_what_it_did(tandem: Command) -> None:
    assert "billing: up to date" in await tandem("migrate")
    assert await tandem.json("migrate") == {service: [] for service in topology.SERVICES}


async def test_an_instance_is_added_once_and_listed(tandem: Command) -> None:
    credentials = await tandem.json("instance", "add", "ostlicht", *NORDLICHT)
    assert credentials["queue"].startswith("instance.ostlicht.") and len(credentials["password"]) >= 24
    again = await tandem("instance", "add", "ostlicht", *NORDLICHT, expect=1)
    assert "ostlicht is there already" in again
    [listed] = [one for one in await tandem.json("instance", "list") if one["slug"] == "ostlicht"]
    assert (listed["name"], listed["language"]) == ("Nordlicht IT GmbH", "de")
    assert "password" not in listed


async def test_a_token_is_given_out_once_and_another_one_takes_its_place(tandem: Command) -> None:
    first = (await tandem.json("instance", "add", "suedlicht", *NORDLICHT))["token"]
    second = (await tandem.json("instance", "token", "suedlicht"))["token"]
    assert first != second and first.startswith("suedlicht.") and len(second) > 50
    assert (await tandem("instance", "token", "suedlicht")).startswith("suedlicht.")
    await tandem("instance", "add", "steiner", *NORDLICHT, "--kind", "portal")
    for slug in ("nobody", "steiner"):
        assert f"no instance {slug} with an installation" in await tandem("instance", "token", slug, expect=1)


async def test_an_operator_says_which_files_an_instance_may_send(tandem: Command, standing: Installation) -> None:
    await tandem("instance", "add", "westlicht", *NORDLICHT)
    said = await tandem("instance", "limit", "westlicht", "--largest-mib", "20", "--refuse", "Application/ZIP")
    assert "westlicht: up to 20 MiB" in said and "application/zip" in said
    async with connection_to(standing.database_url) as connection:
        for service in LIMITING:
            row = await connection.fetchrow(f"SELECT * FROM {service}.file_limits")
            assert tuple(row) == ("westlicht", 20 * 1024 * 1024, ["application/zip"])
    usual = await tandem.json("instance", "limit", "westlicht")
    assert (usual["largest_mib"], usual["refused_types"]) == (100, list(REFUSED_TYPES))
    assert "no instance nobody" in await tandem("instance", "limit", "nobody", expect=1)
    assert "refuse:" in await tandem("instance", "limit", "westlicht", "--refuse", "everything", expect=2)
    await tandem("instance", "limit", "westlicht", "--largest-mib", "101", expect=2)


async def test_who_has_no_installation_is_added_without_a_user_and_a_queue(tandem: Command) -> None:
    assert await tandem.json("instance", "add", "huber", *NORDLICHT, "--kind", "portal") is None
    assert "huber is there already" in await tandem("instance", "add", "huber", *NORDLICHT, expect=1)
    assert "nothing to connect with" in await tandem("instance", "add", "maier", *NORDLICHT, "--kind", "portal")
    kinds = {one["slug"]: one["kind"] for one in await tandem.json("instance", "list")}
    assert (kinds["huber"], kinds["maier"]) == ("portal", "portal")
    assert "kind:" in await tandem("instance", "add", "moser", *NORDLICHT, "--kind", "other", expect=2)


async def test_an_instance_with_impossible_data_is_refused_with_all_its_mistakes(tandem: Command) -> None:
    said = await tandem(
        *("instance", "add", "Nord.licht", "--name", "N", "--language", "deutsch!", "--email", "nobody"), expect=2
    )
    assert "slug:" in said and "language:" in said and "email:" in said


async def test_a_version_of_the_agreement_is_published_once_and_is_in_force(tandem: Command) -> None:
    [first] = await tandem.json("agreement", "list")
    assert (first["version"], first["in_force"], first["accepted_by"]) == ("2026-01", True, 0)
    assert "2027-01" in await tandem("agreement", "publish", "2027-01")
    assert "2027-01 was published already" in await tandem("agreement", "publish", "2027-01", expect=1)
    listed = await tandem.json("agreement", "publish", "2027-02")
    assert [(one["version"], one["in_force"]) for one in listed] == [
        ("2027-02", True),
        ("2027-01", False),
        ("2026-01", False),
    ]
    assert listed == await tandem.json("agreement", "list")
    assert "version:" in await tandem("agreement", "publish", " ", expect=2)


async def test_without_settings_it_says_which_are_needed(tandem: Command) -> None:
    said = await tandem("check", expect=2, environment={})
    assert "TANDEM_ADMIN_DATABASE_URL" in said and "TANDEM_ADMIN_BROKER_URL" in said


async def test_a_database_that_is_not_there_is_named_without_a_trace(tandem: Command) -> None:
    nowhere = {"TANDEM_ADMIN_DATABASE_URL": "postgresql://nobody:secret@127.0.0.1:1/tandem"}
    said = await tandem("parked", "list", expect=1, environment=nowhere)
    assert "tandem:" in said and "Traceback" not in said and "secret" not in said


async def test_an_empty_installation_is_balanced(tandem: Command) -> None:
    accounts = await tandem.json("check")
    assert [account["service"] for account in accounts] == list(topology.SERVICES)
    assert all(account["balanced"] and account["received"] == 0 for account in accounts)
    assert "balanced" in await tandem("check")


async def test_check_fails_and_names_what_is_wrong(installation: Installation) -> None:
    tandem = Command(installation)
    async with connection_to(installation.database_url_of("billing")) as billing:
        await billing.execute(
            "INSERT INTO inbox (source, id, sender, kind, subject, digest, outcome, received_at)"
            " VALUES ('/instances/x', $1, 'x', 'k', 's', $2, 'applied', now())",
            SUBJECT,
            bytes(32),
        )
    assert "billing: 1 applied messages without history" in await tandem("check", expect=1)
    assert [a["service"] for a in await tandem.json("check", expect=1) if not a["balanced"]] == ["billing"]


async def test_parked_messages_are_listed_shown_replayed_and_dropped(installation: Installation) -> None:
    tandem = Command(installation)
    assert "nothing is parked" in await tandem("parked", "list")
    async with connection_to(installation.database_url_of("ticket_sync")) as ticket_sync:
        await _park(ticket_sync)
    [subject] = await tandem.json("parked", "list")
    assert (subject["subject"], subject["status"], subject["messages"]) == (SUBJECT, "stuck", 2)
    assert [m["kind"] for m in await tandem.json("parked", "show", "ticket_sync", SUBJECT)] == ["first", "second"]
    assert json.loads(await tandem("parked", "show", "ticket_sync", SUBJECT, "--body")) == {"n": 1}
    assert "dropped first" in await tandem("parked", "drop", "ticket_sync", SUBJECT, "--yes")
    assert "tried again" in await tandem("parked", "replay", "ticket_sync", SUBJECT)
    [subject] = await tandem.json("parked", "list", "--service", "ticket_sync")
    assert (subject["status"], subject["messages"]) == ("retrying", 1)
    [account] = [a for a in await tandem.json("check") if a["service"] == "ticket_sync"]
    assert (account["outcomes"]["dropped"], account["outcomes"]["parked"]) == (1, 1)


async def test_what_is_not_there_cannot_be_replayed_or_dropped(tandem: Command) -> None:
    assert "nothing is parked under it" in await tandem("parked", "replay", "billing", "nobody", expect=1)
    assert "nothing is parked under it" in await tandem("parked", "drop", "billing", "nobody", "--yes", expect=1)
    assert "there is no service sales" in await tandem("parked", "replay", "sales", "nobody", expect=2)


async def _park(connection: Any) -> None:
    await connection.execute(
        "INSERT INTO parked_subject (subject, status, attempts, error, parked_at)"
        " VALUES ($1, 'stuck', 6, 'boom', now())",
        SUBJECT,
    )
    for number, kind in enumerate(("first", "second"), 1):
        id = f"0193a5f0-0000-7000-8000-00000000000{number}"
        await connection.execute(
            "INSERT INTO inbox (source, id, sender, kind, subject, digest, outcome, received_at)"
            " VALUES ('/instances/x', $1, 'x', $2, $3, $4, 'parked', now())",
            *(id, kind, SUBJECT, bytes(32)),
        )
        await connection.execute(
            "INSERT INTO parked (subject, id, source, sender, kind, body, parked_at)"
            " VALUES ($1, $2, '/instances/x', 'x', $3, $4, now())",
            *(SUBJECT, id, kind, b'{"n": %d}' % number),
        )
