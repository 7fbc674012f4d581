"""What the play leaves behind: a summary, both partners' tickets, the e-mails and the invoice."""

import json
import shutil
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from demo.cast import LEAD, SERVICE
from demo.comparison import differences
from demo.performance import Outcome
from demo.timeline import Timeline
from services.console.check import Account

SUMMARY = "summary.json"


def faults_of(outcome: Outcome) -> list[str]:
    """Everything that is not as it must be: at the partners, in the e-mails, inside Tandem, and in the broker."""
    left = [
        f"{'.'.join(name.split('.')[:2])}: {count} messages are left in the queue"
        for name, count in outcome.queues.items()
        if count
    ]
    return differences(outcome.stores, outcome.mails) + problems_of(outcome.accounts) + left


def problems_of(accounts: list[Account]) -> list[str]:
    """What is not as it must be inside Tandem: accounts that do not balance, anything parked or dead."""
    return [
        f"{account.service}: {what}"
        for account in accounts
        for what, wrong in (
            (f"its messages do not balance: {account.wrong or account.outcomes}", not account.balanced),
            (f"{account.in_flight + account.unpublished} messages are still under way", account.in_flight),
            (f"{account.unpublished} messages are not published", account.unpublished),
            (f"{account.outcomes['parked']} messages are parked", account.outcomes["parked"]),
            (f"{account.outcomes['dead']} messages are dead", account.outcomes["dead"]),
        )
        if wrong
    ]


def write(directory: Path, timeline: Timeline, outcome: Outcome, found: list[str], seconds: float) -> None:
    """Write everything into the directory."""
    for slug, store in outcome.stores.items():
        _write_json(directory / f"{slug}.json", store)
    for row in outcome.stores[LEAD]["invoice"]:
        _write_json(directory / "invoice.json", json.loads(row["content"]))
    for row in outcome.stores[LEAD]["invoice_file"]:
        shutil.copy(directory / f"{LEAD}.files" / row["sha256"], directory / f"invoice.{row['format']}")
    _write_json(
        directory / SUMMARY,
        {
            "outcome": "as expected" if not found else "not as expected",
            "differences": found,
            "seconds": round(seconds, 2),
            "steps": [asdict(step) for step in timeline.steps],
            "commands": {slug: _commands_of(store) for slug, store in outcome.stores.items()},
            "deliveries": {slug: dict(sorted(counts.items())) for slug, counts in outcome.deliveries.items()},
            "counts": counts_of(outcome),
            "e-mails": [
                {"to": mail.to, "subject": mail.subject, "heading": mail.heading, "id": mail.message_id}
                for mail in outcome.mails
            ],
            "check": [account.as_json() for account in outcome.accounts],
        },
    )


def write_failure(directory: Path, timeline: Timeline, failed: Exception, seconds: float) -> None:
    """Write how far it came, and at what it failed."""
    steps = [asdict(step) for step in timeline.steps]
    told = {"outcome": f"failed: {str(failed) or 'something took too long'}", "seconds": round(seconds, 2)}
    _write_json(directory / SUMMARY, {**told, "steps": steps})


def _commands_of(store: dict[str, list[dict[str, Any]]]) -> dict[str, int]:
    """How many commands of each kind a partner sent."""
    return dict(sorted(Counter(row["kind"] for row in store["command"]).items()))


def counts_of(outcome: Outcome) -> dict[str, int]:
    """How much of everything there was."""
    entries = {
        (row["owner"], row["entry_id"])
        for slug, store in outcome.stores.items()
        for row in store["entry"]
        if row["owner"] != slug
    }
    return {
        "commands sent by the partners": sum(len(store["command"]) for store in outcome.stores.values()),
        "messages received by the services": sum(account.received for account in outcome.accounts),
        "messages delivered to the partners": sum(counts.total() for counts in outcome.deliveries.values()),
        "replicated entries": len(entries),
        "e-mails": len(outcome.mails),
        "invoices": len(outcome.stores[SERVICE]["invoice"]),
        "refused commands": sum(len(store["rejection"]) for store in outcome.stores.values()),
    }


def show(console: Console, directory: Path, outcome: Outcome, found: list[str], seconds: float) -> None:
    """Say how it went, and where the rest is."""
    table = Table(title="What there was", title_justify="left", show_header=False)
    for what, count in counts_of(outcome).items():
        table.add_row(what, str(count))
    console.print()
    console.print(table)
    for difference in found:
        console.print(f"[red]✗ {difference}[/red]", highlight=False)
    verdict = "[red]not as expected[/red]" if found else "[green]exactly as expected on every side[/green]"
    console.print(f"{verdict}, in {seconds:.1f} s; everything is kept in {directory}/", highlight=False)


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
