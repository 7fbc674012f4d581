"""Items and invoices: what approved work costs, and who owes it to whom."""

from shared.contracts.billing.files import InvoiceFile, InvoiceFiled, InvoiceFormat, InvoiceRendered
from shared.contracts.billing.invoices import (
    Invoice,
    InvoiceIssued,
    InvoiceLine,
    InvoiceReceived,
    InvoiceRequest,
    InvoiceWritten,
    ItemOpened,
    TaxCategory,
    TaxSubtotal,
)
from shared.contracts.billing.parties import BankAccount, BillingSettingsChange, BillingSettingsChanged, Party

__all__ = [
    "BankAccount",
    "BillingSettingsChange",
    "BillingSettingsChanged",
    "Invoice",
    "InvoiceFile",
    "InvoiceFiled",
    "InvoiceFormat",
    "InvoiceIssued",
    "InvoiceLine",
    "InvoiceReceived",
    "InvoiceRendered",
    "InvoiceRequest",
    "InvoiceWritten",
    "ItemOpened",
    "Party",
    "TaxCategory",
    "TaxSubtotal",
]
