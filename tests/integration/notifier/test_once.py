"""One intent, one mail: what was done outside is written down, whatever becomes of the database meanwhile."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.console.stack import LocalStack
from services.notifier import courier
from shared.database import Connection
from shared.messaging.directory import Directory
from shared.messaging.letters import Correspondence
from shared.messaging.relay import Relay
from shared.messaging.side_work import SideWorker
from tests.integration.databases import at, connection_to
from tests.integration.notifier.rounds import SettingsFor, intend, states
from tests.integration.notifier.smtp_server import mail_sink


async def test_a_mail_whose_answer_came_is_not_doubled_by_a_restart_of_the_database(
    database: Connection, settings_for: SettingsFor, monkeypatch: pytest.MonkeyPatch, stack: LocalStack
) -> None:
    # Over before the database is back: another claim would find the letter free.
    monkeypatch.setattr(courier, "LEASE", timedelta(seconds=0.1))
    name = await database.fetchval("SELECT current_database()")
    url = at(stack.database_admin_url, name, "notifier")
    await intend(database)
    looking = await database.fetchval("SELECT pg_backend_pid()")
    async with mail_sink() as sink:
        carrying = courier.mail_courier(settings_for(sink.port))

        async def act_and_lose_the_database(bag: Any) -> Any:
            results = await carrying.act(bag)
            if len(sink.kept) == 1:
                async with connection_to(url) as operator:
                    await operator.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid NOT IN (pg_backend_pid(), $1)",
                        looking,
                    )
                await asyncio.sleep(0.2)
            return results

        directory = Directory()
        worker = SideWorker(
            replace(carrying, act=act_and_lose_the_database),
            database_url=url,
            directory=directory,
            correspondence=Correspondence("notifier", directory),
            relay=Relay(broker_url="amqp://guest@unused/", database_url=url, service="notifier"),
        )
        stopping = asyncio.Event()
        running = asyncio.create_task(worker.run(stopping))
        try:
            async with asyncio.timeout(15):
                while (await states(database))[0][0] != "sent":
                    assert not running.done(), running.exception()
                    await asyncio.sleep(0.05)
        finally:
            stopping.set()
            await asyncio.wait([running], timeout=5)
    assert len(sink.kept) == 1, [mail["Message-ID"] for mail in sink.kept]
