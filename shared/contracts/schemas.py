"""JSON Schemas (2020-12) of whole messages: the envelope with the data of one kind inside."""

from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from shared.contracts.catalog import DIRECTIONS, name_of
from shared.contracts.envelope import LONGEST_ATTRIBUTE_BYTES
from shared.contracts.examples import COMMAND_EXAMPLES, DELIVERY_EXAMPLES
from shared.contracts.examples.story import AT, COMMAND, DELIVERY, SEQUENCE
from shared.contracts.values import Command, Delivery, Instant

UUID7 = "^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-7[0-9A-Fa-f]{3}-[89ABab][0-9A-Fa-f]{3}-[0-9A-Fa-f]{12}$"
_EXAMPLE_SENDERS = {"lead": "nordlicht", "service": "alpenwerk", "either": "alpenwerk", "both": "alpenwerk"}


class _Plain(GenerateJsonSchema):
    """Without a title at every field that only repeats its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the signature is pydantic's
        return False


def message_schema(model: type[Command] | type[Delivery]) -> dict[str, Any]:
    """What a whole message of this kind looks like."""
    is_command = issubclass(model, Command)
    data = model.model_json_schema(schema_generator=_Plain, mode="validation")
    parts = data.pop("$defs", {})
    if not is_command:
        data, parts = _open(data), _open(parts)
    data.pop("title", None)
    description = data.pop("description", "")
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": model.kind,
        "description": description,
        "type": "object",
        "properties": {**_attributes(model.kind), **(_of_command() if is_command else _of_delivery()), "data": data},
        "required": ["specversion", "id", "source", "type", "subject", "time", "data"],
        "examples": [example(model)],
    }
    if not is_command:
        schema["required"].insert(-1, "sequence")
    return {**schema, "$defs": parts} if parts else schema


def example(model: type[Command] | type[Delivery]) -> dict[str, Any]:
    """A whole message of this kind as it could be seen on the wire."""
    name = name_of(model.kind)
    direction = DIRECTIONS[model.kind]
    if issubclass(model, Command):
        data = COMMAND_EXAMPLES[name]
        sender = _EXAMPLE_SENDERS[direction.side]
        subject = model.model_validate(data).subject_of() or sender
        return _envelope(model.kind, str(COMMAND), f"/instances/{sender}", subject, data)
    data = DELIVERY_EXAMPLES[name]
    service = "offer_handler" if direction.owner == "answers" else direction.owner
    envelope = _envelope(model.kind, str(DELIVERY), f"/tandem/{service}", _subject_of_fact(data), data)
    return {"sequence": SEQUENCE, "correlationid": str(COMMAND), **envelope}


def _envelope(kind: str, id: str, source: str, subject: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": kind,
        "subject": subject,
        "time": AT.isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": data,
    }


def _subject_of_fact(data: dict[str, Any]) -> str:
    """The subject of the command that caused the example; the agreement and settings have the instance's slug."""
    named = (data.get(name) for name in ("round_id", "outsourcing_id", "partnership_id"))
    within = data.get("invoice", {}).get("outsourcing_id")
    return next((str(one) for one in (*named, within) if one), "alpenwerk")


def _attributes(kind: str) -> dict[str, Any]:
    text = {"type": "string", "minLength": 1, "maxLength": LONGEST_ATTRIBUTE_BYTES}
    return {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "format": "uuid", "pattern": UUID7, "description": "a UUIDv7; the idempotency key"},
        "type": {"const": kind},
        "subject": {**text, "description": "the key of ordering"},
        "time": {**TypeAdapter(Instant).json_schema(), "description": "when it happened at the source"},
        "datacontenttype": {"const": "application/json"},
        "correlationid": {**text, "description": "the same for all that goes back to one command"},
        "causationid": {**text, "description": "the id of the message that caused this one"},
        "traceparent": {**text, "description": "W3C trace context"},
    }


def _of_command() -> dict[str, Any]:
    return {"source": {"type": "string", "pattern": "^/instances/[a-z][a-z0-9-]{1,30}$"}}


def _of_delivery() -> dict[str, Any]:
    return {
        "source": {"type": "string", "pattern": "^/tandem/[a-z_]+$"},
        "sequence": {
            "type": "string",
            "pattern": "^[0-9]{20}$",
            "description": "rises per recipient and subject; compared as text",
        },
    }


def _open(schema: Any) -> Any:
    """The same schema, which lets through fields of a newer version: a receiver ignores what it does not know."""
    if isinstance(schema, list):
        return [_open(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: _open(part) for name, part in schema.items() if name != "additionalProperties"}
