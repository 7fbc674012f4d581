"""The ticket system of one partner, as small as can be: its own SQLite file and what it makes of each delivery."""

import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from uuid_utils import uuid7

SCHEMA = """
CREATE TABLE delivery (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, sequence TEXT NOT NULL, data TEXT NOT NULL
);
-- How often each fact was told; that a command came twice is no fact about tickets.
CREATE VIEW told AS
    SELECT kind, count(*) AS times FROM delivery WHERE kind <> 'tandem.command.repeated.v1' GROUP BY kind;
CREATE TABLE unfit (delivery_id TEXT PRIMARY KEY, kind TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE command (id TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL);
CREATE TABLE state_as_of (subject TEXT PRIMARY KEY, sequence TEXT NOT NULL);
CREATE TABLE partnership (id TEXT PRIMARY KEY, lead TEXT NOT NULL, service TEXT NOT NULL, state TEXT NOT NULL);
CREATE TABLE offer (outsourcing_id TEXT PRIMARY KEY, ticket_number TEXT NOT NULL, state TEXT NOT NULL, shown TEXT);
CREATE TABLE ticket (
    outsourcing_id TEXT PRIMARY KEY, number TEXT NOT NULL, title TEXT NOT NULL, description TEXT NOT NULL,
    customer TEXT, partner_number TEXT, state TEXT NOT NULL, snapshot_id TEXT,
    -- The command that is to tell of it, until the broker has it.
    untold TEXT
);
CREATE TABLE entry (
    outsourcing_id TEXT NOT NULL, entry_id TEXT NOT NULL, owner TEXT NOT NULL, version INTEGER NOT NULL,
    visibility TEXT NOT NULL, author TEXT NOT NULL, happened_at TEXT NOT NULL, body TEXT NOT NULL,
    removed INTEGER NOT NULL DEFAULT 0, remark TEXT NOT NULL DEFAULT '', PRIMARY KEY (outsourcing_id, owner, entry_id)
);
-- Entries of either side whose copy does not follow its owner any more.
CREATE TABLE severed (outsourcing_id TEXT NOT NULL, entry_id TEXT NOT NULL, PRIMARY KEY (outsourcing_id, entry_id));
-- Files that did not come in a message but were fetched: whether each is what its entry says.
CREATE TABLE file (sha256 TEXT PRIMARY KEY, size INTEGER NOT NULL, whole INTEGER NOT NULL);
CREATE TABLE system_note (delivery_id TEXT PRIMARY KEY, outsourcing_id TEXT NOT NULL, reason TEXT NOT NULL, text TEXT);
CREATE TABLE invoice (
    delivery_id TEXT PRIMARY KEY, outsourcing_id TEXT NOT NULL, number TEXT NOT NULL, content TEXT NOT NULL
);
CREATE TABLE invoice_file (
    number TEXT NOT NULL, format TEXT NOT NULL, sha256 TEXT NOT NULL, whole INTEGER NOT NULL,
    PRIMARY KEY (number, format)
);
CREATE TABLE rejection (
    delivery_id TEXT PRIMARY KEY, kind TEXT, problem TEXT NOT NULL, detail TEXT NOT NULL, state TEXT
);
"""
TABLES = (
    *("partnership", "offer", "ticket", "entry", "file", "system_note", "invoice", "rejection", "told", "unfit"),
    *("command", "invoice_file"),
)
# The first ticket of an instance that opens one because it was asked to.
FIRST_NUMBER = 501

# What deliveries of these nouns call the state is that of the outsourcing.
STATEFUL = ("offer", "ticket", "entry", "completion")

Row = dict[str, Any]


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


