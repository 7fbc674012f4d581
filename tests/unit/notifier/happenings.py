"""What happens to one made-up ticket: every event that leads to an e-mail."""

from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import TypeVar
from uuid import UUID

from services.notifier.domain.notifications import LARGEST_ATTACHED_BYTES
from shared.contracts.billing import InvoiceFile, InvoiceRendered, InvoiceWritten
from shared.contracts.offer_handler import (
    Customer,
    InvitationAccepted,
    InvitationDeclined,
    InvitationLapsed,
    InvitationRevoked,
    InvitationSent,
    OfferedTicket,
    OutsourcingAccepted,
    OutsourcingCancelled,
    OutsourcingDeclined,
    OutsourcingExpired,
    OutsourcingOffered,
    OutsourcingReminded,
    Terms,
    Ticket,
)
from shared.contracts.ticket_sync import (
    CompletionSnapshot,
    Deduction,
    NewsGathered,
    OutsourcingAnswered,
    OutsourcingAsked,
    OutsourcingCapReached,
    OutsourcingCompleted,
    OutsourcingHandedBack,
    OutsourcingRejected,
    OutsourcingSubmitted,
    OutsourcingUnopened,
    OutsourcingWithdrawn,
    SnapshotCharge,
    SnapshotTime,
)
from shared.contracts.values import Event

E = TypeVar("E", bound=Event)

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
OUTSOURCING_ID = UUID("0193fe00-0000-7000-8000-000000000001")
PARTNERSHIP_ID = UUID("0193fe00-0000-7000-8000-000000000002")
SNAPSHOT_ID = UUID("0193fe00-0000-7000-8000-000000000003")
EVENT_ID = UUID("0193fe00-0000-7000-8000-00000000000e")
IDS = (OUTSOURCING_ID, PARTNERSHIP_ID, SNAPSHOT_ID, EVENT_ID)

CUSTOMER = Customer(
    company="Bäckerei Sommer KG",
    contact="Ruth Sommer",
    email="ruth@sommer.example",
    phone="+49 30 5550199",
    address="Lindenallee 7",
)
HOURLY = Terms(
    mode="hourly",
    currency="EUR",
    hourly_rate=Decimal("92.5000"),
    authorized_hours=Decimal("12.50"),
    authorized_charges=Decimal("1250.00"),
    rounding_minutes=15,
    respond_by=datetime(2026, 11, 25, 16, 0, tzinfo=UTC),
    complete_by=datetime(2026, 12, 1, 17, 0, tzinfo=UTC),
    instructions="Bitte zuerst anrufen.\nZugang über den Hof.",
)
FLAT = Terms(mode="flat", currency="CHF", flat_fee=Decimal(1480), respond_by=datetime(2026, 7, 3, 10, 0, tzinfo=UTC))
TICKET = Ticket(
    number="NL-20417",
    title="Druckserver neu aufsetzen <Filiale Süd> & testen",
    description='Der Server startet nicht mehr.\n\nErsatzteile liegen bereit; "Plan B" ist <b>keiner</b>.',
    priority="hoch",
    due_at=datetime(2026, 12, 2, 17, 0, tzinfo=UTC),
    place="Potsdam",
    skill="Windows Server",
    customer=CUSTOMER,
)
SNAPSHOT = CompletionSnapshot(
    snapshot_id=SNAPSHOT_ID,
    summary="Neu aufgesetzt und getestet.",
    time=tuple(
        SnapshotTime(
            entry_id=EVENT_ID,
            version=1,
            work_on=date(2026, 11, 25 + day),
            hours=Decimal("3.7500"),
            billable=True,
            author="Jo Marti",
            text="Neu aufgesetzt\nund getestet",
        )
        for day in range(3)
    ),
    charges=(
        SnapshotCharge(
            entry_id=EVENT_ID,
            version=1,
            name="SSD <2 TB>",
            quantity=Decimal(1),
            unit_price=Decimal("1089.90"),
            amount=Decimal("1089.90"),
            billable=True,
        ),
    ),
    deductions=(Deduction(reason="Kulanz", amount=Decimal(-50)),),
    hours=Decimal("11.25"),
    charge_total=Decimal("1089.90"),
    currency="EUR",
)
REASON = "Das Protokoll des Tests fehlt.\nBitte auch die Seriennummern nachtragen."

