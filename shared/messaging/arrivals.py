"""What comes out of a queue, told apart: readable, refused at the door, or not readable at all."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import orjson
from pydantic import TypeAdapter, ValidationError

from shared.contracts.envelope import Envelope, Unreadable, read
from shared.contracts.values import RESERVED_SLUG, Command, OnBehalf, Payload, Slug
from shared.ids import id_of_content, is_uuid7, millis_of
from shared.messaging import topology
from shared.messaging.outcomes import FieldError, Refused

# The inbox remembers this long; an older id could have been forgotten, so it is not taken.
OLDEST_ID = timedelta(days=30)
# Room for clocks that run ahead, and no more: an id from the far future would never be forgotten.
NEWEST_ID = timedelta(days=1)

UNREADABLE_SOURCE = "/unreadable"
GATEWAY_SOURCE = f"/tandem/{topology.GATEWAY}"

Models = Mapping[str, type[Payload]]

_slug: TypeAdapter[str] = TypeAdapter(Slug)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One delivery from a queue, as the broker vouches for it; `returns` counts how often it came back undecided."""

    body: bytes
    user_id: str | None
    exchange: str
    routing_key: str
    returns: int
    delivery_tag: int


@dataclass(frozen=True, slots=True)
class Readable:
    """An envelope from whom it says it is, of a known kind. `refusal` is set where its content is not acceptable."""

    envelope: Envelope
    sender: str
    data: Payload | None
    digest: bytes
    body: bytes
    refusal: Refused | None = None

    @property
    def key(self) -> tuple[UUID, str]:
        return self.envelope.id, self.envelope.source


@dataclass(frozen=True, slots=True)
class Dead:
    """Nothing that could be decided: it goes to the dead queue with the reason, and `answer_to` is told where known.

    `is_return` tells what the broker brings again from what was sent again.
    """

    id: UUID
    problem: str
    reason: str
    body: bytes
    routing_key: str
    user_id: str | None
    answer_to: str | None
    is_return: bool
    kind: str = ""
    subject: str = ""

    @property
    def key(self) -> tuple[UUID, str]:
        return self.id, UNREADABLE_SOURCE


def tell_apart(arrival: Arrival, models: Models) -> Readable | Dead:
    """Read one arrival by the kinds the service knows; the age of its id is judged later, by the database's clock."""
    try:
        envelope = read(arrival.body)
    except Unreadable as unreadable:
        return _dead(arrival, unreadable.problem, unreadable.reason, answer_to=_instance_of(arrival))
    sender = _vouched_sender(arrival, envelope, models)
    if sender is None:
        return _dead(arrival, "message/forged", "user, routing key and source disagree", answer_to=None)
    if envelope.type not in models:
        dead = _dead(arrival, "message/unknown-kind", f"unknown kind {envelope.type}", answer_to=_instance_of(arrival))
        return replace(dead, kind=envelope.type, subject=envelope.subject)
    return _examined(readable(envelope, sender, arrival.body, models), arrival)


def readable(envelope: Envelope, sender: str, body: bytes, models: Models) -> Readable:
    """The content checked against its model, all errors at once. Used again when a parked message is replayed."""
    digest = _digest(envelope)
    model = models[envelope.type]
    errors, data = _claims_of_others(envelope, model), None
    try:
        data = model.model_validate(envelope.data)
    except ValidationError as error:
        errors = (*errors, *_errors(error))
    if errors:
        return Readable(envelope, sender, None, digest, body, Refused("message/invalid", errors=errors))
    return Readable(envelope, sender, data, digest, body)


def too_old_or_new(envelope: Envelope, now: datetime) -> bool:
    """Whether the id lies outside the time for which the inbox answers."""
    made_at_ms = millis_of(envelope.id)
    return not _millis(now - OLDEST_ID) <= made_at_ms <= _millis(now + NEWEST_ID)


def _millis(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def _examined(message: Readable, arrival: Arrival) -> Readable:
    envelope = message.envelope
    if not is_uuid7(envelope.id):
        problem = Refused("message/invalid", errors=(FieldError("/id", "must be a UUID of version 7"),))
        return replace(message, refusal=problem)
    words = arrival.routing_key.split(".")
    noun_verb = ".".join(words[-3:-1])
    if noun_verb != topology.noun_verb(envelope.type) or words[-1] != topology.bucket(envelope.subject):
        return replace(message, refusal=Refused("message/wrong-key", key=arrival.routing_key))
    if isinstance(message.data, Command):
        expected = message.data.subject_of() or message.sender
        if expected != envelope.subject:
            return replace(message, refusal=Refused("message/wrong-subject", subject=expected))
    return message


def _vouched_sender(arrival: Arrival, envelope: Envelope, models: Models) -> str | None:
    """The instance or worker that broker, key and source agree on, or None where they do not.

    A command that the gateway says is said by the instance for which it says it.
    """
    user = arrival.user_id
    if user is None:
        return None
    if arrival.exchange == topology.COMMANDS:
        slug = arrival.routing_key.split(".", 1)[0]
        if user == topology.worker_user(topology.GATEWAY):
            agreed = slug == RESERVED_SLUG and envelope.source == GATEWAY_SOURCE
            return _spoken_for(envelope, models) if agreed else None
        return slug if user == slug and envelope.source == f"/instances/{slug}" else None
    if arrival.exchange == topology.EVENTS and user.startswith("tandem."):
        service = user.removeprefix("tandem.")
        commanded = issubclass(models.get(envelope.type, Payload), Command)
        return f"tandem/{service}" if envelope.source == f"/tandem/{service}" and not commanded else None
    return None


def _spoken_for(envelope: Envelope, models: Models) -> str | None:
    """For whom the gateway says this; it says nothing but what a button in an e-mail can, and nothing for itself."""
    if not issubclass(models.get(envelope.type, Payload), OnBehalf):
        return None
    try:
        return _slug.validate_python(envelope.data.get("on_behalf_of"))
    except ValidationError:
        return None


def _claims_of_others(envelope: Envelope, model: type[Payload]) -> tuple[FieldError, ...]:
    """An instance speaks for itself alone."""
    claimed = issubclass(model, OnBehalf) and envelope.data.get("on_behalf_of") is not None
    if not claimed or envelope.source == GATEWAY_SOURCE:
        return ()
    return (FieldError("/data/on_behalf_of", "an instance speaks for itself"),)


def _instance_of(arrival: Arrival) -> str | None:
    """The instance that the broker vouches for, if it is one."""
    user = arrival.user_id
    return user if user is not None and "." not in user else None


def _dead(arrival: Arrival, problem: str, reason: str, *, answer_to: str | None) -> Dead:
    # The same bytes from the same user have the same id: redelivered after a crash, they are dead once.
    return Dead(
        id=id_of_content((arrival.user_id or "").encode(), arrival.body),
        problem=problem,
        reason=reason,
        body=arrival.body,
        routing_key=arrival.routing_key,
        user_id=arrival.user_id,
        answer_to=answer_to,
        is_return=arrival.returns > 0,
    )


def _digest(envelope: Envelope) -> bytes:
    content = orjson.dumps([envelope.type, envelope.subject, envelope.data], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(content).digest()


def _errors(error: ValidationError) -> tuple[FieldError, ...]:
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return tuple(
        FieldError("/data" + "".join(f"/{_escaped(part)}" for part in one["loc"]), one["msg"]) for one in details
    )


def _escaped(part: int | str) -> str:
    """One step of a JSON pointer (RFC 6901, section 3)."""
    return str(part).replace("~", "~0").replace("/", "~1")
