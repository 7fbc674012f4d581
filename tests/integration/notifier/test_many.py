"""Ten thousand e-mails through a server that fails with one attempt in five, each time another way."""

import pytest

from shared.database import Connection
from tests.integration.notifier.busy_sink import busy_sink
from tests.integration.notifier.many_letters import (
    carry_all,
    check_that_only_a_lost_answer_doubles,
    store_pending_letters,
)
from tests.integration.notifier.rounds import SettingsFor

LETTERS = 10_000


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_each_reader_gets_each_of_its_mails_and_none_of_anybody_else_and_only_a_lost_answer_doubles_one(
    database: Connection, settings_for: SettingsFor
) -> None:
    reader_of = await store_pending_letters(database, LETTERS)
    async with busy_sink(fails_every=5) as sink:
        await carry_all(database, settings_for(sink.port))
        await sink.has_kept(LETTERS, seconds=5)
    # A fifth of the attempts fails, and each way to fail has its turn.
    assert check_that_only_a_lost_answer_doubles(sink.kept, reader_of) >= LETTERS // 5 // 5
    assert await database.fetchval("SELECT count(*) FROM notification WHERE state <> 'sent'") == 0
    assert await database.fetchval("SELECT max(attempts) FROM notification") > 2