OFFERED = OutsourcingOffered(
    outsourcing_id=OUTSOURCING_ID,
    lead="nordlicht",
    service="alpenwerk",
    ticket=TICKET.as_offered(),
    terms=HOURLY,
    needs_organization=True,
)
OFFERED_BRIEFLY = OFFERED.model_copy(
    update={"ticket": OfferedTicket(number="NL-20418", title="Monitor tauschen"), "terms": FLAT}
)
ACCEPTED = OutsourcingAccepted(
    outsourcing_id=OUTSOURCING_ID,
    partnership_id=PARTNERSHIP_ID,
    lead="nordlicht",
    service="alpenwerk",
    ticket=TICKET,
    terms=HOURLY,
    organization="K-1001 Nordlicht",
    accepted_at=datetime(2026, 11, 24, 11, 5, tzinfo=UTC),
    accepted_by="Jo Marti",
)
ACCEPTED_LATE = ACCEPTED.model_copy(update={"late_by_seconds": 185})
REJECTED = OutsourcingRejected(
    outsourcing_id=OUTSOURCING_ID,
    lead="nordlicht",
    service="alpenwerk",
    lead_number="NL-20417",
    service_number="AW-7731",
    title=TICKET.title,
    reason=REASON,
    complete_by=HOURLY.complete_by,
)
REJECTED_UNDATED = REJECTED.model_copy(update={"complete_by": None})
APPROVED = OutsourcingCompleted(
    outsourcing_id=OUTSOURCING_ID,
    lead="nordlicht",
    service="alpenwerk",
    lead_number="NL-20417",
    service_number="AW-7731",
    title=TICKET.title,
    organization="K-1001 Nordlicht",
    terms=HOURLY,
    snapshot=SNAPSHOT,
    completed_at=datetime(2026, 11, 30, 14, 45, tzinfo=UTC),
    completed_by="K. Sommerfeld",
)
FORCED = APPROVED.model_copy(update={"forced": True})
FORCED_UNSTARTED = FORCED.model_copy(update={"snapshot": None, "service_number": None})
REMINDED = OutsourcingReminded.model_validate(OFFERED.model_dump())
BETWEEN = {"outsourcing_id": OUTSOURCING_ID, "lead": "nordlicht", "service": "alpenwerk"}
CLOSED = {**BETWEEN, "ticket_number": "NL-20417", "title": TICKET.title}
LINKED = {**BETWEEN, "lead_number": "NL-20417", "service_number": "AW-7731", "title": TICKET.title}
EXPIRED = OutsourcingExpired.model_validate(CLOSED)
DECLINED = OutsourcingDeclined.model_validate({**CLOSED, "reason": "Bis Freitag ist niemand frei."})
CANCELLED = OutsourcingCancelled.model_validate(CLOSED)
RETURNED = OutsourcingHandedBack.model_validate(
    {
        **LINKED,
        "organization": "K-1001 Nordlicht",
        "terms": HOURLY,
        "reason": REASON,
        "returned_by": "Jo Marti",
        "returned_at": datetime(2026, 11, 26, 8, 0, tzinfo=UTC),
        "entries": 2,
        "hours": Decimal("1.5"),
        "charge_total": Decimal(0),
        "currency": "EUR",
    }
)
UNOPENED = OutsourcingUnopened.model_validate(
    {
        **BETWEEN,
        "lead_number": "NL-20417",
        "title": TICKET.title,
        "accepted_at": ACCEPTED.accepted_at,
        "waiting_hours": 24,
        "lead_told": True,
    }
)
ASKED = OutsourcingAsked.model_validate(
    {
        **LINKED,
        "sender": "nordlicht",
        "text": "Ist <der Server> schon erreichbar?\nDer Kunde fragt.",
        "by": "K. Sommerfeld",
        "at": NOW,
        "state": "in_progress",
    }
)
ANSWERED = OutsourcingAnswered.model_validate(
    {**ASKED.model_dump(), "sender": "alpenwerk", "text": "Ja, seit neun Uhr.", "by": "Jo Marti"}
)
ASKED_BY_SERVICE = OutsourcingAsked.model_validate(
    {**ASKED.model_dump(), "sender": "alpenwerk", "text": "Wo steht <der Drucker>?", "by": "Jo Marti"}
)
ANSWERED_BY_LEAD = OutsourcingAnswered.model_validate({**ASKED.model_dump(), "text": "Im Keller, gleich links."})
SUBMITTED = OutsourcingSubmitted.model_validate({**LINKED, "snapshot": SNAPSHOT})
WITHDRAWN = OutsourcingWithdrawn.model_validate(LINKED)
HOURS_REACHED = OutsourcingCapReached.model_validate(
    {
        **LINKED,
        "cap": "hours",
        "percent": 80,
        "authorized": Decimal("12.5"),
        "reached": Decimal(10),
        "over_cap": "ask",
    }
)
INVOICED = InvoiceWritten(
    document="invoice",
    invoice_id=SNAPSHOT_ID,
    number="AW-2026-00001",
    lead="nordlicht",
    service="alpenwerk",
    organization="K-1001 Nordlicht",
    issued_on=date(2026, 12, 1),
    due_on=date(2026, 12, 31),
    currency="EUR",
    net_total=Decimal("2080.53"),
    tax_total=Decimal(0),
    total=Decimal("2080.53"),
    outsourcing_id=OUTSOURCING_ID,
    lead_number="NL-20417",
    service_number="AW-7731",
    title=TICKET.title,
)
CREDITED = INVOICED.model_copy(
    update={"document": "credit_note", "number": "AW-2026-00002", "cancels_number": "AW-2026-00001"}
)
PDF = b"%PDF-1.7 as good as any"
FILES = (
    InvoiceFile(
        format="xml",
        name="AW-2026-00001.xml",
        media_type="application/xml",
        size=7,
        sha256=sha256(b"<xml/>").hexdigest(),
    ),
    InvoiceFile(
        format="pdf",
        name="AW-2026-00001.pdf",
        media_type="application/pdf",
        size=len(PDF),
        sha256=sha256(PDF).hexdigest(),
    ),
)
INVOICE_RENDERED = InvoiceRendered(
    **INVOICED.model_dump(exclude={"organization"}), files=FILES, rendered_at=datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
)
TOO_LARGE = FILES[1].model_copy(update={"size": LARGEST_ATTACHED_BYTES + 1})
INVOICE_RENDERED_TOO_LARGE = INVOICE_RENDERED.model_copy(update={"files": (TOO_LARGE,)})
CREDIT_RENDERED = InvoiceRendered(
    **CREDITED.model_dump(exclude={"organization"}),
    files=tuple(one.model_copy(update={"name": one.name.replace("00001", "00002")}) for one in FILES),
    rendered_at=datetime(2026, 12, 1, 8, 0, tzinfo=UTC),
)
NEWS = NewsGathered.model_validate(
    {
        **LINKED,
        "writer": "alpenwerk",
        "lines": [
            {"deed": "added", "what": "note", "by": "Jo Marti", "text": "Vor Ort: <Lüfter> getauscht."},
            {
                "deed": "released",
                "what": "time",
                "by": "Jo Marti",
                "text": "Neu aufgesetzt und getestet",
                "on": date(2026, 11, 25),
                "hours": Decimal("3.75"),
            },
            {"deed": "changed", "what": "charge", "by": "Jo Marti", "text": "SSD <2 TB>", "amount": Decimal("1089.9")},
            {"deed": "added", "what": "attachment", "by": "Jo Marti", "text": "protokoll.pdf"},
            {"deed": "removed", "what": "note"},
            {"deed": "changed", "what": "field", "text": "Priorität: hoch"},
        ],
        "count": 23,
        "currency": "EUR",
        "state": "in_progress",
    }
)
NEWS_OF_LEAD = NewsGathered.model_validate(
    {
        **LINKED,
        "writer": "nordlicht",
        "lines": [{"deed": "added", "what": "note", "by": "K. Sommerfeld", "text": "Der Kunde ist ab zehn da."}],
        "count": 1,
        "currency": "EUR",
        "state": "in_progress",
    }
)
INVITEE = "partner@alpenwerk.example"
INVITATION = {
    "partnership_id": PARTNERSHIP_ID,
    "lead": "nordlicht",
    "service": "alpenwerk",
    "recipient": INVITEE,
    "language": "de",
}
INVITED = InvitationSent.model_validate(
    {
        **INVITATION,
        "by_email": False,
        "note": "Wir suchen Hilfe in Tirol.",
        "lapses_at": datetime(2026, 12, 24, 9, 30, tzinfo=UTC),
    }
)
INVITED_BY_LINK = INVITED.model_copy(update={"by_email": True})
INVITATION_ACCEPTED = InvitationAccepted.model_validate({**INVITATION, "accepted_at": NOW, "accepted_by": "Jo Marti"})
INVITATION_DECLINED = InvitationDeclined.model_validate({**INVITATION, "reason": "Wir sind ausgebucht."})
INVITATION_REVOKED = InvitationRevoked.model_validate(INVITATION)
INVITATION_LAPSED = InvitationLapsed.model_validate(INVITATION)
