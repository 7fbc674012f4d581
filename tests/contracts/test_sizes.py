"""Every message that Tandem writes fits into one, the largest too: reckoned from the commands that it can come of."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from pydantic import ValidationError

from services.billing.documents.faults import MOST_FAULTS_TOLD
from services.billing.domain.drafts import LARGEST_LINES_BYTES, ROOM_FOR_DEDUCTIONS_BYTES
from services.billing.domain.periods import MOST_COLLECTED
from services.billing.domain.posting import LARGEST_TOLD_BYTES
from services.ticket_sync.domain.line import MOST_IN_A_PIECE
from shared.contracts.catalog import COMMANDS, DELIVERIES, EVENTS, name_of
from shared.contracts.envelope import LARGEST_BODY_BYTES, LONGEST_ATTRIBUTE_BYTES, write
from shared.contracts.examples import DELIVERY_EXAMPLES
from shared.contracts.examples.story import AT, COMMAND
from shared.contracts.ticket_sync import LARGEST_SNAPSHOT_BYTES, MOST_WANTED, TicketNoted, TicketReminded, TicketUpdate
from shared.contracts.ticket_sync.tickets import MOST_CHANGED_CHARACTERS
from shared.contracts.values import LONGEST_ERROR, MOST_ERRORS_TOLD, Payload
from tests.contracts.examples_of_events import EVENT_EXAMPLES

WRITTEN = {**DELIVERIES, **EVENTS}
EXAMPLES = {**DELIVERY_EXAMPLES, **EVENT_EXAMPLES}
# UTF-8 needs four bytes at most. What JSON has to escape needs two, for no other control characters are taken.
CHARACTER_BYTES = 4
ASCII = frozenset({"recipients", "recipient", "email", "language", "time_zone", "media_type", "content"})
LENGTHS = {"uuid": 36, "date": 10, "date-time": 32}
# What a command calls otherwise.
SAID_AS = {
    "accepted_by": "actor",
    "answered_by": "actor",
    "asked_by": "actor",
    "by": "actor",
    "completed_by": "actor",
    "returned_by": "actor",
    "submitted_by": "actor",
    "lead_number": "number",
    "partner_number": "number",
    "service_number": "number",
    "ticket_number": "number",
    "partner_link": "link",
    "adjusted_for": "reason",
    "billing_code": "code",
}
# Characters of what Tandem writes itself, and of what was checked by a form of its own.
OURS = {
    "state": 50,
    "outcome": 50,
    "type": 50,
    "told_of": 50,
    "country": 50,
    "vat_id": 50,
    "allowed": 50,
    "command_kind": LONGEST_ATTRIBUTE_BYTES,
    "cancels_number": 100,
    "title": 500,
    "words": 1_000,
    "faults": 1_000,
    "detail": 4_000,
    "WrongField.pointer": LONGEST_ERROR + 100,
    "WrongField.detail": LONGEST_ERROR,
    "Party.address": 500,
    "TaxSubtotal.note": 200,
}
# How much is listed, where the model itself does not say it.
MOST = {
    "allowed": len(COMMANDS),
    "errors": MOST_ERRORS_TOLD + 1,
    "faults": MOST_FAULTS_TOLD,
    "files": 2,
    "missing": 2,
    "address": 6,
    "costs": MOST_COLLECTED,
    "outsourcing_ids": MOST_COLLECTED,
    "taxes": 202,
    "exchange_rates": 20,
    "recipients": 20,
    "recipients_of": 100,
    "wanted": MOST_WANTED,
    "entry_ids": MOST_IN_A_PIECE,
}
# What a rule keeps below so many bytes, whatever stands in it. An entry is in one list of a digest at most: in that of
# one's own, say.
RULED = {
    "snapshot": LARGEST_SNAPSHOT_BYTES,
    "items": LARGEST_TOLD_BYTES,
    "lines": LARGEST_LINES_BYTES + ROOM_FOR_DEDUCTIONS_BYTES,
    "changes": MOST_CHANGED_CHARACTERS * CHARACTER_BYTES + 50 * 500,
    "SyncDigest.copies": 200,
    "SyncDigest.removed": 2,
}


def texts_in(schema: dict[str, Any], defs: dict[str, Any], name: str = "") -> Iterator[tuple[str, int]]:
    """The name of every text that may be as long as is said, and how long."""
    schema = _resolved(schema, defs)
    for one in schema.get("anyOf", schema.get("oneOf", ())):
        yield from texts_in(one, defs, name)
    for property, inside in schema.get("properties", {}).items():
        yield from texts_in(inside, defs, property)
    if "items" in schema:
        yield from texts_in(schema["items"], defs, name)
    if "maxLength" in schema:
        yield name, schema["maxLength"]


@cache
def longest_said() -> dict[str, int]:
    """Of each name that a text has in commands, the most characters that are taken under it."""
    longest: dict[str, int] = {}
    for model in COMMANDS.values():
        schema = model.model_json_schema()
        for name, characters in texts_in(schema, schema.get("$defs", {})):
            longest[name] = max(longest.get(name, 0), characters)
    return longest


def largest(schema: dict[str, Any], defs: dict[str, Any], of: str = "", name: str = "") -> int:  # noqa: PLR0911
    """The most bytes of a value. Raises KeyError with the name of what has no limit."""
    title = schema.get("$ref", "").rpartition("/")[2] or of
    schema = _resolved(schema, defs)
    if ruled := RULED.get(f"{of}.{name}", RULED.get(name)):
        return ruled
    if options := [one for one in schema.get("anyOf", schema.get("oneOf", ())) if "required" not in one]:
        return max(largest(one, defs, of, name) for one in options)
    if words := [schema["const"]] if "const" in schema else schema.get("enum"):
        return max(len(word) for word in words) + 2
    match schema["type"]:
        case "object":
            return 2 + sum(
                len(property) + 4 + largest(inside, defs, title, property)
                for property, inside in schema["properties"].items()
            )
        case "array":
            return 2 + (schema.get("maxItems") or MOST[name]) * (1 + largest(schema["items"], defs, of, name))
        case "string":
            return 2 + _longest_text(schema, of, name)
        case "integer":
            return len(str(schema.get("exclusiveMaximum", 2**63)))
        case _:
            return len("false")


def _longest_text(schema: dict[str, Any], of: str, name: str) -> int:
    if "format" in schema:
        return LENGTHS[schema["format"]]
    if "maxLength" in schema:
        characters: int = schema["maxLength"]
    elif "pattern" in schema:
        return _width(schema["pattern"])
    else:
        ours = OURS.get(f"{of}.{name}", OURS.get(name))
        characters = ours or longest_said()[SAID_AS.get(name, name)]
    return characters * (1 if name in ASCII else CHARACTER_BYTES)


def _width(pattern: str) -> int:
    """No fewer characters than a form may have that says of each how often it comes at most."""
    each_one = re.sub(r"\\.|\[[^\]]*\]", "x", pattern)
    assert not re.search(r"[*+]|\)\{", each_one), f"{pattern} has no limit"
    return sum(int(most or 1) for most in re.findall(r"[^^$(){}?](?:\{(?:[0-9]+,)?([0-9]+)\})?", each_one))


def _resolved(schema: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    resolved: dict[str, Any] = defs[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return resolved


def largest_body(model: type[Payload]) -> int:
    """The most bytes of a message of this kind, its envelope included."""
    schema = model.model_json_schema(mode="serialization")
    return largest(schema, schema.get("$defs", {}), model.__name__) + envelope_bytes()


@cache
def envelope_bytes() -> int:
    """What stands around the data when all attributes are as long as they may be."""
    some = TicketReminded.model_validate(DELIVERY_EXAMPLES["ticket.reminded"])
    return len(in_longest_envelope(some)) + LONGEST_ATTRIBUTE_BYTES - len(some.model_dump_json())


def in_longest_envelope(data: Payload) -> bytes:
    longest = "x" * LONGEST_ATTRIBUTE_BYTES
    trail = {"correlation_id": longest, "causation_id": longest, "trace_parent": longest, "initiator": longest}
    return write(data, id=COMMAND, source=longest, subject=longest, time=AT, sequence=f"{0:020d}", **trail)


@pytest.mark.parametrize("model", WRITTEN.values(), ids=WRITTEN)
def test_the_largest_message_of_each_kind_that_tandem_writes_is_within_the_limit(model: type[Payload]) -> None:
    example = model.model_validate(EXAMPLES[name_of(model.kind)])
    assert len(in_longest_envelope(example)) <= largest_body(model) <= LARGEST_BODY_BYTES


def changes(characters: int) -> list[dict[str, str]]:
    """So many characters of four bytes each, in as many changes as can be."""
    of_one = characters // 100
    text = "\N{MUSICAL SYMBOL G CLEF}" * of_one
    fields = [{"field": "\N{MUSICAL SYMBOL G CLEF}" * 100, "old": text, "new": text} for _ in range(50)]
    fields[0]["old"] += "x" * (characters - 100 * of_one)
    return fields


def test_the_longest_changes_that_are_taken_are_told_and_one_character_more_is_refused() -> None:
    said = {"actor": "k.sommer", "outsourcing_id": str(COMMAND)}
    update = TicketUpdate.model_validate({**said, "changes": changes(MOST_CHANGED_CHARACTERS)})
    told = TicketNoted(
        outsourcing_id=COMMAND, reason="fields_changed", changes=update.changes, state="awaiting_approval"
    )
    assert len(in_longest_envelope(told)) <= largest_body(TicketNoted) <= LARGEST_BODY_BYTES
    with pytest.raises(ValidationError) as refused:
        TicketUpdate.model_validate({**said, "changes": changes(MOST_CHANGED_CHARACTERS + 1)})
    assert [one["loc"] for one in refused.value.errors()] == [("changes",)]
