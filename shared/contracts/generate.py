"""Writes the documents of the wire into docs/contract; `--check` only tells whether they are stale.

A kind that others may use already is not broken by accident: writing is refused where an older schema is not kept,
unless `--unreleased` says that nobody has used it yet.
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from shared.contracts.asyncapi import document
from shared.contracts.catalog import COMMANDS, DELIVERIES
from shared.contracts.pages import messages_page, problems_page
from shared.contracts.promises import broken_promises
from shared.contracts.schemas import message_schema

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "contract"


def documents() -> dict[str, str]:
    """Every generated file by its name in the folder."""
    schemas = {f"schemas/{kind}.json": _json(message_schema(model)) for kind, model in _on_the_wire().items()}
    return {
        "asyncapi.yaml": yaml.safe_dump(document(), sort_keys=False, allow_unicode=True, width=110),
        "messages.md": messages_page(),
        "problems.md": problems_page(),
        **schemas,
    }


def stale_in(folder: Path) -> list[str]:
    """The files that are missing, differ, or belong to no kind any more."""
    wanted = documents()
    left_over = [f"schemas/{path.name}" for path in (folder / "schemas").glob("*.json")]
    differing = [name for name, text in wanted.items() if _read(folder / name) != text]
    return sorted({*differing, *(name for name in left_over if name not in wanted)})


def broken_in(folder: Path) -> list[str]:
    """What the models no longer keep of the schemas in the folder."""
    broken = []
    for path in sorted((folder / "schemas").glob("*.json")):
        before = json.loads(path.read_text(encoding="utf-8"))
        model = _on_the_wire().get(path.stem)
        lost = ["the kind is gone"] if model is None else broken_promises(before, message_schema(model))
        broken += [f"{path.stem}: {what}" for what in lost]
    return broken


def write_to(folder: Path) -> None:
    """Write every document, and take away the schemas of kinds that are gone."""
    wanted = documents()
    (folder / "schemas").mkdir(parents=True, exist_ok=True)
    for path in (folder / "schemas").glob("*.json"):
        if f"schemas/{path.name}" not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")


def main(arguments: list[str]) -> int:
    """The command line; its result is the exit status."""
    if "--check" in arguments:
        stale = stale_in(FOLDER)
        return _say("stale, run `python -m shared.contracts.generate`:", stale)
    if "--unreleased" not in arguments and (broken := broken_in(FOLDER)):
        return _say("not written: a released kind keeps its form, anything else is a new version of it", broken)
    write_to(FOLDER)
    return 0


def _on_the_wire() -> dict[str, Any]:
    return {**COMMANDS, **DELIVERIES}


def _json(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _say(what: str, lines: list[str]) -> int:
    if lines:
        sys.stderr.write("\n  ".join([what, *lines]) + "\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
