"""What must become of one outsourcing: the replication table and the life of the work, once more and much simpler.

Nothing here is shared with the rules. Entries are a dictionary of the owners' newest words; what the other side must
hold is what those looked like when the two were last in step. What is not passed on yet stands in one line
(`model_of_line`); what is compared and told again, once something was lost, is in `model_of_repair`; what is worked
against authorized amounts in `model_of_caps`; and what people are told of all of it in `model_of_news`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from shared.contracts.notifier import NewsFellDue
from shared.contracts.offer_handler import OutsourcingAbandoned, OutsourcingAccepted
from shared.contracts.ticket_sync import (
    AttachmentBody,
    ChargeBody,
    CompletionApprove,
    CompletionForce,
    CompletionReject,
    CompletionSubmit,
    CompletionWithdraw,
    CopiedFrom,
    EntryPut,
    EntryRemove,
    EntrySever,
    LineUnfinished,
    OutsourcingReturn,
    QuestionAnswer,
    QuestionAsk,
    RepairOrdered,
    RepairUnfinished,
    SyncFellDue,
    SyncRequest,
    TicketOpened,
    TicketUpdate,
)
from shared.contracts.values import Payload
from shared.ids import id_of_content
from tests.simulation import model_of_news, model_of_repair
from tests.simulation.bodies import REFUSED_TYPE
from tests.simulation.elsewhere import Elsewhere
from tests.simulation.facts import SERVICES, Fact
from tests.simulation.model_of_caps import Effort
from tests.simulation.model_of_line import Line
from tests.simulation.words import Snapshot, Word

Outcome = Literal["applied", "unchanged", "refused"]
# "unknown" is refused too, without a word on how things stand.
Taken = Literal["applied", "unchanged", "refused", "unknown"]


class Outsourcing:
    """One outsourcing from its acceptance on, and every fact that must be told of it to whom."""

    def __init__(self, accepted: OutsourcingAccepted, elsewhere: Elsewhere) -> None:
        self.id, self.lead, self.service = accepted.outsourcing_id, accepted.lead, accepted.service
        self.accepted = accepted
        # What the sum of the service partner's time is called.
        self.id_of_sum = id_of_content(b"time of the service partner", self.id.bytes)
        self.elsewhere = elsewhere
        self.state = "accepted"
        self.words: dict[UUID, Word] = {}
        self.copies: dict[UUID, Fact] = {}
        # The versions with which copies went, and at whom an entry had been before its owner passed it on.
        self.gone: dict[UUID, int] = {}
        self.been: dict[UUID, frozenset[str]] = {}
        self.severed: set[UUID] = set()
        self.added_during_approval: set[UUID] = set()
        self.facts: dict[str, list[Fact]] = {self.lead: [], self.service: [], SERVICES: []}
        # Tandem names the submissions; the one that awaits approval, and its name once that was heard.
        self.snapshot: Snapshot | None = None
        self.snapshot_id: UUID | None = None
        # What is to be told again to a side after the piece that is under way, and how Tandem calls that.
        self.to_tell_again: dict[str, list[UUID]] = {}
        self.repair_ids: dict[str, UUID | None] = {}
        self.gathering: dict[str, model_of_news.Gathering] = {}
        self._line = Line()
        self._effort = Effort(accepted.terms)
        self._service_number = ""
        self.tell(self.service, "requested", "accepted")

    def take(self, id: UUID, sender: str, said: Payload) -> Outcome:
        """What must come of a message, sent by one of the two or by another service."""
        taken = self._take(sender, said)
        if taken in ("applied", "unchanged"):
            return taken
        self.tell(sender, "refused", None if taken == "unknown" else self.state, id)
        return "refused"

    def _take(self, sender: str, said: Payload) -> Taken:
        if type(said) is OutsourcingAccepted:
            return "unchanged"
        if type(said) is TicketOpened and sender == self.service and self.state == "in_progress":
            return self._opened_again(said)
        step = LIFE[type(said)]
        if self.state not in step.states:
            return "unchanged" if step.side == SERVICES else "refused"
        if step.side not in (SERVICES, "either") and sender != (self.lead if step.side == "lead" else self.service):
            return "refused"
        return step.effect(self, sender, said) or "applied"

    def _entry(self, owner: str, said: EntryPut | EntryRemove) -> Taken | None:
        id, known = said.entry_id, self.words.get(said.entry_id)
        source = said.copied_from if type(said) is EntryPut else None
        been = self.elsewhere.where_it_has_been(owner, source) if source else frozenset()
        if been is None:
            return "unknown"
        word = self._word(owner, said, known)
        if source and self._comes_straight_back(source, owner, id):
            word = replace(word, shared=False)
        if not self._fits(word, known, id):
            return "refused"
        if known and known.version >= word.version:
            return "unchanged"
        if word.file and (word.file.media_type == REFUSED_TYPE or not self._may_cite(owner, word.file, known)):
            return "refused"
        self.words[id] = word
        if id not in self.copies and id not in self.gone:
            self.been[id] = self.been.get(id, frozenset()) | been
        if id not in self.severed:
            self._let_travel(id, word)
        for reached in self._effort.take(id, word) if owner == self.service else ():
            self.tell_both("cap", self.state, *reached)
            self.tell(SERVICES, "cap", *reached)
        return None

    def _let_travel(self, id: UUID, word: Word) -> None:
        """At once where nobody waits; else when its turn comes; nothing where there is nothing to tell."""
        is_held = self.state == "awaiting_approval"
        if word.image(self.lead) is None and id not in self.copies:
            self._line.leave(id)
        elif self.state == "in_progress" and self._line.is_empty:
            self._pass_on(id)
        else:
            self._line.join(id, held=is_held)
            if is_held:
                self.tell(word.owner, "held", self.state, id, word.version)

    def _word(self, owner: str, said: EntryPut | EntryRemove, known: Word | None) -> Word:
        if type(said) is not EntryPut:
            return Word(owner, said.version, known.kind if known else None, False, "", None, None)
        shared = said.visibility == "shared"
        return Word(owner, said.version, said.body.kind, shared, said.author, said.happened_at, said.body)

    def _comes_straight_back(self, source: CopiedFrom, owner: str, id: UUID) -> bool:
        """Whether it is the other side's own, and so never went there: it is no work of who passes it on."""
        is_theirs = source.outsourcing_id == self.id and self.words[source.entry_id].owner != owner
        went_there = (id in self.copies or id in self.gone) and self.other(owner) not in self.been[id]
        return is_theirs and not went_there

    def _fits(self, word: Word, known: Word | None, id: UUID) -> bool:
        """Whether it is in the currency, its owner's, of the same kind, and no other word of the same version."""
        if type(word.body) is ChargeBody and word.body.currency != self.accepted.terms.currency:
            return False
        if known is None:
            return id != self.id_of_sum
        same_entry = known.owner == word.owner and known.kind in (None, word.kind)
        return same_entry and (known.version != word.version or known == word)

    def _may_cite(self, owner: str, file: AttachmentBody, known: Word | None) -> bool:
        """Whether it is in the message, or the same as before, or what its owner has uploaded."""
        told_of = [known.file] if known and known.file and known.file.content is None else []
        if file.content is not None or [(one.sha256, one.size) for one in told_of] == [(file.sha256, file.size)]:
            return True
        uploaded = self.elsewhere.uploaded(owner, file)
        return uploaded is not None and uploaded.size == file.size

    def _sever(self, _: str, said: EntrySever) -> Outcome | None:
        id = said.entry_id
        if self.words.get(id) is None or id not in self.follows(self.service):
            return "refused"
        self.severed.add(id)
        self._line.leave(id)
        self.tell_both("severed", self.state, id, self.copies[id][0], self.lead)
        return None

    def _opened(self, _: str, said: TicketOpened) -> None:
        self.state, self._service_number = "in_progress", said.number
        self.tell(self.lead, "linked", self.state, self.service, said.number)
        self.tell(self.service, "linked", self.state, self.lead, self.accepted.ticket.number)
        self._move_line()

    def _opened_again(self, said: TicketOpened) -> Outcome:
        """Who says again what is so is told it again, alone."""
        if said.number != self._service_number:
            return "refused"
        self.tell(self.service, "linked", self.state, self.lead, self.accepted.ticket.number)
        return "applied"

    def _updated(self, sender: str, said: TicketUpdate) -> None:
        self.tell(self.other(sender), "noted", self.state, "fields_changed", "", said.changes)
        model_of_news.take_fields(self, sender, said)

    def _asked(self, sender: str, said: QuestionAsk) -> None:
        self.tell_both("asked", self.state, sender, said.text)
        self.tell(SERVICES, "asked", self.state, sender, said.text)

    def _answered(self, sender: str, said: QuestionAnswer) -> None:
        self.tell_both("answered", self.state, sender, said.text)
        self.tell(SERVICES, "answered", self.state, sender, said.text)

    def _submitted(self, _: str, said: CompletionSubmit) -> Outcome | None:
        submitted = self._work()
        if not self._line.is_empty or (said.entries, said.hours, said.charge_total) != submitted.sums:
            return "refused"
        self.state, self.snapshot, self.snapshot_id = "awaiting_approval", submitted, None
        self.tell_both("submitted", self.state, submitted.work)
        self.tell(SERVICES, "submitted", submitted.work)
        return None

    def _withdrawn(self, _: str, __: CompletionWithdraw) -> None:
        self._resume()
        self.tell_both("withdrawn", self.state)
        self.tell_both("noted", self.state, "submission_withdrawn", "", ())
        self._move_line()
        self.tell(SERVICES, "withdrawn")

    def _rejected(self, _: str, said: CompletionReject) -> None:
        self._resume()
        self.tell_both("rejected", self.state, said.reason)
        self.tell_both("noted", self.state, "submission_rejected", said.reason, ())
        self._move_line()
        self.tell(SERVICES, "rejected", said.reason)

    def _approved(self, _: str, said: CompletionApprove) -> Outcome | None:
        if said.snapshot_id != self.snapshot_id:
            return "refused"
        self._end("completed")
        self.tell_both("approved", self.state, self.snapshot_id)
        self._complete(self.snapshot, forced=False)
        return None

    def _forced(self, _: str, said: CompletionForce) -> None:
        self._force(said.cause, said.reason)

    def _abandoned(self, _: str, said: OutsourcingAbandoned) -> None:
        self._force("partnership_ended", said.reason)

    def _given_back(self, _: str, said: OutsourcingReturn) -> None:
        self._end("returned")
        worked = self._work().sums
        self.tell_both("returned", self.state, said.reason, *worked)
        self.tell_both("noted", self.state, "outsourcing_returned", said.reason, ())
        self._move_line()
        self.tell(SERVICES, "handed back", said.reason, *worked)

    def _force(self, cause: str, reason: str | None) -> None:
        snapshot = self.snapshot if self.snapshot or self.state == "accepted" else self._work()
        self._end("completed")
        self.tell_both("forced", self.state, cause, reason, snapshot.work if snapshot else None)
        self.tell_both("noted", self.state, "completion_forced", reason or "", ())
        self._complete(snapshot, forced=True)

    def _end(self, state: str) -> None:
        self.state = state
        model_of_news.tell_before_the_end(self)

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
            self.words[self.id_of_sum] = Word(SERVICES, 1, "charge", True, "Tandem", None, summed)
            self.been[self.id_of_sum] = frozenset({self.service})
            self._pass_on(self.id_of_sum)
        self._move_line()
        self.tell(SERVICES, "completed", forced, snapshot.work if snapshot else None)

    def _resume(self) -> None:
        self.state, self.snapshot, self.snapshot_id = "in_progress", None, None

    def _work(self) -> Snapshot:
        return Snapshot.of({id: word for id, word in self.words.items() if word.owner == self.service and word.shared})

    def _pass_on(self, id: UUID, *, added_during_approval: bool = False) -> None:
        image, stood = self.words[id].image(self.lead), id in self.copies
        if image is None:
            del self.copies[id]
            self.gone[id] = self.words[id].version
        else:
            self.copies[id] = image
            self.gone.pop(id, None)
        (self.added_during_approval.add if added_during_approval else self.added_during_approval.discard)(id)
        self.tell_of(id)
        model_of_news.take_entry(self, id, stood=stood)

    def tell_of(self, id: UUID, side: str | None = None) -> None:
        """Tell a side, or else the other one, of a copy as it stands; nothing where the entry has been there before."""
        owner, image = self.words[id].owner, self.copies.get(id)
        if (to := side or self.other(owner)) != owner and to in self.been[id]:
            return
        if image is None:
            self.tell(to, "gone", self.state, id, self.gone[id], owner)
        elif id in self.severed:
            self.tell(to, "severed", self.state, id, image[0], owner)
        elif owner == SERVICES:
            self.tell(to, "time in one charge", self.state, image[-1])
        else:
            self.tell(to, "copy", self.state, id, *image, id in self.added_during_approval)

    def is_known_to(self, side: str, id: UUID) -> bool:
        """Whether it is its own entry, or it was told of it."""
        was_told = id in self.copies or id in self.gone
        return self.words[id].owner == side or (was_told and side not in self.been[id])

    def follows(self, side: str) -> dict[UUID, int]:
        """The copies at a side that follow their owner, and their versions."""
        standing = self.copies.keys() - self.severed
        return {
            id: image[0]
            for id, image in self.copies.items()
            if id in standing and self.words[id].owner != side and side not in self.been[id]
        }

    def where_it_has_been(self, entry_id: UUID, sender: str) -> frozenset[str] | None:
        """At whom that entry has been, its owner included; None where the sender does not know it."""
        if sender not in (self.lead, self.service) or entry_id not in self.words:
            return None
        is_known = self.is_known_to(sender, entry_id)
        return self.been[entry_id] | {self.words[entry_id].owner} if is_known else None

    def _move_line(self) -> None:
        """The next ones in line arrive, or stay with their owners after the end; the rest by a word to itself."""
        line = self._line
        until_place = self.elsewhere.end_of_piece(self.id, line.places, line.last_place)
        for id, was_held in line.pass_on(until_place):
            word = self.words[id]
            if self.state in ENDED:
                self.tell(word.owner, "kept local", self.state, id, word.version)
                continue
            self._pass_on(id, added_during_approval=was_held)
            if was_held:
                self.tell(word.owner, "released", self.state, id, word.version)
        if not line.is_empty:
            self.tell(SERVICES, "line goes on", line.passed_place)

    def _went_on(self, _: str, said: LineUnfinished) -> Outcome | None:
        if self._line.is_empty or self._line.passed_place != said.after_place:
            return "unchanged"
        self._move_line()
        return None

    def other(self, side: str) -> str:
        return self.service if side == self.lead else self.lead

    def tell(self, to: str, *fact: Any) -> None:
        self.facts[to].append(fact)

    def tell_both(self, *fact: Any) -> None:
        self.tell(self.lead, *fact)
        self.tell(self.service, *fact)


@dataclass(frozen=True, slots=True)
class Step:
    """Which side may say something, in which states, and what comes of it; "refused" where it does not fit."""

    side: str
    states: frozenset[str]
    effect: Callable[[Outsourcing, str, Any], Taken | None]


ACCEPTED, AT_WORK, SUBMITTED = frozenset({"accepted"}), frozenset({"in_progress"}), frozenset({"awaiting_approval"})
LIVE = ACCEPTED | AT_WORK | SUBMITTED
ENDED = frozenset({"completed", "returned"})
ALWAYS = LIVE | ENDED
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
    NewsFellDue: Step(SERVICES, LIVE, model_of_news.fell_due),
    LineUnfinished: Step(SERVICES, AT_WORK | ENDED, Outsourcing._went_on),
    SyncRequest: Step("either", ALWAYS, model_of_repair.compare),
    SyncFellDue: Step(SERVICES, LIVE, model_of_repair.tell_digests),
    RepairOrdered: Step(SERVICES, ALWAYS, model_of_repair.tell_all_again),
    RepairUnfinished: Step(SERVICES, ALWAYS, model_of_repair.tell_again),
}
