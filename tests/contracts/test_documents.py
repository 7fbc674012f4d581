"""The documents in docs/contract are those of the models, they hold together, and they keep what they promised."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from shared.contracts import generate
from shared.contracts.catalog import COMMANDS, DELIVERIES, name_of
from shared.contracts.promises import broken_promises
from shared.contracts.schemas import message_schema

SCHEMAS = {path.stem: json.loads(path.read_text()) for path in (generate.FOLDER / "schemas").glob("*.json")}
ASYNCAPI = yaml.safe_load((generate.FOLDER / "asyncapi.yaml").read_text())
README = (generate.FOLDER / "README.md").read_text()


def test_documents_are_fresh() -> None:
    assert generate.stale_in(generate.FOLDER) == []
    assert generate.main(["--check"]) == 0


def test_nothing_released_is_broken() -> None:
    assert generate.broken_in(generate.FOLDER) == []


def test_a_stale_folder_is_noticed_and_mended(tmp_path: Path) -> None:
    generate.write_to(tmp_path)
    (tmp_path / "asyncapi.yaml").write_text("")
    (tmp_path / "schemas" / "tandem.offer.forget.v1.json").write_text(json.dumps(SCHEMAS["tandem.offer.send.v1"]))
    assert generate.stale_in(tmp_path) == ["asyncapi.yaml", "schemas/tandem.offer.forget.v1.json"]
    assert generate.broken_in(tmp_path) == ["tandem.offer.forget.v1: the kind is gone"]
    generate.write_to(tmp_path)
    assert generate.stale_in(tmp_path) == []


def test_every_message_has_a_schema_and_its_example_fits() -> None:
    assert set(SCHEMAS) == set(COMMANDS) | set(DELIVERIES)
    for kind, schema in SCHEMAS.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        for example in schema["examples"]:
            jsonschema.Draft202012Validator(schema).validate(example)
            assert example["type"] == kind


def test_every_reference_leads_somewhere() -> None:
    for reference in references_in(ASYNCAPI):
        if reference.startswith("./"):
            assert (generate.FOLDER / reference).is_file(), reference
        else:
            assert resolved(ASYNCAPI, reference) is not None, reference


def test_every_kind_has_a_channel_an_operation_and_a_message() -> None:
    names = {name_of(kind) for kind in SCHEMAS}
    channels = ASYNCAPI["channels"]
    assert ASYNCAPI["asyncapi"] == "3.0.0"
    assert set(ASYNCAPI["components"]["messages"]) == names == set(ASYNCAPI["operations"])
    assert set(channels["commands"]["messages"]) == {name_of(kind) for kind in COMMANDS}
    assert set(channels["deliveries"]["messages"]) == {name_of(kind) for kind in DELIVERIES}
    for channel in channels.values():
        assert set(re.findall(r"\{(\w+)\}", channel["address"])) == set(channel["parameters"])
    for operation in ASYNCAPI["operations"].values():
        channel = operation["channel"]["$ref"]
        assert operation["action"] == ("receive" if channel.endswith("commands") else "send")
        assert all(message["$ref"].startswith(f"{channel}/messages/") for message in operation["messages"])


def test_the_guide_shows_a_real_command() -> None:
    shown = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", README, flags=re.DOTALL)]
    for command in shown:
        jsonschema.Draft202012Validator(SCHEMAS[command["type"]]).validate(command)
        bucket = hashlib.sha256(command["subject"].encode()).hexdigest()[:2]
        assert f"`alpenwerk.{name_of(command['type'])}.{bucket}`" in README
    assert shown


def test_links_of_the_guide_lead_somewhere() -> None:
    assert all((generate.FOLDER / link).exists() for link in re.findall(r"\]\(([^)#]+)\)", README))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda schema: fields(schema).pop("reason"), "data: reason is gone"),
        (lambda schema: schema["properties"]["data"]["required"].append("reason"), "data: reason is required now"),
        (
            lambda schema: schema["properties"]["data"]["required"].remove("actor"),
            "data: actor is no longer always there",
        ),
        (lambda schema: fields(schema)["actor"].update(maxLength=10), "data: actor is of another form"),
    ],
)
def test_a_broken_promise_is_named(change: Any, what: str) -> None:
    before = SCHEMAS["tandem.offer.decline.v1"]
    after = json.loads(json.dumps(before))
    change(after)
    assert broken_promises(before, after) == [what]


def test_optional_fields_and_better_words_break_nothing() -> None:
    before = message_schema(COMMANDS["tandem.offer.send.v1"])
    after = json.loads(json.dumps(before))
    fields(after)["colour"] = {"type": "string"}
    after["$defs"]["Terms"]["properties"]["mode"]["description"] = "said better"
    assert broken_promises(before, after) == []


def fields(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema["properties"]["data"]["properties"]
    return found


def references_in(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from references_in(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references_in(inner)


def resolved(document: Any, reference: str) -> Any:
    for step in reference.removeprefix("#/").split("/"):
        document = document.get(step) if isinstance(document, dict) else None
    return document
