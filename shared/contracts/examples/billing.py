"""One example of every message about items and invoices."""

from typing import Any

from shared.contracts.examples.story import BY_SERVICE, INVOICE, LEAD, OUTSOURCING, SERVICE, TIME, about

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

COMMANDS: dict[str, dict[str, Any]] = {
    "billing-settings.change": {
        **BY_SERVICE,
        "legal_name": "Alpenwerk IT GmbH",
        "address": ["Museumstraße 3", "6020 Innsbruck"],
        "country": "AT",
        "vat_id": "ATU13585627",
        "tax_rate": "20",
        "number_prefix": "AW-2026-",
        "payment_days": 30,
    },
    "invoice.request": about(**BY_SERVICE),
}

DELIVERIES: dict[str, dict[str, Any]] = {
    "billing-settings.changed": {"legal_name": "Alpenwerk IT GmbH", "changed_at": TIME},
    "item.opened": about(items=3, net_total="164.50", currency="EUR", missing=[LEAD], state="open"),
    "invoice.issued": {"lead": LEAD, "invoice": _INVOICE, "state": "issued"},
    "invoice.received": {
        "service": SERVICE,
        "organization": "Nordlicht Systeme GmbH",
        "invoice": _INVOICE,
        "state": "issued",
    },
    "invoice.filed": {
        "invoice_id": _INVOICE["invoice_id"],
        "number": _INVOICE["number"],
        "outsourcing_id": _INVOICE["outsourcing_id"],
        "files": _FILES,
        "filed_at": TIME,
    },
}
