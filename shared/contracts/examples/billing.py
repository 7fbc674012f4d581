"""One example of every message about items and invoices."""

from typing import Any

from shared.contracts.examples.story import (
    BY_LEAD,
    BY_SERVICE,
    CREDIT_NOTE,
    INVOICE,
    LEAD,
    OUTSOURCING,
    SERVICE,
    TIME,
    about,
)

_TICKET: dict[str, Any] = {
    "outsourcing_id": OUTSOURCING,
    "lead_number": "T2026-0417",
    "service_number": "88213",
    "title": "Switch in the branch office drops its uplink",
}
_TAXED: dict[str, Any] = {"tax_category": "AE", "tax_rate": "0"}
_INVOICE: dict[str, Any] = {
    "document": "invoice",
    "invoice_id": INVOICE,
    "number": "AW-2026-00001",
    "issued_on": "2026-03-04",
    "due_on": "2026-04-03",
    "period_from": "2026-03-02",
    "period_to": "2026-03-02",
    **_TICKET,
    "currency": "EUR",
    "language": "de",
    "issuer": {
        "legal_name": "Alpenwerk IT GmbH",
        "address": ["Museumstraße 3"],
        "post_code": "6020",
        "city": "Innsbruck",
        "country": "AT",
        "vat_id": "ATU13585627",
        "email": "buchhaltung@alpenwerk.example",
    },
    "recipient": {
        "legal_name": "Nordlicht Systeme GmbH",
        "address": ["Kaistraße 8"],
        "post_code": "24103",
        "city": "Kiel",
        "country": "DE",
        "vat_id": "DE136695976",
    },
    "payment_terms": "Zahlbar innerhalb von 30 Tagen ohne Abzug.",
    "bank": {"iban": "AT611904300234573201", "bic": "BKAUATWW", "holder": "Alpenwerk IT GmbH"},
    "lines": [
        {
            "number": 1,
            **_TICKET,
            "position": 1,
            "sort": "time",
            "description": "Replaced the uplink module.",
            "happened_on": "2026-03-02",
            "author": "Lukas Gruber",
            "role": "technician",
            "billing_code": "IT-100",
            "quantity": "1.5",
            "unit": "hour",
            "unit_price": "95.00",
            "amount": "142.50",
            **_TAXED,
        },
        {
            "number": 2,
            **_TICKET,
            "position": 2,
            "sort": "charge",
            "description": "SFP module",
            "quantity": "1",
            "unit": "piece",
            "unit_price": "42.00",
            "amount": "42.00",
            **_TAXED,
        },
        {
            "number": 3,
            **_TICKET,
            "position": 3,
            "sort": "deduction",
            "description": "Second way to the site not charged",
            "quantity": "-1",
            "unit": "piece",
            "unit_price": "20.00",
            "amount": "-20.00",
            **_TAXED,
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

_DRAFT = {name: told for name, told in _INVOICE.items() if name not in ("document", "invoice_id", "number")}

_FILES: list[dict[str, Any]] = [
    {
        "format": "pdf",
        "name": f"{_INVOICE['number']}.pdf",
        "media_type": "application/pdf",
        "size": 41877,
        "sha256": "8d1f0a3b7c5e92460f1d3b5a7c9e0f2143658709badcfe1032547698badcfe10",
    },
    {
        "format": "xml",
        "name": f"{_INVOICE['number']}.xml",
        "media_type": "application/xml",
        "size": 7312,
        "sha256": "1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f00f",
    },
]
_CREDIT_NOTE: dict[str, Any] = {
    **_INVOICE,
    "document": "credit_note",
    "invoice_id": CREDIT_NOTE,
    "number": "AW-2026-00002",
    "issued_on": "2026-03-05",
    "due_on": "2026-03-05",
    "cancels_id": INVOICE,
    "cancels_number": "AW-2026-00001",
    "cancels_issued_on": "2026-03-04",
    "reason": "Two of the cables came back.",
    "payment_terms": None,
    "bank": None,
    "lines": [{**_INVOICE["lines"][1], "number": 1}],
    "taxes": [{**_INVOICE["taxes"][0], "base": "42.00"}],
    "net_total": "42.00",
    "total": "42.00",
}


def _item(position: int, state: str) -> dict[str, Any]:
    line = _INVOICE["lines"][position - 1]
    told = ("position", "sort", "description", "quantity", "unit", "unit_price", "amount")
    return {**{name: line[name] for name in told}, "state": state}


_OVER_CAP: dict[str, Any] = {
    "position": 4,
    "sort": "surcharge",
    "description": "over the authorized charges: 20.00 EUR",
    "quantity": "1",
    "unit": "piece",
    "unit_price": "22.00",
    "amount": "22.00",
}

COMMANDS: dict[str, dict[str, Any]] = {
    "billing-settings.change": {
        **BY_SERVICE,
        "legal_name": "Alpenwerk IT GmbH",
        "address": ["Museumstraße 3"],
        "post_code": "6020",
        "city": "Innsbruck",
        "country": "AT",
        "vat_id": "ATU13585627",
        "tax_number": None,
        "email": "buchhaltung@alpenwerk.example",
        "tax_rate": "20",
        "small_business": False,
        "number_pattern": "AW-{year}-{counter:5}",
        "credit_note_pattern": "AW-G-{year}-{counter:5}",
        "payment_days": 30,
        "payment_terms": "Zahlbar innerhalb von 30 Tagen ohne Abzug.",
        "bank": _INVOICE["bank"],
        "time_zone": "Europe/Vienna",
        "partners": [
            {
                "lead": LEAD,
                "posting": "by_hand",
                "invoicing": "monthly",
                "codes": [
                    {"code": "IT-100", "work_type": "remote", "role": "technician"},
                    {"code": "BOOKS", "work_type": "book", "tax_rate": "10"},
                ],
            }
        ],
    },
    "item.adjust": about(**BY_SERVICE, position=2, unit_price="38.00", reason="Agreed on the phone."),
    "item.post": about(**BY_SERVICE, positions=[1, 2]),
    "item.approve": about(**BY_LEAD, positions=[4]),
    "item.decline": about(**BY_LEAD, positions=[4]),
    "invoice.request": about(**BY_SERVICE, exchange_rates=[], preview=False),
    "invoice.collect": {
        **BY_SERVICE,
        "lead": LEAD,
        "until": "2026-03-31",
        "exchange_rates": [{"currency": "CHF", "rate": "1.0643"}],
        "preview": False,
    },
    "invoice.cancel": {**BY_SERVICE, "invoice_id": INVOICE, "lines": [2], "reason": "Two of the cables came back."},
}

DELIVERIES: dict[str, dict[str, Any]] = {
    "billing-settings.changed": {"legal_name": "Alpenwerk IT GmbH", "changed_at": TIME},
    "item.opened": about(
        items=[_item(1, "open"), _item(2, "open"), _item(3, "open")],
        net_total="164.50",
        currency="EUR",
        missing=[LEAD],
        state="open",
    ),
    "item.asked": about(
        items=[{**_OVER_CAP, "state": "asked"}], net_total="22.00", currency="EUR", reason="over_cap", state="asked"
    ),
    "item.approved": about(items=[{**_OVER_CAP, "state": "open"}], net_total="22.00", currency="EUR", state="open"),
    "item.declined": about(
        items=[{**_OVER_CAP, "state": "declined"}], net_total="22.00", currency="EUR", state="posted"
    ),
    "item.adjusted": about(
        items=[{**_item(2, "open"), "adjusted_for": "Agreed on the phone."}],
        net_total="42.00",
        currency="EUR",
        reason="Agreed on the phone.",
        state="open",
    ),
    "item.posted": about(items=[_item(1, "posted")], net_total="142.50", currency="EUR", missing=[], state="open"),
    "invoice.issued": {
        "lead": LEAD,
        "organization": "Nordlicht Systeme GmbH",
        "invoice": _INVOICE,
        "state": "issued",
    },
    "invoice.received": {
        "service": SERVICE,
        "invoice": _INVOICE,
        "costs": [
            {
                "outsourcing_id": OUTSOURCING,
                "hours": "1.5",
                "authorized_hours": "8",
                "charges": "42.00",
                "authorized_charges": "250.00",
                "net_total": "164.50",
            }
        ],
        "state": "issued",
    },
    "invoice.filed": {
        "invoice_id": _INVOICE["invoice_id"],
        "number": _INVOICE["number"],
        "outsourcing_id": _INVOICE["outsourcing_id"],
        "files": _FILES,
        "filed_at": TIME,
    },
    "invoice.previewed": {
        "lead": LEAD,
        "draft": _DRAFT,
        "below_zero": False,
        "faults": [],
        "further": False,
        "state": "draft",
    },
    "invoice.held-up": {
        "lead": LEAD,
        "until": "2026-03-31",
        "reason": "below_zero",
        "outsourcing_ids": [OUTSOURCING],
        "net_total": "-20.00",
        "currency": "EUR",
        "missing": [],
        "faults": [],
        "state": "posted",
    },
    "invoice.cancelled": {
        "lead": LEAD,
        "service": SERVICE,
        "reason": "Two of the cables came back.",
        "invoice": _CREDIT_NOTE,
        "state": "partly_cancelled",
    },
}
