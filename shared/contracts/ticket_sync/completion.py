"""Submission, approval and rejection, and what the other services learn of them."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.offer_handler import Terms
from shared.contracts.values import (
    AboutOutsourcing,
    Amount,
    Count,
    Currency,
    Day,
    Delivery,
    Event,
    Flag,
    Hours,
    Instant,
    Line,
    LongText,
    Price,
    Quantity,
    Reason,
    ShortText,
    Slug,
    Total,
    TotalHours,
    Value,
)

# A snapshot travels in one message, and the invoice that follows from it too; with it, both stay below 1 MiB.
LARGEST_SNAPSHOT_BYTES = 512 * 1024


class Deduction(Value):
    """A deduction (negative) or surcharge (positive) with its reason."""

    reason: Line
    amount: Amount
    work_type: ShortText | None = Field(
        default=None, description="what work it is about: it bears the billing code and the tax of such work"
    )


class CompletionSubmit(AboutOutsourcing):
    """The service partner says the work is done, and what it believes to submit: its time entries and charges."""

    kind: ClassVar[str] = "tandem.completion.submit.v1"

    summary: LongText = ""
    deductions: Annotated[tuple[Deduction, ...], Field(max_length=20)] = ()
    entries: Count = Field(description="number of its shared time entries and charges")
    hours: TotalHours = Field(description="sum of the hours of its shared time entries")
    charge_total: Total = Field(
        description="sum of its shared charges: each quantity times unit price, rounded half up to the currency's cents"
    )


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
    work_on: Day
    hours: Hours
    role: str | None = None
    work_type: str | None = None
    billable: Flag
    author: str
    text: str = ""


class SnapshotCharge(Value):
    """A charge as submitted."""

    entry_id: UUID
    version: int
    name: str
    work_type: str | None = None
    quantity: Quantity
    unit_price: Price
    amount: Total = Field(description="quantity times unit price, rounded half up to the currency's cents")
    billable: Flag


class CompletionSnapshot(Value):
    """What was submitted and nothing else: the entries with their versions, hours and prices, and the deductions."""

    snapshot_id: UUID
    summary: str = ""
    time: tuple[SnapshotTime, ...] = ()
    charges: tuple[SnapshotCharge, ...] = ()
    deductions: tuple[Deduction, ...] = ()
    hours: TotalHours
    charge_total: Total
    currency: Currency

    @property
    def entries(self) -> int:
        """How many time entries and charges there are."""
        return len(self.time) + len(self.charges)


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
    snapshot: CompletionSnapshot | None = Field(default=None, description="None where nothing is billed")
    forced: bool = False
    completed_at: Instant
    completed_by: str
