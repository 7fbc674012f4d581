"""One example of every message about agreements, partnerships, offers, tickets and entries."""

import base64
import hashlib
from typing import Any
from uuid import UUID

from shared.contracts.examples.story import (
    BY_LEAD,
    BY_SERVICE,
    CHARGE,
    COMMAND,
    ENTRY,
    LEAD,
    NOTE,
    OUTSOURCING,
    PARTNERSHIP,
    ROUND,
    SERVICE,
    SNAPSHOT,
    TIME,
    about,
)
from shared.contracts.ticket_sync import Inventory

_FILE = b"vlan 20 untagged on port 7\n"

_OFFERED: dict[str, Any] = {
    "number": "T2026-0417",
    "title": "Switch in the branch office drops its uplink",
    "description": "Since Monday the uplink is gone for some seconds every hour.",
    "priority": "high",
    "due_at": "2026-03-06T17:00:00+01:00",
    "place": "Innsbruck",
    "skill": "network",
}
_TICKET: dict[str, Any] = {
    **_OFFERED,
    "customer": {
        "company": "Hafenkontor GmbH",
        "contact": "Maren Petersen",
        "email": "m.petersen@hafenkontor.example",
        "phone": "+43 512 0000",
        "address": "Innrain 1\n6020 Innsbruck",
    },
}
_TERMS: dict[str, Any] = {
    "mode": "hourly",
    "currency": "EUR",
    "hourly_rate": "95.00",
    "authorized_hours": "8",
    "authorized_charges": "250.00",
    "over_cap": "ask",
    "rounding_minutes": 15,
    "respond_by": "2026-03-02T12:00:00+01:00",
    "complete_by": "2026-03-06T17:00:00+01:00",
    "instructions": "Call the contact before you go.",
}
_TIME_ENTRY: dict[str, Any] = {
    "kind": "time",
    "hours": "1.5",
    "work_on": "2026-03-02",
    "role": "technician",
    "work_type": "remote",
    "billable": True,
    "text": "Replaced the uplink module.",
}
_SNAPSHOT: dict[str, Any] = {
    "snapshot_id": SNAPSHOT,
    "summary": "Uplink module replaced, watched for a day.",
    "time": [
        {
            "entry_id": ENTRY,
            "version": 1,
            "work_on": "2026-03-02",
            "hours": "1.5",
            "role": "technician",
            "billable": True,
            "author": "Lukas Gruber",
            "text": "Replaced the uplink module.",
        }
    ],
    "charges": [
        {
            "entry_id": CHARGE,
            "version": 1,
            "name": "SFP module",
            "quantity": "1",
            "unit_price": "42.00",
            "amount": "42.00",
            "billable": True,
        }
    ],
    "deductions": [{"reason": "Second way to the site not charged", "amount": "-20.00", "work_type": "travel"}],
    "hours": "1.5",
    "charge_total": "42.00",
    "currency": "EUR",
}


def _held(**version_of: int) -> dict[str, Any]:
    ids = {"time": ENTRY, "charge": CHARGE, "note": NOTE}
    return Inventory.of({UUID(ids[name]): version for name, version in version_of.items()}, listed=True).model_dump(
        mode="json"
    )


