"""Linked tickets: the two numbers, reminders, changed fields, questions and answers."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from shared.contracts.offer_handler import Terms, Ticket
from shared.contracts.values import (
    AboutOutsourcing,
    Count,
    Delivery,
    Event,
    Flag,
    Instant,
    Link,
    LongText,
    ShortText,
    Slug,
    Value,
)

# Four of the longest texts; what tells them to the other side has room in a message for all of them, whatever they say.
MOST_CHANGED_CHARACTERS = 200_000


class TicketOpened(AboutOutsourcing):
    """The service partner has opened its own ticket; the two are linked."""

    kind: ClassVar[str] = "tandem.ticket.opened.v1"

    number: ShortText
    link: Link | None = None


class FieldChange(Value):
    """One changed field of a ticket."""

    field: ShortText
    old: LongText | None = None
    new: LongText | None = None


def _are_told_in_one_message(changes: tuple[FieldChange, ...]) -> tuple[FieldChange, ...]:
    if sum(len(one.old or "") + len(one.new or "") for one in changes) > MOST_CHANGED_CHARACTERS:
        raise PydanticCustomError(
            "too_long",
            "must have at most {most} characters in old and new together: say them in several commands",
            {"most": MOST_CHANGED_CHARACTERS},
        )
    return changes


class TicketUpdate(AboutOutsourcing):
    """Fields of the sender's ticket changed; the other side gets a system note, and no field is overwritten."""

    kind: ClassVar[str] = "tandem.ticket.update.v1"

    changes: Annotated[
        tuple[FieldChange, ...], Field(min_length=1, max_length=50), AfterValidator(_are_told_in_one_message)
    ] = Field(description=f"with at most {MOST_CHANGED_CHARACTERS} characters in all of old and new together")


class QuestionAsk(AboutOutsourcing):
    """A question to the other side."""

    kind: ClassVar[str] = "tandem.question.ask.v1"

    text: LongText


class QuestionAnswer(AboutOutsourcing):
    """An answer to the other side."""

    kind: ClassVar[str] = "tandem.question.answer.v1"

    text: LongText


class TicketRequested(Delivery):
    """The service partner is asked to open its own ticket, filled in with all of this."""

    kind: ClassVar[str] = "tandem.ticket.requested.v1"

    outsourcing_id: UUID
    lead: Slug
    organization: str
    ticket: Ticket
    terms: Terms
    accepted_at: Instant
    accepted_by: str
    state: Literal["accepted"] = "accepted"


class TicketLinked(Delivery):
    """Both tickets exist and are linked; each side learns the other's number."""

    kind: ClassVar[str] = "tandem.ticket.linked.v1"

    outsourcing_id: UUID
    partner: Slug
    partner_number: str
    partner_link: str | None = None
    state: Literal["in_progress"] = "in_progress"


class TicketNoted(Delivery):
    """A system note for the ticket: the other side's fields changed, or where the work stands now."""

    kind: ClassVar[str] = "tandem.ticket.noted.v1"

    outsourcing_id: UUID
    reason: Literal[
        "fields_changed", "submission_rejected", "submission_withdrawn", "outsourcing_returned", "completion_forced"
    ]
    changes: tuple[FieldChange, ...] = ()
    text: str = ""
    state: str


class TicketReminded(Delivery):
    """An accepted ticket is still to be opened; told to the service partner, and after a day to the lead too."""

    kind: ClassVar[str] = "tandem.ticket.reminded.v1"

    outsourcing_id: UUID
    ticket_number: str = Field(description="the lead's own ticket number")
    accepted_at: Instant
    waiting_hours: Count = Field(description="whole hours since the acceptance")
    state: Literal["accepted"] = "accepted"


class QuestionAsked(Delivery):
    """One side asks the other something. Told to both sides."""

    kind: ClassVar[str] = "tandem.question.asked.v1"

    outsourcing_id: UUID
    sender: Slug = Field(description="the side that asks")
    text: str
    asked_by: str
    asked_at: Instant
    state: str


class QuestionAnswered(Delivery):
    """One side answers the other. Told to both sides."""

    kind: ClassVar[str] = "tandem.question.answered.v1"

    outsourcing_id: UUID
    sender: Slug = Field(description="the side that answers")
    text: str
    answered_by: str
    answered_at: Instant
    state: str


class OutsourcingQuestion(Event):
    """What one side has put to the other."""

    outsourcing_id: UUID
    lead: Slug
    service: Slug
    lead_number: str
    service_number: str | None
    title: str
    sender: Slug = Field(description="the side that says it")
    text: str
    by: str
    at: Instant
    state: str


class OutsourcingAsked(OutsourcingQuestion):
    """One side asked the other something."""

    kind: ClassVar[str] = "tandem.outsourcing.asked.v1"


class OutsourcingAnswered(OutsourcingQuestion):
    """One side answered the other."""

    kind: ClassVar[str] = "tandem.outsourcing.answered.v1"


class TicketOverdue(Event):
    """It is time to look whether the ticket was opened; told to ticket_sync itself, through the queue of its answer."""

    kind: ClassVar[str] = "tandem.ticket.overdue.v1"

    outsourcing_id: UUID
    due_at: Instant


class OutsourcingUnopened(Event):
    """The service partner was reminded of a ticket that it has not opened, and the lead too where that is told."""

    kind: ClassVar[str] = "tandem.outsourcing.unopened.v1"

    outsourcing_id: UUID
    lead: Slug
    service: Slug
    lead_number: str
    title: str
    accepted_at: Instant
    waiting_hours: Count
    lead_told: Flag
