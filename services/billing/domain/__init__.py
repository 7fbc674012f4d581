"""Items, taxes and invoices: the rules of billing."""

from services.billing.domain.invoices import Desk, Invoice
from services.billing.domain.items import Bill, Item
from services.billing.domain.numbers import NumberSeries
from services.billing.domain.parties import BillingSettings, Mapping, Period, change_settings, map_organization
from services.billing.domain.periods import (
    MOST_COLLECTED,
    MOST_LINES_COLLECTED,
    Ended,
    collect_period,
    go_on_collecting,
)
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
    "MOST_COLLECTED",
    "MOST_LINES_COLLECTED",
    "Bill",
    "BillingSettings",
    "Desk",
    "Due",
    "Ended",
    "Invoice",
    "Item",
    "Mapping",
    "NumberSeries",
    "Period",
    "Rendering",
    "Settled",
    "adjust",
    "approve",
    "bill_completed_work",
    "bill_returned_work",
    "cancel_invoice",
    "change_settings",
    "collect",
    "collect_period",
    "decline",
    "failed",
    "file_name",
    "go_on_collecting",
    "issue_on_request",
    "made",
    "map_organization",
    "order_rendering",
    "post",
    "told_of",
]
