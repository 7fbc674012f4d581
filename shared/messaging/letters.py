"""How facts and answers become messages: who may read which id, and on which lane they travel."""

from datetime import UTC, datetime, timedelta
from typing import Any, assert_never
from uuid import UUID

from shared.contracts.answers import CommandRejected, CommandRepeated, WrongField
from shared.contracts.envelope import write
from shared.contracts.problems import describe
from shared.contracts.values import RESERVED_SLUG
from shared.ids import new_id
from shared.messaging import topology
from shared.messaging.arrivals import Dead, Readable
from shared.messaging.directory import Directory
from shared.messaging.outbox import Letter
from shared.messaging.outcomes import Caused, Deliver, Publish, Refused, Say, Tell

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# As fine as the database's clock is.
TICK = timedelta(microseconds=1)


class Correspondence:
    """Writes the letters of one service.

    Only the instance that started a chain of causes sees its correlation id again; everybody else gets a fresh one.
    """

    def __init__(self, service: str, directory: Directory) -> None:
        self._service = service
        self._source = f"/tandem/{service}"
        self._directory = directory
        self._last_instant = EPOCH
        self._last_begin = EPOCH

    def begin(self, now: datetime) -> datetime:
        """The instant at which the next message is decided: that of its own first delivery, and of no other.

        So no time that is told of one message is that of another's delivery, even where a turn decides many.
        """
        self._last_begin = max(now, self._last_instant + TICK, self._last_begin + TICK)
        self._last_instant = self._last_begin - TICK
        return self._last_begin

    def told(self, cause: Readable, tell: Tell, now: datetime) -> Letter:
        """What a message that took effect tells somebody."""
        envelope = cause.envelope
        initiator = _initiator(cause)
        correlation = envelope.correlation_id or (str(envelope.id) if initiator == cause.sender else None)
        if not isinstance(tell, Deliver) or tell.to == initiator:
            trail = {
                "correlation_id": correlation,
                "causation_id": str(envelope.id) if not isinstance(tell, Deliver) or tell.to == cause.sender else None,
                "trace_parent": envelope.trace_parent,
            }
        else:
            trail = {}
        return self._letter(tell, envelope.subject, (envelope.id, envelope.source), now, initiator, trail)

    def caused(self, caused: Caused, tell: Tell, now: datetime) -> Letter:
        """What is told without a message having just come in."""
        return self._letter(tell, caused.subject, (caused.cause_id, caused.cause_source), now, None, {})

    def rejection(self, cause: Readable, refused: Refused, now: datetime) -> tuple[dict[str, Any], Letter | None]:
        """The problem in the sender's language, and the letter that tells it; a worker is not written to."""
        title, detail, status = describe(
            refused.problem,
            self._directory.language_of(cause.sender),
            {"state": refused.state, "allowed": ", ".join(refused.allowed), **refused.details},
        )
        rejected = CommandRejected(
            type=refused.problem,
            title=title,
            detail=detail,
            status=status,
            errors=tuple(WrongField(pointer=error.pointer, detail=error.detail) for error in refused.errors),
            command_id=cause.envelope.id,
            command_kind=cause.envelope.type,
            state=refused.state,
            allowed=refused.allowed,
        )
        problem: dict[str, Any] = rejected.model_dump(mode="json")
        if cause.sender.startswith("tandem/"):
            return problem, None
        return problem, self.told(cause, Deliver(cause.sender, rejected), now)

    def repetition(
        self, cause: Readable, outcome: str, problem: dict[str, Any] | None, state: str | None, now: datetime
    ) -> Letter | None:
        """The answer to a command that was sent again: its first outcome and the state things are in now."""
        if cause.sender.startswith("tandem/"):
            return None
        repeated = CommandRepeated(
            command_id=cause.envelope.id,
            command_kind=cause.envelope.type,
            outcome=outcome,
            problem=None if problem is None else CommandRejected.model_validate(problem),
            state=state,
        )
        return self.told(cause, Deliver(cause.sender, repeated), now)

    def burial(self, dead: Dead, now: datetime) -> Letter:
        """The dead letter with its reason."""
        headers = {
            "x-tandem-problem": dead.problem,
            "x-tandem-reason": dead.reason[:1000],
            "x-tandem-routing-key": dead.routing_key,
            "x-tandem-user": dead.user_id or "",
            "x-tandem-service": self._service,
        }
        return Letter(
            message_id=new_id(now),
            lane=topology.DEAD,
            exchange=topology.DEAD,
            routing_key=self._service,
            kind=dead.kind,
            subject=dead.subject,
            body=dead.body,
            cause_id=dead.id,
            cause_source=dead.key[1],
            headers=headers,
        )

    def answer_to_dead(self, dead: Dead, now: datetime) -> list[Letter]:
        """The answer to who sent what cannot be read, where the broker knows that."""
        if dead.answer_to is None:
            return []
        language = self._directory.language_of(dead.answer_to)
        title, detail, status = describe(dead.problem, language, {"reason": dead.reason, "kind": dead.kind})
        rejected = CommandRejected(type=dead.problem, title=title, detail=detail, status=status)
        return [
            self._letter(Deliver(dead.answer_to, rejected), dead.subject or dead.answer_to, dead.key, now, None, {})
        ]

    def _letter(
        self,
        tell: Tell,
        subject: str,
        cause: tuple[UUID, str],
        now: datetime,
        initiator: str | None,
        trail: dict[str, str | None],
    ) -> Letter:
        subject = tell.subject or subject
        now = self._next_instant(now) if isinstance(tell, Deliver) else now
        message_id = new_id(now)
        bucket = topology.bucket(subject)
        match tell:
            case Deliver(to):
                lane, exchange, routing_key = to, topology.DELIVERIES, to
                attributes = {"correlation_id": str(message_id), **trail, "sequence": _sequence(now)}
            case Publish(data):
                lane, exchange = f"{topology.EVENTS}.{bucket}", topology.EVENTS
                routing_key = topology.event_key(data.kind, subject)
                attributes = {**trail, "initiator": initiator}
            case Say(data):
                lane, exchange = f"{topology.COMMANDS}.{bucket}", topology.COMMANDS
                routing_key = topology.command_key(RESERVED_SLUG, data.kind, subject)
                attributes = trail
            case _:
                assert_never(tell)
        body = write(tell.data, id=message_id, source=self._source, subject=subject, time=now, **attributes)
        return Letter(
            message_id=message_id,
            lane=lane,
            exchange=exchange,
            routing_key=routing_key,
            kind=tell.data.kind,
            subject=subject,
            body=body,
            cause_id=cause[0],
            cause_source=cause[1],
        )

    def _next_instant(self, now: datetime) -> datetime:
        """An instant that no other delivery has: the database's clock, or the next tick where that has not moved.

        So sequences rise for ever, and what two partners receive has not even the time in common.
        """
        self._last_instant = max(now, self._last_instant + TICK)
        return self._last_instant


def _sequence(instant: datetime) -> str:
    return f"{(instant - EPOCH) // TICK:020d}"


def _initiator(cause: Readable) -> str | None:
    """The instance whose command started the chain of causes."""
    return cause.envelope.initiator if cause.sender.startswith("tandem/") else cause.sender
