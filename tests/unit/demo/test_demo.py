"""The demo's own honesty: its partners know nothing of ours, and its comparison finds what is wrong."""

import ast
import base64
import copy
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from demo import comparison
from demo.cast import CUSTOMER, LEAD, NAMES, OTHER, SERVICE
from demo.comparison import FORMATS, differences
from demo.mails import Mail
from demo.partners import environment_of
from services.console.installation import Connected

ROOT = Path(__file__).parents[3]
DEMO = ROOT / "demo"
# All that runs in a partner's process.
PARTNER = ("instance.py", "ticket_store.py")
KNOWN = {"aio_pika", "httpx", "jsonschema", "uuid_utils", "demo"}

FILE = {
    "kind": "attachment",
    "name": "plan.txt",
    "size": 4,
    "sha256": hashlib.sha256(b"plan").hexdigest(),
    "content": base64.b64encode(b"plan").decode(),
}

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


def test_a_partner_s_process_has_loaded_nothing_of_ours() -> None:
    asked = "import sys, demo.instance; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    ours = {name for name in loaded.split() if name.split(".")[0] in ("demo", "services", "shared", "tests")}
    assert ours == {"demo", "demo.instance", "demo.ticket_store"}
    assert not {"asyncpg", "psycopg"} & set(loaded.split())


def test_a_partner_is_told_no_address_of_a_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("TANDEM_DATABASE_URL", "TANDEM_ADMIN_DATABASE_URL", "PGHOST"):
        monkeypatch.setenv(name, "postgresql://here")
    connected = Connected(
        "amqp://nordlicht@127.0.0.1/", "instance.nordlicht.x", "http://127.0.0.1/files", "nordlicht.x"
    )
    told = environment_of(LEAD, connected, tmp_path)
    assert not any("postgresql:" in value for value in told.values())
    assert set(told) - {"PATH"} == {
        "INSTANCE_SLUG",
        "INSTANCE_AMQP_URL",
        "INSTANCE_QUEUE",
        "INSTANCE_FILES_URL",
        "INSTANCE_FILES_TOKEN",
        "INSTANCE_STORE",
        "INSTANCE_SCHEMAS",
    }
    assert told["PATH"] == os.environ["PATH"]


def test_what_is_as_expected_has_no_differences(as_expected: tuple[Stores, list[Mail]]) -> None:
    assert differences(*as_expected) == []


def _lose_a_ticket(stores: Stores, _: list[Mail]) -> None:
    stores[LEAD]["ticket"].pop()


def _double_an_entry(stores: Stores, _: list[Mail]) -> None:
    stores[SERVICE]["entry"].append(stores[SERVICE]["entry"][0])


def _show_the_lead_s_hours(stores: Stores, _: list[Mail]) -> None:
    [copied] = [row for row in stores[SERVICE]["entry"] if "Found the spare part" in row["body"]]
    copied["body"] = json.dumps({"kind": "time", "hours": "0.25", "role": "dispatch", "text": "Found the spare part"})


def _hide_the_lead_s_hours_in_a_note(stores: Stores, _: list[Mail]) -> None:
    [copied] = [row for row in stores[SERVICE]["entry"] if "Found the spare part" in row["body"]]
    copied["body"] = json.dumps({"kind": "note", "hours": "0.25", "text": "Found the spare part"})


def _name_another_author(stores: Stores, _: list[Mail]) -> None:
    stores[LEAD]["entry"][0]["author"] = "Tandem"


def _damage_a_file(stores: Stores, _: list[Mail]) -> None:
    [file] = [row for row in stores[LEAD]["entry"] if "plan.txt" in row["body"]]
    file["body"] = json.dumps({**json.loads(file["body"]), "content": base64.b64encode(b"plam").decode()})


def _fetch_a_file_in_part(stores: Stores, _: list[Mail]) -> None:
    stores[LEAD]["file"][0]["whole"] = 0


def _fetch_an_invoice_in_part(stores: Stores, _: list[Mail]) -> None:
    stores[LEAD]["invoice_file"][0]["whole"] = 0


def _give_each_side_another_invoice(stores: Stores, _: list[Mail]) -> None:
    stores[LEAD]["invoice_file"][0]["sha256"] = "another"


def _tell_a_fact_twice(stores: Stores, _: list[Mail]) -> None:
    stores[LEAD]["told"][0]["times"] += 1


def _deliver_what_no_schema_allows(stores: Stores, _: list[Mail]) -> None:
    stores[SERVICE]["unfit"].append({"kind": "tandem.offer.received.v1", "reason": "'terms' is a required property"})


def _show_a_note_to_the_customer(stores: Stores, _: list[Mail]) -> None:
    [copied] = [row for row in stores[LEAD]["entry"] if "half past ten" in row["body"]]
    copied["visibility"] = "shared"


def _tell_the_customer_too_early(stores: Stores, _: list[Mail]) -> None:
    stores[SERVICE]["offer"][0]["shown"] = json.dumps({"contact": CUSTOMER["contact"]})


