"""What is told of an invoice: the sum, until when it is due, and what it is for; the whole of it is in both systems."""

from collections.abc import Iterable

from services.notifier.domain.notifications import Draft, Facts
from shared.contracts.billing import InvoiceWritten
from shared.contracts.notifier import NotificationKind


def of_invoice(written: InvoiceWritten) -> Iterable[Draft]:
    """Both sides read what one owes to the other, or that it owes it no more."""
    kind: NotificationKind = "invoice_issued" if written.document == "invoice" else "credit_note_issued"
    about = written.outsourcing_id or written.invoice_id
    lead = _facts(written, own_number=written.lead_number, partner_number=written.service_number)
    yield Draft(kind, about, "lead", written.lead, written.service, lead)
    service = _facts(written, own_number=written.service_number, partner_number=written.lead_number)
    yield Draft(kind, about, "service", written.service, written.lead, service)


def _facts(written: InvoiceWritten, *, own_number: str | None, partner_number: str | None) -> Facts:
    return Facts(
        title=written.title or "",
        own_number=own_number,
        partner_number=partner_number,
        invoice_number=written.number,
        cancels_number=written.cancels_number,
        issued_on=written.issued_on,
        due_on=written.due_on if written.document == "invoice" else None,
        total=written.total,
        currency=written.currency,
    )
