"""Items, taxes and invoices: the rules of billing."""

from services.billing.domain.invoices import Invoice, NumberSeries, bill_completed_work, issue_on_request, series_key
from services.billing.domain.items import Bill, Item, ItemState, items_of
from services.billing.domain.parties import BillingSettings, change_settings
from services.billing.domain.renderings import (
    MEDIA_TYPES,
    Due,
    Rendering,
    Settled,
    failed,
    file_name,
    made,
    order_rendering,
    told_of,
)
from services.billing.domain.taxes import Tax, tax_between, totals_of

__all__ = [
    "MEDIA_TYPES",
    "Bill",
    "BillingSettings",
    "Due",
    "Invoice",
    "Item",
    "ItemState",
    "NumberSeries",
    "Rendering",
    "Settled",
    "Tax",
    "bill_completed_work",
    "change_settings",
    "failed",
    "file_name",
    "issue_on_request",
    "items_of",
    "made",
    "order_rendering",
    "series_key",
    "tax_between",
    "told_of",
    "totals_of",
]
