"""What must become of one outsourcing: the replication table and the life of the work, once more and much simpler.

Nothing here is shared with the rules. Entries are a dictionary of the owners' newest words; what the other side must
hold is what those looked like when the two were last in step; what is not passed on yet stands in one line.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from shared.contracts.offer_handler import OutsourcingAbandoned, OutsourcingAccepted
from shared.contracts.ticket_sync import (
    ChargeBody,
    CompletionApprove,
    CompletionForce,
    CompletionReject,
    CompletionSubmit,
    CompletionWithdraw,
    EntryBody,
    EntryPut,
    EntryRemove,
    EntrySever,
    NoteBody,
    OutsourcingReturn,
    QuestionAnswer,
    QuestionAsk,
    TicketOpened,
    TicketUpdate,
    TimeBody,
)
from shared.contracts.values import Payload
from tests.simulation.companies import price_of
from tests.simulation.facts import SERVICES, Fact

Outcome = Literal["applied", "unchanged", "refused"]


@dataclass(frozen=True, slots=True)
class Word:
    """The newest version of an entry as its owner told it; a removed one has no body."""

    owner: str
    version: int
    kind: str | None
    shared: bool
    author: str
    happened_at: datetime | None
    body: EntryBody | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The work as it was fixed."""

    time: frozenset[tuple[UUID, int]]
    charges: frozenset[tuple[UUID, int]]
    hours: Decimal
    total: Decimal

    @property
    def work(self) -> Fact:
        return self.time | self.charges, self.hours, self.total

    @property
    def sums(self) -> Fact:
        return len(self.time | self.charges), self.hours, self.total


