"""Invoices and credit notes: who owes what to whom, line by line."""

from datetime import date
from typing import Annotated, Any, ClassVar, Literal, Self
from uuid import UUID

from pydantic import Field

from shared.contracts.billing.files import InvoiceFile
from shared.contracts.billing.items import Positions, Sort
from shared.contracts.billing.parties import BankAccount, Party
from shared.contracts.values import (
    AboutOutsourcing,
    AboutSender,
    Currency,
    Day,
    Delivery,
    Event,
    Flag,
    Hours,
    Instant,
    Language,
    Line,
    Percent,
    Price,
    Rate,
    ShortText,
    SignedQuantity,
    Slug,
    Total,
    TotalHours,
    Value,
    each_once,
)

TaxCategory = Literal["S", "Z", "AE", "O", "E"]


class ExchangeRate(Value):
    """What one unit of a currency was worth on the day of supply, in the money of the issuer's country."""

    currency: Currency
    rate: Rate


# One partner's work is in few currencies.
ExchangeRates = Annotated[
    tuple[ExchangeRate, ...],
    Field(
        max_length=20,
        description="needed where tax is owed and the invoice is in other money than that of the issuer's country:"
        " by them the tax is told in that too; nothing else is converted",
    ),
    each_once("currency"),
]


class InvoiceRequest(AboutOutsourcing):
    """The service partner asks for the invoice of all posted items of one outsourcing."""

    kind: ClassVar[str] = "tandem.invoice.request.v1"

    exchange_rates: ExchangeRates = ()
    preview: Flag = Field(default=False, description="only show what it would be; nothing is issued")


class InvoiceCollect(AboutSender):
    """The service partner asks for all posted items of one lead to be invoiced, of work completed until that day.

    It is one invoice for each currency, or several where they do not fit on one.
    """

    kind: ClassVar[str] = "tandem.invoice.collect.v1"

    lead: Slug
    until: Day | None = Field(default=None, description="and including it")
    exchange_rates: ExchangeRates = ()
    preview: Flag = Field(default=False, description="only show what it would be; nothing is issued")


class InvoiceCancel(AboutSender):
    """The service partner cancels an invoice, or lines of it, by a credit note; the items are open again."""

    kind: ClassVar[str] = "tandem.invoice.cancel.v1"

    invoice_id: UUID
    lines: Positions | None = Field(default=None, description="their numbers; left out: all that stand")
    reason: Line


class InvoiceLine(Value):
    """One line (EN 16931: BG-25): quantity times unit price, rounded half up.

    A deduction has the quantity -1, for no price is negative (BR-27).
    """

    number: int
    outsourcing_id: UUID
    lead_number: str
    service_number: str | None = None
    title: str = Field(description="of the ticket")
    position: int = Field(description="of the item in its outsourcing")
    sort: Sort
    description: str
    happened_on: date | None = None
    author: str | None = None
    role: str | None = None
    work_type: str | None = None
    billing_code: str | None = None
    adjusted_for: str | None = Field(default=None, description="why its price is another than that of the terms")
    quantity: SignedQuantity
    unit: Literal["hour", "piece"]
    unit_price: Total
    amount: Total
    billable: bool = Field(default=True, description="what is not billable is listed at zero")
    tax_category: TaxCategory
    tax_rate: Percent


class TaxSubtotal(Value):
    """Tax of one category and rate (EN 16931: BG-23)."""

    category: TaxCategory = Field(
        description="S taxed, Z taxed at zero, AE reverse charge, O outside scope, E exempt as a small business"
    )
    rate: Percent
    base: Total
    tax: Total
    note: str | None = Field(default=None, description="why no tax is owed, as the law wants it said (BT-120)")


class TaxAccounted(Value):
    """The tax in the money of the issuer's country, where the invoice is in another (EN 16931: BT-6, BT-111)."""

    currency: Currency
    rate: Rate = Field(description="what one unit of the invoice's currency was worth, as the issuer said")
    tax_total: Total


class InvoiceDraft(Value):
    """What stands on an invoice, whether it is issued or only shown."""

    issued_on: date
    due_on: date
    period_from: date | None = Field(default=None, description="when the first of the work was done (BT-73)")
    period_to: date | None = Field(default=None, description="when the last of it was done (BT-74)")
    outsourcing_id: UUID | None = Field(
        default=None, description="None where several are on it; each line tells its own"
    )
    lead_number: str | None = None
    service_number: str | None = None
    title: str | None = None
    currency: Currency
    language: Language = Field(default="en", description="the recipient's")
    issuer: Party
    recipient: Party
    payment_terms: str | None = None
    bank: BankAccount | None = None
    lines: tuple[InvoiceLine, ...]
    taxes: tuple[TaxSubtotal, ...]
    net_total: Total
    tax_total: Total
    tax_accounted: TaxAccounted | None = None
    total: Total


