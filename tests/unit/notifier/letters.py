"""Every e-mail there is, as it comes out of the rules: events of one made-up ticket, and the letters they lead to."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any, TypeVar
from uuid import UUID

from services.notifier import domain
from services.notifier.domain import Letter, Notification
from services.notifier.texts import mail_of
from shared.contracts.offer_handler import (
    Customer,
    Instance,
    OfferedTicket,
    OutsourcingAccepted,
    OutsourcingOffered,
    Terms,
    Ticket,
)
from shared.contracts.ticket_sync import CompletionSnapshot, Deduction, OutsourcingCompleted, OutsourcingRejected
from shared.contracts.values import Event
from shared.messaging.outcomes import Changed, Message

E = TypeVar("E", bound=Event)

SENDER = Address("Tandem", "tandem", "tandem.example")
LANGUAGES = ("de", "en")
NAMES = {"nordlicht": "Nordlicht IT GmbH", "alpenwerk": "Alpenwerk Systems"}
READERS = tuple(
    Instance(slug=slug, name=name, language="de", email=f"service@{slug}.example") for slug, name in NAMES.items()
)
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


def message_of(event: E, id: UUID = EVENT_ID) -> Message[E]:
    """The event as a rule gets it."""
    return Message(
        id=id,
        source="/tandem/ticket_sync",
        sender="tandem/ticket_sync",
        kind=event.kind,
        subject=str(OUTSOURCING_ID),
        time=NOW,
        data=event,
        now=NOW,
        fresh_id=UUID("0193fe00-0000-7000-8000-0000000000ff"),
    )


def told_of(event: Event, id: UUID = EVENT_ID) -> list[Notification]:
    """What is told of an event that is new, and to whom."""
    rules: dict[type[Event], Callable[..., Any]] = {
        OutsourcingOffered: lambda m: domain.tell_of_offer(None, READERS, m),
        OutsourcingAccepted: lambda m: domain.tell_of_acceptance(None, READERS, m),
        OutsourcingRejected: lambda m: domain.tell_of_rejection(None, READERS, m),
        OutsourcingCompleted: lambda m: domain.tell_of_completion(None, None, READERS, m),
    }
    decision = rules[type(event)](message_of(event, id))
    assert isinstance(decision, Changed)
    return list(decision.values)


def letter_to(recipient: str, event: Event, language: str, id: UUID = EVENT_ID) -> Letter:
    """The letter that one recipient gets of an event, in that language."""
    (notification,) = [one for one in told_of(event, id) if one.recipient == recipient]
    return Letter(
        notification=notification,
        language=language,
        address=f"service@{recipient}.example",
        recipient_name=NAMES.get(recipient, recipient),
        partner_name=NAMES.get(notification.partner, notification.partner),
        attempts=1,
        created_at=NOW,
    )


SAMPLES: dict[str, tuple[str, Event]] = {
    "offered": ("alpenwerk", OFFERED),
    "offered-briefly": ("alpenwerk", OFFERED_BRIEFLY),
    "accepted": ("nordlicht", ACCEPTED),
    "accepted-late": ("nordlicht", ACCEPTED_LATE),
    "rejected": ("alpenwerk", REJECTED),
    "rejected-undated": ("alpenwerk", REJECTED_UNDATED),
    "approved-lead": ("nordlicht", APPROVED),
    "approved-service": ("alpenwerk", APPROVED),
    "forced-lead": ("nordlicht", FORCED),
    "forced-service": ("alpenwerk", FORCED),
    "forced-unstarted-lead": ("nordlicht", FORCED_UNSTARTED),
    "forced-unstarted-service": ("alpenwerk", FORCED_UNSTARTED),
}


def sample(name: str, language: str) -> EmailMessage:
    """The e-mail of that name in that language."""
    recipient, event = SAMPLES[name]
    return mail_of(letter_to(recipient, event, language), SENDER)


def plain_of(mail: EmailMessage) -> str:
    return _part(mail, "plain")


def html_of(mail: EmailMessage) -> str:
    return _part(mail, "html")


def _part(mail: EmailMessage, subtype: str) -> str:
    part = mail.get_body((subtype,))
    assert isinstance(part, EmailMessage)
    text: str = part.get_content()
    return text
