"""Items, taxes and invoices: the rules of billing."""

from services.billing.domain.invoices import Invoice
from services.billing.domain.items import Bill, Item
from services.billing.domain.numbers import NumberSeries
from services.billing.domain.parties import BillingSettings, Mapping, change_settings, map_organization
from services.billing.domain.posting import adjust, approve, bill_completed_work, bill_returned_work, decline, post
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
from services.billing.domain.requests import cancel_invoice, collect, issue_on_request

__all__ = [
    "MEDIA_TYPES",
    "Bill",
    "BillingSettings",
    "Due",
    "Invoice",
    "Item",
    "Mapping",
    "NumberSeries",
    "Rendering",
    "Settled",
    "adjust",
    "approve",
    "bill_completed_work",
    "bill_returned_work",
    "cancel_invoice",
    "change_settings",
    "collect",
    "decline",
    "failed",
    "file_name",
    "issue_on_request",
    "made",
    "map_organization",
    "order_rendering",
    "post",
    "told_of",
]
