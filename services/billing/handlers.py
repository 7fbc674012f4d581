"""What billing answers to: which message, which rows, which rule."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from services.billing import domain, store
from services.billing.documents import faults_of
from services.billing.domain import Bill, BillingSettings, Invoice, NumberSeries, Rendering, series_key
from services.billing.store import renderings
from shared.contracts.billing import BillingSettingsChange, InvoiceRequest, InvoiceWritten
from shared.contracts.ticket_sync import OutsourcingCompleted
from shared.contracts.values import Command
from shared.messaging.directory import INSTANCE, JOINING
from shared.messaging.outcomes import Changed, Decision, Message, Refused
from shared.messaging.routes import Handlers, Table, on, one

BILL = Table(
    Bill,
    key=lambda bill: bill.outsourcing_id,
    lock=store.lock_bills,
    save=store.save_bills,
    state=lambda bill, _: bill.state,
)
SETTINGS = Table(
    BillingSettings, key=lambda settings: settings.instance, lock=store.lock_settings, save=store.save_settings
)
SERIES = Table(
    NumberSeries, key=lambda series: (series.issuer, series.year), lock=store.lock_series, save=store.save_series
)
INVOICE = Table(
    Invoice, key=lambda invoice: invoice.outsourcing_id, lock=store.lock_invoices, save=store.insert_invoices
)
RENDERING = Table(
    Rendering,
    key=lambda rendering: rendering.invoice_id,
    lock=renderings.lock_renderings,
    save=renderings.insert_renderings,
)


class NotValid(Exception):
    """An invoice that would be issued by itself breaks a rule of EN 16931; it waits for an operator."""


def checked(decide: Callable[..., Decision]) -> Callable[..., Decision]:
    """The same rule, but no invoice is issued that is not valid: nothing of the decision takes effect, nor its number.

    Who asked for the invoice is told why; where nobody asked, the message is parked with the reason.
    """

    @wraps(decide)
    def decided(*given: Any) -> Decision:
        decision = decide(*given)
        faults = "; ".join(_faults_in(decision))
        if not faults:
            return decision
        message: Message[Any] = given[-1]
        if isinstance(message.data, Command):
            return Refused("invoice/not-valid", faults=faults)
        raise NotValid(faults)

    return decided


def _faults_in(decision: Decision) -> list[str]:
    issued = decision.values if isinstance(decision, Changed) else ()
    return [fault for value in issued if isinstance(value, Invoice) for fault in faults_of(value.document)]


THE_BILL = one(BILL, lambda message: message.data.outsourcing_id)

HANDLERS = Handlers.of(
    "billing",
    tables=(INSTANCE, BILL, SETTINGS, SERIES, INVOICE, RENDERING),
    routes=(
        JOINING,
        on(
            OutsourcingCompleted,
            decide=checked(domain.bill_completed_work),
            needs=(
                THE_BILL,
                one(SETTINGS, lambda message: message.data.lead),
                one(SETTINGS, lambda message: message.data.service),
                one(SERIES, lambda message: series_key(message.data.service, message.now)),
            ),
            unblocks=True,
        ),
        on(
            InvoiceRequest,
            decide=checked(domain.issue_on_request),
            needs=(
                THE_BILL,
                one(SETTINGS, lambda bill: bill.lead, via=THE_BILL),
                one(SETTINGS, lambda message: message.sender),
                one(SERIES, lambda message: series_key(message.sender, message.now)),
                one(INVOICE, lambda message: message.data.outsourcing_id),
            ),
        ),
        on(
            InvoiceWritten,
            decide=domain.order_rendering,
            needs=(one(RENDERING, lambda message: message.data.invoice_id),),
        ),
        on(
            BillingSettingsChange,
            decide=domain.change_settings,
            needs=(one(SETTINGS, lambda message: message.sender),),
        ),
    ),
)
