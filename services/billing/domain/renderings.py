"""The files of issued invoices: that they are made, when that is tried again, and who is told that they are there."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from shared.contracts import billing as wire
from shared.messaging.outcomes import Caused, Changed, Decision, Deliver, Message, Publish, Unchanged

# After each attempt that failed; the last for ever. What failed for a reason in the software is made by the next one.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (0.2, 1, 5, 15, 60))

MEDIA_TYPES: dict[wire.InvoiceFormat, str] = {"pdf": "application/pdf", "xml": "application/xml"}
# What every system takes in the name of a file.
NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Rendering:
    """The intent to make the files of an issued invoice, and the message that it goes back to."""

    invoice_id: UUID
    cause_source: str
    cause_id: UUID


@dataclass(frozen=True, slots=True)
class Due:
    """A rendering that is leased, with what there is to be made; `attempts` counts this one."""

    rendering: Rendering
    lead: str
    service: str
    document: wire.Invoice
    attempts: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of an attempt: its files, or what went wrong and when it is tried again."""

    due: Due
    files: tuple[wire.InvoiceFile, ...] = ()
    problem: str | None = None
    next_attempt_at: datetime | None = None

    @property
    def state(self) -> Literal["filed", "pending"]:
        return "filed" if self.files else "pending"


def order_rendering(known: Rendering | None, written: Message[wire.InvoiceWritten]) -> Decision:
    """An issued invoice has its files made, once."""
    if known:
        return Unchanged()
    ordered = Rendering(written.data.invoice_id, written.source, written.id)
    return Changed(ordered, history=f"files of {written.data.number} ordered")


def file_name(document: wire.Invoice, format: wire.InvoiceFormat) -> str:
    """What the file is called: its number."""
    return f"{NOT_IN_NAMES.sub('-', document.number).strip('-.') or 'invoice'}.{format}"


def made(due: Due, files: tuple[wire.InvoiceFile, ...]) -> Settled:
    """The files are stored."""
    return Settled(due, files=files)


def failed(due: Due, problem: str, now: datetime) -> Settled:
    """It is tried again after a pause that grows with each attempt."""
    pause = PAUSES[min(due.attempts, len(PAUSES)) - 1]
    return Settled(due, problem=problem, next_attempt_at=now + pause)


def told_of(settled: Settled, now: datetime) -> list[Caused]:
    """Both sides learn which files there are, and the other services who may read them."""
    if not settled.files:
        return []
    due, document = settled.due, settled.due.document
    filed = wire.InvoiceFiled(
        invoice_id=document.invoice_id,
        number=document.number,
        outsourcing_id=document.outsourcing_id,
        files=settled.files,
        filed_at=now,
    )
    rendered = wire.InvoiceRendered.of(document, due.lead, due.service, files=settled.files, rendered_at=now)
    rendering = due.rendering
    tell = (Publish(rendered), Deliver(due.service, filed), Deliver(due.lead, filed))
    return [Caused(rendering.cause_source, rendering.cause_id, str(document.invoice_id), tell)]
