"""One lead and one service partner played by the rules alone: commands in, decisions out, values kept between them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.offer_handler.handlers import HANDLERS
from shared.contracts.offer_handler import (
    AgreementAccept,
    Customer,
    DeadlinePassed,
    OfferAccept,
    OfferCancel,
    OfferDecline,
    OfferSend,
    PartnerOffer,
    PartnershipAccept,
    PartnershipInvite,
    Terms,
    Ticket,
)
from shared.contracts.ticket_sync import OutsourcingCompleted
from shared.contracts.values import Command, Payload
from shared.ids import new_id
from shared.messaging.outcomes import Changed, Decision, Deliver, Message
from shared.messaging.routes import Collection, Need, Table

LEAD, SERVICE, STRANGER = "nordlicht", "alpenwerk", "elbtal"
OFFER_HANDLER = "tandem/offer_handler"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
RESPOND_BY = NOW + timedelta(hours=4)
PARTNERSHIP = UUID("01935e7a-4c00-7000-8000-0000000000a1")
OUTSOURCING = UUID("01935e7a-4c00-7000-8000-0000000000c1")
CUSTOMER = Customer(
    company="Hotel Post", contact="Ines Hofer", email="ines@example.com", phone="+43 512 0000", address="Dorf 1"
)


@dataclass
class Play:
    """What the offer handler keeps, as a dictionary a table, and the clock."""

    now: datetime = NOW
    values: dict[Table, dict[Any, Any]] = field(default_factory=lambda: {table: {} for table in HANDLERS.tables})
    told: list[Deliver] = field(default_factory=list)

    def say(self, sender: str, data: Payload) -> Decision:
        """Decide one message and keep what it changed."""
        subject = (
            data.subject_of() if isinstance(data, Command) else str(getattr(data, "outsourcing_id", ""))
        ) or sender
        source = f"/{sender}" if sender.startswith("tandem/") else f"/instances/{sender}"
        message = Message(new_id(), source, sender, data.kind, subject, self.now, data, self.now, new_id())
        route = HANDLERS.routes[data.kind]
        decision = route.decide(*(self._needed(need, message) for need in route.needs), message)
        if isinstance(decision, Changed):
            for value in decision.values:
                table = next(table for table in HANDLERS.tables if table.type is type(value))
                self.values[table][table.key(value)] = value
            self.told += [tell for tell in decision.tell if isinstance(tell, Deliver)]
        return decision

    @property
    def state(self) -> str:
        """Of the one outsourcing."""
        table = next(table for table in HANDLERS.tables if table.type.__name__ == "Outsourcing")
        return str(self.values[table][OUTSOURCING].state)

    def _needed(self, need: Need, message: Message[Any]) -> Any:
        teller: Any = message if need.via is None else self._needed(need.via, message)
        key = None if teller is None else need.key(teller)
        values = self.values[need.table]
        if isinstance(need.of, Collection):
            return tuple(value for value in values.values() if key in need.of.groups(value))
        return values.get(key)


def partners(**invitation: Any) -> Play:
    """A play in which the two are partners already."""
    play = Play()
    play.say(LEAD, AgreementAccept(actor="k.sommer", version="2026-01"))
    play.say(LEAD, invite(**invitation))
    play.say(SERVICE, PartnershipAccept(actor="l.gruber", partnership_id=PARTNERSHIP))
    return play


def offered(**terms: Any) -> Play:
    """A play in which an offer is open."""
    play = partners()
    play.say(LEAD, send(**terms))
    return play


def invite(partner: str = SERVICE, id: UUID = PARTNERSHIP) -> PartnershipInvite:
    return PartnershipInvite(actor="k.sommer", partnership_id=id, partner=partner, recipient="partner@example.com")


def send(number: str = "NL-1", id: UUID = OUTSOURCING, partnership_id: UUID = PARTNERSHIP, **terms: Any) -> OfferSend:
    agreed = {"mode": "hourly", "currency": "EUR", "hourly_rate": Decimal("95.00"), "respond_by": RESPOND_BY}
    return OfferSend(
        actor="k.sommer",
        round_id=new_id(),
        offers=(PartnerOffer(partnership_id=partnership_id, outsourcing_id=id),),
        ticket=Ticket(number=number, title="Switch drops its uplink", customer=CUSTOMER),
        terms=Terms.model_validate({**agreed, **terms}),
    )


def accept(organization: str | None = "Nordlicht IT GmbH") -> OfferAccept:
    return OfferAccept(actor="l.gruber", outsourcing_id=OUTSOURCING, organization=organization)


def decline() -> OfferDecline:
    return OfferDecline(actor="l.gruber", outsourcing_id=OUTSOURCING, reason="no van")


def cancel() -> OfferCancel:
    return OfferCancel(actor="k.sommer", outsourcing_id=OUTSOURCING, reason="done by ourselves")


def deadline() -> DeadlinePassed:
    return DeadlinePassed(outsourcing_id=OUTSOURCING, due_at=RESPOND_BY)


def completed() -> OutsourcingCompleted:
    return OutsourcingCompleted(
        outsourcing_id=OUTSOURCING,
        lead=LEAD,
        service=SERVICE,
        lead_number="NL-1",
        service_number="A-1",
        title="Switch drops its uplink",
        organization="Nordlicht IT GmbH",
        terms=Terms(mode="hourly", currency="EUR", hourly_rate=Decimal("95.00"), respond_by=RESPOND_BY),
        completed_at=NOW,
        completed_by="k.sommer",
    )
