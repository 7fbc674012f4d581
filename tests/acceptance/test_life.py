"""The demo's life as a test: everything as processes, on several shards with replicas, and with every message twice."""

from pathlib import Path
from secrets import token_hex

import pytest
from rich.console import Console

from demo import report
from demo.cast import LEAD, SERVICE
from demo.expectation import differences
from demo.performance import Outcome, theatre
from demo.timeline import Timeline
from services.console.installation import Installation, install
from services.console.stack import LocalStack
from tests.acceptance.contents import but_for_ids_and_times, contents_of
from tests.acceptance.doubler import doubler


def unseen() -> Timeline:
    return Timeline(Console(quiet=True))


def faults_of(outcome: Outcome) -> list[str]:
    return differences(outcome.stores, outcome.mails) + report.problems_of(outcome.accounts)


@pytest.mark.parametrize("installation", [{"shards": 4}], indirect=True, ids=["four shards"])
async def test_a_whole_life_on_four_shards_with_two_replicas_of_every_worker(
    installation: Installation, tmp_path: Path
) -> None:
    async with theatre(installation, tmp_path, replicas=2) as stage:
        assert faults_of(await stage.perform(unseen())) == []


async def test_every_message_delivered_twice_at_once_and_again_after_the_end_changes_nothing(
    stack: LocalStack, installation: Installation, tmp_path: Path
) -> None:
    async with theatre(installation, tmp_path / "once") as stage:
        once = await stage.perform(unseen())
    twice_installed = await install(stack, name=f"acceptance_{token_hex(6)}")
    async with (
        doubler(twice_installed, (LEAD, SERVICE)) as doubling,
        theatre(twice_installed, tmp_path / "twice") as stage,
    ):
        twice = await stage.perform(unseen())
        assert faults_of(once) == faults_of(twice) == []
        contents = await contents_of(twice_installed)
        assert but_for_ids_and_times(contents) == but_for_ids_and_times(await contents_of(installation))
        for slug in (LEAD, SERVICE):
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
