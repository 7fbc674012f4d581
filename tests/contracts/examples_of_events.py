"""One example of every event between the services, made of what the examples of the wire say."""

from typing import Any

from shared.contracts.examples import COMMAND_EXAMPLES, DELIVERY_EXAMPLES
from shared.contracts.examples.story import AT, ENTRY, NOTE, OUTSOURCING, PARTNERSHIP, ROUND

_OFFER = COMMAND_EXAMPLES["offer.send"]
_SNAPSHOT = DELIVERY_EXAMPLES["completion.submitted"]["snapshot"]
_BETWEEN = {"outsourcing_id": OUTSOURCING, "lead": "nordlicht", "service": "alpenwerk"}
_CLOSED = {**_BETWEEN, "ticket_number": "T2026-0417", "title": "Switch drops its uplink"}
_LINKED = {**_BETWEEN, "lead_number": "T2026-0417", "service_number": "88213", "title": "Switch drops its uplink"}
_QUESTION = {
    **_LINKED,
    "sender": "alpenwerk",
    "text": "May we exchange the module?",
    "by": "l.gruber",
    "at": AT.isoformat(),
    "state": "in_progress",
}
_INVITATION = {
    "partnership_id": PARTNERSHIP,
    "lead": "nordlicht",
    "service": "alpenwerk",
    "recipient": "partner@alpenwerk.example",
    "language": "en",
}
_OFFERED_TICKET = DELIVERY_EXAMPLES["offer.received"]["ticket"]

_FILE = DELIVERY_EXAMPLES["entry.replicated"]["body"]
_FOUND = {"outsourcing_id": OUTSOURCING, "entry_id": ENTRY, "reader": "nordlicht", "version": 2}

_INVOICE = DELIVERY_EXAMPLES["invoice.issued"]["invoice"]
_ISSUED = {
    **{name: _INVOICE[name] for name in ("document", "invoice_id", "number", "issued_on", "due_on", "currency")},
    **{name: _INVOICE[name] for name in ("net_total", "tax_total", "total")},
    **_LINKED,
}