class Outsourcing:
    """One outsourcing from its acceptance on, and every fact that must be told of it to whom."""

    def __init__(self, accepted: OutsourcingAccepted) -> None:
        self.lead, self.service = accepted.lead, accepted.service
        self.accepted = accepted
        self.state = "accepted"
        self.words: dict[UUID, Word] = {}
        self.copies: dict[UUID, Fact] = {}
        self.facts: dict[str, list[Fact]] = {self.lead: [], self.service: [], SERVICES: []}
        # Tandem names the submissions; the one that awaits approval, and its name once that was heard.
        self.snapshot: Snapshot | None = None
        self.snapshot_id: UUID | None = None
        self._line: dict[UUID, None] = {}
        self._severed: set[UUID] = set()
        self._service_number = ""
        self._tell(self.service, "requested", "accepted")

    def take(self, id: UUID, sender: str, said: Payload) -> Outcome:
        """What must come of a message, sent by one of the two or by another service."""
        outcome = self._take(sender, said)
        if outcome == "refused":
            self._tell(sender, "refused", self.state, id)
        return outcome

    def _take(self, sender: str, said: Payload) -> Outcome:
        if isinstance(said, OutsourcingAccepted):
            return "unchanged"
        if isinstance(said, TicketOpened) and sender == self.service and self.state == "in_progress":
            return self._opened_again(said)
        step = LIFE[type(said)]
        if self.state not in step.states:
            return "unchanged" if step.side == SERVICES else "refused"
        if step.side not in (SERVICES, "either") and sender != (self.lead if step.side == "lead" else self.service):
            return "refused"
        return step.effect(self, sender, said) or "applied"

    def _entry(self, owner: str, said: EntryPut | EntryRemove) -> Outcome | None:
        id, known = said.entry_id, self.words.get(said.entry_id)
        if isinstance(said, EntryPut):
            if isinstance(said.body, ChargeBody) and said.body.currency != self.accepted.terms.currency:
                return "refused"
            shared = said.visibility == "shared"
            word = Word(owner, said.version, said.body.kind, shared, said.author, said.happened_at, said.body)
        else:
            word = Word(owner, said.version, known.kind if known else None, False, "", None, None)
        if known:
            if known.owner != owner or (known.kind and known.kind != word.kind):
                return "refused"
            if known.version >= word.version:
                return "unchanged" if known.version > word.version or known == word else "refused"
        self.words[id] = word
        if id in self._severed:
            return None
        if self._image(word) is None and id not in self.copies:
            self._line.pop(id, None)
        elif self.state == "in_progress":
            self._pass_on(id)
        else:
            self._line.setdefault(id)
            if self.state == "awaiting_approval":
                self._tell(owner, "held", self.state, id, word.version)
        return None

    def _sever(self, _: str, said: EntrySever) -> Outcome | None:
        id = said.entry_id
        if id in self._severed or id not in self.copies or self.words[id].owner != self.lead:
            return "refused"
        self._severed.add(id)
        self._line.pop(id, None)
        self._tell_both("severed", self.state, id, self.copies[id][0], self.lead)
        return None

    def _opened(self, _: str, said: TicketOpened) -> None:
        self.state, self._service_number = "in_progress", said.number
        self._tell(self.lead, "linked", self.state, self.service, said.number)
        self._tell(self.service, "linked", self.state, self.lead, self.accepted.ticket.number)
        self._pass_on_line()

    def _opened_again(self, said: TicketOpened) -> Outcome:
        """Who says again what is so is told it again, alone."""
        if said.number != self._service_number:
            return "refused"
        self._tell(self.service, "linked", self.state, self.lead, self.accepted.ticket.number)
        return "applied"

    def _updated(self, sender: str, said: TicketUpdate) -> None:
        self._tell(self._other(sender), "noted", self.state, "fields_changed", "", said.changes)

    def _asked(self, sender: str, said: QuestionAsk) -> None:
        self._tell_both("asked", self.state, sender, said.text)

    def _answered(self, sender: str, said: QuestionAnswer) -> None:
        self._tell_both("answered", self.state, sender, said.text)

    def _submitted(self, _: str, said: CompletionSubmit) -> Outcome | None:
        submitted = self._work()
        if (said.entries, said.hours, said.charge_total) != submitted.sums:
            return "refused"
        self.state, self.snapshot, self.snapshot_id = "awaiting_approval", submitted, None
        self._tell_both("submitted", self.state, submitted.work)
        return None

    def _withdrawn(self, _: str, __: CompletionWithdraw) -> None:
        self._resume()
        self._tell_both("withdrawn", self.state)
        self._tell_both("noted", self.state, "submission_withdrawn", "", ())
        self._pass_on_line(added_during_approval=True)

    def _rejected(self, _: str, said: CompletionReject) -> None:
        self._resume()
        self._tell_both("rejected", self.state, said.reason)
        self._tell_both("noted", self.state, "submission_rejected", said.reason, ())
        self._tell(SERVICES, "rejected", said.reason)
        self._pass_on_line(added_during_approval=True)

    def _approved(self, _: str, said: CompletionApprove) -> Outcome | None:
        if said.snapshot_id != self.snapshot_id:
            return "refused"
        self.state = "completed"
        self._tell_both("approved", self.state, self.snapshot_id)
        self._complete(self.snapshot, forced=False)
        return None

    def _forced(self, _: str, said: CompletionForce) -> None:
        self._force(said.cause, said.reason)

    def _abandoned(self, _: str, said: OutsourcingAbandoned) -> None:
        self._force("partnership_ended", said.reason)

    def _given_back(self, _: str, said: OutsourcingReturn) -> None:
        self.state = "returned"
        worked = self._work().sums
        self._tell_both("returned", self.state, said.reason, *worked)
        self._tell_both("noted", self.state, "outsourcing_returned", said.reason, ())
        self._tell(SERVICES, "handed back", said.reason, *worked)
        self._keep_line_local()

    def _force(self, cause: str, reason: str | None) -> None:
        snapshot = self.snapshot if self.snapshot or self.state == "accepted" else self._work()
        self.state = "completed"
        self._tell_both("forced", self.state, cause, reason, snapshot.work if snapshot else None)
        self._tell_both("noted", self.state, "completion_forced", reason or "", ())
        self._complete(snapshot, forced=True)

    def _complete(self, snapshot: Snapshot | None, *, forced: bool) -> None:
        if snapshot and snapshot.time:
            summed = ChargeBody(
                kind="charge",
                name=f"Zeit / Time: {self.accepted.ticket.number}",
                quantity=snapshot.hours,
                unit_price=Decimal(0),
                currency=self.accepted.terms.currency,
                billable=False,
            )
            self._tell(self.lead, "time in one charge", self.state, summed)
        self._tell(SERVICES, "completed", forced, snapshot.work if snapshot else None)
        self._keep_line_local()

    def _resume(self) -> None:
        self.state, self.snapshot, self.snapshot_id = "in_progress", None, None

    def _work(self) -> Snapshot:
        work = {id: word for id, word in self.words.items() if word.owner == self.service and word.shared}
        time = {id: word for id, word in work.items() if isinstance(word.body, TimeBody)}
        charges = {id: word for id, word in work.items() if isinstance(word.body, ChargeBody)}
        return Snapshot(
            frozenset((id, word.version) for id, word in time.items()),
            frozenset((id, word.version) for id, word in charges.items()),
            sum((word.body.hours for word in time.values() if isinstance(word.body, TimeBody)), Decimal(0)),
            sum((price_of(word.body) for word in charges.values() if isinstance(word.body, ChargeBody)), Decimal(0)),
        )

    def _image(self, word: Word) -> Fact | None:
        """What is to stand on the other side: by the replication table, a line a kind."""
        by_lead, body = word.owner == self.lead, word.body
        if body is None or not word.shared or body.kind == "link":
            return None
        if body.kind == "time" and by_lead:
            body = NoteBody(kind="note", text=body.text)
        hidden = word.body is body and body.kind in ("note", "attachment") and not by_lead
        visibility = "internal" if hidden else "shared"
        return word.version, word.owner, visibility, word.author, word.happened_at, body

    def _pass_on(self, id: UUID, *, added_during_approval: bool = False) -> None:
        word = self.words[id]
        image, other = self._image(word), self._other(word.owner)
        if image is None:
            del self.copies[id]
            self._tell(other, "gone", self.state, id, word.version, word.owner)
        else:
            self.copies[id] = image
            self._tell(other, "copy", self.state, id, *image, added_during_approval)

    def _pass_on_line(self, *, added_during_approval: bool = False) -> None:
        for id in self._line:
            self._pass_on(id, added_during_approval=added_during_approval)
            if added_during_approval:
                self._tell(self.words[id].owner, "released", self.state, id, self.words[id].version)
        self._line.clear()

    def _keep_line_local(self) -> None:
        for id in self._line:
            self._tell(self.words[id].owner, "kept local", self.state, id, self.words[id].version)
        self._line.clear()

    def _other(self, side: str) -> str:
        return self.lead if side == self.service else self.service

    def _tell(self, to: str, *fact: Any) -> None:
        self.facts[to].append(fact)

    def _tell_both(self, *fact: Any) -> None:
        self._tell(self.lead, *fact)
        self._tell(self.service, *fact)