COMMANDS: dict[str, dict[str, Any]] = {
    "agreement.accept": {**BY_LEAD, "version": "2026-01"},
    "partnership.invite": {
        **BY_LEAD,
        "partnership_id": PARTNERSHIP,
        "partner": SERVICE,
        "recipient": "partner@alpenwerk.example",
        "language": "en",
        "note": "We would like to pass on-site work in Tyrol to you.",
        "lapses_after_days": 30,
    },
    "partnership.resend": {
        **BY_LEAD,
        "partnership_id": PARTNERSHIP,
        "recipient": "office@alpenwerk.example",
        "note": "Your colleague gave us this address.",
    },
    "partnership.revoke": {**BY_LEAD, "partnership_id": PARTNERSHIP},
    "partnership.accept": {**BY_SERVICE, "partnership_id": PARTNERSHIP, "organization": "Nordlicht Systeme GmbH"},
    "partnership.decline": {**BY_SERVICE, "partnership_id": PARTNERSHIP, "reason": "We work in Tyrol only."},
    "partnership.map": {**BY_SERVICE, "partnership_id": PARTNERSHIP, "organization": "Nordlicht Systeme, Kiel"},
    "partnership.end": {**BY_LEAD, "partnership_id": PARTNERSHIP, "force": False, "reason": "We close that branch."},
    "offer.send": {
        **BY_LEAD,
        "round_id": ROUND,
        "mode": "all_at_once",
        "offers": [{"partnership_id": PARTNERSHIP, "outsourcing_id": OUTSOURCING}],
        "ticket": _TICKET,
        "terms": _TERMS,
    },
    "offer.cancel": about(**BY_LEAD, reason="The customer repaired it.", whole_round=False),
    "offer.accept": about(**BY_SERVICE, organization="Nordlicht Systeme GmbH"),
    "offer.decline": about(**BY_SERVICE, reason="Nobody is free before Friday."),
    "ticket.opened": about(**BY_SERVICE, number="88213", link="https://psa.alpenwerk.example/tickets/88213"),
    "ticket.update": about(**BY_LEAD, changes=[{"field": "priority", "old": "high", "new": "urgent"}]),
    "entry.put": about(
        **BY_SERVICE,
        entry_id=ENTRY,
        version=1,
        visibility="shared",
        author="Lukas Gruber",
        happened_at=TIME,
        body=_TIME_ENTRY,
    ),
    "entry.remove": about(**BY_SERVICE, entry_id=ENTRY, version=2),
    "entry.sever": about(**BY_SERVICE, entry_id=NOTE),
    "sync.request": about(**BY_SERVICE, own=_held(time=1, charge=1), copies=_held(), severed=[]),
    "question.ask": about(**BY_SERVICE, text="May the switch be restarted during the day?"),
    "question.answer": about(**BY_LEAD, text="Yes, after 5 p.m."),
    "completion.submit": about(
        **BY_SERVICE,
        summary=_SNAPSHOT["summary"],
        deductions=_SNAPSHOT["deductions"],
        entries=2,
        hours="1.5",
        charge_total="42.00",
    ),
    "completion.withdraw": about(**BY_SERVICE),
    "completion.approve": about(**BY_LEAD, snapshot_id=SNAPSHOT),
    "completion.reject": about(**BY_LEAD, reason="The uplink dropped again this morning."),
    "completion.force": about(**BY_LEAD, cause="ticket_completed", reason="The customer moved out of the branch."),
    "outsourcing.return": about(**BY_SERVICE, reason="The site needs a licence that we do not have."),
}

_REJECTED: dict[str, Any] = {
    "type": "offer/too-late",
    "title": "Too late",
    "detail": "The offer is expired already; allowed now: nothing.",
    "status": 409,
    "errors": [],
    "command_id": str(COMMAND),
    "command_kind": "tandem.offer.accept.v1",
    "state": "expired",
    "allowed": [],
}
_BETWEEN = {"partnership_id": PARTNERSHIP, "lead": LEAD, "service": SERVICE}