class TicketStore:
    """All that one partner knows; every delivery takes effect once, whatever comes twice or late."""

    def __init__(self, path: Path, slug: str) -> None:
        path.unlink(missing_ok=True)
        self._slug = slug
        self._sqlite = sqlite3.connect(path)
        self._sqlite.row_factory = sqlite3.Row
        self._sqlite.executescript(SCHEMA)

    def take(self, envelope: Row) -> bool:
        """Make of a delivery what it means here; says whether it was new."""
        kind, data = envelope["type"], envelope["data"]
        with self._sqlite:
            seen = self._rows("SELECT 1 FROM delivery WHERE id = ?", envelope["id"])
            if seen:
                return False
            self._run(
                "INSERT INTO delivery VALUES (?, ?, ?, ?, ?)",
                *(envelope["id"], kind, envelope["subject"], envelope["sequence"], json.dumps(data)),
            )
            if apply := self._meaning.get(kind):
                apply(self, data, envelope["id"])
            if kind.split(".")[1] in STATEFUL and "state" in data and self._is_newest(envelope):
                self._note_state(data)
        return True

    def note_unfit(self, delivery_id: str, kind: str, reason: str) -> None:
        """A delivery that is not as its schema says; nothing is made of it."""
        with self._sqlite:
            self._run("INSERT OR IGNORE INTO unfit VALUES (?, ?, ?)", delivery_id, kind, reason)

    def note_file(self, sha256: str, size: int, *, whole: bool) -> None:
        """A file that was fetched."""
        with self._sqlite:
            self._run("INSERT OR REPLACE INTO file VALUES (?, ?, ?)", sha256, size, whole)

    def note_invoice_file(self, number: str, format: str, sha256: str, *, whole: bool) -> None:
        """A file of an invoice that was fetched."""
        with self._sqlite:
            self._run("INSERT OR REPLACE INTO invoice_file VALUES (?, ?, ?, ?)", number, format, sha256, whole)

    def note_sent(self, id: str, kind: str, subject: str) -> None:
        """A command that the broker has; what it was to tell of is told."""
        with self._sqlite:
            self._run("INSERT OR IGNORE INTO command VALUES (?, ?, ?)", id, kind, subject)
            self._run("UPDATE ticket SET untold = NULL WHERE untold = ?", id)

    def untold_tickets(self) -> list[Row]:
        """Tickets that were opened on request and whose requester does not know it yet."""
        return self._rows("SELECT outsourcing_id, number, untold FROM ticket WHERE untold IS NOT NULL")

    def everything(self) -> dict[str, list[Row]]:
        """The whole store, table by table."""
        return {table: self._rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in TABLES}

    def open_ticket(self, outsourcing_id: str, number: str, title: str, description: str) -> None:
        """A ticket of one's own."""
        with self._sqlite:
            self._run(
                "INSERT INTO ticket (outsourcing_id, number, title, description, state) VALUES (?, ?, ?, ?, 'open')",
                *(outsourcing_id, number, title, description),
            )

    def write_entry(self, outsourcing_id: str, entry_id: str, visibility: str, author: str, body: Row | None) -> int:
        """Write or remove (no body) an entry of one's own; its new version."""
        known = self._rows(
            "SELECT version, body FROM entry WHERE outsourcing_id = ? AND owner = ? AND entry_id = ?",
            *(outsourcing_id, self._slug, entry_id),
        )
        version = known[0]["version"] + 1 if known else 1
        kept = json.dumps(body) if body is not None else known[0]["body"]
        with self._sqlite:
            self._run(
                "INSERT OR REPLACE INTO entry"
                " (outsourcing_id, entry_id, owner, version, visibility, author, happened_at, body, removed)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                *(outsourcing_id, entry_id, self._slug, version, visibility, author, now(), kept, body is None),
            )
        return version

    def own_entry(self, outsourcing_id: str, entry_id: str) -> Row | None:
        """An entry of one's own as it stands; None where there is no trace of it."""
        rows = self._rows(
            "SELECT version, visibility, author, happened_at, body, removed FROM entry"
            " WHERE outsourcing_id = ? AND owner = ? AND entry_id = ?",
            *(outsourcing_id, self._slug, entry_id),
        )
        return {**rows[0], "body": json.loads(rows[0]["body"])} if rows else None

    def overtake(self, outsourcing_id: str, entry_id: str, version: int) -> bool:
        """An entry of one's own that is older here than in Tandem is newer from now on; says whether it was older."""
        with self._sqlite:
            overtaken = self._sqlite.execute(
                "UPDATE entry SET version = ? + 1"
                " WHERE outsourcing_id = ? AND owner = ? AND entry_id = ? AND version < ?",
                (version, outsourcing_id, self._slug, entry_id, version),
            )
        return overtaken.rowcount > 0

    def remove_again(self, outsourcing_id: str, entry_id: str, version: int) -> None:
        """An entry of one's own that was removed with this version stands no more, unless it was written since."""
        with self._sqlite:
            self._run(
                "UPDATE entry SET version = ?, removed = 1"
                " WHERE outsourcing_id = ? AND owner = ? AND entry_id = ? AND version <= ?",
                *(version, outsourcing_id, self._slug, entry_id, version),
            )

    def held(self, outsourcing_id: str) -> tuple[dict[str, int], dict[str, int]]:
        """The versions of one's own entries and of the copies that follow their owner; what was removed is not held."""
        rows = self._rows(
            "SELECT owner, entry_id, version FROM entry WHERE outsourcing_id = ? AND NOT removed", outsourcing_id
        )
        own = {row["entry_id"]: row["version"] for row in rows if row["owner"] == self._slug}
        copies = {row["entry_id"]: row["version"] for row in rows if row["owner"] != self._slug}
        severed = self.severed(outsourcing_id)
        return own, {id: version for id, version in copies.items() if id not in severed}

    def severed(self, outsourcing_id: str) -> list[str]:
        """The entries of either side whose copy does not follow its owner any more."""
        rows = self._rows("SELECT entry_id FROM severed WHERE outsourcing_id = ? ORDER BY 1", outsourcing_id)
        return [row["entry_id"] for row in rows]

    def fall_back(self, outsourcing_id: str) -> None:
        """Be as an old backup: without all that the other side told, and without one's own last removals."""
        with self._sqlite:
            self._run("DELETE FROM entry WHERE outsourcing_id = ? AND owner <> ?", outsourcing_id, self._slug)
            self._run("DELETE FROM severed WHERE outsourcing_id = ?", outsourcing_id)
            self._run(
                "UPDATE entry SET removed = 0, version = version - 1 WHERE outsourcing_id = ? AND removed",
                outsourcing_id,
            )

    def own_work(self, outsourcing_id: str) -> list[Row]:
        """The bodies of one's own shared time entries and charges."""
        rows = self._rows(
            "SELECT body FROM entry WHERE outsourcing_id = ? AND owner = ? AND visibility = 'shared' AND NOT removed",
            *(outsourcing_id, self._slug),
        )
        return [body for row in rows if (body := json.loads(row["body"]))["kind"] in ("time", "charge")]

    def snapshot_id(self, outsourcing_id: str) -> str:
        """The submission that was shown last."""
        [row] = self._rows("SELECT snapshot_id FROM ticket WHERE outsourcing_id = ?", outsourcing_id)
        return str(row["snapshot_id"])

    def _is_newest(self, envelope: Row) -> bool:
        """A state is only as new as the sequence it came with."""
        known = self._rows("SELECT sequence FROM state_as_of WHERE subject = ?", envelope["subject"])
        if known and envelope["sequence"] <= known[0]["sequence"]:
            return False
        self._run("INSERT OR REPLACE INTO state_as_of VALUES (?, ?)", envelope["subject"], envelope["sequence"])
        return True

    def _note_state(self, data: Row) -> None:
        if id := data.get("outsourcing_id"):
            self._run("UPDATE ticket SET state = ? WHERE outsourcing_id = ?", data["state"], id)
            self._run("UPDATE offer SET state = ? WHERE outsourcing_id = ?", data["state"], id)

    def _partnership(self, data: Row, _: str) -> None:
        self._run(
            "INSERT OR REPLACE INTO partnership VALUES (?, ?, ?, ?)",
            *(data["partnership_id"], data["lead"], data["service"], data["state"]),
        )

    def _offer_sent(self, data: Row, _: str) -> None:
        self._run(
            "INSERT OR IGNORE INTO offer VALUES (?, ?, ?, NULL)",
            *(data["outsourcing_id"], data["ticket_number"], data["state"]),
        )

    def _offer_received(self, data: Row, _: str) -> None:
        self._run(
            "INSERT OR IGNORE INTO offer VALUES (?, ?, ?, ?)",
            *(data["outsourcing_id"], data["ticket"]["number"], data["state"], json.dumps(data["ticket"])),
        )

    def _requested(self, data: Row, _: str) -> None:
        """Open a ticket with a number of one's own, and have it told: the same command even after a crash."""
        ticket = data["ticket"]
        [opened] = self._rows("SELECT count(*) AS n FROM ticket")
        self._run(
            "INSERT OR IGNORE INTO ticket (outsourcing_id, number, title, description, customer, state, untold)"
            " VALUES (?, ?, ?, ?, ?, 'open', ?)",
            *(data["outsourcing_id"], f"{self._slug[:3].upper()}-{FIRST_NUMBER + opened['n']}"),
            *(ticket["title"], ticket["description"], json.dumps(ticket["customer"]), str(uuid7())),
        )

    def _linked(self, data: Row, _: str) -> None:
        self._run(
            "UPDATE ticket SET partner_number = ? WHERE outsourcing_id = ?",
            *(data["partner_number"], data["outsourcing_id"]),
        )

    def _replicated(self, data: Row, _: str) -> None:
        self._run(
            "INSERT INTO entry"
            " (outsourcing_id, entry_id, owner, version, visibility, author, happened_at, body, remark)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (outsourcing_id, owner, entry_id) DO UPDATE SET"
            " version = excluded.version, visibility = excluded.visibility, author = excluded.author,"
            " happened_at = excluded.happened_at, body = excluded.body, removed = 0,"
            " remark = excluded.remark WHERE excluded.version > version",
            *(data["outsourcing_id"], data["entry_id"], data["owner"], data["version"], data["visibility"]),
            *(data["author"], data["happened_at"], json.dumps(data["body"])),
            "added during approval" if data["added_during_approval"] else "",
        )

    def _withdrawn(self, data: Row, _: str) -> None:
        self._run(
            "UPDATE entry SET removed = 1, version = ?"
            " WHERE outsourcing_id = ? AND owner = ? AND entry_id = ? AND version < ?",
            *(data["version"], data["outsourcing_id"], data["owner"], data["entry_id"], data["version"]),
        )

    def _held(self, data: Row, _: str) -> None:
        self._remark(data, "held during approval")

    def _released(self, data: Row, _: str) -> None:
        self._remark(data, "released after a rejection")

    def _kept_local(self, data: Row, _: str) -> None:
        self._remark(data, "stays here only")

    def _severed(self, data: Row, _: str) -> None:
        """Told to both sides: the copy does not follow its owner any more."""
        self._run("INSERT OR IGNORE INTO severed VALUES (?, ?)", data["outsourcing_id"], data["entry_id"])
        self._remark(data, "severed")

    def _remark(self, data: Row, remark: str) -> None:
        self._run(
            "UPDATE entry SET remark = ? WHERE outsourcing_id = ? AND owner = ? AND entry_id = ?",
            *(remark, data["outsourcing_id"], data.get("owner", self._slug), data["entry_id"]),
        )

    def _submitted(self, data: Row, _: str) -> None:
        self._run(
            "UPDATE ticket SET snapshot_id = ? WHERE outsourcing_id = ?",
            *(data["snapshot"]["snapshot_id"], data["outsourcing_id"]),
        )

    def _noted(self, data: Row, delivery_id: str) -> None:
        self._run(
            "INSERT INTO system_note VALUES (?, ?, ?, ?)",
            *(delivery_id, data["outsourcing_id"], data["reason"], data["text"]),
        )

    def _invoice(self, data: Row, delivery_id: str) -> None:
        invoice = data["invoice"]
        self._run(
            "INSERT INTO invoice VALUES (?, ?, ?, ?)",
            *(delivery_id, invoice["outsourcing_id"], invoice["number"], json.dumps(invoice)),
        )

    def _rejected(self, data: Row, delivery_id: str) -> None:
        self._run(
            "INSERT INTO rejection VALUES (?, ?, ?, ?, ?)",
            *(delivery_id, data["command_kind"], data["type"], data["detail"], data["state"]),
        )

    def _run(self, statement: str, *values: Any) -> None:
        self._sqlite.execute(statement, values)

    def _rows(self, query: str, *values: Any) -> list[Row]:
        return [dict(row) for row in self._sqlite.execute(query, values)]

    _meaning: ClassVar[dict[str, Callable[["TicketStore", Row, str], None]]] = {
        "tandem.partnership.invited.v1": _partnership,
        "tandem.partnership.accepted.v1": _partnership,
        "tandem.offer.sent.v1": _offer_sent,
        "tandem.offer.received.v1": _offer_received,
        "tandem.ticket.requested.v1": _requested,
        "tandem.ticket.linked.v1": _linked,
        "tandem.ticket.noted.v1": _noted,
        "tandem.entry.replicated.v1": _replicated,
        "tandem.entry.withdrawn.v1": _withdrawn,
        "tandem.entry.held.v1": _held,
        "tandem.entry.released.v1": _released,
        "tandem.entry.kept-local.v1": _kept_local,
        "tandem.entry.severed.v1": _severed,
        "tandem.completion.submitted.v1": _submitted,
        "tandem.invoice.issued.v1": _invoice,
        "tandem.invoice.received.v1": _invoice,
        "tandem.command.rejected.v1": _rejected,
    }
