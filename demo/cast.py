"""Who plays, and with what: the companies, their people, a customer, and the entries by name."""

from typing import Any

from uuid_utils import uuid7

LEAD, SERVICE, OTHER = "nordlicht", "alpenwerk", "rheintal"
NAMES = {LEAD: "Nordlicht IT GmbH", SERVICE: "Alpenwerk Systems GmbH", OTHER: "Rheintal Service AG"}
LANGUAGES = {LEAD: "de", SERVICE: "en", OTHER: "de"}
ADDRESSES = {
    LEAD: "dispo@nordlicht.example.com",
    SERVICE: "office@alpenwerk.example.com",
    OTHER: "post@rheintal.example.com",
}
DISPATCHER, TECHNICIAN, ACCOUNTANT = "k.sommer", "l.gruber", "m.huber"

LEAD_PARTY: dict[str, Any] = {
    "legal_name": NAMES[LEAD],
    "address": ["Speicherstraße 7"],
    "post_code": "20457",
    "city": "Hamburg",
    "country": "DE",
    "vat_id": "DE136695976",
    "tax_rate": "19",
    "number_pattern": "NL-{year}-{counter:5}",
}
SERVICE_PARTY: dict[str, Any] = {
    "legal_name": NAMES[SERVICE],
    "address": ["Maria-Theresien-Straße 18"],
    "post_code": "6020",
    "city": "Innsbruck",
    "country": "AT",
    "vat_id": "ATU13585627",
    "tax_rate": "20",
    "number_pattern": "AW-{year}-{counter:5}",
    "payment_terms": "Payable within 30 days without deduction.",
    "bank": {"iban": "AT611904300234573201", "bic": "BKAUATWW", "holder": NAMES[SERVICE]},
}
CUSTOMER = {
    "company": "Hotel Post Betriebs GmbH",
    "contact": "Ines Hofer",
    "email": "ines.hofer@hotel-post.example.com",
    "phone": "+43 512 555 0199",
    "address": "Dorfplatz 1, 6020 Innsbruck",
}

NOTE_BEFORE, LEAD_NOTE, LEAD_TIME, LEAD_CHARGE, LEAD_FILE, LEAD_SECRET, LEAD_LINK, LEAD_LATE_NOTE = (
    str(uuid7()) for _ in range(8)
)
SERVICE_NOTE, SERVICE_TIME, SERVICE_CHARGE, SERVICE_FILE, SERVICE_SECRET, SERVICE_MORE_TIME, SERVICE_TOO_LATE = (
    str(uuid7()) for _ in range(7)
)
SERVICE_RECORDING, SERVICE_PICTURE, OTHER_TIME = (str(uuid7()) for _ in range(3))
