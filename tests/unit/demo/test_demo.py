"""The demo's own honesty: its partners know nothing of ours, and its comparison finds what is wrong."""

import ast
import copy
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demo import expectation
from demo.cast import CUSTOMER, LEAD, SERVICE
from demo.expectation import differences
from demo.mails import Mail

DEMO = Path(__file__).parents[3] / "demo"
# All that runs in a partner's process.
PARTNER = ("instance.py", "ticket_store.py")
KNOWN = {"aio_pika", "jsonschema", "uuid_utils", "demo"}

Stores = dict[str, dict[str, list[dict[str, Any]]]]


@pytest.mark.parametrize("name", PARTNER)
def test_a_partner_imports_nothing_of_ours_but_its_own_store(name: str) -> None:
    for node in ast.walk(ast.parse((DEMO / name).read_text())):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for module in modules:
            top = module.split(".")[0]
            assert top in sys.stdlib_module_names or top in KNOWN, f"{name} imports {module}"
            assert top != "demo" or module == "demo.ticket_store", f"{name} imports {module}"


def test_a_partner_is_told_no_address_of_a_database() -> None:
    told = ast.parse((DEMO / "partners.py").read_text())
    names = {node.value for node in ast.walk(told) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert {name for name in names if name.startswith("INSTANCE_")} == {
        "INSTANCE_SLUG",
        "INSTANCE_AMQP_URL",
        "INSTANCE_QUEUE",
        "INSTANCE_STORE",
        "INSTANCE_SCHEMAS",
    }
    assert not any("DATABASE" in name or "postgres" in name for name in names)


def test_what_is_as_expected_has_no_differences(as_expected: tuple[Stores, list[Mail]]) -> None:
    assert differences(*as_expected) == []


def _lose_a_ticket(stores: Stores, _: list[Mail]) -> None:
    stores[LEAD]["ticket"].pop()


def _double_an_entry(stores: Stores, _: list[Mail]) -> None:
    stores[SERVICE]["entry"].append(stores[SERVICE]["entry"][0])


def _show_the_lead_s_hours(stores: Stores, _: list[Mail]) -> None:
    [copied] = [row for row in stores[SERVICE]["entry"] if "Found the spare part" in row["body"]]
    copied["body"] = json.dumps({"kind": "time", "hours": "0.25", "role": "dispatch", "text": "Found the spare part"})


def _show_a_note_to_the_customer(stores: Stores, _: list[Mail]) -> None:
    [copied] = [row for row in stores[LEAD]["entry"] if "half past ten" in row["body"]]
    copied["visibility"] = "shared"


def _tell_the_customer_too_early(stores: Stores, _: list[Mail]) -> None:
    stores[SERVICE]["offer"][0]["shown"] = json.dumps({"contact": CUSTOMER["contact"]})


def _issue_two_invoices(stores: Stores, _: list[Mail]) -> None:
    stores[SERVICE]["invoice"].append({**stores[SERVICE]["invoice"][0], "number": "AW-2"})


def _send_a_mail_twice(_: Stores, mails: list[Mail]) -> None:
    mails.append(mails[0])


def _refuse_something_else(stores: Stores, _: list[Mail]) -> None:
    stores[LEAD]["rejection"].append({"problem": "message/invalid"})


@pytest.mark.parametrize(
    "fault",
    [
        _lose_a_ticket,
        _double_an_entry,
        _show_the_lead_s_hours,
        _show_a_note_to_the_customer,
        _tell_the_customer_too_early,
        _issue_two_invoices,
        _send_a_mail_twice,
        _refuse_something_else,
    ],
)
def test_every_fault_is_found(
    as_expected: tuple[Stores, list[Mail]], fault: Callable[[Stores, list[Mail]], None]
) -> None:
    stores, mails = copy.deepcopy(as_expected)
    fault(stores, mails)
    assert differences(stores, mails) != []


@pytest.fixture
def as_expected(monkeypatch: pytest.MonkeyPatch) -> tuple[Stores, list[Mail]]:
    """Stores in which everything is just as the expectation says, with one of each."""
    entries = {
        LEAD: [_entry(SERVICE, "internal", {"kind": "note", "text": "there by half past ten"})],
        SERVICE: [_entry(LEAD, "shared", {"kind": "note", "text": "Found the spare part"})],
    }
    invoice = {"currency": "EUR", "total": "1.00", "tax_total": "0.00", "taxes": [{"category": "AE"}], "lines": [{}]}
    ticket = {"number": "NL-1", "title": "Switch", "state": "completed", "partner_number": None, "customer": None}
    stores: Stores = {
        side: {
            "ticket": [dict(ticket)],
            "offer": [{"ticket_number": "NL-1", "state": "completed", "shown": None}],
            "entry": entries[side],
            "system_note": [],
            "rejection": [],
            "invoice": [{"number": "AW-1", "content": json.dumps(invoice)}],
        }
        for side in (LEAD, SERVICE)
    }
    mails = [Mail("a@example.com", "Offer", "<1>", "en", "")]
    both = (LEAD, SERVICE)
    monkeypatch.setattr(expectation, "TICKETS", {side: ["NL-1 Switch: completed"] for side in both})
    monkeypatch.setattr(expectation, "OFFERS", {side: ["NL-1 completed"] for side in both})
    monkeypatch.setattr(
        expectation,
        "ENTRIES",
        {
            LEAD: ["alpenwerk note v1 internal: there by half past ten"],
            SERVICE: ["nordlicht note v1 shared: Found the spare part"],
        },
    )
    monkeypatch.setattr(expectation, "SYSTEM_NOTES", {side: [] for side in both})
    monkeypatch.setattr(expectation, "REJECTIONS", {side: [] for side in both})
    monkeypatch.setattr(expectation, "INVOICES", {side: ["1.00 EUR, of it tax 0.00 (AE), 1 lines"] for side in both})
    monkeypatch.setattr(expectation, "MAILS", ["a@example.com (en): Offer"])
    return stores, mails


def _entry(owner: str, visibility: str, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "owner": owner,
        "version": 1,
        "visibility": visibility,
        "removed": 0,
        "remark": "",
        "body": json.dumps(body),
    }
