"""A lead and its service partners played by the rules alone."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid5

from services.offer_handler.domain.agreements import CurrentVersion
from services.offer_handler.domain.partnerships import Partnership
from services.offer_handler.domain.rounds import Outsourcing, Round
from services.offer_handler.handlers import HANDLERS
from shared.contracts.offer_handler import (
    AgreementAccept,
    Customer,
    DeadlinePassed,
    InvitationRanOut,
    OfferAccept,
    OfferCancel,
    OfferDecline,
    OfferSend,
    PartnerOffer,
    PartnershipAccept,
    PartnershipDecline,
    PartnershipEnd,
    PartnershipInvite,
    PartnershipMap,
    PartnershipResend,
    PartnershipRevoke,
    Terms,
    Ticket,
)
from shared.contracts.ticket_sync import OutsourcingCompleted, OutsourcingHandedBack
from shared.ids import new_id
from shared.messaging.outcomes import Decision
from tests.unit.memory import Memory

LEAD, SERVICE, STRANGER = "nordlicht", "alpenwerk", "elbtal"
VERSION = "2026-01"
OTHERS = ("rheintal", "ostsee")
OFFER_HANDLER, TICKET_SYNC = "tandem/offer_handler", "tandem/ticket_sync"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
RESPOND_BY = NOW + timedelta(hours=4)
PARTNERSHIP = UUID("01935e7a-4c00-7000-8000-0000000000a1")
OUTSOURCING = UUID("01935e7a-4c00-7000-8000-0000000000c1")
CUSTOMER = Customer(
    company="Hotel Post", contact="Ines Hofer", email="ines@example.com", phone="+43 512 0000", address="Dorf 1"
)


class Play(Memory):
    """What the offer handler keeps, and the clock."""

    def __init__(self) -> None:
        super().__init__(HANDLERS, NOW)
        self.keep(CurrentVersion(VERSION))

    @property
    def rounds(self) -> list[Round]:
        return self.all_of(Round)

    @property
    def outsourcings(self) -> list[Outsourcing]:
        return [one for round in self.rounds for one in round.outsourcings]

    @property
    def states(self) -> list[str]:
        """Of every outsourcing, in the order in which they were sent."""
        return [one.state.value for one in self.outsourcings]

    def find(self, id: UUID) -> Outsourcing | None:
        return next((one for one in self.outsourcings if one.outsourcing_id == id), None)

    def partner_with(self, *slugs: str) -> "Play":
        """These accept an invitation and have named their organization mapping."""
        for slug in slugs:
            id = partnership_with(slug)
            self.say(LEAD, invite(slug, id))
            self.say(slug, join(id, organization="Nordlicht IT GmbH"))
        return self

    def partnership(self, slug: str) -> Partnership:
        found: Partnership = next(one for one in self.all_of(Partnership) if one.service == slug)
        return found

    def let_time_pass(self) -> None:
        """The next reminder or deadline falls due, and its message is decided."""
        due = min((one for one in self.outsourcings if one.next_due_at), key=lambda one: one.next_due_at or NOW)
        assert due.next_due_at is not None
        self.now = max(self.now, due.next_due_at)
        self.claim(due.outsourcing_id)
        self.say(OFFER_HANDLER, DeadlinePassed(outsourcing_id=due.outsourcing_id, due_at=due.next_due_at))

    def run_out(self, id: UUID = PARTNERSHIP) -> Decision:
        """The time to answer an invitation is over, and its message is decided."""
        lapses_at = next(one.lapses_at for one in self.all_of(Partnership) if one.partnership_id == id)
        self.now = max(self.now, lapses_at)
        return self.say(OFFER_HANDLER, InvitationRanOut(partnership_id=id, lapses_at=lapses_at))

    def claim(self, id: UUID) -> None:
        """What the poller does when it tells that something has fallen due."""
        for round in self.rounds:
            for one in round.outsourcings:
                if one.outsourcing_id == id:
                    self.keep(round.with_(replace(one, next_due_at=None)))


def partners(*slugs: str) -> Play:
    """A play in which the lead has these partners already; or one that has not named its organization mapping yet."""
    play = Play()
    play.say(LEAD, agree())
    if slugs:
        return play.partner_with(*slugs)
    play.say(LEAD, invite())
    play.say(SERVICE, join())
    return play


def invited(**more: Any) -> Play:
    """A play in which an invitation is open."""
    play = Play()
    play.say(LEAD, agree())
    play.say(LEAD, invite(**more))
    return play


def offered(**terms: Any) -> Play:
    """A play in which an offer is open."""
    play = partners()
    play.say(LEAD, send(**terms))
    return play


def partnership_with(slug: str) -> UUID:
    """The same id for the same partner."""
    return PARTNERSHIP if slug == SERVICE else uuid5(PARTNERSHIP, slug)


def agree(version: str = VERSION) -> AgreementAccept:
    return AgreementAccept(actor="k.sommer", version=version)


def invite(partner: str | None = SERVICE, id: UUID = PARTNERSHIP, **more: Any) -> PartnershipInvite:
    asked = {"partner": partner, "recipient": f"{partner or 'partner'}@example.com", **more}
    return PartnershipInvite(actor="k.sommer", partnership_id=id, **asked)


def resend(id: UUID = PARTNERSHIP, **corrected: Any) -> PartnershipResend:
    return PartnershipResend(actor="k.sommer", partnership_id=id, **corrected)


def revoke(id: UUID = PARTNERSHIP) -> PartnershipRevoke:
    return PartnershipRevoke(actor="k.sommer", partnership_id=id)


def join(id: UUID = PARTNERSHIP, **more: Any) -> PartnershipAccept:
    return PartnershipAccept(actor="l.gruber", partnership_id=id, **more)


def refuse(id: UUID = PARTNERSHIP, reason: str | None = "too far away") -> PartnershipDecline:
    return PartnershipDecline(actor="l.gruber", partnership_id=id, reason=reason)


def assign(organization: str = "Nordlicht, Hamburg", id: UUID = PARTNERSHIP) -> PartnershipMap:
    return PartnershipMap(actor="l.gruber", partnership_id=id, organization=organization)


def end(id: UUID = PARTNERSHIP) -> PartnershipEnd:
    return PartnershipEnd(actor="k.sommer", partnership_id=id)


def send(number: str = "NL-1", id: UUID = OUTSOURCING, partnership_id: UUID = PARTNERSHIP, **terms: Any) -> OfferSend:
    agreed = {"mode": "hourly", "currency": "EUR", "hourly_rate": Decimal("95.00"), "respond_by": RESPOND_BY}
    return OfferSend(
        actor="k.sommer",
        round_id=new_id(),
        offers=(PartnerOffer(partnership_id=partnership_id, outsourcing_id=id),),
        ticket=Ticket(number=number, title="Switch drops its uplink", customer=CUSTOMER),
        terms=Terms.model_validate({**agreed, **terms}),
    )


def send_to(
    *slugs: str,
    mode: str = "all_at_once",
    number: str = "NL-1",
    partnership_ids: Mapping[str, UUID] = MappingProxyType({}),
    **terms: Any,
) -> OfferSend:
    """A round to several partners; under their usual partnerships, or under those that are given."""
    ids = [partnership_ids.get(slug, partnership_with(slug)) for slug in slugs]
    offers = tuple(PartnerOffer(partnership_id=id, outsourcing_id=new_id()) for id in ids)
    return send(number, **terms).model_copy(update={"offers": offers, "mode": mode})


def accept(organization: str | None = "Nordlicht IT GmbH", id: UUID = OUTSOURCING) -> OfferAccept:
    return OfferAccept(actor="l.gruber", outsourcing_id=id, organization=organization)


def decline(id: UUID = OUTSOURCING) -> OfferDecline:
    return OfferDecline(actor="l.gruber", outsourcing_id=id, reason="no van")


def cancel(id: UUID = OUTSOURCING, *, whole_round: bool = False) -> OfferCancel:
    return OfferCancel(actor="k.sommer", outsourcing_id=id, reason="done by ourselves", whole_round=whole_round)


def deadline(id: UUID = OUTSOURCING, due_at: datetime = RESPOND_BY) -> DeadlinePassed:
    return DeadlinePassed(outsourcing_id=id, due_at=due_at)


def completed(id: UUID = OUTSOURCING) -> OutsourcingCompleted:
    return OutsourcingCompleted(
        outsourcing_id=id,
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


def handed_back(id: UUID = OUTSOURCING) -> OutsourcingHandedBack:
    return OutsourcingHandedBack(
        outsourcing_id=id,
        lead=LEAD,
        service=SERVICE,
        lead_number="NL-1",
        service_number="A-1",
        title="Switch drops its uplink",
        reason="no licence for it",
        returned_by="l.gruber",
        returned_at=NOW,
        entries=0,
        hours=Decimal(0),
        charge_total=Decimal(0),
        currency="EUR",
        organization="Nordlicht IT GmbH",
        terms=Terms(mode="hourly", currency="EUR", hourly_rate=Decimal("95.00"), respond_by=RESPOND_BY),
    )
