"""The files of an invoice: a PDF for people with the XML for programs inside, and that XML alone."""

from typing import ClassVar, Literal
from uuid import UUID

from shared.contracts.values import Delivery, FileSize, Instant, MediaType, Sha256, Value

InvoiceFormat = Literal["pdf", "xml"]


class InvoiceFile(Value):
    """One file of an invoice; it is read from the gateway by the invoice's id and this format, and never changes."""

    format: InvoiceFormat
    name: str
    media_type: MediaType
    size: FileSize
    sha256: Sha256


class InvoiceFiled(Delivery):
    """The files of an invoice or a credit note are there to be fetched; both sides find the same."""

    kind: ClassVar[str] = "tandem.invoice.filed.v1"

    invoice_id: UUID
    number: str
    outsourcing_id: UUID | None = None
    files: tuple[InvoiceFile, ...]
    filed_at: Instant
