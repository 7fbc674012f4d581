"""Items and invoices: what approved work costs, and who owes it to whom."""

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
    "InvoiceIssued",
    "InvoiceLine",
    "InvoiceReceived",
    "InvoiceRequest",
    "InvoiceWritten",
    "ItemOpened",
    "Party",
    "TaxCategory",
    "TaxSubtotal",
]
