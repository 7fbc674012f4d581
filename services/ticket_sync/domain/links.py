"""The link between the two tickets of an outsourcing: who is on which side, and whether entries travel."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from shared.contracts.values import Delivery
from shared.messaging.outcomes import Deliver, Refused

Role = Literal["lead", "service"]

# From the opening of a ticket to the first digest: what waited for the ticket has arrived by then.
FIRST_DIGEST_AFTER = timedelta(hours=1)


class State(StrEnum):
    """The life of an outsourcing from its acceptance on."""

    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    AWAITING_APPROVAL = "awaiting_approval"
    COMPLETED = "completed"
    RETURNED = "returned"


# What the two sides may ask for in each state, in the words of the contract.
UNTIL_THE_END = ("entry.put", "entry.remove", "ticket.update", "question.ask", "question.answer", "sync.request")
ALLOWED: dict[State, tuple[str, ...]] = {
    State.ACCEPTED: ("ticket.opened", "outsourcing.return", "completion.force", *UNTIL_THE_END),
    State.IN_PROGRESS: ("completion.submit", "outsourcing.return", "completion.force", "entry.sever", *UNTIL_THE_END),
    State.AWAITING_APPROVAL: (
        "completion.approve",
        "completion.reject",
        "completion.withdraw",
        "completion.force",
        "entry.sever",
        *UNTIL_THE_END,
    ),
    State.COMPLETED: ("sync.request",),
    State.RETURNED: ("sync.request",),
}
# What every change is refused with once the link has ended.
ENDED = {State.COMPLETED: "outsourcing/completed", State.RETURNED: "outsourcing/returned"}
# What falls due on a link that has ended: no digest, and no news.
NOTHING_TO_COME: dict[str, Any] = {"next_due_at": None, "lead_news_since": None, "service_news_since": None}


@dataclass(frozen=True, slots=True)
class Link:
    """One outsourcing as both sides work on it.

    `snapshot_id` is the work that awaits approval, or that it ended with; `entry_count` counts every entry there ever
    was; `last_place` is the end of the line of what waits for the ticket, for the approval or behind others, and
    `passed_place` is how far that has been passed on. `next_due_at` is when to look whether the ticket is open by now,
    and once it is, when to tell both sides what they should hold; the message `due_set_by` said that this is to be
    done. `reminded_at` is when the ticket last was not open. `derived_from` is the outsourcing that the lead holds as a
    service partner and passes on with this one. `lead_news_since` and `service_news_since` are since when what that
    side does gathers for the people of the other.
    """

    outsourcing_id: UUID
    lead: str
    service: str
    state: State
    currency: str
    lead_number: str
    accepted_at: datetime
    service_number: str | None = None
    opened_at: datetime | None = None
    snapshot_id: UUID | None = None
    submitted_at: datetime | None = None
    completed_at: datetime | None = None
    returned_at: datetime | None = None
    entry_count: int = 0
    last_place: int = 0
    passed_place: int = 0
    next_due_at: datetime | None = None
    due_set_by: tuple[str, UUID] | None = None
    reminded_at: datetime | None = None
    derived_from: UUID | None = None
    lead_news_since: datetime | None = None
    service_news_since: datetime | None = None

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED

    @property
    def line_is_empty(self) -> bool:
        return self.passed_place == self.last_place

    @property
    def line_moves(self) -> bool:
        """Whether what is in line is being told: it stands until the ticket is open, and during an approval."""
        return not self.line_is_empty and (self.state is State.IN_PROGRESS or self.has_ended)

    def includes(self, slug: str) -> bool:
        return slug in (self.lead, self.service)

    def other_side_of(self, slug: str) -> str:
        """Who is told what one side says; what Tandem itself adds is for the lead."""
        return self.service if slug == self.lead else self.lead

    def news_since(self, writer: str) -> datetime | None:
        """Since when what this side does gathers for the people of the other; None where nothing has."""
        return self.lead_news_since if writer == self.lead else self.service_news_since

    def with_news(self, writer: str, since: datetime | None) -> "Link":
        if writer == self.lead:
            return replace(self, lead_news_since=since)
        return replace(self, service_news_since=since)

    def refuses(self) -> Refused:
        """What is asked for cannot be done in this state."""
        return Refused(ENDED.get(self.state, "outsourcing/wrong-state"), state=self.state, allowed=ALLOWED[self.state])

    def refuses_unless_said_by(self, role: Role, sender: str) -> Refused | None:
        """The refusal once the link has ended, and for who is not on that side; None for who has a say."""
        if self.has_ended:
            return self.refuses()
        if sender != (self.lead if role == "lead" else self.service):
            return Refused("outsourcing/not-yours", state=self.state, role=role)
        return None

    def refuses_unless(self, role: Role, state: State, sender: str) -> Refused | None:
        """The refusal for who is not on that side, or comes in another state; None where it may be done."""
        if refused := self.refuses_unless_said_by(role, sender):
            return refused
        return None if self.state is state else self.refuses()

    def both(self, fact: Delivery) -> tuple[Deliver, Deliver]:
        """The same fact for both sides."""
        return Deliver(self.lead, fact), Deliver(self.service, fact)

    def opened(self, number: str, now: datetime, set_by: tuple[str, UUID]) -> "Link":
        return replace(
            self,
            state=State.IN_PROGRESS,
            service_number=number,
            opened_at=now,
            next_due_at=now + FIRST_DIGEST_AFTER,
            due_set_by=set_by,
        )

    def submitted(self, snapshot_id: UUID, now: datetime) -> "Link":
        return replace(self, state=State.AWAITING_APPROVAL, snapshot_id=snapshot_id, submitted_at=now)

    def resumed(self) -> "Link":
        return replace(self, state=State.IN_PROGRESS, snapshot_id=None, submitted_at=None)

    def completed(self, now: datetime) -> "Link":
        return replace(self, state=State.COMPLETED, completed_at=now, **NOTHING_TO_COME)

    def returned(self, now: datetime) -> "Link":
        return replace(self, state=State.RETURNED, returned_at=now, **NOTHING_TO_COME)

    def reminded(self, at: datetime) -> "Link":
        return replace(self, reminded_at=at)

    def with_another_entry(self) -> "Link":
        return replace(self, entry_count=self.entry_count + 1)

    def with_another_in_line(self) -> "Link":
        return replace(self, last_place=self.last_place + 1)
