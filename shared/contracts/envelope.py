"""The envelope around every message: CloudEvents 1.0 in structured JSON."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from pydantic import TypeAdapter, ValidationError

from shared.contracts.values import Instant, Payload

CONTENT_TYPE = "application/cloudevents+json"
# By contract; below the broker's own limit of 1.25 MiB, so that a little too much still gets an answer.
LARGEST_BODY_BYTES = 1024 * 1024
# Longer than any id, slug or kind there is; keeps keys and index rows small, and fits into AMQP's short strings (255).
LONGEST_ATTRIBUTE_BYTES = 200

_instant: TypeAdapter[datetime] = TypeAdapter(Instant)


class Unreadable(ValueError):
    """The bytes are not an envelope; `problem` is the slug that says why."""

    def __init__(self, problem: str, reason: str) -> None:
        super().__init__(reason)
        self.problem = problem
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Envelope:
    """What stands around the data: who said it, which kind it is, what it is about, and what it goes back to."""

    id: UUID
    source: str
    type: str
    subject: str
    time: datetime
    data: dict[str, Any]
    correlation_id: str | None = None
    causation_id: str | None = None
    trace_parent: str | None = None
    initiator: str | None = None


def read(body: bytes) -> Envelope:
    """The envelope in these bytes. Raises Unreadable with the first thing that keeps it from being one."""
    if len(body) > LARGEST_BODY_BYTES:
        raise Unreadable("message/too-large", f"{len(body)} bytes, at most {LARGEST_BODY_BYTES} are taken")
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Unreadable("message/unreadable", f"not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise Unreadable("message/unreadable", "not a JSON object")
    if fields.get("specversion") != "1.0":
        raise Unreadable("message/unreadable", "specversion is not 1.0")
    data = fields.get("data")
    if not isinstance(data, dict):
        raise Unreadable("message/unreadable", "data is not a JSON object")
    return Envelope(
        id=_uuid(fields),
        source=_text(fields, "source"),
        type=_text(fields, "type"),
        subject=_text(fields, "subject"),
        time=_time(fields),
        data=data,
        correlation_id=_optional_text(fields, "correlationid"),
        causation_id=_optional_text(fields, "causationid"),
        trace_parent=_optional_text(fields, "traceparent"),
        initiator=_optional_text(fields, "initiator"),
    )


def write(  # noqa: PLR0913 - one argument an attribute
    data: Payload,
    *,
    id: UUID,
    source: str,
    subject: str,
    time: datetime,
    sequence: str | None = None,
    correlation_id: str | None = None,
    causation_id: str | None = None,
    trace_parent: str | None = None,
    initiator: str | None = None,
) -> bytes:
    """The bytes of one message; what is None is left out."""
    fields: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(id),
        "source": source,
        "type": data.kind,
        "subject": subject,
        "time": time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
    }
    optional = {
        "sequence": sequence,
        "correlationid": correlation_id,
        "causationid": causation_id,
        "traceparent": trace_parent,
        "initiator": initiator,
    }
    fields |= {name: value for name, value in optional.items() if value is not None}
    fields["data"] = orjson.Fragment(data.__pydantic_serializer__.to_json(data))
    return orjson.dumps(fields)


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise Unreadable("message/unreadable", f"{name} is missing or not text")
    if not value.isprintable() or len(value.encode()) > LONGEST_ATTRIBUTE_BYTES:
        raise Unreadable(
            "message/unreadable", f"{name} has more than {LONGEST_ATTRIBUTE_BYTES} bytes or is not printable"
        )
    return value


def _optional_text(fields: dict[str, Any], name: str) -> str | None:
    return _text(fields, name) if fields.get(name) is not None else None


def _uuid(fields: dict[str, Any]) -> UUID:
    try:
        return UUID(_text(fields, "id"))
    except ValueError as error:
        raise (
            error if isinstance(error, Unreadable) else Unreadable("message/unreadable", "id is not a UUID")
        ) from None


def _time(fields: dict[str, Any]) -> datetime:
    try:
        return _instant.validate_json(orjson.dumps(_text(fields, "time")))
    except ValidationError:
        raise Unreadable("message/unreadable", "time is not an RFC 3339 instant with its offset") from None
