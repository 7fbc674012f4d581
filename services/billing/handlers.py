"""What billing answers to: which message, which rows, which rule."""

from collections.abc import Callable
from typing import Any

from services.billing import domain, store
from services.billing.documents import faults_of
from services.billing.domain import Bill, BillingSettings, Desk, Invoice, Mapping, NumberSeries, Period, Rendering
from services.billing.store import periods, renderings
from shared.contracts.billing import (
    BillingSettingsChange,
    CollectionUnfinished,
    InvoiceCancel,
    InvoiceCollect,
    InvoiceRequest,
    InvoiceWritten,
    ItemAdjust,
    ItemApprove,
    ItemDecline,
    ItemPost,
    PeriodEnded,
)
from shared.contracts.offer_handler import OrganizationMapped
from shared.contracts.ticket_sync import OutsourcingCompleted, OutsourcingHandedBack
from shared.messaging.directory import INSTANCE, JOINING
from shared.messaging.outcomes import Decision
from shared.messaging.routes import Collection, Handlers, Need, Table, all_of, each_of, on, one

INVOICE = Table(Invoice, key=lambda invoice: invoice.invoice_id, lock=store.find_invoices, save=store.insert_invoices)
BILL = Table(
    Bill,
    key=lambda bill: bill.outsourcing_id,
    lock=store.lock_bills,
    save=store.save_bills,
    state=lambda bill, _: bill.state,
    parties=lambda bill, _: (bill.lead, bill.service),
)
SETTINGS = Table(
    BillingSettings, key=lambda settings: settings.instance, lock=store.lock_settings, save=store.save_settings
)
PERIOD = Table(Period, key=lambda period: period.issuer, lock=periods.lock_periods, save=periods.save_periods)
MAPPING = Table(
    Mapping, key=lambda mapping: (mapping.service, mapping.lead), lock=store.find_mappings, save=store.save_mappings
)
# Guarded by their issuer's settings, which are locked before them.
SERIES = Table(NumberSeries, key=lambda series: series.key, lock=store.find_series, save=store.save_series)

RENDERING = Table(
    Rendering,
    key=lambda rendering: rendering.invoice_id,
    lock=renderings.lock_renderings,
    save=renderings.insert_renderings,
)

POSTED_BILLS = Collection(
    BILL,
    groups=lambda bill: ((bill.service, bill.lead),) if bill.in_state("posted") else (),
    lock=store.lock_posted_bills,
)
ITS_SERIES = Collection(SERIES, groups=lambda series: (series.issuer,), lock=store.list_series)

THE_BILL = one(BILL, lambda message: message.data.outsourcing_id)
THE_INVOICE = one(INVOICE, lambda said: said.data.invoice_id)
THE_SENDERS_SETTINGS = one(SETTINGS, lambda message: message.sender)


def at_desk(decide: Callable[..., Decision]) -> Callable[..., Decision]:
    """The rule with all that invoices are issued with in one, and issuing none that would break a rule of EN 16931."""

    def decided(*given: Any) -> Decision:
        *about, lead, service, mapping, recipient, series, message = given
        return decide(*about, Desk(lead, service, mapping, recipient, series, faults_of), message)

    return decided


def _desk(lead: Callable[[Any], str], service: Callable[[Any], str], via: Need | None = None) -> tuple[Need, ...]:
    """What a rule needs that may issue an invoice; who the two are is told by the message, or by what was found."""
    return (
        one(SETTINGS, lead, via=via),
        one(SETTINGS, service, via=via),
        one(MAPPING, lambda teller: (service(teller), lead(teller)), via=via),
        one(INSTANCE, lead, via=via),
        all_of(ITS_SERIES, service, via=via),
    )


DESK_OF_THE_BILL = _desk(lambda bill: bill.lead, lambda bill: bill.service, THE_BILL)
ITS_ISSUER = one(SETTINGS, lambda bill: bill.service, via=THE_BILL)

HANDLERS = Handlers.of(
    "billing",
    tables=(INVOICE, BILL, SETTINGS, PERIOD, MAPPING, SERIES, INSTANCE, RENDERING),
    routes=(
        JOINING,
        on(
            OutsourcingCompleted,
            decide=at_desk(domain.bill_completed_work),
            needs=(THE_BILL, *_desk(lambda message: message.data.lead, lambda message: message.data.service)),
            unblocks=True,
        ),
        on(
            OutsourcingHandedBack,
            decide=domain.bill_returned_work,
            needs=(THE_BILL, one(SETTINGS, lambda message: message.data.service)),
            unblocks=True,
        ),
        on(
            OrganizationMapped,
            decide=domain.map_organization,
            needs=(one(MAPPING, lambda mapped: (mapped.data.service, mapped.data.lead)),),
        ),
        on(ItemAdjust, decide=domain.adjust, needs=(THE_BILL, ITS_ISSUER)),
        on(ItemPost, decide=at_desk(domain.post), needs=(THE_BILL, *DESK_OF_THE_BILL)),
        on(ItemApprove, decide=at_desk(domain.approve), needs=(THE_BILL, *DESK_OF_THE_BILL)),
        on(ItemDecline, decide=domain.decline, needs=(THE_BILL, ITS_ISSUER)),
        on(InvoiceRequest, decide=at_desk(domain.issue_on_request), needs=(THE_BILL, *DESK_OF_THE_BILL)),
        on(
            InvoiceCollect,
            decide=at_desk(domain.collect),
            needs=(
                all_of(POSTED_BILLS, lambda request: (request.sender, request.data.lead)),
                *_desk(lambda request: request.data.lead, lambda request: request.sender),
            ),
        ),
        on(
            PeriodEnded,
            decide=at_desk(domain.collect_period),
            needs=(
                all_of(POSTED_BILLS, lambda ended: (ended.data.service, ended.data.lead)),
                *_desk(lambda ended: ended.data.lead, lambda ended: ended.data.service),
            ),
        ),
        on(
            CollectionUnfinished,
            decide=at_desk(domain.go_on_collecting),
            needs=(
                all_of(POSTED_BILLS, lambda unfinished: (unfinished.data.service, unfinished.data.lead)),
                *_desk(lambda unfinished: unfinished.data.lead, lambda unfinished: unfinished.data.service),
            ),
        ),
        on(
            InvoiceCancel,
            decide=at_desk(domain.cancel_invoice),
            needs=(
                THE_INVOICE,
                each_of(BILL, lambda invoice: invoice.outsourcing_ids, via=THE_INVOICE),
                *_desk(lambda invoice: invoice.lead, lambda invoice: invoice.service, THE_INVOICE),
            ),
        ),
        on(
            InvoiceWritten,
            decide=domain.order_rendering,
            needs=(one(RENDERING, lambda written: written.data.invoice_id),),
        ),
        on(
            BillingSettingsChange,
            decide=domain.change_settings,
            needs=(
                THE_SENDERS_SETTINGS,
                one(PERIOD, lambda change: change.sender),
                all_of(ITS_SERIES, lambda change: change.sender),
            ),
        ),
    ),
)
