"""Offers: tickets, terms, rounds and what becomes of them, everything up to acceptance."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from shared.contracts.offer_handler.terms import Terms
from shared.contracts.values import (
    AboutOutsourcing,
    Command,
    Delivery,
    Email,
    Event,
    Flag,
    Instant,
    Line,
    LongText,
    OnBehalf,
    Reason,
    ShortText,
    Slug,
    Value,
    each_once,
)


class Customer(Value):
    """Who the work is for; disclosed to the service partner only after acceptance."""

    company: ShortText | None = None
    contact: ShortText | None = None
    email: Email | None = None
    phone: ShortText | None = None
    address: LongText = ""


class OfferedTicket(Value):
    """A ticket as the service partner may see it before acceptance."""

    number: ShortText = Field(description="the lead's own ticket number")
    title: Line
    description: LongText = ""
    priority: ShortText | None = None
    due_at: Instant | None = None
    place: Line | None = None
    skill: ShortText | None = None


class Ticket(OfferedTicket):
    """A ticket with what is disclosed after acceptance."""

    customer: Customer | None = None

    def as_offered(self) -> OfferedTicket:
        """The ticket without anything about the customer."""
        return OfferedTicket.model_validate(self.model_dump(exclude={"customer"}))


Mode = Literal["all_at_once", "one_after_another"]


class PartnerOffer(Value):
    """One partner of a round; the outsourcing's id is the lead's choice."""

    partnership_id: UUID
    outsourcing_id: UUID


class OfferSend(Command):
    """The lead offers a ticket: one round, to one partner or several.

    All at once: the first acceptance wins. One after another: the next is asked when the one before declines or does
    not answer in time; each has as long as there is between the send and `respond_by`.
    """

    kind: ClassVar[str] = "tandem.offer.send.v1"

    round_id: UUID
    mode: Mode = "all_at_once"
    offers: Annotated[
        tuple[PartnerOffer, ...],
        Field(min_length=1, max_length=100),
        each_once("partnership_id"),
        each_once("outsourcing_id"),
    ]
    ticket: Ticket
    terms: Terms
    derived_from: UUID | None = Field(
        default=None,
        description="the outsourcing that the sender holds as service partner and passes on; told to nobody",
    )

    @field_validator("offers")
    @classmethod
    def _each_under_an_id_of_its_own(
        cls, offers: tuple[PartnerOffer, ...], told: ValidationInfo
    ) -> tuple[PartnerOffer, ...]:
        """History tells by its id what one message did to a round, to a partnership and to each outsourcing."""
        others = {told.data.get("round_id"), *(offer.partnership_id for offer in offers)}
        if any(offer.outsourcing_id in others for offer in offers):
            raise PydanticCustomError("taken", "must give each outsourcing another id than its round and partnership")
        return offers

    def subject_of(self) -> str:
        return str(self.round_id)


class OfferCancel(AboutOutsourcing):
    """The lead takes an offer back before it is answered."""

    kind: ClassVar[str] = "tandem.offer.cancel.v1"

    reason: Reason | None = None
    whole_round: Flag = Field(default=False, description="take back every open offer of its round")


class OfferAccept(AboutOutsourcing, OnBehalf):
    """The service partner takes the work; on the first ticket of a lead it names its organization mapping."""

    kind: ClassVar[str] = "tandem.offer.accept.v1"

    organization: ShortText | None = None


class OfferDecline(AboutOutsourcing, OnBehalf):
    """The service partner does not take the work."""

    kind: ClassVar[str] = "tandem.offer.decline.v1"

    reason: Reason | None = None


class OfferSent(Delivery):
    """The lead's offer is on its way."""

    kind: ClassVar[str] = "tandem.offer.sent.v1"

    round_id: UUID
    outsourcing_id: UUID
    partner: Slug
    ticket_number: str
    respond_by: Instant
    state: Literal["offered"] = "offered"


class OfferReceived(Delivery):
    """A lead offers work to this service partner; the customer is not named yet."""

    kind: ClassVar[str] = "tandem.offer.received.v1"

    outsourcing_id: UUID
    partnership_id: UUID
    lead: Slug
    ticket: OfferedTicket
    terms: Terms
    needs_organization: bool = Field(description="whether the acceptance must name the organization mapping")
    state: Literal["offered"] = "offered"


