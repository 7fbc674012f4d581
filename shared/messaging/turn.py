"""The turn: all that waits is decided in one transaction, and every message ends in exactly one outcome."""

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, assert_never
from uuid import UUID

import structlog

from shared.contracts.envelope import read
from shared.contracts.values import Command
from shared.database import Connection
from shared.ids import new_id
from shared.messaging import inbox, outbox, parking
from shared.messaging.arrivals import Arrival, Dead, Readable, readable, tell_apart, too_old_or_new
from shared.messaging.directory import Directory
from shared.messaging.letters import Correspondence
from shared.messaging.outbox import Letter, Posted
from shared.messaging.outcomes import Changed, Decision, Message, NotYet, Refused, Unchanged
from shared.messaging.parking import Blocker, Line, ParkedMessage
from shared.messaging.routes import Handlers, Route
from shared.messaging.working_set import WorkingSet

log = structlog.get_logger()

# Enough of an exception to know it by; the whole of it is in the log.
LONGEST_ERROR = 2000
# One replay takes at most this many messages of a line, so that its transaction stays as short as a turn's.
REPLAY_LIMIT = 200

Incoming = Readable | Dead
Failure = str


@dataclass(slots=True)
class Case:
    """One message in a turn, its route, and what the route's rule is given of it."""

    message: Readable
    route: Route
    given: Message[Any]

    @property
    def line(self) -> Line:
        """Where all wait who speak of the subject."""
        return Line(self.message.envelope.subject)

    @property
    def line_apart(self) -> Line:
        """Where only what this sender says of it waits."""
        return Line(self.message.envelope.subject, self.message.sender)

    def line_among(self, blocked: Container[Line]) -> Line:
        """Where it queues up if anything waits there: its sender's own messages come before it first."""
        return self.line_apart if self.line_apart in blocked else self.line


@dataclass(slots=True)
class Ledger:
    """All that a turn writes besides the values of the business."""

    now: datetime
    taken: list[inbox.Entry] = field(default_factory=list)
    history: list[inbox.Event] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    blockers: list[Blocker] = field(default_factory=list)
    parked: list[tuple[str, str, UUID, str, str, str, bytes]] = field(default_factory=list)
    unblocked: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Turned:
    """What a committed turn leaves to be done: letters to publish, and whether parked subjects are due."""

    posted: list[Posted]
    replay_is_due: bool = False