DELIVERIES: dict[str, dict[str, Any]] = {
    "agreement.accepted": {"version": "2026-01", "accepted_at": TIME},
    "partnership.invited": {**_BETWEEN, "note": "", "lapses_at": "2026-04-01T09:30:00+02:00"},
    "partnership.resent": {**_BETWEEN, "note": "", "lapses_at": "2026-04-01T09:30:00+02:00"},
    "partnership.accepted": {**_BETWEEN, "name": None, "accepted_at": TIME},
    "partnership.declined": {**_BETWEEN, "reason": "We work in Tyrol only.", "declined_at": TIME},
    "partnership.revoked": {**_BETWEEN, "revoked_at": TIME},
    "partnership.lapsed": {**_BETWEEN, "lapsed_at": TIME},
    "partnership.mapped": {**_BETWEEN, "organization": "Nordlicht Systeme, Kiel", "mapped_at": TIME},
    "partnership.ended": {**_BETWEEN, "forced": False, "reason": "We close that branch.", "ended_at": TIME},
    "offer.sent": about(
        round_id=ROUND, partner=SERVICE, ticket_number="T2026-0417", respond_by=_TERMS["respond_by"], state="offered"
    ),
    "offer.received": about(
        partnership_id=PARTNERSHIP, lead=LEAD, ticket=_OFFERED, terms=_TERMS, needs_organization=True, state="offered"
    ),
    "offer.accepted": about(
        ticket_number="T2026-0417", accepted_at=TIME, accepted_by="l.gruber", late_by_seconds=None, state="accepted"
    ),
    "offer.declined": about(
        ticket_number="T2026-0417", reason="Nobody is free before Friday.", declined_at=TIME, state="declined"
    ),
    "offer.cancelled": about(ticket_number="T2026-0417", reason=None, cancelled_at=TIME, state="cancelled"),
    "offer.expired": about(ticket_number="T2026-0417", expired_at=TIME, state="expired"),
    "offer.reminded": about(ticket_number="T2026-0417", respond_by=_TERMS["respond_by"], state="offered"),
    "round.closed": {"round_id": ROUND, "ticket_number": "T2026-0417", "state": "closed"},
    "ticket.requested": about(
        lead=LEAD,
        organization="Nordlicht Systeme GmbH",
        ticket=_TICKET,
        terms=_TERMS,
        accepted_at=TIME,
        accepted_by="l.gruber",
        state="accepted",
    ),
    "ticket.linked": about(
        partner=SERVICE,
        partner_number="88213",
        partner_link="https://psa.alpenwerk.example/tickets/88213",
        state="in_progress",
    ),
    "ticket.noted": about(
        reason="fields_changed",
        changes=[{"field": "priority", "old": "high", "new": "urgent"}],
        text="",
        state="in_progress",
    ),
    "ticket.reminded": about(ticket_number="T2026-0417", accepted_at=TIME, waiting_hours=4, state="accepted"),
    "entry.replicated": about(
        entry_id=ENTRY,
        owner=SERVICE,
        version=1,
        visibility="internal",
        author="Lukas Gruber",
        happened_at=TIME,
        body={
            "kind": "attachment",
            "name": "port-7.txt",
            "media_type": "text/plain",
            "size": len(_FILE),
            "sha256": hashlib.sha256(_FILE).hexdigest(),
            "content": base64.b64encode(_FILE).decode(),
        },
        state="in_progress",
    ),
    "entry.withdrawn": about(entry_id=ENTRY, owner=SERVICE, version=2, state="in_progress"),
    "entry.held": about(entry_id=ENTRY, version=3, state="awaiting_approval"),
    "entry.released": about(entry_id=ENTRY, version=3, state="in_progress"),
    "entry.kept-local": about(entry_id=ENTRY, version=3, state="completed"),
    "entry.severed": about(entry_id=NOTE, owner=LEAD, version=3, state="in_progress"),
    "sync.digest": about(
        own={**_held(time=1, charge=1), "versions": None},
        copies=_held(note=3),
        severed=0,
        removed=[],
        wanted=[],
        to_follow=1,
        state="in_progress",
    ),
    "question.asked": about(
        sender=SERVICE,
        text="May the switch be restarted during the day?",
        asked_by="l.gruber",
        asked_at=TIME,
        state="in_progress",
    ),
    "question.answered": about(
        sender=LEAD, text="Yes, after 5 p.m.", answered_by="k.sommer", answered_at=TIME, state="in_progress"
    ),
    "completion.submitted": about(
        snapshot=_SNAPSHOT, submitted_by="l.gruber", submitted_at=TIME, state="awaiting_approval"
    ),
    "completion.rejected": about(
        reason="The uplink dropped again this morning.", rejected_at=TIME, state="in_progress"
    ),
    "completion.withdrawn": about(withdrawn_at=TIME, state="in_progress"),
    "completion.approved": about(snapshot_id=SNAPSHOT, approved_at=TIME, state="completed"),
    "completion.forced": about(
        cause="ticket_completed",
        reason="The customer moved out of the branch.",
        snapshot=_SNAPSHOT,
        not_billed=None,
        forced_at=TIME,
        state="completed",
    ),
    "cap.reached": about(
        cap="hours", percent=80, authorized="8", reached="6.5", currency=None, over_cap="ask", state="in_progress"
    ),
    "outsourcing.returned": about(
        reason="The site needs a licence that we do not have.",
        returned_by="l.gruber",
        returned_at=TIME,
        entries=2,
        hours="1.5",
        charge_total="42.00",
        currency="EUR",
        state="returned",
    ),
    "command.rejected": _REJECTED,
    "command.repeated": {
        "command_id": str(COMMAND),
        "command_kind": "tandem.offer.accept.v1",
        "outcome": "refused",
        "problem": _REJECTED,
        "state": "expired",
    },
}
