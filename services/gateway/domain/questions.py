"""Questions: an offer or an invitation that somebody may answer by a button in an e-mail, and what became of it."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal
from uuid import UUID

from shared.contracts.offer_handler import (
    InvitationAccepted,
    InvitationDeclined,
    InvitationLapsed,
    InvitationRevoked,
    InvitationSent,
    OfferAccept,
    OfferDecline,
    OfferedTicket,
    OutsourcingAccepted,
    OutsourcingCancelled,
    OutsourcingDeclined,
    OutsourcingExpired,
    OutsourcingOffered,
    PartnershipAccept,
    PartnershipDecline,
    Terms,
)
from shared.contracts.values import Email, OnBehalf, Payload, Reason, ShortText, Slug, Value
from shared.messaging.outcomes import Changed, Decision, Message, Say, Unchanged

About = Literal["offer", "partnership"]
Answer = Literal["accept", "decline"]
FieldName = Literal["organization", "name", "reason"]

Closed = (
    OutsourcingDeclined
    | OutsourcingCancelled
    | OutsourcingExpired
    | InvitationDeclined
    | InvitationRevoked
    | InvitationLapsed
)


class State(StrEnum):
    """Where a question stands: `sent` once a button was pressed, until it is known what came of it."""

    OPEN = "open"
    SENT = "sent"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


UNDECIDED = (State.OPEN, State.SENT)
# Who lost a round, or was asked by a lead that ended the partnership, reads no more than that it was taken back.
STATE_AFTER: dict[type[Closed], State] = {
    OutsourcingDeclined: State.DECLINED,
    OutsourcingCancelled: State.CANCELLED,
    OutsourcingExpired: State.EXPIRED,
    InvitationDeclined: State.DECLINED,
    InvitationRevoked: State.CANCELLED,
    InvitationLapsed: State.EXPIRED,
}


class Details(Value):
    """What a page shows of a question as long as it is open."""

    ticket: OfferedTicket | None = None
    terms: Terms | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """What a service partner is asked; `id` names the outsourcing or the partnership.

    `recipient` is who alone may answer, where the question went to one address; `details` are forgotten when it is
    decided. `answer`, `answered_by` and `answered_at` are those of the button, and then of what was decided.
    """

    about: About
    id: UUID
    lead: str
    service: str
    recipient: str | None
    title: str
    details: Details | None
    needs_organization: bool
    needs_name: bool
    ends_at: datetime
    state: State = State.OPEN
    answer: Answer | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None

    @property
    def key(self) -> tuple[str, UUID]:
        return self.about, self.id

    def is_put_to(self, instance: str, address: str) -> bool:
        """Whether who reads there for this instance may answer."""
        return instance == self.service and self.recipient in (None, address)

    def may_be_answered(self, at: datetime) -> bool:
        return self.state is State.OPEN and at < self.ends_at

    def needs(self, answer: Answer) -> tuple[FieldName, ...]:
        """What must be said with this answer."""
        if answer == "decline":
            return ()
        return (*(("name",) if self.needs_name else ()), *(("organization",) if self.needs_organization else ()))

    def decided(self, state: State, by: str | None, at: datetime) -> "Question":
        return replace(self, state=state, answered_by=by, answered_at=at, details=None)


class ButtonPressed(Payload):
    """Somebody has pressed the button of a link; what the gateway tells its own inbox."""

    kind: ClassVar[str] = "tandem.button.pressed.v1"

    about: About
    id: UUID
    answer: Answer
    instance: Slug
    address: Email
    organization: ShortText | None = None
    name: ShortText | None = None
    reason: Reason | None = None


def ask_of_offer(known: Question | None, offered: Message[OutsourcingOffered]) -> Decision:
    """The service partner may answer an offer until its time is over."""
    data = offered.data
    if known:
        return Unchanged()
    question = Question(
        about="offer",
        id=data.outsourcing_id,
        lead=data.lead,
        service=data.service,
        recipient=None,
        title=f"{data.ticket.number}: {data.ticket.title}",
        details=Details(ticket=data.ticket, terms=data.terms),
        needs_organization=data.needs_organization,
        needs_name=False,
        ends_at=data.terms.respond_by,
    )
    return Changed(question, history="offer may be answered by a button")


def ask_of_invitation(known: Question | None, sent: Message[InvitationSent]) -> Decision:
    """A company without an instance may answer its invitation; sent again, it has more time, perhaps somebody else.

    Who has an instance answers there: the lead alone says where an invitation goes, and could answer it itself.
    """
    data = sent.data
    if not data.by_email or (known and known.state not in UNDECIDED):
        return Unchanged()
    question = Question(
        about="partnership",
        id=data.partnership_id,
        lead=data.lead,
        service=data.service,
        recipient=data.recipient,
        title="",
        details=Details(note=data.note),
        needs_organization=False,
        needs_name=True,
        ends_at=data.lapses_at,
    )
    if known:
        question = replace(known, recipient=question.recipient, details=question.details, ends_at=question.ends_at)
    return Changed(question, history="invitation may be answered by a button")


def press(question: Question | None, pressed: Message[ButtonPressed]) -> Decision:
    """What a button says is said once, for whom it was sent to; the first press counts, and none after the end."""
    data, now = pressed.data, pressed.now
    if question is None or not question.is_put_to(data.instance, data.address) or not question.may_be_answered(now):
        return Unchanged()
    if any(getattr(data, name) is None for name in question.needs(data.answer)):
        return Unchanged()
    sent = replace(question, state=State.SENT, answer=data.answer, answered_by=data.address, answered_at=now)
    return Changed(sent, tell=[Say(_command(data))], history=f"{data.about}.{data.answer} by a button")


def learn_of_acceptance(
    question: Question | None, accepted: Message[OutsourcingAccepted] | Message[InvitationAccepted]
) -> Decision:
    """It was accepted, whether by a button or not."""
    data = accepted.data
    return _decided(question, State.ACCEPTED, data.accepted_by, data.accepted_at)


def learn_of_end(question: Question | None, ended: Message[Closed]) -> Decision:
    """It was not accepted, and cannot be any more."""
    return _decided(question, STATE_AFTER[type(ended.data)], None, ended.now)


def _decided(question: Question | None, state: State, by: str | None, at: datetime) -> Decision:
    if question is None or question.state not in UNDECIDED:
        return Unchanged()
    return Changed(question.decided(state, by, at), history=f"answered: {state}")


def _command(pressed: ButtonPressed) -> OnBehalf:
    spoken = {"actor": pressed.address, "on_behalf_of": pressed.instance}
    match pressed.about, pressed.answer:
        case "offer", "accept":
            return OfferAccept(**spoken, outsourcing_id=pressed.id, organization=pressed.organization)
        case "offer", "decline":
            return OfferDecline(**spoken, outsourcing_id=pressed.id, reason=pressed.reason)
        case "partnership", "accept":
            return PartnershipAccept(
                **spoken, partnership_id=pressed.id, organization=pressed.organization, name=pressed.name
            )
        case _:
            return PartnershipDecline(**spoken, partnership_id=pressed.id, reason=pressed.reason)
