"""One example of every message an instance sends or gets, all from the life of one ticket; shown in the documents."""

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from shared.contracts.ticket_sync import Inventory

PARTNERSHIP = "01935e7a-4c00-7000-8000-0000000000a1"
ROUND = "01935e7a-4c00-7000-8000-0000000000b1"
OUTSOURCING = "01935e7a-4c00-7000-8000-0000000000c1"
ENTRY = "01935e7a-4c00-7000-8000-0000000000d1"
CHARGE = "01935e7a-4c00-7000-8000-0000000000d2"
NOTE = "01935e7a-4c00-7000-8000-0000000000d3"
SNAPSHOT = "01935e7a-4c00-7000-8000-0000000000e1"
INVOICE = "01935e7a-4c00-7000-8000-0000000000f1"
COMMAND = UUID("01935e7a-4c00-7000-8000-000000000001")
DELIVERY = UUID("01935e7a-4c00-7000-8000-000000000002")
AT = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
SEQUENCE = "00001772440200000000"

_LEAD, _SERVICE = "nordlicht", "alpenwerk"
_TIME = "2026-03-02T09:30:00+01:00"
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
    "deductions": [{"reason": "Second way to the site not charged", "amount": "-20.00"}],
    "hours": "1.5",
    "charge_total": "42.00",
    "currency": "EUR",
}
_INVOICE: dict[str, Any] = {
    "invoice_id": INVOICE,
    "number": "AW-2026-00001",
    "issued_on": "2026-03-04",
    "due_on": "2026-04-03",
    "outsourcing_id": OUTSOURCING,
    "lead_number": "T2026-0417",
    "service_number": "88213",
    "title": "Switch in the branch office drops its uplink",
    "currency": "EUR",
    "issuer": {
        "legal_name": "Alpenwerk IT GmbH",
        "address": ["Museumstraße 3", "6020 Innsbruck"],
        "country": "AT",
        "vat_id": "ATU12345678",
    },
    "recipient": {
        "legal_name": "Nordlicht Systeme GmbH",
        "address": ["Kaistraße 8", "24103 Kiel"],
        "country": "DE",
        "vat_id": "DE123456789",
    },
    "lines": [
        {
            "number": 1,
            "description": "2026-03-02 technician: Replaced the uplink module.",
            "quantity": "1.5",
            "unit": "hour",
            "unit_price": "95.00",
            "amount": "142.50",
        },
        {
            "number": 2,
            "description": "SFP module",
            "quantity": "1",
            "unit": "piece",
            "unit_price": "42.00",
            "amount": "42.00",
        },
        {
            "number": 3,
            "description": "Second way to the site not charged",
            "quantity": "1",
            "unit": "piece",
            "unit_price": "-20.00",
            "amount": "-20.00",
        },
    ],
    "taxes": [
        {
            "category": "AE",
            "rate": "0",
            "base": "164.50",
            "tax": "0.00",
            "note": "Reverse charge: the recipient owes VAT.",
        }
    ],
    "net_total": "164.50",
    "tax_total": "0.00",
    "total": "164.50",
}


def _about(**fields: Any) -> dict[str, Any]:
    return {"outsourcing_id": OUTSOURCING, **fields}


def _held(**version_of: int) -> dict[str, Any]:
    ids = {"time": ENTRY, "charge": CHARGE, "note": NOTE}
    return Inventory.of({UUID(ids[name]): version for name, version in version_of.items()}, listed=True).model_dump(
        mode="json"
    )


_LEADS = {"actor": "k.sommer"}
_SERVICES = {"actor": "l.gruber"}