class OfferAccepted(Delivery):
    """The offer was accepted; told to both sides."""

    kind: ClassVar[str] = "tandem.offer.accepted.v1"

    outsourcing_id: UUID
    ticket_number: str
    accepted_at: Instant
    accepted_by: str
    late_by_seconds: int | None = Field(default=None, description="set where the answer came after respond_by")
    state: Literal["accepted"] = "accepted"


class OfferDeclined(Delivery):
    """The offer was declined; told to both sides."""

    kind: ClassVar[str] = "tandem.offer.declined.v1"

    outsourcing_id: UUID
    ticket_number: str
    reason: str | None = None
    declined_at: Instant
    state: Literal["declined"] = "declined"


class OfferCancelled(Delivery):
    """The offer was taken back; told to both sides."""

    kind: ClassVar[str] = "tandem.offer.cancelled.v1"

    outsourcing_id: UUID
    ticket_number: str
    reason: str | None = None
    cancelled_at: Instant
    state: Literal["cancelled"] = "cancelled"


class OfferExpired(Delivery):
    """Nobody answered in time; told to both sides."""

    kind: ClassVar[str] = "tandem.offer.expired.v1"

    outsourcing_id: UUID
    ticket_number: str
    expired_at: Instant
    state: Literal["expired"] = "expired"


class OfferReminded(Delivery):
    """An offer still waits for its answer: half of the time is over, or all but the last hour."""

    kind: ClassVar[str] = "tandem.offer.reminded.v1"

    outsourcing_id: UUID
    ticket_number: str
    respond_by: Instant
    state: Literal["offered"] = "offered"


class RoundClosed(Delivery):
    """Of several partners nobody took the work, and nobody is asked any more: the ticket is free again."""

    kind: ClassVar[str] = "tandem.round.closed.v1"

    round_id: UUID
    ticket_number: str
    state: Literal["closed"] = "closed"


class OutsourcingOffered(Event):
    """An offer went out to a service partner."""

    kind: ClassVar[str] = "tandem.outsourcing.offered.v1"

    outsourcing_id: UUID
    lead: Slug
    service: Slug
    ticket: OfferedTicket
    terms: Terms
    needs_organization: bool = Field(description="whether the acceptance must name the organization mapping")


class OutsourcingAccepted(Event):
    """Acceptance: from here on ticket_sync is the authority. Carries all that opens a link."""

    kind: ClassVar[str] = "tandem.outsourcing.accepted.v1"

    outsourcing_id: UUID
    partnership_id: UUID
    lead: Slug
    service: Slug
    ticket: Ticket
    terms: Terms
    organization: str
    accepted_at: Instant
    accepted_by: str
    late_by_seconds: int | None = None
    derived_from: UUID | None = None


class OutsourcingAbandoned(Event):
    """The partnership of accepted work was ended by force: the work is to be completed as it stands."""

    kind: ClassVar[str] = "tandem.outsourcing.abandoned.v1"

    outsourcing_id: UUID
    lead: Slug
    service: Slug
    reason: str | None = None
    actor: str


class OutsourcingClosed(Event):
    """An offer ended without acceptance."""

    outsourcing_id: UUID
    lead: Slug
    service: Slug
    ticket_number: str
    title: str


class OutsourcingDeclined(OutsourcingClosed):
    """The service partner does not take the work."""

    kind: ClassVar[str] = "tandem.outsourcing.declined.v1"

    reason: str | None = None


class OutsourcingCancelled(OutsourcingClosed):
    """The lead took the offer back."""

    kind: ClassVar[str] = "tandem.outsourcing.cancelled.v1"

    reason: str | None = None


class OutsourcingExpired(OutsourcingClosed):
    """Nobody answered in time."""

    kind: ClassVar[str] = "tandem.outsourcing.expired.v1"


class OutsourcingReminded(Event):
    """An offer still waits for its answer."""

    kind: ClassVar[str] = "tandem.outsourcing.reminded.v1"

    outsourcing_id: UUID
    lead: Slug
    service: Slug
    ticket: OfferedTicket
    terms: Terms


class DeadlinePassed(Event):
    """A reminder or the end of the time to answer; told to the offer handler itself, in the queue of the answers."""

    kind: ClassVar[str] = "tandem.deadline.passed.v1"

    outsourcing_id: UUID
    due_at: Instant
