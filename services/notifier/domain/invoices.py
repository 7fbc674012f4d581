"""What is told of an invoice: the sum, until when it is due, and what it is for; the whole of it is in both systems."""

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from services.notifier.domain.notifications import Attached, Draft, Facts
from shared.contracts.billing import InvoiceFact, InvoiceRendered, InvoiceWritten
from shared.contracts.notifier import NotificationKind


def of_invoice(written: InvoiceWritten) -> Iterable[Draft]:
    """The service partner reads what is owed to it, or no more; the lead does once it can have the file with it."""
    facts = _facts(written, own_number=written.service_number, partner_number=written.lead_number)
    yield Draft(_kind(written), _about(written), "service", written.service, written.lead, facts)


def of_files(rendered: InvoiceRendered) -> Iterable[Draft]:
    """The lead reads what it owes, or owes no more, and has the PDF, in which the XML is, beside it."""
    facts = _facts(rendered, own_number=rendered.lead_number, partner_number=rendered.service_number)
    pdf = next((Attached(one.name, one.size, one.sha256) for one in rendered.files if one.format == "pdf"), None)
    yield Draft(_kind(rendered), _about(rendered), "lead", rendered.lead, rendered.service, replace(facts, file=pdf))


def _kind(told: InvoiceFact) -> NotificationKind:
    return "invoice_issued" if told.document == "invoice" else "credit_note_issued"


def _about(told: InvoiceFact) -> UUID:
    return told.outsourcing_id or told.invoice_id


def _facts(told: InvoiceFact, *, own_number: str | None, partner_number: str | None) -> Facts:
    return Facts(
        title=told.title or "",
        own_number=own_number,
        partner_number=partner_number,
        invoice_number=told.number,
        cancels_number=told.cancels_number,
        issued_on=told.issued_on,
        due_on=told.due_on if told.document == "invoice" else None,
        total=told.total,
        currency=told.currency,
    )
