"""Items and invoices: what approved work costs, and who owes it to whom."""

from datetime import date
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from shared.contracts.values import (
    AboutOutsourcing,
    AboutSender,
    Amount,
    Country,
    Currency,
    Delivery,
    Instant,
    Line,
    Percent,
    Quantity,
    ShortText,
    Slug,
    Total,
    Value,
)


class BillingSettingsChange(AboutSender):
    """An instance's data for invoices, as issuer and as recipient; replaces what was there."""

    kind: ClassVar[str] = "tandem.billing-settings.change.v1"

    legal_name: Line
    address: Annotated[tuple[Line, ...], Field(min_length=1, max_length=6)]
    country: Country
    vat_id: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}[0-9A-Za-z+*.]{2,12}$")] | None = None
    tax_rate: Percent = Field(description="the domestic rate in percent")
    number_prefix: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9/-]{0,20}$")] = ""
    payment_days: int = Field(default=30, strict=True, ge=0, le=365)


class InvoiceRequest(AboutOutsourcing):
    """The service partner asks for the invoice of completed work that could not be issued at once."""

    kind: ClassVar[str] = "tandem.invoice.request.v1"


class Party(Value):
    """Issuer or recipient of an invoice."""

    legal_name: str
    address: tuple[str, ...]
    country: str
    vat_id: str | None = None


class InvoiceLine(Value):
    """One line (EN 16931: BG-25): quantity times unit price, rounded half up."""

    number: int
    description: str
    quantity: Quantity
    unit: Literal["hour", "piece"]
    unit_price: Amount
    amount: Total
    billable: bool = True


class TaxSubtotal(Value):
    """Tax of one category (EN 16931: BG-23)."""

    category: Literal["S", "AE", "O"] = Field(description="S standard rate, AE reverse charge, O outside scope")
    rate: Percent
    base: Total
    tax: Total
    note: str | None = None


class Invoice(Value):
    """An invoice as issued; it never changes."""

    invoice_id: UUID
    number: str
    issued_on: date
    due_on: date
    outsourcing_id: UUID
    lead_number: str
    service_number: str | None
    title: str
    currency: Currency
    issuer: Party
    recipient: Party
    lines: tuple[InvoiceLine, ...]
    taxes: tuple[TaxSubtotal, ...]
    net_total: Total
    tax_total: Total
    total: Total


class BillingSettingsChanged(Delivery):
    """The data for invoices are stored."""

    kind: ClassVar[str] = "tandem.billing-settings.changed.v1"

    legal_name: str
    changed_at: Instant


class ItemOpened(Delivery):
    """Approved work can be billed once what is missing is there; ask for the invoice then."""

    kind: ClassVar[str] = "tandem.item.opened.v1"

    outsourcing_id: UUID
    items: int
    net_total: Total
    currency: Currency
    missing: tuple[Slug, ...] = Field(description="the instances whose billing settings are missing")
    state: Literal["open"] = "open"


class InvoiceIssued(Delivery):
    """The service partner's invoice was issued."""

    kind: ClassVar[str] = "tandem.invoice.issued.v1"

    lead: Slug
    invoice: Invoice
    state: Literal["issued"] = "issued"


class InvoiceReceived(Delivery):
    """The lead received an invoice for work it approved."""

    kind: ClassVar[str] = "tandem.invoice.received.v1"

    service: Slug
    organization: ShortText
    invoice: Invoice
    state: Literal["issued"] = "issued"
