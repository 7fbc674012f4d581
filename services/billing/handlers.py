"""What billing answers to: which message, which rows, which rule."""

from services.billing import domain, store
from services.billing.domain import Bill, BillingSettings, Invoice, NumberSeries, series_key
from shared.contracts.billing import BillingSettingsChange, InvoiceRequest
from shared.contracts.ticket_sync import OutsourcingCompleted
from shared.messaging.directory import INSTANCE, JOINING
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

THE_BILL = one(BILL, lambda message: message.data.outsourcing_id)

HANDLERS = Handlers.of(
    "billing",
    tables=(INSTANCE, BILL, SETTINGS, SERIES, INVOICE),
    routes=(
        JOINING,
        on(
            OutsourcingCompleted,
            decide=domain.bill_completed_work,
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
            decide=domain.issue_on_request,
            needs=(
                THE_BILL,
                one(SETTINGS, lambda bill: bill.lead, via=THE_BILL),
                one(SETTINGS, lambda message: message.sender),
                one(SERIES, lambda message: series_key(message.sender, message.now)),
                one(INVOICE, lambda message: message.data.outsourcing_id),
            ),
        ),
        on(
            BillingSettingsChange,
            decide=domain.change_settings,
            needs=(one(SETTINGS, lambda message: message.sender),),
        ),
    ),
)
