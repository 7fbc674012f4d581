"""Items, taxes and invoices: the rules of billing."""

from services.billing.domain.invoices import Invoice, NumberSeries, bill_completed_work, issue_on_request, series_key
from services.billing.domain.items import Bill, Item, ItemState, items_of
from services.billing.domain.parties import BillingSettings, change_settings
from services.billing.domain.taxes import Tax, tax_between, totals_of

__all__ = [
    "Bill",
    "BillingSettings",
    "Invoice",
    "Item",
    "ItemState",
    "NumberSeries",
    "Tax",
    "bill_completed_work",
    "change_settings",
    "issue_on_request",
    "items_of",
    "series_key",
    "tax_between",
    "totals_of",
]
