"""Linked tickets: replication of entries, questions, submission and completion; everything after acceptance."""

import base64
import binascii
import hashlib
from datetime import date
from typing import Annotated, ClassVar, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from shared.contracts.offer_handler import Terms, Ticket
from shared.contracts.values import (
    AboutOutsourcing,
    Amount,
    Currency,
    Delivery,
    Event,
    Hours,
    Instant,
    Line,
    LongText,
    Price,
    Quantity,
    Reason,
    Sha256,
    ShortText,
    Slug,
    Value,
)

# What fits into a message beside everything else; larger files go by claim check.
LARGEST_INLINE_BYTES = 64 * 1024
_BASE64_OF_LARGEST = 4 * -(-LARGEST_INLINE_BYTES // 3)


def _is_base64(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("must be base64") from None
    return text


class NoteBody(Value):
    """A note on the ticket."""

    kind: Literal["note"]
    text: LongText


class TimeBody(Value):
    """Time worked. The lead's time reaches the service partner as a note without hours."""

    kind: Literal["time"]
    hours: Hours
    work_on: date
    role: ShortText | None = None
    billable: bool = True
    text: LongText = ""


class AttachmentBody(Value):
    """A small file, in the message itself."""

    kind: Literal["attachment"]
    name: Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f/\\]*$")]
    media_type: Annotated[str, StringConstraints(pattern=r"^[\w.+-]+/[\w.+-]+$", max_length=127)]
    size: int = Field(ge=0, le=LARGEST_INLINE_BYTES)
    sha256: Sha256
    content: Annotated[str, StringConstraints(max_length=_BASE64_OF_LARGEST), AfterValidator(_is_base64)]

    @model_validator(mode="after")
    def _content_is_as_told(self) -> Self:
        content = base64.b64decode(self.content)
        if len(content) != self.size:
            raise ValueError(f"size is {self.size}, the content has {len(content)} bytes")
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise ValueError("sha256 is not that of the content")
        return self


class LinkBody(Value):
    """A link or a path: known here, and never passed on."""

    kind: Literal["link"]
    name: ShortText
    target: Line


class ChargeBody(Value):
    """Material, a product or a fixed position."""

    kind: Literal["charge"]
    name: Line
    quantity: Quantity
    unit_price: Price
    currency: Currency
    billable: bool = True


EntryBody = Annotated[NoteBody | TimeBody | AttachmentBody | LinkBody | ChargeBody, Field(discriminator="kind")]
Visibility = Literal["shared", "internal"]
Version = Annotated[int, Field(ge=1, lt=2**31)]


class TicketOpened(AboutOutsourcing):
    """The service partner has opened its own ticket; the two are linked."""

    kind: ClassVar[str] = "tandem.ticket.opened.v1"

    number: ShortText
    link: Line | None = None


class FieldChange(Value):
    """One changed field of a ticket."""

    field: ShortText
    old: LongText | None = None
    new: LongText | None = None


class TicketUpdate(AboutOutsourcing):
    """Fields of the sender's ticket changed; the other side gets a system note, and no field is overwritten."""

    kind: ClassVar[str] = "tandem.ticket.update.v1"

    changes: Annotated[tuple[FieldChange, ...], Field(min_length=1, max_length=50)]


class EntryPut(AboutOutsourcing):
    """The owner's newest word on an entry: a new one, a change, or another visibility."""

    kind: ClassVar[str] = "tandem.entry.put.v1"

    entry_id: UUID
    version: Version
    visibility: Visibility
    author: ShortText
    happened_at: Instant
    body: EntryBody


class EntryRemove(AboutOutsourcing):
    """The owner removed an entry; a removal is a version too."""

    kind: ClassVar[str] = "tandem.entry.remove.v1"

    entry_id: UUID
    version: Version


class QuestionAsk(AboutOutsourcing):
    """A question to the other side."""

    kind: ClassVar[str] = "tandem.question.ask.v1"

    text: LongText


class QuestionAnswer(AboutOutsourcing):
    """An answer to the other side."""

    kind: ClassVar[str] = "tandem.question.answer.v1"

    text: LongText


class Deduction(Value):
    """A deduction (negative) or surcharge (positive) with its reason."""

    reason: Line
    amount: Amount


class CompletionSubmit(AboutOutsourcing):
    """The service partner says the work is done, and what it believes to submit: its time entries and charges."""

    kind: ClassVar[str] = "tandem.completion.submit.v1"

    summary: LongText = ""
    deductions: Annotated[tuple[Deduction, ...], Field(max_length=20)] = ()
    entries: int = Field(ge=0, description="number of its shared time entries and charges")
    hours: Hours = Field(description="sum of the hours of its shared time entries")
    charge_total: Amount = Field(description="sum of quantity times unit price of its shared charges")


class CompletionWithdraw(AboutOutsourcing):
    """The service partner takes its submission back."""

    kind: ClassVar[str] = "tandem.completion.withdraw.v1"


class CompletionApprove(AboutOutsourcing):
    """The lead approves the submission it was shown."""

    kind: ClassVar[str] = "tandem.completion.approve.v1"

    snapshot_id: UUID


class CompletionReject(AboutOutsourcing):
    """The lead rejects the submission; the work goes on."""

    kind: ClassVar[str] = "tandem.completion.reject.v1"

    reason: Reason


class SnapshotTime(Value):
    """A time entry as submitted."""

    entry_id: UUID
    version: int
    work_on: date
    hours: Hours
    role: str | None = None
    billable: bool
    author: str
    text: str = ""


class SnapshotCharge(Value):
    """A charge as submitted."""

    entry_id: UUID
    version: int
    name: str
    quantity: Quantity
    unit_price: Price
    billable: bool


class CompletionSnapshot(Value):
    """What was submitted and nothing else: the entries with their versions, hours and prices, and the deductions."""

    snapshot_id: UUID
    summary: str = ""
    time: tuple[SnapshotTime, ...] = ()
    charges: tuple[SnapshotCharge, ...] = ()
    deductions: tuple[Deduction, ...] = ()
    hours: Hours
    charge_total: Amount
    currency: Currency


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
    """A system note for the ticket: the other side's fields changed, or a submission was rejected."""

    kind: ClassVar[str] = "tandem.ticket.noted.v1"

    outsourcing_id: UUID
    reason: Literal["fields_changed", "submission_rejected", "submission_withdrawn"]
    changes: tuple[FieldChange, ...] = ()
    text: str = ""
    state: str


class EntryReplicated(Delivery):
    """The copy of the other side's entry, as it is to stand here from now on."""

    kind: ClassVar[str] = "tandem.entry.replicated.v1"

    outsourcing_id: UUID
    entry_id: UUID
    owner: Slug = Field(description="the other side, or `tandem` for what Tandem itself adds")
    version: int
    visibility: Visibility = Field(description="internal: not for the lead's customer")
    author: str
    happened_at: Instant
    body: EntryBody
    added_during_approval: bool = False
    state: str


class EntryWithdrawn(Delivery):
    """The copy of the other side's entry is to go."""

    kind: ClassVar[str] = "tandem.entry.withdrawn.v1"

    outsourcing_id: UUID
    entry_id: UUID
    owner: Slug
    version: int
    state: str


class EntryHeld(Delivery):
    """An entry of one's own waits until the submission is decided."""

    kind: ClassVar[str] = "tandem.entry.held.v1"

    outsourcing_id: UUID
    entry_id: UUID
    version: int
    state: Literal["awaiting_approval"] = "awaiting_approval"


class EntryReleased(Delivery):
    """An entry of one's own that was held has been passed on."""

    kind: ClassVar[str] = "tandem.entry.released.v1"

    outsourcing_id: UUID
    entry_id: UUID
    version: int
    state: Literal["in_progress"] = "in_progress"


class EntryKeptLocal(Delivery):
    """An entry of one's own was held when the work was approved; it stays here only."""

    kind: ClassVar[str] = "tandem.entry.kept-local.v1"

    outsourcing_id: UUID
    entry_id: UUID
    version: int
    state: Literal["completed"] = "completed"


class QuestionAsked(Delivery):
    """The other side asks something."""

    kind: ClassVar[str] = "tandem.question.asked.v1"

    outsourcing_id: UUID
    text: str
    asked_by: str
    asked_at: Instant
    state: str


class QuestionAnswered(Delivery):
    """The other side answers."""

    kind: ClassVar[str] = "tandem.question.answered.v1"

    outsourcing_id: UUID
    text: str
    answered_by: str
    answered_at: Instant
    state: str


class CompletionSubmitted(Delivery):
    """The work was submitted; the lead approves exactly this snapshot or rejects it. Told to both sides."""

    kind: ClassVar[str] = "tandem.completion.submitted.v1"

    outsourcing_id: UUID
    snapshot: CompletionSnapshot
    submitted_by: str
    submitted_at: Instant
    state: Literal["awaiting_approval"] = "awaiting_approval"


class CompletionRejected(Delivery):
    """The submission was rejected; the work goes on. Told to both sides."""

    kind: ClassVar[str] = "tandem.completion.rejected.v1"

    outsourcing_id: UUID
    reason: str
    rejected_at: Instant
    state: Literal["in_progress"] = "in_progress"


class CompletionWithdrawn(Delivery):
    """The submission was taken back; the work goes on. Told to both sides."""

    kind: ClassVar[str] = "tandem.completion.withdrawn.v1"

    outsourcing_id: UUID
    withdrawn_at: Instant
    state: Literal["in_progress"] = "in_progress"


class CompletionApproved(Delivery):
    """The work was approved; the link has ended and billing starts. Told to both sides."""

    kind: ClassVar[str] = "tandem.completion.approved.v1"

    outsourcing_id: UUID
    snapshot_id: UUID
    approved_at: Instant
    state: Literal["completed"] = "completed"


class OutsourcingSubmitted(Event):
    """A submission awaits approval."""

    kind: ClassVar[str] = "tandem.outsourcing.submitted.v1"

    outsourcing_id: UUID
    lead: Slug
    service: Slug
    lead_number: str
    service_number: str
    title: str
    snapshot: CompletionSnapshot


class OutsourcingRejected(Event):
    """A submission was rejected."""

    kind: ClassVar[str] = "tandem.outsourcing.rejected.v1"

    outsourcing_id: UUID
    lead: Slug
    service: Slug
    lead_number: str
    service_number: str
    title: str
    reason: str
    complete_by: Instant | None = Field(default=None, description="from the terms: until when the work is due")


class OutsourcingWithdrawn(Event):
    """A submission was taken back."""

    kind: ClassVar[str] = "tandem.outsourcing.withdrawn.v1"

    outsourcing_id: UUID
    lead: Slug
    service: Slug
    lead_number: str
    service_number: str
    title: str


class OutsourcingCompleted(Event):
    """The work is done for good. Carries all that billing needs."""

    kind: ClassVar[str] = "tandem.outsourcing.completed.v1"

    outsourcing_id: UUID
    lead: Slug
    service: Slug
    lead_number: str
    service_number: str | None
    title: str
    organization: str
    terms: Terms
    snapshot: CompletionSnapshot | None = Field(default=None, description="None where nothing was ever submitted")
    forced: bool = False
    completed_at: Instant
    completed_by: str
