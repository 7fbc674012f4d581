"""Rounds: one ticket offered to one partner or several, on the same terms; at most one of them gets the work."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal
from uuid import UUID

from shared.contracts.offer_handler import Customer, Mode, OfferedTicket, Terms, Ticket
from shared.contracts.values import Delivery, Event
from shared.messaging.outcomes import Deliver, Publish, Refused, Tell

Role = Literal["lead", "service"]
Cause = tuple[str, UUID]

# An offer that runs for longer than this has a second reminder: the first one comes an hour or more before it.
LONG_OFFER = timedelta(hours=4)
LAST_REMINDER = timedelta(hours=1)


class State(StrEnum):
    """The life of an outsourcing as far as it is known here; `planned` is one whose partner is not asked yet."""

    PLANNED = "planned"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    RETURNED = "returned"
    COMPLETED = "completed"


class Standing(StrEnum):
    """Where a round stands: somebody is asked, somebody has accepted, or nobody can any more."""

    OPEN = "open"
    ACCEPTED = "accepted"
    CLOSED = "closed"


LIVE = (State.OFFERED, State.ACCEPTED)
ALLOWED: dict[State, tuple[str, ...]] = {
    State.PLANNED: (),
    State.OFFERED: ("offer.accept", "offer.decline", "offer.cancel"),
    State.ACCEPTED: (),
    State.DECLINED: ("offer.send",),
    State.CANCELLED: ("offer.send",),
    State.EXPIRED: ("offer.send",),
    State.RETURNED: ("offer.send",),
    State.COMPLETED: ("offer.send",),
}


@dataclass(frozen=True, slots=True)
class Outsourcing:
    """One partner's part in a round; `place` is its turn where they are asked one after another.

    `asked_by` names the message by which it was asked; `next_due_at` is when the next reminder or the deadline falls
    due. It is None where nothing is to come any more, or not yet, and while the message of what fell due is under way.
    """

    outsourcing_id: UUID
    place: int
    partnership_id: UUID
    service: str
    state: State = State.PLANNED
    asked_by: Cause | None = None
    offered_at: datetime | None = None
    respond_by: datetime | None = None
    next_due_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def subject(self) -> str:
        return str(self.outsourcing_id)

    @property
    def message_is_under_way(self) -> bool:
        """Whether something has fallen due whose message is not decided yet; until then the partner may answer."""
        return self.state is State.OFFERED and self.next_due_at is None

    def offered(self, cause: Cause, respond_by: datetime, now: datetime) -> "Outsourcing":
        asked = replace(self, state=State.OFFERED, asked_by=cause, offered_at=now, respond_by=respond_by)
        return asked.awaiting_deadline_after(now)

    def answered(self, state: State, now: datetime) -> "Outsourcing":
        return replace(self, state=state, answered_at=now, next_due_at=None)

    def ended(self, state: State, at: datetime) -> "Outsourcing":
        return replace(self, state=state, ended_at=at)

    def awaiting_deadline_after(self, instant: datetime) -> "Outsourcing":
        """The same, with the first reminder or deadline that comes after that instant as the next."""
        return replace(self, next_due_at=next((due for due in self._due_times() if due > instant), self.respond_by))

    def _due_times(self) -> list[datetime]:
        if self.offered_at is None or self.respond_by is None:
            return []
        time_to_answer = self.respond_by - self.offered_at
        reminders = [self.offered_at + time_to_answer / 2]
        if time_to_answer > LONG_OFFER:
            reminders.append(self.respond_by - LAST_REMINDER)
        return [*sorted(reminders), self.respond_by]


@dataclass(frozen=True, slots=True)
class Round:
    """One send: a ticket and terms, and the outsourcing of each partner that is or may be asked, in their order.

    It is locked before anything of it changes, so among its partners the first commit wins. `derived_from` is the
    outsourcing that the lead itself holds as a service partner and passes on.
    """

    round_id: UUID
    lead: str
    mode: Mode
    ticket: OfferedTicket
    terms: Terms
    sent_at: datetime
    sent_by: Cause
    outsourcings: tuple[Outsourcing, ...]
    derived_from: UUID | None = None

    @property
    def standing(self) -> Standing:
        states = {one.state for one in self.outsourcings}
        if State.ACCEPTED in states:
            return Standing.ACCEPTED
        return Standing.OPEN if State.OFFERED in states else Standing.CLOSED

    @property
    def of_ticket(self) -> tuple[str, str]:
        return self.lead, self.ticket.number

    @property
    def outsourcing_ids(self) -> tuple[UUID, ...]:
        return tuple(one.outsourcing_id for one in self.outsourcings)

    @property
    def partnership_ids(self) -> tuple[UUID, ...]:
        return tuple(one.partnership_id for one in self.outsourcings)

    def find(self, outsourcing_id: UUID) -> Outsourcing:
        """Raises StopIteration where it is not of this round."""
        return next(one for one in self.outsourcings if one.outsourcing_id == outsourcing_id)

    def open_offers(self) -> tuple[Outsourcing, ...]:
        return tuple(one for one in self.outsourcings if one.state is State.OFFERED)

    def with_(self, *changed: Outsourcing) -> "Round":
        """The same with these outsourcings as they are from now on."""
        newest = {one.outsourcing_id: one for one in changed}
        return replace(self, outsourcings=tuple(newest.get(one.outsourcing_id, one) for one in self.outsourcings))

    def terms_for(self, outsourcing: Outsourcing) -> Terms:
        """The terms as this partner has them: with its own time to answer."""
        return self.terms.model_copy(update={"respond_by": outsourcing.respond_by})

    def disclosed(self, customer: Customer | None) -> Ticket:
        """The ticket with what is told after acceptance."""
        return Ticket(**dict(self.ticket), customer=customer)

    def state_of(self, subject: str) -> str:
        """The state of the outsourcing that a message is about, or where the round stands."""
        return next((one.state for one in self.outsourcings if one.subject == subject), self.standing)

    def is_worked_on_by(self, slug: str, outsourcing_id: UUID) -> bool:
        """Whether that outsourcing is one of this round's, and this partner has accepted it."""
        return any(
            one.outsourcing_id == outsourcing_id and one.service == slug and one.state is State.ACCEPTED
            for one in self.outsourcings
        )

    def admits(self, sender: str, outsourcing: Outsourcing) -> bool:
        """Whether the sender may know of this outsourcing: the lead does, and its partner once it was asked."""
        return sender == self.lead or (sender == outsourcing.service and outsourcing.state is not State.PLANNED)

    def parties_of(self, subject: str) -> tuple[str, ...]:
        """Whose own the outsourcing is that a message is about, or else the round."""
        asked = (one for one in self.outsourcings if one.subject == subject and self.admits(one.service, one))
        return (self.lead, *(one.service for one in asked))

    def refuses_unless_open(self, role: Role, sender: str, outsourcing: Outsourcing) -> Refused | None:
        """Whose word it is not, and what comes after another has won, is refused."""
        allowed = self._allowed_to(sender, outsourcing)
        if sender != (self.lead if role == "lead" else outsourcing.service):
            return Refused("offer/not-yours", state=outsourcing.state, allowed=allowed, role=role)
        if outsourcing.state is not State.OFFERED:
            return Refused("offer/too-late", state=outsourcing.state, allowed=allowed)
        return None

    def _allowed_to(self, sender: str, outsourcing: Outsourcing) -> tuple[str, ...]:
        """What may be said in this state; a lead offers its ticket again only when nobody of the round is asked still.

        A partner reads the same whatever became of the others.
        """
        if sender == self.lead and outsourcing.state is not State.OFFERED and self.standing is not Standing.CLOSED:
            return ()
        return ALLOWED[outsourcing.state]

    def both(self, outsourcing: Outsourcing, told: Delivery, published: Event) -> tuple[Tell, ...]:
        """The same fact for lead and partner, and one for the other services, under the outsourcing's own subject."""
        subject = outsourcing.subject
        return (
            Deliver(self.lead, told, subject),
            Deliver(outsourcing.service, told, subject),
            Publish(published, subject),
        )


@dataclass(frozen=True, slots=True)
class HiddenCustomer:
    """Who the work of a round is for; kept apart from all that is read before somebody accepts."""

    round_id: UUID
    customer: Customer


def subjects_of(outsourcings: Iterable[Outsourcing], words: str) -> tuple[tuple[str, str], ...]:
    """What history says of each of these."""
    return tuple((one.subject, words) for one in outsourcings)
