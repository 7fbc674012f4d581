"""The files of invoices, from the turn that issues to the object store: made once, kept, told to both sides."""

import asyncio
import hashlib
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

from services.billing.clients import NICENESS, NotRendered, Press
from services.billing.courier import LEASE, rendering_courier
from services.billing.documents import render
from services.billing.domain import Due
from services.billing.domain.renderings import PAUSES
from services.billing.handlers import HANDLERS
from services.billing.settings import Settings
from shared.contracts.billing import (
    BillingSettingsChange,
    Invoice,
    InvoiceFiled,
    InvoiceRendered,
    InvoiceWritten,
)
from shared.database import Connection
from shared.ids import new_id
from shared.messaging.directory import Directory
from shared.messaging.letters import Correspondence
from shared.messaging.outcomes import Caused, Deliver, Publish
from shared.messaging.turn import Turn
from tests.integration.messaging.posting import command, event
from tests.unit.billing.work import LEAD, SERVICE, completed, terms, time
from tests.unit.billing.worked_examples import EXAMPLES, with_text

TICK = timedelta(seconds=5)


@pytest.fixture(scope="module")
def press() -> Iterator[Press]:
    press = Press(processes=1)
    yield press
    press.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    nowhere: dict[str, Any] = {
        "database_url": "postgresql://nobody@nowhere.example/",
        "broker_url": "amqp://nowhere.example/",
    }
    return Settings(**nowhere, files_store_url=(tmp_path / "files").as_uri())


async def take(database: Connection, *arrivals: Any) -> list[tuple[str, str, bytes]]:
    """Decide these in one turn; to whom what is told."""
    turn = Turn(HANDLERS, directory := Directory(), Correspondence("billing", directory))
    turned = await turn.take(database, [turn.read(arrival) for arrival in arrivals])
    return [(one.letter.lane, one.letter.kind, one.letter.body) for one in turned.posted]


def party(slug: str, country: str, vat_id: str | None) -> Any:
    given = {
        "actor": "m.huber",
        "legal_name": f"{slug} GmbH",
        "address": ["Hauptplatz 1"],
        "country": country,
        "vat_id": vat_id,
    }
    return command(BillingSettingsChange.model_validate({**given, "tax_rate": "20"}), slug, sender=slug)


async def issued(database: Connection, times: int = 1) -> list[Invoice]:
    """Invoices as the turn left them, with their files ordered."""
    await take(database, party(LEAD, "DE", "DE136695976"), party(SERVICE, "AT", "ATU13585627"))
    ids = [new_id() for _ in range(times)]
    await take(
        database,
        *(event(completed(terms(), time("1.5"), outsourcing_id=one), str(one), service="ticket_sync") for one in ids),
    )
    rows = await database.fetch("SELECT document FROM invoice ORDER BY series_number")
    documents = [Invoice.model_validate_json(row["document"]) for row in rows]
    await take(database, *(written(document) for document in documents))
    return documents


def written(document: Invoice) -> Any:
    fact = InvoiceWritten.of(document, LEAD, SERVICE, organization="Nordlicht")
    return event(fact, str(document.invoice_id), service="billing")


async def clock_of(database: Connection) -> datetime:
    now: datetime = await database.fetchval("SELECT clock_timestamp()")
    return now


async def claimed(database: Connection, settings: Settings, press: Press, after: timedelta = timedelta()) -> list[Due]:
    async with database.transaction():
        now = await clock_of(database) + after
        return list(await rendering_courier(settings, press).claim(database, now))


async def round_of(
    database: Connection, settings: Settings, press: Press, after: timedelta = timedelta()
) -> list[Caused]:
    """One round of the courier as the runtime makes it, so much later than now; what it tells."""
    carrying = rendering_courier(settings, press)
    attempts = [await carrying.act(one) for one in await claimed(database, settings, press, after)]
    async with database.transaction():
        return await carrying.record(database, attempts, await clock_of(database) + after)


