"""Every problem that code can name is described, in every language, without a gap."""

import ast
import re
from pathlib import Path

import pytest

from shared.contracts.problems import PROBLEMS, describe

ROOT = Path(__file__).resolve().parents[2]
NAMED = {"Refused", "NotYet"}


def slugs_in_code() -> set[str]:
    """Every slug that stands as the first argument of a refusal."""
    found = set()
    for folder in ("services", "shared"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func) in NAMED and node.args:
                    first = node.args[0]
                    if isinstance(first, ast.Constant) and isinstance(first.value, str):
                        found.add(first.value)
    return found


def test_every_refusal_has_words() -> None:
    assert slugs_in_code() - set(PROBLEMS) == set()


@pytest.mark.parametrize("slug", PROBLEMS)
def test_a_problem_is_said_in_both_languages_with_the_same_facts(slug: str) -> None:
    problem = PROBLEMS[slug]
    assert re.fullmatch(r"[a-z]+/[a-z]+(-[a-z]+)*", slug)
    assert set(problem.title) == set(problem.detail) == {"en", "de"}
    assert 400 <= problem.status < 500
    facts = [set(re.findall(r"\{(\w+)\}", detail)) for detail in problem.detail.values()]
    assert facts[0] == facts[1]
    assert all(detail.endswith(".") for detail in problem.detail.values())


@pytest.mark.parametrize("language", ["de", "de-AT", "en-GB", "fr", "x"])
def test_what_is_not_known_leaves_no_hole(language: str) -> None:
    for slug in PROBLEMS:
        title, detail, _ = describe(slug, language, {})
        assert title
        assert not re.search(r"[{}]", detail)


def test_the_reader_gets_words_not_tokens() -> None:
    details = {"state": "awaiting_approval", "allowed": "completion.approve"}
    assert describe("outsourcing/wrong-state", "de-CH", details) == (
        "In diesem Zustand nicht möglich",
        "Das Outsourcing ist im Zustand „wartet auf Genehmigung“; erlaubt ist jetzt: completion.approve.",
        409,
    )
    assert describe("offer/too-late", "fr", {"state": "expired"})[1] == (
        "The offer is expired already; allowed now: nothing."
    )


def test_braces_of_a_sender_are_only_text() -> None:
    assert "{state}" in describe("message/unknown-kind", "en", {"kind": "{state}"})[1]
