"""Who and what the examples are about: one ticket, two partners, one morning."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

PARTNERSHIP = "01935e7a-4c00-7000-8000-0000000000a1"
ROUND = "01935e7a-4c00-7000-8000-0000000000b1"
OUTSOURCING = "01935e7a-4c00-7000-8000-0000000000c1"
ENTRY = "01935e7a-4c00-7000-8000-0000000000d1"
CHARGE = "01935e7a-4c00-7000-8000-0000000000d2"
NOTE = "01935e7a-4c00-7000-8000-0000000000d3"
SNAPSHOT = "01935e7a-4c00-7000-8000-0000000000e1"
INVOICE = "01935e7a-4c00-7000-8000-0000000000f1"
CREDIT_NOTE = "01935e7a-4c00-7000-8000-0000000000f2"
COMMAND = UUID("01935e7a-4c00-7000-8000-000000000001")
DELIVERY = UUID("01935e7a-4c00-7000-8000-000000000002")
AT = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
SEQUENCE = "00001772440200000000"

LEAD, SERVICE = "nordlicht", "alpenwerk"
TIME = "2026-03-02T09:30:00+01:00"
BY_LEAD = {"actor": "k.sommer"}
BY_SERVICE = {"actor": "l.gruber"}


def about(**fields: Any) -> dict[str, Any]:
    """Fields of a message about the outsourcing of the examples."""
    return {"outsourcing_id": OUTSOURCING, **fields}