async def test_an_issued_invoice_is_filed_once_and_both_sides_and_the_gateway_learn_of_it(
    database: Connection, settings: Settings, press: Press, tmp_path: Path
) -> None:
    [document] = await issued(database)
    await take(database, written(document))
    [told] = await round_of(database, settings, press)
    rendered, to_service, to_lead = told.tell
    assert isinstance(rendered, Publish) and isinstance(rendered.data, InvoiceRendered)
    assert isinstance(to_service, Deliver) and isinstance(to_lead, Deliver)
    assert (to_service.to, to_lead.to) == (SERVICE, LEAD) and to_service.data == to_lead.data
    filed = to_lead.data
    assert isinstance(filed, InvoiceFiled)
    assert [(file.format, file.name) for file in filed.files] == [("pdf", "2026-00001.pdf"), ("xml", "2026-00001.xml")]
    here = render(document)
    for file, content in zip(filed.files, (here.pdf, here.xml), strict=True):
        stored = (tmp_path / "files" / "invoices" / file.sha256).read_bytes()
        assert stored == content, "another process makes the same bytes"
        assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert await round_of(database, settings, press, after=timedelta(days=1)) == []
    assert await database.fetchval("SELECT count(*) FROM invoice_file") == 2
    cited = await database.fetchval("SELECT count(*) FROM rendering JOIN history USING (cause_id, cause_source)")
    assert cited == 1, "what is told goes back to a message that took effect"


async def test_what_cannot_be_stored_is_tried_again_with_growing_pauses_and_can_be_seen(
    database: Connection, settings: Settings, press: Press, tmp_path: Path
) -> None:
    [document] = await issued(database)
    in_the_way = tmp_path / "files" / "invoices" / hashlib.sha256(render(document).pdf).hexdigest()
    (in_the_way / "something").mkdir(parents=True)
    passed = timedelta()
    for attempts, pause in enumerate((*PAUSES, PAUSES[-1]), 1):
        assert await round_of(database, settings, press, after=passed) == []
        row = await database.fetchrow("SELECT attempts, problem, rendered_at FROM rendering")
        assert row is not None and (row["attempts"], row["rendered_at"]) == (attempts, None)
        assert row["problem"].startswith("not stored: ")
        assert await claimed(database, settings, press, after=passed + pause - TICK) == [], "a pause comes first"
        passed += pause + TICK
    (in_the_way / "something").rmdir()
    in_the_way.rmdir()
    assert len(await round_of(database, settings, press, after=passed)) == 1
    assert await database.fetchval("SELECT problem FROM rendering WHERE rendered_at IS NOT NULL") is None


async def test_a_worker_that_died_while_rendering_leaves_it_to_the_next_and_what_it_says_late_changes_nothing(
    database: Connection, settings: Settings, press: Press
) -> None:
    await issued(database)
    [lost] = await claimed(database, settings, press)
    assert await claimed(database, settings, press) == []
    [told] = await round_of(database, settings, press, after=LEASE)
    assert told.subject == str(lost.document.invoice_id)
    carrying = rendering_courier(settings, press)
    assert await carrying.record(database, [await carrying.act(lost)], await clock_of(database)) == []


async def test_two_workers_share_what_is_due(database: Connection, settings: Settings, press: Press) -> None:
    documents = await issued(database, times=11)
    first = await claimed(database, settings, press)
    second = await claimed(database, settings, press)
    assert sorted(one.document.number for one in (*first, *second)) == [one.number for one in documents]


async def test_filed_files_never_change(database: Connection, settings: Settings, press: Press) -> None:
    await issued(database)
    await round_of(database, settings, press)
    for change in ("UPDATE invoice_file SET sha256 = repeat('0', 64)", "DELETE FROM invoice_file"):
        with pytest.raises(asyncpg.PostgresError, match="never changes"):
            await database.execute(change)


async def test_a_rendering_that_hangs_ends_with_its_process_and_what_waited_is_rendered_by_another() -> None:
    before = spawned()
    press = Press(processes=1, most_seconds=3.0)
    small = EXAMPLES["hours at home"]()
    try:
        await press.render(small)
        [child] = spawned() - before
        assert child.nice() >= NICENESS and os.getsid(child.pid) == child.pid, "it gives way to other sessions too"
        endless = asyncio.create_task(press.render(with_text("Wort " * 1_000_000)))
        waiting = asyncio.create_task(press.render(small))
        with pytest.raises(NotRendered, match="hung"):
            await endless
        assert await waiting == render(small), "nothing was lost with it"
        assert child not in spawned()
    finally:
        press.close()


def spawned() -> set[psutil.Process]:
    """The processes that render for this one."""
    return {one for one in psutil.Process().children() if any("spawn_main" in part for part in one.cmdline())}
