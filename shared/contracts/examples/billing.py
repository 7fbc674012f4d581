"""One example of every message about items and invoices."""

from typing import Any

from shared.contracts.examples.story import BY_SERVICE, INVOICE, LEAD, OUTSOURCING, SERVICE, TIME, about

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

COMMANDS: dict[str, dict[str, Any]] = {
    "billing-settings.change": {
        **BY_SERVICE,
        **_INVOICE["issuer"],
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
}
