"""Has the files of issued invoices made, stores them, and tells that they are there."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

import structlog

from services.billing.clients import NotRendered, Press
from services.billing.domain import MEDIA_TYPES, Due, Settled, failed, file_name, made, told_of
from services.billing.settings import Settings
from services.billing.store import renderings
from shared.contracts.billing import InvoiceFile, InvoiceFormat
from shared.database import Connection
from shared.messaging.outcomes import Caused
from shared.messaging.side_work import Courier
from shared.objects import ObjectStore

log = structlog.get_logger()

# More would only wait for the same few processes, and writing down what became of them would hold up turns for longer.
INVOICES_AT_ONCE = 8
STORE_SECONDS = 60.0
# Longer than a round takes in which several of them hang; who renders the same twice makes the same bytes.
LEASE = timedelta(minutes=10)

# What an attempt came to; when it failed, in words that name no part of the invoice.
Attempt = tuple[Due, tuple[InvoiceFile, ...], str]


def rendering_courier(settings: Settings, press: Press) -> Courier:
    """The courier of this press and this installation's store."""
    invoices = ObjectStore(settings.invoices_store_url)

    async def act(due: Due) -> Attempt:
        return await render(due, press, invoices)

    return Courier("rendering", claim=claim, act=act, record=record)


async def claim(connection: Connection, now: datetime) -> list[Due]:
    """Lease what is due."""
    return await renderings.claim_due_renderings(connection, now, lease=LEASE, at_most=INVOICES_AT_ONCE)


async def render(due: Due, press: Press, invoices: ObjectStore) -> Attempt:
    """Make the files and store them; the same invoice gives the same bytes, so that doing it again harms nothing."""
    try:
        rendered = await press.render(due.document)
        async with asyncio.timeout(STORE_SECONDS):
            files = (
                await _store(due, "pdf", rendered.pdf, invoices),
                await _store(due, "xml", rendered.xml, invoices),
            )
    except NotRendered as unmade:
        return due, (), f"not rendered: {unmade}"
    except Exception as wrong:  # noqa: BLE001 whatever the store says, the invoice must not keep others back
        return due, (), f"not stored: {type(wrong).__name__}"
    return due, files, ""


async def record(connection: Connection, attempts: Sequence[Attempt], now: datetime) -> list[Caused]:
    """Write down what was made and what was not, and tell both sides of what is there."""
    settled = [made(due, files) if files else failed(due, problem, now) for due, files, problem in attempts]
    marked = set(await renderings.mark_settled(connection, settled, now))
    new = [one for one in settled if one.due.rendering.invoice_id in marked]
    await renderings.insert_files(connection, new)
    for one in new:
        _log(one)
    return [told for one in new for told in told_of(one, now)]


async def _store(due: Due, format: InvoiceFormat, content: bytes, invoices: ObjectStore) -> InvoiceFile:
    async def all_of_it() -> AsyncIterator[bytes]:
        yield content

    sha256 = hashlib.sha256(content).hexdigest()
    size = await invoices.put(sha256, all_of_it())
    name = file_name(due.document, format)
    return InvoiceFile(format=format, name=name, media_type=MEDIA_TYPES[format], size=size, sha256=sha256)


def _log(settled: Settled) -> None:
    invoice, attempt = str(settled.due.rendering.invoice_id), settled.due.attempts
    if settled.files:
        log.info("invoice filed", invoice=invoice, attempt=attempt)
    else:
        log.warning("invoice not filed", invoice=invoice, attempt=attempt, problem=settled.problem)