EVENT_EXAMPLES: dict[str, dict[str, Any]] = {
    "outsourcing.offered": {
        **_BETWEEN,
        "ticket": _OFFERED_TICKET,
        "terms": _OFFER["terms"],
        "needs_organization": True,
    },
    "outsourcing.accepted": {
        **_BETWEEN,
        "partnership_id": PARTNERSHIP,
        "ticket": _OFFER["ticket"],
        "terms": _OFFER["terms"],
        "organization": "Nordlicht Systeme GmbH",
        "accepted_at": AT.isoformat(),
        "accepted_by": "l.gruber",
        "late_by_seconds": 3,
        "derived_from": ROUND,
    },
    "outsourcing.declined": {**_CLOSED, "reason": "Nobody is free."},
    "outsourcing.cancelled": _CLOSED,
    "outsourcing.expired": _CLOSED,
    "outsourcing.reminded": {**_BETWEEN, "ticket": _OFFERED_TICKET, "terms": _OFFER["terms"]},
    "outsourcing.abandoned": {**_BETWEEN, "reason": "We close that branch.", "actor": "k.sommer"},
    "deadline.passed": {"outsourcing_id": OUTSOURCING, "due_at": AT.isoformat()},
    "ticket.overdue": {"outsourcing_id": OUTSOURCING, "due_at": AT.isoformat()},
    "sync.fell-due": {"outsourcing_id": OUTSOURCING},
    "period.ended": {"lead": "nordlicht", "service": "alpenwerk", "until": "2026-03-31"},
    "collection.unfinished": {"lead": "nordlicht", "service": "alpenwerk", "until": "2026-03-31"},
    "repair.ordered": {"outsourcing_id": OUTSOURCING, "side": "alpenwerk"},
    "repair.unfinished": {
        "outsourcing_id": OUTSOURCING,
        "side": "alpenwerk",
        "repair_id": ROUND,
        "entry_ids": [NOTE],
    },
    "line.unfinished": {"outsourcing_id": OUTSOURCING, "after_place": 100},
    "outsourcing.unopened": {
        **_BETWEEN,
        "lead_number": "T2026-0417",
        "title": "Switch drops its uplink",
        "accepted_at": AT.isoformat(),
        "waiting_hours": 24,
        "lead_told": True,
    },
    "invitation.sent": {**_INVITATION, "note": "Work in Tyrol.", "lapses_at": AT.isoformat(), "by_email": False},
    "invitation.accepted": {**_INVITATION, "accepted_at": AT.isoformat(), "accepted_by": "l.gruber"},
    "invitation.declined": {**_INVITATION, "reason": "We work in Tyrol only."},
    "invitation.revoked": _INVITATION,
    "invitation.lapsed": _INVITATION,
    "instance.joined": {
        "instance": {
            "slug": "sub-0123456789abcdef",
            "name": "Elektro Huber",
            "language": "de",
            "email": "office@huber.example",
            "kind": "portal",
        }
    },
    "invitation.ran-out": {"partnership_id": PARTNERSHIP, "lapses_at": AT.isoformat()},
    "outsourcing.asked": _QUESTION,
    "outsourcing.answered": {**_QUESTION, "sender": "nordlicht"},
    "organization.mapped": {
        "partnership_id": PARTNERSHIP,
        "lead": "nordlicht",
        "service": "alpenwerk",
        "organization": "Nordlicht Systeme, Kiel",
    },
    "news.came-up": {
        "outsourcing_id": OUTSOURCING,
        "writer": "alpenwerk",
        "reader": "nordlicht",
        "since": AT.isoformat(),
    },
    "news.fell-due": {"outsourcing_id": OUTSOURCING, "writer": "alpenwerk"},
    "news.gathered": {
        **_LINKED,
        "writer": "alpenwerk",
        "lines": [
            {
                "deed": "added",
                "what": "time",
                "by": "L. Gruber",
                "text": "On site.",
                "on": "2026-03-02",
                "hours": "1.5",
            },
            {"deed": "changed", "what": "charge", "by": "L. Gruber", "text": "SFP module", "amount": "42.00"},
            {"deed": "removed", "what": "note"},
        ],
        "count": 23,
        "currency": "EUR",
        "state": "in_progress",
    },
    "outsourcing.submitted": {**_LINKED, "snapshot": _SNAPSHOT},
    "outsourcing.rejected": {**_LINKED, "reason": "It dropped again.", "complete_by": AT.isoformat()},
    "outsourcing.withdrawn": _LINKED,
    "outsourcing.handed-back": {
        **_LINKED,
        "reason": "We have no licence for it.",
        "returned_by": "l.gruber",
        "returned_at": AT.isoformat(),
        "entries": 2,
        "hours": "1.5",
        "charge_total": "42.00",
        "currency": "EUR",
        "organization": "Nordlicht Systeme GmbH",
        "terms": _OFFER["terms"],
        "snapshot": _SNAPSHOT,
    },
    "invoice.written": {**_ISSUED, "organization": "Nordlicht Systeme GmbH"},
    "invoice.rendered": {
        **_ISSUED,
        "files": DELIVERY_EXAMPLES["invoice.filed"]["files"],
        "rendered_at": AT.isoformat(),
    },
    "outsourcing.cap-reached": {
        **_LINKED,
        "cap": "charges",
        "percent": 80,
        "authorized": "250.00",
        "reached": "210.00",
        "currency": "EUR",
        "over_cap": "ask",
    },
    "file.uploaded": {
        "instance": "alpenwerk",
        **{name: _FILE[name] for name in ("sha256", "size", "media_type")},
        "uploaded_at": AT.isoformat(),
    },
    "file.cited": {**_FOUND, **{name: _FILE[name] for name in ("sha256", "size", "name", "media_type")}},
    "file.released": _FOUND,
    "file.lapsed": {"instance": "alpenwerk", "sha256": _FILE["sha256"], "uploaded_at": AT.isoformat()},
    "outsourcing.completed": {
        **_LINKED,
        "organization": "Nordlicht Systeme GmbH",
        "terms": _OFFER["terms"],
        "snapshot": _SNAPSHOT,
        "forced": False,
        "completed_at": AT.isoformat(),
        "completed_by": "k.sommer",
    },
}
