"""Identifiers: UUIDv7 minted in one place, and the instant that such an id carries."""

from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7

__all__ = ["instant_of", "is_uuid7", "new_id"]


VERSION = 7


def new_id() -> UUID:
    """A UUIDv7 nobody has used; ids of one process rise."""
    return uuid7()


def is_uuid7(value: UUID) -> bool:
    """Whether the id is of version 7 (RFC 9562, section 5.7)."""
    return value.version == VERSION


def instant_of(value: UUID) -> datetime:
    """When a UUIDv7 was made, to the millisecond: its first 48 bits are Unix milliseconds (RFC 9562, section 5.7)."""
    return datetime.fromtimestamp((value.int >> 80) / 1000, UTC)