class Turn:
    """Decides messages of one service by its routes."""

    def __init__(self, handlers: Handlers, directory: Directory, correspondence: Correspondence) -> None:
        self._handlers = handlers
        self._models = handlers.models
        self._directory = directory
        self._correspondence = correspondence

    def read(self, arrival: Arrival) -> Incoming:
        """Tell one arrival apart by the kinds this service knows."""
        return tell_apart(arrival, self._models)

    async def take(self, connection: Connection, incoming: list[Incoming]) -> Turned:
        """Decide what arrived, in this order, in one transaction.

        Raises what the database raises, and then nothing of it has happened.
        """
        async with connection.transaction():
            known, blocked = await self._look(connection, incoming)
            now, seen, waiting = known.now, known.seen, Counter(known.waiting)
            cases = [self._case(message, now) if isinstance(message, Readable) else message for message in incoming]
            await self._directory.look_up(connection, _senders(incoming))
            working = await self._load(connection, [case for case in cases if isinstance(case, Case)])
            ledger = Ledger(now)
            for message, case in zip(incoming, cases, strict=True):
                self._begin(case, ledger)
                if (first := seen.get(message.key)) is not None:
                    self._answer_again(case, first, working, ledger)
                    continue
                if isinstance(case, Case):
                    self._take_one(case, blocked, waiting, working, ledger)
                else:
                    self._bury(case, ledger)
                seen[message.key] = ledger.taken[-1].as_seen()
            await working.save(connection)
            posted = await self._write(connection, ledger)
        return Turned(posted, replay_is_due=bool(ledger.blockers or ledger.unblocked))

    async def replay(self, connection: Connection, blocker: Blocker, limit: int = REPLAY_LIMIT) -> Turned:
        """Try a line's parked messages again, from the first on until one has to wait again.

        Raises what the database raises, and then nothing of it has happened.
        """
        async with connection.transaction():
            blocked = await parking.lock_blockers(connection, {blocker.line})
            waiting = await parking.list_parked_of(connection, blocker.line, limit)
            if blocker.line not in blocked or not waiting:
                await parking.release_if_empty(connection, blocker.line)
                return Turned([])
            now = (await inbox.find_known(connection, [], [], [])).now
            await self._directory.look_up(connection, {parked.sender for parked in waiting if "/" not in parked.sender})
            cases = [self._case(self._as_it_came(parked), now) for parked in waiting]
            working = await self._load(connection, cases)
            ledger = Ledger(now)
            still = self._decide_parked(waiting, cases, blocker, working, ledger)
            await working.save(connection)
            await inbox.finish_parked(connection, ledger.taken, ledger.history)
            await parking.delete_parked(connection, [parked.position for parked in waiting[: len(ledger.taken)]])
            if still is not None and still.line != blocker.line:
                await parking.set_apart(connection, still, now)
                still = None
            if not await parking.release_if_empty(connection, blocker.line):
                rest = replace(blocker, attempts=0, next_attempt_at=now)
                await parking.update_blocker(connection, still or rest)
            posted = await outbox.post(connection, self._directory, ledger.letters, now)
        return Turned(posted, replay_is_due=True)

    async def set_aside(self, connection: Connection, message: Readable, error: Failure) -> Turned:
        """Park one message without deciding it: the database refused what came of it, or it came back too often.

        What is refused at the door is refused here too: it must not block a subject that its sender only names.
        """
        async with connection.transaction():
            known, blocked = await self._look(connection, [message])
            now, seen = known.now, known.seen
            case = self._case(message, now)
            await self._directory.look_up(connection, _senders([message]))
            ledger = Ledger(now)
            if message.key not in seen:
                if (refusal := _refused_at_the_door(case, now)) is not None:
                    self._refuse(case, refusal, ledger)
                else:
                    line = case.line_among(blocked)
                    if line not in blocked:
                        ledger.blockers.append(parking.failed(line, error, 1, now))
                    self._queue_up(case, line, ledger)
            posted = await self._write(connection, ledger)
        return Turned(posted, replay_is_due=bool(ledger.blockers))

    async def _look(self, connection: Connection, incoming: list[Incoming]) -> tuple[inbox.Known, dict[Line, str]]:
        """What must be known of these messages, and the status of the lines in which others wait before them."""
        lines = _lines(incoming)
        asked = [message.key for message in incoming], _senders(incoming), sorted({line.subject for line in lines})
        known, blocked = await inbox.find_known(connection, *asked), dict[Line, str]()
        if known.held_up:
            blocked = await parking.lock_blockers(connection, lines)
            # The clock too: what another worker replayed before the lock was ours was told earlier than this.
            known = await inbox.find_known(connection, *asked)
        return known, blocked

    def _as_it_came(self, parked: ParkedMessage) -> Readable:
        return readable(read(parked.body), parked.sender, parked.body, self._models)

    def _case(self, message: Readable, now: datetime) -> Case:
        envelope = message.envelope
        given = Message(
            id=envelope.id,
            source=envelope.source,
            sender=message.sender,
            kind=envelope.type,
            subject=envelope.subject,
            time=envelope.time,
            data=message.data,
            now=now,
            fresh_id=new_id(now),
        )
        return Case(message, self._handlers.routes[envelope.type], given)

    def _take_one(
        self, case: Case, blocked: dict[Line, str], waiting: Counter[str], working: WorkingSet, ledger: Ledger
    ) -> None:
        if (refusal := _refused_at_the_door(case, ledger.now)) is not None:
            self._refuse(case, refusal, ledger)
            return
        sender = case.message.sender
        line = case.line_among(blocked)
        status = blocked.get(line)
        if status is not None and not (case.route.unblocks and status == parking.NOT_YET):
            if _is_instance(sender) and waiting[sender] >= parking.most_parked_behind(status):
                self._refuse(case, Refused("message/too-many-waiting"), ledger)
                return
            waiting[sender] += 1
            self._queue_up(case, line, ledger)
            return
        match self._decide(case, working):
            case NotYet() if _is_instance(sender) and waiting[sender] >= parking.MOST_WAITING_PER_SENDER:
                self._refuse(case, Refused("message/too-many-waiting"), ledger)
            case NotYet(problem, wait_seconds):
                waiting[sender] += 1
                give_up_at = ledger.now + timedelta(seconds=wait_seconds)
                line = _line_of_what_waits(case, working)
                self._block(case, parking.not_yet(line, problem, 0, give_up_at, ledger.now), blocked, ledger)
            case str(error):
                waiting[sender] += 1
                self._block(case, parking.failed(case.line, error, 1, ledger.now), blocked, ledger)
            case decision:
                self._conclude(case, decision, working, ledger)
                if case.route.unblocks and case.line in blocked:
                    ledger.unblocked.append(case.line.subject)

    def _decide_parked(
        self,
        waiting: list[ParkedMessage],
        cases: list[Case],
        blocker: Blocker,
        working: WorkingSet,
        ledger: Ledger,
    ) -> Blocker | None:
        """Conclude as many as can be, in order; says why the next one still waits, if one does."""
        line, attempts = blocker.line, blocker.attempts
        for parked, case in zip(waiting, cases, strict=True):
            self._begin(case, ledger)
            match case.message.refusal or self._decide(case, working):
                case NotYet(problem, wait_seconds, state, otherwise):
                    give_up_at = parked.parked_at + timedelta(seconds=wait_seconds)
                    if ledger.now < give_up_at:
                        line = line if line.apart else _line_of_what_waits(case, working)
                        return parking.not_yet(line, problem, attempts, give_up_at, ledger.now)
                    self._conclude(case, otherwise or Refused(problem, state=state), working, ledger)
                case str(error):
                    return parking.failed(line, error, attempts, ledger.now)
                case decision:
                    self._conclude(case, decision, working, ledger)
            attempts = 1
        return None

    def _begin(self, case: Case | Dead, ledger: Ledger) -> None:
        """Each message of a turn has an instant of its own, whatever becomes of it."""
        instant = self._correspondence.begin(ledger.now)
        if isinstance(case, Case):
            case.given = replace(case.given, now=instant)

    def _decide(self, case: Case, working: WorkingSet) -> Decision | Failure:
        """The rule's decision; a rule that raises harms only this message."""
        try:
            return case.route.decide(*working.arguments(case.route, case.given))
        except Exception as error:
            log.exception("rule raised", kind=case.route.kind, id=str(case.given.id))
            return f"{type(error).__name__}: {error}"[:LONGEST_ERROR]

    def _conclude(self, case: Case, decision: Decision, working: WorkingSet, ledger: Ledger) -> None:
        match decision:
            case Changed(values, tell, event, beside):
                letters = [self._correspondence.told(case.message, one, ledger.now) for one in tell]
                working.fold(values)
                ledger.letters += letters
                given = case.given
                actor = given.data.actor if isinstance(given.data, Command) else given.sender
                events = ((given.subject, event), *beside)
                ledger.history += [
                    (given.id, given.source, subject, actor, words, given.now) for subject, words in events
                ]
                state = working.state_for(case.route, given)
                ledger.taken.append(_entry(case.message, "applied", state=state))
            case Unchanged():
                state = working.state_for(case.route, case.given)
                ledger.taken.append(_entry(case.message, "unchanged", state=state))
            case Refused():
                self._refuse(case, decision, ledger)
            case NotYet():
                raise AssertionError("who waits is parked, not concluded")
            case _:
                assert_never(decision)

    def _refuse(self, case: Case, refused: Refused, ledger: Ledger) -> None:
        problem, letter = self._correspondence.rejection(case.message, refused, ledger.now)
        ledger.letters += [letter] if letter else []
        ledger.taken.append(_entry(case.message, "refused", problem=problem, state=refused.state))
        # Workers only tell each other what is so: a refusal among them is a fault of ours.
        say = log.info if _is_instance(case.given.sender) else log.error
        say("refused", kind=case.given.kind, id=str(case.given.id), problem=refused.problem)

    def _bury(self, dead: Dead, ledger: Ledger) -> None:
        ledger.letters += [
            self._correspondence.burial(dead, ledger.now),
            *self._correspondence.answer_to_dead(dead, ledger.now),
        ]
        id, source = dead.key
        problem = {"type": dead.problem}
        ledger.taken.append(
            inbox.Entry(id, source, dead.user_id or "", dead.kind, dead.subject, bytes(32), "dead", problem)
        )
        event = "forged message" if dead.problem == "message/forged" else "unreadable message"
        log.warning(event, problem=dead.problem, user=dead.user_id, routing_key=dead.routing_key, id=str(id))

    def _answer_again(self, case: Case | Dead, first: inbox.Seen, working: WorkingSet, ledger: Ledger) -> None:
        """The same id again: with the same content its first outcome is told, with other content it is refused."""
        if isinstance(case, Dead):
            # The letter lies in the dead queue already; who sent it again is told again.
            ledger.letters += [] if case.is_return else self._correspondence.answer_to_dead(case, ledger.now)
            return
        if case.message.digest != first.digest:
            _, letter = self._correspondence.rejection(case.message, Refused("message/id-reused"), ledger.now)
        else:
            # Who was told no state the first time may have asked about what is not its own.
            state = None if first.state is None else working.state_for(case.route, case.given) or first.state
            letter = self._correspondence.repetition(case.message, first.outcome, first.problem, state, ledger.now)
        ledger.letters += [letter] if letter else []

    def _block(self, case: Case, blocker: Blocker, blocked: dict[Line, str], ledger: Ledger) -> None:
        if blocker.line not in blocked:
            ledger.blockers.append(blocker)
        blocked[blocker.line] = blocker.status
        self._queue_up(case, blocker.line, ledger)

    def _queue_up(self, case: Case, line: Line, ledger: Ledger) -> None:
        given = case.given
        ledger.taken.append(_entry(case.message, "parked"))
        ledger.parked.append((*line, given.id, given.source, given.sender, given.kind, case.message.body))

    async def _load(self, connection: Connection, cases: list[Case]) -> WorkingSet:
        working = WorkingSet(self._handlers.tables)
        decidable = (case for case in cases if case.message.refusal is None)
        await working.load(connection, ((need, case.given) for case in decidable for need in case.route.needs))
        return working

    async def _write(self, connection: Connection, ledger: Ledger) -> list[Posted]:
        letters = await outbox.deliverable(connection, self._directory, ledger.letters)
        # Before anything is parked: where another worker has taken a message meanwhile, this says so.
        posted = await inbox.insert_taken(connection, ledger.taken, ledger.history, letters, ledger.now)
        if ledger.parked:
            await parking.save_blockers(connection, ledger.blockers, ledger.now)
            await parking.insert_parked(connection, ledger.parked, ledger.now)
        if ledger.unblocked:
            await parking.make_due(connection, ledger.unblocked)
        return posted


