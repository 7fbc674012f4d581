"""One example of every message about e-mails."""

from typing import Any

from shared.contracts.examples.story import BY_SERVICE, OUTSOURCING, TIME

_SETTINGS: dict[str, Any] = {
    "recipients": ["dispatch@alpenwerk.example"],
    "recipients_of": [
        {"kind": "submitted", "recipients": ["dispatch@alpenwerk.example", "lead@alpenwerk.example"]},
        {"kind": "entries", "recipients": []},
    ],
    "language": "de-AT",
    "time_zone": "Europe/Vienna",
    "gathering_minutes": 10,
}

COMMANDS: dict[str, dict[str, Any]] = {"notification-settings.change": {**BY_SERVICE, **_SETTINGS}}
DELIVERIES: dict[str, dict[str, Any]] = {
    "notification-settings.changed": {**_SETTINGS, "changed_at": TIME},
    "notification.failed": {
        "notification_id": "01935e7a-4c00-7000-8000-000000000091",
        "about": OUTSOURCING,
        "told_of": "submitted",
        "recipient": "lead@alpenwerk.example",
        "words": "550 5.1.1 no such user here",
        "attempts": 1,
        "failed_at": TIME,
    },
}
