"""Identifiers: UUIDv7 minted in one place, and the instant that such an id carries."""

import hashlib
from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7

__all__ = ["id_of_content", "instant_of", "is_uuid7", "new_id"]


VERSION = 7


def new_id() -> UUID:
    """A UUIDv7 nobody has used; ids of one process rise."""
    return uuid7()


def is_uuid7(value: UUID) -> bool:
    """Whether the id is of version 7 (RFC 9562, section 5.7)."""
    return value.version == VERSION


def id_of_content(*parts: bytes) -> UUID:
    """The same id for the same content: a UUIDv8 of its SHA-256 (RFC 9562, section 5.8)."""
    digest = bytearray(hashlib.sha256(b"\0".join(parts)).digest()[:16])
    digest[6] = 0x80 | digest[6] & 0x0F
    digest[8] = 0x80 | digest[8] & 0x3F
    return UUID(bytes=bytes(digest))


def instant_of(value: UUID) -> datetime:
    """When a UUIDv7 was made, to the millisecond: its first 48 bits are Unix milliseconds (RFC 9562, section 5.7)."""
    return datetime.fromtimestamp((value.int >> 80) / 1000, UTC)
