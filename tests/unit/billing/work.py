"""Completed work of every sort, and the parties it is between."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.billing.domain import Bill, BillingSettings, Invoice
from services.billing.handlers import HANDLERS
from shared.contracts import billing as wire
from shared.contracts.billing import BillingData
from shared.contracts.catalog import name_of
from shared.contracts.offer_handler import Terms
from shared.contracts.ticket_sync import (
    CompletionSnapshot,
    Deduction,
    OutsourcingCompleted,
    OutsourcingHandedBack,
    SnapshotCharge,
    SnapshotTime,
)
from shared.contracts.values import Command
from shared.ids import new_id
from shared.messaging.outcomes import Decision, NotYet, Refused
from shared.money import price_of
from tests.unit.memory import Memory

Work = SnapshotTime | SnapshotCharge | Deduction

LEAD, SERVICE, STRANGER = "nordlicht", "alpenwerk", "elbtal"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
OUTSOURCING = UUID("01935e7a-4c00-7000-8000-0000000000c1")


def settings(
    instance: str, country: str, vat_id: str | None = None, tax_rate: str = "20", **more: Any
) -> BillingSettings:
    fields: dict[str, Any] = {
        "legal_name": f"{instance} GmbH",
        "address": ("Hauptplatz 1",),
        "post_code": "1010",
        "city": "Ort",
        "country": country,
        "vat_id": vat_id,
        "tax_rate": tax_rate,
        "number_pattern": "AW-{year}-{counter:5}",
    }
    return BillingSettings(instance, BillingData.model_validate({**fields, **more}))


def with_data(known: BillingSettings, **more: Any) -> BillingSettings:
    """The same instance with other data."""
    return BillingSettings(known.instance, BillingData.model_validate({**known.data.model_dump(), **more}))


def agreeing(known: BillingSettings, **agreed: Any) -> BillingSettings:
    """The same instance with this agreed on with every lead."""
    return with_data(known, partners=[agreed])


GERMAN_LEAD = settings(LEAD, "DE", "DE136695976", "19")
GERMAN_SERVICE = settings(SERVICE, "DE", "DE129274202", "19")
AUSTRIAN_SERVICE = settings(SERVICE, "AT", "ATU13585627", "20")
SWISS_SERVICE = settings(SERVICE, "CH", None, "8.1", tax_number="CHE-109.322.551 MWST")


def terms(**more: Any) -> Terms:
    agreed = {"mode": "hourly", "currency": "EUR", "hourly_rate": Decimal("95.00"), "respond_by": NOW}
    return Terms.model_validate({**agreed, **more})


def flat(fee: str, currency: str = "EUR") -> Terms:
    return Terms(mode="flat", currency=currency, flat_fee=Decimal(fee), respond_by=NOW)


# No invoice after EN 16931 can be in a currency with three decimals; no offer is taken in one.
DINARS = terms(hourly_rate="95.005").model_copy(update={"currency": "KWD"})


def time(hours: str, *, billable: bool = True, role: str = "engineer", work_type: str | None = None) -> SnapshotTime:
    return SnapshotTime(
        entry_id=new_id(),
        version=1,
        work_on=date(2026, 3, 1),
        hours=Decimal(hours),
        role=role,
        work_type=work_type,
        billable=billable,
        author="L. Gruber",
        text="on site",
    )


def charge(quantity: str, unit_price: str, *, billable: bool = True, work_type: str | None = None) -> SnapshotCharge:
    return SnapshotCharge(
        entry_id=new_id(),
        version=1,
        name="Cable",
        work_type=work_type,
        quantity=Decimal(quantity),
        unit_price=Decimal(unit_price),
        amount=price_of(Decimal(quantity), Decimal(unit_price), "EUR"),
        billable=billable,
    )


def deduction(amount: str, reason: str = "agreed on the phone", *, work_type: str | None = None) -> Deduction:
    return Deduction(reason=reason, amount=Decimal(amount), work_type=work_type)


def completed(
    by: Terms,
    *work: Work,
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


def returned(by: Terms, *work: Work) -> OutsourcingHandedBack:
    """A ticket that came back with this work on it."""
    done = completed(by, *work)
    return OutsourcingHandedBack(
        **done.model_dump(include=set(OutsourcingHandedBack.model_fields)),
        reason="no licence",
        returned_by="l.gruber",
        returned_at=NOW,
        entries=len(work),
        hours=Decimal(0),
        charge_total=Decimal(0),
        currency=by.currency,
    )


class Billing(Memory):
    """All that billing keeps, and everything that was told so far."""

    def __init__(self, *settings: BillingSettings) -> None:
        super().__init__(HANDLERS, NOW)
        for one in settings:
            self.keep(one)

    def complete(self, by: Terms, *work: Work, **more: Any) -> Decision:
        return self.say("tandem/ticket_sync", completed(by, *work, **more))

    def ask(self, sender: str, model: type[Command], **fields: Any) -> Decision:
        """A command about the outsourcing, unless it is about something else."""
        about = {"outsourcing_id": OUTSOURCING} if "outsourcing_id" in model.model_fields else {}
        return self.say(sender, model.model_validate({"actor": "m.huber", **about, **fields}))

    def problem(self, sender: str, model: type[Command], **fields: Any) -> str:
        """What it is refused with; nothing was changed or told by it."""
        before = ({table: dict(values) for table, values in self.values.items()}, list(self.told))
        refused = self.ask(sender, model, **fields)
        assert isinstance(refused, Refused | NotYet)
        assert ({table: dict(values) for table, values in self.values.items()}, self.told) == before
        return refused.problem

    @property
    def bill(self) -> Bill:
        [bill] = (one for one in self.all_of(Bill) if one.outsourcing_id == OUTSOURCING)
        assert isinstance(bill, Bill)
        return bill

    @property
    def states(self) -> list[str]:
        return [item.state for item in self.bill.items]

    @property
    def documents(self) -> list[wire.Invoice]:
        """Invoices and credit notes in the order in which they were issued."""
        return [one.document for one in self.all_of(Invoice)]

    def heard(self, slug: str) -> list[str]:
        """The names of all that was told to one side."""
        return [name_of(fact.kind) for fact in self.told_to(slug)]