@dataclass(frozen=True, slots=True)
class Step:
    """Which side may say something, in which states, and what comes of it; "refused" where it does not fit."""

    side: str
    states: frozenset[str]
    effect: Callable[[Outsourcing, str, Any], Outcome | None]


ACCEPTED, AT_WORK, SUBMITTED = frozenset({"accepted"}), frozenset({"in_progress"}), frozenset({"awaiting_approval"})
LIVE = ACCEPTED | AT_WORK | SUBMITTED
# A new command is a line here.
LIFE: dict[type[Payload], Step] = {
    TicketOpened: Step("service", ACCEPTED, Outsourcing._opened),
    CompletionSubmit: Step("service", AT_WORK, Outsourcing._submitted),
    CompletionWithdraw: Step("service", SUBMITTED, Outsourcing._withdrawn),
    CompletionReject: Step("lead", SUBMITTED, Outsourcing._rejected),
    CompletionApprove: Step("lead", SUBMITTED, Outsourcing._approved),
    CompletionForce: Step("lead", LIVE, Outsourcing._forced),
    OutsourcingReturn: Step("service", ACCEPTED | AT_WORK, Outsourcing._given_back),
    OutsourcingAbandoned: Step(SERVICES, LIVE, Outsourcing._abandoned),
    EntryPut: Step("either", LIVE, Outsourcing._entry),
    EntryRemove: Step("either", LIVE, Outsourcing._entry),
    EntrySever: Step("service", LIVE, Outsourcing._sever),
    TicketUpdate: Step("either", LIVE, Outsourcing._updated),
    QuestionAsk: Step("either", LIVE, Outsourcing._asked),
    QuestionAnswer: Step("either", LIVE, Outsourcing._answered),
}
