"""Every kind: it comes back as it went, and what is wrong with a command is told at once and at its place."""

import base64
import copy
import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.contracts.catalog import COMMANDS, DELIVERIES, DIRECTIONS, EVENTS, KINDS, name_of
from shared.contracts.envelope import read, write
from shared.contracts.examples import COMMAND_EXAMPLES, DELIVERY_EXAMPLES
from shared.contracts.examples.story import AT, COMMAND
from shared.contracts.offer_handler import OfferAccept, OfferReceived, OfferSend, OutsourcingAccepted
from shared.contracts.schemas import message_schema
from shared.contracts.ticket_sync import EntryPut, TicketOpened
from shared.contracts.values import LONGEST_ERROR, MOST_ERRORS_TOLD, Command, Delivery, Payload
from tests.contracts.examples_of_events import EVENT_EXAMPLES

EXAMPLES = {**COMMAND_EXAMPLES, **DELIVERY_EXAMPLES, **EVENT_EXAMPLES}
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=20),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)
VALIDATORS = {kind: jsonschema.Draft202012Validator(message_schema(model)) for kind, model in COMMANDS.items()}


def paths_in(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in the JSON."""
    steps: Any = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for step, part in steps:
        yield (*path, step)
        yield from paths_in(part, (*path, step))


def changed(data: Any, path: tuple[Any, ...], change: Any) -> Any:
    """A copy with another value at this place."""
    copied = copy.deepcopy(data)
    place = copied
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = change
    return copied


def errors_of(model: type[Payload], data: Any) -> set[tuple[int | str, ...]]:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(data)
    return {one["loc"] for one in refused.value.errors()}


def test_names_are_well_formed() -> None:
    assert all(re.fullmatch(r"tandem\.[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*\.v[1-9][0-9]*", kind) for kind in KINDS)
    assert len(KINDS) == len(COMMANDS) + len(DELIVERIES) + len(EVENTS)
    assert set(EXAMPLES) == {name_of(kind) for kind in KINDS}
    assert set(DIRECTIONS) == set(COMMANDS) | set(DELIVERIES)


@pytest.mark.parametrize("model", KINDS.values(), ids=KINDS)
def test_a_message_comes_back_as_it_went(model: type[Payload]) -> None:
    data = model.model_validate(EXAMPLES[name_of(model.kind)])
    body = write(data, id=COMMAND, source="/instances/nordlicht", subject="x", time=AT)
    assert model.model_validate(read(body).data) == data
    assert model.model_validate_json(data.model_dump_json()) == data
    assert orjson.loads(orjson.dumps(data.model_dump(mode="json"))) == read(body).data


@pytest.mark.parametrize("model", KINDS.values(), ids=KINDS)
def test_a_message_is_never_changed(model: type[Payload]) -> None:
    data = model.model_validate(EXAMPLES[name_of(model.kind)])
    with pytest.raises(ValidationError):
        setattr(data, next(iter(model.model_fields)), None)


@pytest.mark.parametrize("model", [*EVENTS.values(), *DELIVERIES.values()], ids=[*EVENTS, *DELIVERIES])
def test_facts_of_a_newer_version_are_understood(model: type[Payload]) -> None:
    data = EXAMPLES[name_of(model.kind)]
    newer = {**{name: {**part, "new": 1} if isinstance(part, dict) else part for name, part in data.items()}, "new": 1}
    assert model.model_validate(newer) == model.model_validate(data)


@pytest.mark.parametrize("model", COMMANDS.values(), ids=COMMANDS)
def test_a_command_with_unknown_fields_is_refused_at_every_depth(model: type[Command]) -> None:
    data = COMMAND_EXAMPLES[name_of(model.kind)]
    places = [(), *(path for path in paths_in(data) if isinstance(_at(data, path), dict))]
    for path in places:
        assert errors_of(model, changed({"": data}, ("", *path, "unknown"), 1)[""]) == {(*path, "unknown")}


@pytest.mark.parametrize("model", COMMANDS.values(), ids=COMMANDS)
def test_a_command_says_what_its_subject_is(model: type[Command]) -> None:
    data = COMMAND_EXAMPLES[name_of(model.kind)]
    subject = model.model_validate(data).subject_of()
    assert subject is None or subject in {data.get(f"{noun}_id") for noun in ("round", "partnership", "outsourcing")}


@settings(max_examples=30)  # of each command
@given(st.data())
@pytest.mark.parametrize("kind", COMMANDS)
def test_what_a_command_takes_its_schema_takes(kind: str, data: st.DataObject) -> None:
    """The schema refuses nothing that Tandem takes; and what is refused is named by places that are in the message."""
    example = COMMAND_EXAMPLES[name_of(kind)]
    path = data.draw(st.sampled_from(list(paths_in(example))))
    command = changed(example, path, data.draw(JUNK))
    envelope = {**message_schema(COMMANDS[kind])["examples"][0], "data": command}
    try:
        COMMANDS[kind].model_validate(command)
    except ValidationError as refused:
        known = {tuple(_shown(step) for step in path) for path in (*paths_in(command), ())}
        for one in refused.errors():
            assert one["loc"] in known or (one["type"] == "missing" and one["loc"][:-1] in known)
    else:
        VALIDATORS[kind].validate(envelope)


def test_all_errors_are_told_at_once_and_at_their_place() -> None:
    offer = copy.deepcopy(COMMAND_EXAMPLES["offer.send"])
    offer["round_id"] = "x"
    offer["ticket"]["customer"]["email"] = "nobody"
    offer["terms"] = {**offer["terms"], "currency": "euro", "hourly_rate": None, "flat_fee": "1", "respond_by": "soon"}
    del offer["terms"]["complete_by"], offer["ticket"]["title"]
    assert errors_of(OfferSend, offer) == {
        ("round_id",),
        ("ticket", "title"),
        ("ticket", "customer", "email"),
        ("terms", "currency"),
        ("terms", "hourly_rate"),
        ("terms", "flat_fee"),
        ("terms", "respond_by"),
    }


@pytest.mark.parametrize("currency", ["KWD", "CLF", "XXX", "XAU", "DEM", "EUX"])
def test_no_offer_is_in_money_that_no_invoice_can_be_in(currency: str) -> None:
    offer = COMMAND_EXAMPLES["offer.send"]
    assert errors_of(OfferSend, {**offer, "terms": {**offer["terms"], "currency": currency}}) == {("terms", "currency")}


def test_a_refusal_stays_small_however_much_is_wrong() -> None:
    command = {**COMMAND_EXAMPLES["offer.accept"], **{f"{number}{'x' * 1000}": number for number in range(900)}}
    with pytest.raises(ValidationError) as refused:
        OfferAccept.model_validate(command)
    told = refused.value.errors()
    assert len(told) == MOST_ERRORS_TOLD + 1
    assert told[-1]["msg"] == "700 more errors are not listed"
    assert all(len(str(one["loc"])) + len(one["msg"]) < 2 * LONGEST_ERROR for one in told)
    tag = {**COMMAND_EXAMPLES["entry.put"], "body": {"kind": "k" * 10_000}}
    with pytest.raises(ValidationError) as untold:
        EntryPut.model_validate(tag)
    assert len(untold.value.errors()[0]["msg"]) == LONGEST_ERROR


def test_names_that_nobody_could_store_are_not_repeated() -> None:
    assert errors_of(OfferAccept, {**COMMAND_EXAMPLES["offer.accept"], "a\x00b": 1}) == {("a\ufffdb",)}


def test_a_link_is_a_web_address() -> None:
    opened = COMMAND_EXAMPLES["ticket.opened"]
    for link in ("javascript:alert(1)", "https://", "https://a b", "file:///etc"):
        assert errors_of(TicketOpened, {**opened, "link": link}) == {("link",)}


def test_a_round_names_nobody_twice() -> None:
    offer = copy.deepcopy(COMMAND_EXAMPLES["offer.send"])
    offer["offers"] *= 2
    assert errors_of(OfferSend, offer) == {("offers",)}


def test_an_outsourcing_has_another_id_than_its_round_and_its_partnership() -> None:
    offer = copy.deepcopy(COMMAND_EXAMPLES["offer.send"])
    for taken in (offer["round_id"], offer["offers"][0]["partnership_id"]):
        offers = [{**offer["offers"][0], "outsourcing_id": taken}]
        assert errors_of(OfferSend, {**offer, "offers": offers}) == {("offers",)}


@pytest.mark.parametrize(
    ("field", "value", "place"),
    [
        ("content", "####", "content"),
        ("content", "dGFuZGVt", "content"),
        ("size", 3, "content"),
        ("sha256", "0" * 64, "content"),
        ("size", 64 * 1024 + 1, "content"),
        ("size", 100 * 1024 * 1024 + 1, "size"),
        ("content", base64.b64encode(bytes(64 * 1024 + 3)).decode(), "content"),
        ("name", "../passwd", "name"),
        ("name", "..", "name"),
        ("media_type", "text", "media_type"),
    ],
)
def test_a_file_is_what_is_told_of_it(field: str, value: Any, place: str) -> None:
    body = {**DELIVERY_EXAMPLES["entry.replicated"]["body"], field: value}
    assert errors_of(EntryPut, {**COMMAND_EXAMPLES["entry.put"], "body": body}) == {("body", place)}


def test_a_message_brings_a_file_of_64_kib_and_no_larger_one() -> None:
    """Two bytes more are as long in base64."""

    def put(size: int) -> dict[str, Any]:
        file = bytes(size)
        content = base64.b64encode(file).decode()
        told = {"size": size, "sha256": hashlib.sha256(file).hexdigest(), "content": content}
        body = {**DELIVERY_EXAMPLES["entry.replicated"]["body"], **told}
        return {**COMMAND_EXAMPLES["entry.put"], "body": body}

    EntryPut.model_validate(put(64 * 1024))
    for beyond in (1, 2):
        assert errors_of(EntryPut, put(64 * 1024 + beyond)) == {("body", "content")}


@pytest.mark.parametrize("content", [{"content": None}, {}])
def test_a_file_may_be_named_by_its_digest_alone(content: dict[str, None]) -> None:
    body = {**DELIVERY_EXAMPLES["entry.replicated"]["body"], "size": 100 * 1024 * 1024}
    del body["content"]
    put = EntryPut.model_validate({**COMMAND_EXAMPLES["entry.put"], "body": {**body, **content}})
    assert json.loads(put.model_dump_json())["body"]["content"] is None


def test_an_entry_of_no_kind_is_named_at_its_body() -> None:
    entry = {**COMMAND_EXAMPLES["entry.put"], "body": {"kind": "poem", "text": "…"}}
    assert errors_of(EntryPut, entry) == {("body",)}


def test_the_customer_is_disclosed_only_after_acceptance() -> None:
    accepted = OutsourcingAccepted.model_validate(EVENT_EXAMPLES["outsourcing.accepted"])
    example = OfferReceived.model_validate(DELIVERY_EXAMPLES["offer.received"])
    received = OfferReceived(
        outsourcing_id=example.outsourcing_id,
        partnership_id=example.partnership_id,
        lead=example.lead,
        ticket=accepted.ticket.as_offered(),
        terms=example.terms,
        needs_organization=True,
    )
    assert "Hafenkontor" in accepted.model_dump_json()
    assert "Hafenkontor" not in received.model_dump_json()
    assert "customer" not in json.dumps(message_schema(OfferReceived)["properties"])


def _shown(step: Any) -> Any:
    return re.sub(r"[\x00-\x1f\x7f]", "\ufffd", step) if isinstance(step, str) else step


def _at(data: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        data = data[step]
    return data


def test_only_deliveries_reach_an_instance() -> None:
    assert all(issubclass(model, Delivery) for model in DELIVERIES.values())
    assert not any(issubclass(model, Delivery) for model in EVENTS.values())