COMMAND_EXAMPLES: dict[str, dict[str, Any]] = {
    "agreement.accept": {**_LEADS, "version": "2026-01"},
    "partnership.invite": {
        **_LEADS,
        "partnership_id": PARTNERSHIP,
        "partner": _SERVICE,
        "recipient": "partner@alpenwerk.example",
        "language": "en",
        "note": "We would like to pass on-site work in Tyrol to you.",
        "lapses_after_days": 30,
    },
    "partnership.resend": {
        **_LEADS,
        "partnership_id": PARTNERSHIP,
        "recipient": "office@alpenwerk.example",
        "note": "Your colleague gave us this address.",
    },
    "partnership.revoke": {**_LEADS, "partnership_id": PARTNERSHIP},
    "partnership.accept": {**_SERVICES, "partnership_id": PARTNERSHIP, "organization": "Nordlicht Systeme GmbH"},
    "partnership.decline": {**_SERVICES, "partnership_id": PARTNERSHIP, "reason": "We work in Tyrol only."},
    "partnership.map": {**_SERVICES, "partnership_id": PARTNERSHIP, "organization": "Nordlicht Systeme, Kiel"},
    "partnership.end": {**_LEADS, "partnership_id": PARTNERSHIP, "force": False, "reason": "We close that branch."},
    "offer.send": {
        **_LEADS,
        "round_id": ROUND,
        "mode": "all_at_once",
        "offers": [{"partnership_id": PARTNERSHIP, "outsourcing_id": OUTSOURCING}],
        "ticket": _TICKET,
        "terms": _TERMS,
    },
    "offer.cancel": _about(**_LEADS, reason="The customer repaired it.", whole_round=False),
    "offer.accept": _about(**_SERVICES, organization="Nordlicht Systeme GmbH"),
    "offer.decline": _about(**_SERVICES, reason="Nobody is free before Friday."),
    "ticket.opened": _about(**_SERVICES, number="88213", link="https://psa.alpenwerk.example/tickets/88213"),
    "ticket.update": _about(**_LEADS, changes=[{"field": "priority", "old": "high", "new": "urgent"}]),
    "entry.put": _about(
        **_SERVICES,
        entry_id=ENTRY,
        version=1,
        visibility="shared",
        author="Lukas Gruber",
        happened_at=_TIME,
        body=_TIME_ENTRY,
    ),
    "entry.remove": _about(**_SERVICES, entry_id=ENTRY, version=2),
    "entry.sever": _about(**_SERVICES, entry_id=NOTE),
    "sync.request": _about(**_SERVICES, own=_held(time=1, charge=1), copies=_held()),
    "question.ask": _about(**_SERVICES, text="May the switch be restarted during the day?"),
    "question.answer": _about(**_LEADS, text="Yes, after 5 p.m."),
    "completion.submit": _about(
        **_SERVICES,
        summary=_SNAPSHOT["summary"],
        deductions=_SNAPSHOT["deductions"],
        entries=2,
        hours="1.5",
        charge_total="42.00",
    ),
    "completion.withdraw": _about(**_SERVICES),
    "completion.approve": _about(**_LEADS, snapshot_id=SNAPSHOT),
    "completion.reject": _about(**_LEADS, reason="The uplink dropped again this morning."),
    "completion.force": _about(**_LEADS, cause="ticket_completed", reason="The customer moved out of the branch."),
    "outsourcing.return": _about(**_SERVICES, reason="The site needs a licence that we do not have."),
    "billing-settings.change": {
        **_SERVICES,
        **_INVOICE["issuer"],
        "tax_rate": "20",
        "number_prefix": "AW-2026-",
        "payment_days": 30,
    },
    "invoice.request": _about(**_SERVICES),
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
_BETWEEN = {"partnership_id": PARTNERSHIP, "lead": _LEAD, "service": _SERVICE}

DELIVERY_EXAMPLES: dict[str, dict[str, Any]] = {
    "agreement.accepted": {"version": "2026-01", "accepted_at": _TIME},
    "partnership.invited": {**_BETWEEN, "note": "", "lapses_at": "2026-04-01T09:30:00+02:00"},
    "partnership.resent": {**_BETWEEN, "note": "", "lapses_at": "2026-04-01T09:30:00+02:00"},
    "partnership.accepted": {**_BETWEEN, "name": None, "accepted_at": _TIME},
    "partnership.declined": {**_BETWEEN, "reason": "We work in Tyrol only.", "declined_at": _TIME},
    "partnership.revoked": {**_BETWEEN, "revoked_at": _TIME},
    "partnership.lapsed": {**_BETWEEN, "lapsed_at": _TIME},
    "partnership.mapped": {**_BETWEEN, "organization": "Nordlicht Systeme, Kiel", "mapped_at": _TIME},
    "partnership.ended": {**_BETWEEN, "forced": False, "reason": "We close that branch.", "ended_at": _TIME},
    "offer.sent": _about(
        round_id=ROUND, partner=_SERVICE, ticket_number="T2026-0417", respond_by=_TERMS["respond_by"], state="offered"
    ),
    "offer.received": _about(
        partnership_id=PARTNERSHIP, lead=_LEAD, ticket=_OFFERED, terms=_TERMS, needs_organization=True, state="offered"
    ),
    "offer.accepted": _about(
        ticket_number="T2026-0417", accepted_at=_TIME, accepted_by="l.gruber", late_by_seconds=None, state="accepted"
    ),
    "offer.declined": _about(
        ticket_number="T2026-0417", reason="Nobody is free before Friday.", declined_at=_TIME, state="declined"
    ),
    "offer.cancelled": _about(ticket_number="T2026-0417", reason=None, cancelled_at=_TIME, state="cancelled"),
    "offer.expired": _about(ticket_number="T2026-0417", expired_at=_TIME, state="expired"),
    "offer.reminded": _about(ticket_number="T2026-0417", respond_by=_TERMS["respond_by"], state="offered"),
    "round.closed": {"round_id": ROUND, "ticket_number": "T2026-0417", "state": "closed"},
    "ticket.requested": _about(
        lead=_LEAD,
        organization="Nordlicht Systeme GmbH",
        ticket=_TICKET,
        terms=_TERMS,
        accepted_at=_TIME,
        accepted_by="l.gruber",
        state="accepted",
    ),
    "ticket.linked": _about(
        partner=_SERVICE,
        partner_number="88213",
        partner_link="https://psa.alpenwerk.example/tickets/88213",
        state="in_progress",
    ),
    "ticket.noted": _about(
        reason="fields_changed",
        changes=[{"field": "priority", "old": "high", "new": "urgent"}],
        text="",
        state="in_progress",
    ),
    "ticket.reminded": _about(ticket_number="T2026-0417", accepted_at=_TIME, waiting_hours=4, state="accepted"),
    "entry.replicated": _about(
        entry_id=ENTRY,
        owner=_SERVICE,
        version=1,
        visibility="internal",
        author="Lukas Gruber",
        happened_at=_TIME,
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
    "entry.withdrawn": _about(entry_id=ENTRY, owner=_SERVICE, version=2, state="in_progress"),
    "entry.held": _about(entry_id=ENTRY, version=3, state="awaiting_approval"),
    "entry.released": _about(entry_id=ENTRY, version=3, state="in_progress"),
    "entry.kept-local": _about(entry_id=ENTRY, version=3, state="completed"),
    "entry.severed": _about(entry_id=NOTE, owner=_LEAD, version=3, state="in_progress"),
    "sync.digest": _about(
        own={**_held(time=1, charge=1), "versions": None},
        copies=_held(note=3),
        removed=[],
        wanted=[],
        to_follow=1,
        state="in_progress",
    ),
    "question.asked": _about(
        sender=_SERVICE,
        text="May the switch be restarted during the day?",
        asked_by="l.gruber",
        asked_at=_TIME,
        state="in_progress",
    ),
    "question.answered": _about(
        sender=_LEAD, text="Yes, after 5 p.m.", answered_by="k.sommer", answered_at=_TIME, state="in_progress"
    ),
    "completion.submitted": _about(
        snapshot=_SNAPSHOT, submitted_by="l.gruber", submitted_at=_TIME, state="awaiting_approval"
    ),
    "completion.rejected": _about(
        reason="The uplink dropped again this morning.", rejected_at=_TIME, state="in_progress"
    ),
    "completion.withdrawn": _about(withdrawn_at=_TIME, state="in_progress"),
    "completion.approved": _about(snapshot_id=SNAPSHOT, approved_at=_TIME, state="completed"),
    "completion.forced": _about(
        cause="ticket_completed",
        reason="The customer moved out of the branch.",
        snapshot=_SNAPSHOT,
        not_billed=None,
        forced_at=_TIME,
        state="completed",
    ),
    "outsourcing.returned": _about(
        reason="The site needs a licence that we do not have.",
        returned_by="l.gruber",
        returned_at=_TIME,
        entries=2,
        hours="1.5",
        charge_total="42.00",
        currency="EUR",
        state="returned",
    ),
    "billing-settings.changed": {"legal_name": "Alpenwerk IT GmbH", "changed_at": _TIME},
    "item.opened": _about(items=3, net_total="164.50", currency="EUR", missing=[_LEAD], state="open"),
    "invoice.issued": {"lead": _LEAD, "invoice": _INVOICE, "state": "issued"},
    "invoice.received": {
        "service": _SERVICE,
        "organization": "Nordlicht Systeme GmbH",
        "invoice": _INVOICE,
        "state": "issued",
    },
    "command.rejected": _REJECTED,
    "command.repeated": {
        "command_id": str(COMMAND),
        "command_kind": "tandem.offer.accept.v1",
        "outcome": "refused",
        "problem": _REJECTED,
        "state": "expired",
    },
}
