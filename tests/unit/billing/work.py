"""Completed work of every sort, and the parties it is between."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.billing.domain import BillingSettings, NumberSeries
from shared.contracts.offer_handler import Terms
from shared.contracts.ticket_sync import (
    CompletionSnapshot,
    Deduction,
    OutsourcingCompleted,
    SnapshotCharge,
    SnapshotTime,
)
from shared.contracts.values import Payload
from shared.ids import new_id
from shared.messaging.outcomes import Message
from shared.money import price_of

LEAD, SERVICE, STRANGER = "nordlicht", "alpenwerk", "elbtal"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
OUTSOURCING = UUID("01935e7a-4c00-7000-8000-0000000000c1")
SERIES = NumberSeries(SERVICE, 2026, 0)


def settings(
    instance: str, country: str, vat_id: str | None = None, tax_rate: str = "20", **more: Any
) -> BillingSettings:
    fields: dict[str, Any] = {
        "legal_name": f"{instance} GmbH",
        "address": ("Hauptplatz 1", "1010 Ort"),
        "number_prefix": "AW-",
        "payment_days": 30,
    }
    return BillingSettings(
        instance=instance, country=country, vat_id=vat_id, tax_rate=Decimal(tax_rate), **{**fields, **more}
    )


GERMAN_LEAD = settings(LEAD, "DE", "DE136695976", "19")
GERMAN_SERVICE = settings(SERVICE, "DE", "DE129274202", "19")
AUSTRIAN_SERVICE = settings(SERVICE, "AT", "ATU13585627", "20")
SWISS_SERVICE = settings(SERVICE, "CH", None, "8.1")


def terms(**more: Any) -> Terms:
    agreed = {"mode": "hourly", "currency": "EUR", "hourly_rate": Decimal("95.00"), "respond_by": NOW}
    return Terms.model_validate({**agreed, **more})


def flat(fee: str, currency: str = "EUR") -> Terms:
    return Terms(mode="flat", currency=currency, flat_fee=Decimal(fee), respond_by=NOW)


def time(hours: str, *, billable: bool = True) -> SnapshotTime:
    return SnapshotTime(
        entry_id=new_id(),
        version=1,
        work_on=date(2026, 3, 1),
        hours=Decimal(hours),
        role="engineer",
        billable=billable,
        author="L. Gruber",
        text="on site",
    )


def charge(quantity: str, unit_price: str, *, billable: bool = True) -> SnapshotCharge:
    return SnapshotCharge(
        entry_id=new_id(),
        version=1,
        name="Cable",
        quantity=Decimal(quantity),
        unit_price=Decimal(unit_price),
        amount=price_of(Decimal(quantity), Decimal(unit_price), "EUR"),
        billable=billable,
    )


def deduction(amount: str, reason: str = "agreed on the phone") -> Deduction:
    return Deduction(reason=reason, amount=Decimal(amount))


def completed(
    by: Terms,
    *work: SnapshotTime | SnapshotCharge | Deduction,
    outsourcing_id: UUID = OUTSOURCING,
    nothing: bool = False,
    forced: bool = False,
) -> OutsourcingCompleted:
    """Work that was approved, or ended by force; `nothing` where nothing is billed."""
    snapshot = CompletionSnapshot(
        snapshot_id=new_id(),
        time=tuple(one for one in work if isinstance(one, SnapshotTime)),
        charges=tuple(one for one in work if isinstance(one, SnapshotCharge)),
        deductions=tuple(one for one in work if isinstance(one, Deduction)),
        hours=Decimal(0),
        charge_total=Decimal(0),
        currency=by.currency,
    )
    return OutsourcingCompleted(
        outsourcing_id=outsourcing_id,
        lead=LEAD,
        service=SERVICE,
        lead_number="NL-1",
        service_number="AW-1",
        title="Switch drops its uplink",
        organization="Nordlicht",
        terms=by,
        snapshot=None if nothing else snapshot,
        forced=forced,
        completed_at=NOW,
        completed_by="k.sommer",
    )


def message_of(data: Payload, sender: str = "tandem/ticket_sync") -> Message[Any]:
    return Message(new_id(), f"/{sender}", sender, data.kind, str(OUTSOURCING), NOW, data, NOW, new_id())