def _issue_two_invoices(stores: Stores, _: list[Mail]) -> None:
    stores[SERVICE]["invoice"].append({**stores[SERVICE]["invoice"][0], "number": "AW-2"})


def _send_a_mail_twice(_: Stores, mails: list[Mail]) -> None:
    mails.append(mails[0])


def _send_two_mails_under_one_id(_: Stores, mails: list[Mail]) -> None:
    mails[1] = replace(mails[1], message_id=mails[0].message_id)


def _name_the_customer_in_the_offer(_: Stores, mails: list[Mail]) -> None:
    mails[0] = replace(mails[0], text=f"{mails[0].text}\nAsk for {CUSTOMER['contact']}")


def _let_a_partner_hear_of_another(stores: Stores, _: list[Mail]) -> None:
    stores[OTHER]["offer"][0]["shown"] = json.dumps({"description": f"{NAMES[SERVICE]} had no time"})


def _refuse_something_else(stores: Stores, _: list[Mail]) -> None:
    stores[LEAD]["rejection"].append({"problem": "message/invalid"})


@pytest.mark.parametrize(
    "fault",
    [
        _lose_a_ticket,
        _double_an_entry,
        _show_the_lead_s_hours,
        _hide_the_lead_s_hours_in_a_note,
        _name_another_author,
        _damage_a_file,
        _fetch_a_file_in_part,
        _fetch_an_invoice_in_part,
        _give_each_side_another_invoice,
        _tell_a_fact_twice,
        _deliver_what_no_schema_allows,
        _show_a_note_to_the_customer,
        _tell_the_customer_too_early,
        _issue_two_invoices,
        _send_a_mail_twice,
        _send_two_mails_under_one_id,
        _name_the_customer_in_the_offer,
        _let_a_partner_hear_of_another,
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
        LEAD: [
            _entry(SERVICE, "internal", {"kind": "note", "text": "there by half past ten"}),
            _entry(LEAD, "shared", FILE),
        ],
        SERVICE: [_entry(LEAD, "shared", {"kind": "note", "text": "Found the spare part"})],
        OTHER: [],
    }
    invoice: dict[str, Any] = {
        "currency": "EUR",
        "total": "1.00",
        "tax_total": "0.00",
        "taxes": [{"category": "AE"}],
        "number": "AW-1",
    }
    invoice["lines"] = [{"amount": "1.00"}]
    ticket = {"number": "NL-1", "title": "Switch", "state": "completed", "partner_number": None, "customer": None}
    stores: Stores = {
        side: {
            "ticket": [dict(ticket)],
            "offer": [{"ticket_number": "NL-1", "state": "completed", "shown": None}],
            "entry": entries[side],
            "file": [{"size": 4, "whole": 1}],
            "system_note": [],
            "rejection": [],
            "invoice": [{"number": "AW-1", "content": json.dumps(invoice)}],
            "invoice_file": [{"format": format, "sha256": format, "whole": 1} for format in FORMATS],
            "told": [{"kind": "tandem.offer.expired.v1", "times": 1}],
            "unfit": [],
        }
        for side in NAMES
    }
    mails = [Mail("a@example.com", "NL-1 (b)", f"<{number}>", "en", "b offers you a ticket") for number in (1, 2)]
    monkeypatch.setattr(comparison, "TICKETS", {side: ["NL-1 Switch: completed"] for side in NAMES})
    monkeypatch.setattr(comparison, "OFFERS", {side: ["NL-1 completed"] for side in NAMES})
    monkeypatch.setattr(
        comparison,
        "ENTRIES",
        {
            LEAD: [
                "alpenwerk note v1 internal by P. Ost: there by half past ten",
                "nordlicht attachment v1 shared by P. Ost: plan.txt, 4 bytes",
            ],
            SERVICE: ["nordlicht note v1 shared by P. Ost: Found the spare part"],
            OTHER: [],
        },
    )
    monkeypatch.setattr(comparison, "FILES", {side: ["4 bytes, whole"] for side in NAMES})
    monkeypatch.setattr(comparison, "SYSTEM_NOTES", {side: [] for side in NAMES})
    monkeypatch.setattr(comparison, "REJECTIONS", {side: [] for side in NAMES})
    monkeypatch.setattr(comparison, "INVOICES", {side: ["AW 1.00 EUR, of it tax 0.00 (AE): 1.00"] for side in NAMES})
    monkeypatch.setattr(comparison, "FACTS", {side: {"offer.expired": 1} for side in NAMES})
    monkeypatch.setattr(comparison, "MAILS", ["a@example.com (en): NL-1 (b): b offers you a ticket"] * 2)
    return stores, mails


def _entry(owner: str, visibility: str, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "owner": owner,
        "author": "P. Ost",
        "version": 1,
        "visibility": visibility,
        "removed": 0,
        "remark": "",
        "body": json.dumps(body),
    }