def _refused_at_the_door(case: Case, now: datetime) -> Refused | None:
    """What keeps a message from being decided at all, whatever state things are in."""
    if case.message.refusal is not None:
        return case.message.refusal
    if too_old_or_new(case.message.envelope, now):
        return Refused("message/too-old")
    return None


def _is_instance(sender: str) -> bool:
    return "/" not in sender


def _lines(incoming: Sequence[Incoming]) -> set[Line]:
    """The lines in which these may have to queue up."""
    readable = [message for message in incoming if isinstance(message, Readable)]
    return {Line(message.envelope.subject, apart) for message in readable for apart in ("", message.sender)}


def _line_of_what_waits(case: Case, working: WorkingSet) -> Line:
    """What is there and is others' is waited for as if it were not there, but nobody whose own it is waits for that."""
    is_foreign = _is_instance(case.given.sender) and working.is_foreign(case.route, case.given)
    return case.line_apart if is_foreign else case.line


def _senders(incoming: list[Incoming]) -> list[str]:
    senders = {m.sender if isinstance(m, Readable) else m.answer_to for m in incoming}
    return sorted(sender for sender in senders if sender is not None and _is_instance(sender))


def _entry(
    message: Readable, outcome: str, *, problem: dict[str, Any] | None = None, state: str | None = None
) -> inbox.Entry:
    envelope = message.envelope
    said = envelope.id, envelope.source, message.sender, envelope.type, envelope.subject
    return inbox.Entry(*said, message.digest, outcome, problem, state)