class Numbered(Value):
    """What a document has once it is issued: its id and its number; of a credit note also what it cancels and why."""

    document: Literal["invoice", "credit_note"] = "invoice"
    invoice_id: UUID
    number: str
    cancels_id: UUID | None = Field(default=None, description="of a credit note: the invoice it cancels")
    cancels_number: str | None = None
    cancels_issued_on: date | None = None
    reason: str | None = Field(default=None, description="of a credit note")


class Invoice(InvoiceDraft, Numbered):
    """An invoice or a credit note as issued; it never changes.

    A credit note cancels lines of an invoice: its amounts are positive too, and owed to the recipient.
    """

    @classmethod
    def of(cls, draft: InvoiceDraft, *, invoice_id: UUID, number: str) -> Self:
        """The draft as an invoice with this id and number."""
        return cls(**dict(draft), invoice_id=invoice_id, number=number)


class OutsourcingCost(Value):
    """What one outsourcing has cost so far, against what was authorized for it."""

    outsourcing_id: UUID
    hours: TotalHours
    authorized_hours: Hours | None = None
    charges: Total
    authorized_charges: Price | None = None
    net_total: Total
    authorized_total: Price | None = None


class InvoiceIssued(Delivery):
    """The service partner's invoice was issued."""

    kind: ClassVar[str] = "tandem.invoice.issued.v1"

    lead: Slug
    organization: ShortText = Field(description="which local company stands for the lead, as it was mapped last")
    invoice: Invoice
    state: Literal["issued"] = "issued"


class InvoiceReceived(Delivery):
    """The lead received an invoice for work it approved."""

    kind: ClassVar[str] = "tandem.invoice.received.v1"

    service: Slug
    invoice: Invoice
    costs: tuple[OutsourcingCost, ...] = Field(default=(), description="of every outsourcing on it")
    state: Literal["issued"] = "issued"


class InvoicePreviewed(Delivery):
    """What an invoice would be if it were issued now; it has neither number nor id, for nothing was issued."""

    kind: ClassVar[str] = "tandem.invoice.previewed.v1"

    lead: Slug
    draft: InvoiceDraft
    below_zero: Flag = Field(default=False, description="so that it waits for other work")
    faults: tuple[str, ...] = Field(
        default=(), description="the rules of EN 16931 that keep it from being issued as it is"
    )
    further: Flag = Field(default=False, description="there is more than is shown: invoices would follow this one")
    state: Literal["draft"] = "draft"


class InvoiceCancelled(Delivery):
    """An invoice was cancelled, in full or by line, by a credit note. Told to both sides."""

    kind: ClassVar[str] = "tandem.invoice.cancelled.v1"

    lead: Slug
    service: Slug
    reason: str
    invoice: Invoice = Field(description="the credit note")
    state: Literal["cancelled", "partly_cancelled"]


class InvoiceFact(Event):
    """What the other services are told of an invoice or a credit note."""

    document: Literal["invoice", "credit_note"]
    invoice_id: UUID
    number: str
    lead: Slug
    service: Slug
    issued_on: date
    due_on: date
    currency: Currency
    net_total: Total
    tax_total: Total
    total: Total
    cancels_number: str | None = None
    outsourcing_id: UUID | None = Field(default=None, description="None where several are on it")
    lead_number: str | None = None
    service_number: str | None = None
    title: str | None = None

    @classmethod
    def of(cls, invoice: Invoice, lead: str, service: str, **more: Any) -> Self:
        """What the other services are told of this one."""
        told = invoice.model_dump(include=set(InvoiceFact.model_fields))
        return cls(**told, lead=lead, service=service, **more)


class InvoiceWritten(InvoiceFact):
    """An invoice or a credit note was issued; the whole of it is delivered to both sides."""

    kind: ClassVar[str] = "tandem.invoice.written.v1"

    organization: str


class InvoiceRendered(InvoiceFact):
    """The files of an invoice or a credit note are stored; the lead and the service partner may read them."""

    kind: ClassVar[str] = "tandem.invoice.rendered.v1"

    files: tuple[InvoiceFile, ...]
    rendered_at: Instant
