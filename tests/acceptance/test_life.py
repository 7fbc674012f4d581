"""The demo's life as a test: everything as processes, on several shards with replicas, and with every message twice."""

from pathlib import Path

import pytest
from rich.console import Console

from demo import report
from demo.cast import NAMES, SERVICE
from demo.comparison import differences
from demo.performance import Outcome, theatre
from demo.timeline import Timeline
from services.console import work
from services.console.installation import Installation
from services.console.stack import LocalStack
from services.console.work import Filter
from tests import nursery
from tests.acceptance.contents import but_for_ids_and_times, contents_of
from tests.acceptance.doubler import doubler
from tests.installations import fresh_installation
from tests.integration.databases import connection_to


def unseen() -> Timeline:
    return Timeline(Console(quiet=True))


def faults_of(outcome: Outcome) -> list[str]:
    return differences(outcome.stores, outcome.mails) + report.problems_of(outcome.accounts)


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("installation", [{"shards": 4}], indirect=True, ids=["four shards"])
async def test_a_life_on_four_shards_with_replicas_is_the_same_as_one_with_every_message_delivered_twice(
    stack: LocalStack, installation: Installation, tmp_path: Path
) -> None:
    async with theatre(installation, tmp_path / "once", replicas=2, launch=nursery.launch) as stage:
        once = await stage.perform(unseen())
        assert faults_of(once) == []
    await _every_milestone_is_told(installation)
    twice_installed = await fresh_installation(stack)
    async with (
        doubler(twice_installed, tuple(NAMES)) as doubling,
        theatre(twice_installed, tmp_path / "twice", launch=nursery.launch) as stage,
    ):
        twice = await stage.perform(unseen())
        assert faults_of(twice) == []
        contents = await contents_of(twice_installed)
        assert but_for_ids_and_times(contents) == but_for_ids_and_times(await contents_of(installation))
        for slug in NAMES:
            assert but_for_ids_and_times(twice.stores[slug]) == but_for_ids_and_times(once.stores[slug])
        published = len(doubling.seen)
        assert published > sum(account.received for account in once.accounts) > 0

        await doubling.publish_all_again()
        again = await stage.outcome()
        assert len(doubling.seen) > published, "commands that come again are answered again"
        assert await contents_of(twice_installed) == contents
        assert again.stores == twice.stores
        assert again.mails == twice.mails
    await twice_installed.remove()


async def _every_milestone_is_told(installation: Installation) -> None:
    async with connection_to(installation.database_url) as connection:
        received = await work.list_received(connection, SERVICE, Filter())
        assert sorted((row["lead_number"], row["state"]) for row in received) == [
            ("NL-4709", "expired"),
            ("NL-4710", "declined"),
            ("NL-4711", "completed"),
            # Lost to another partner, and taken when that one gave it back.
            ("NL-4712", "cancelled"),
            ("NL-4712", "in_progress"),
            ("NL-4713", "declined"),
        ]
        [id] = [row["outsourcing_id"] for row in received if row["state"] == "completed"]
        told = [row["event"] for row in await work.list_history(connection, id)]
    for milestone in (
        *("offered to alpenwerk", "accepted", "ticket requested", "linked with ", "submitted as"),
        *("submission rejected", "completed as submitted", "completed", "invoice ", "accepted mailed"),
    ):
        assert any(event.startswith(milestone) for event in told), f"no word of {milestone}"
