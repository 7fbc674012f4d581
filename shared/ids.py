"""Identifiers: UUIDv7 minted in one place, and the time that such an id carries."""

import hashlib
from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7

__all__ = ["id_of_content", "is_uuid7", "millis_of", "new_id"]


VERSION = 7


def new_id(at: datetime | None = None) -> UUID:
    """A UUIDv7 nobody has used, made at that instant, or now by this machine's clock.

    Workers give the database's clock: a machine whose own clock is wrong must not make ids that others refuse as too
    old or too new.
    """
    return uuid7() if at is None else uuid7(nanoseconds=int(at.timestamp() * 1_000_000) * 1000)


def is_uuid7(value: UUID) -> bool:
    """Whether the id is of version 7 (RFC 9562, section 5.7)."""
    return value.version == VERSION


def id_of_content(*parts: bytes) -> UUID:
    """The same id for the same content: a UUIDv8 of its SHA-256 (RFC 9562, section 5.8)."""
    digest = bytearray(hashlib.sha256(b"\0".join(parts)).digest()[:16])
    digest[6] = 0x80 | digest[6] & 0x0F
    digest[8] = 0x80 | digest[8] & 0x3F
    return UUID(bytes=bytes(digest))


def millis_of(value: UUID) -> int:
    """When a UUIDv7 was made: its first 48 bits are Unix milliseconds (RFC 9562, section 5.7).

    A number and no time: ids that somebody made up lie in years that no calendar has.
    """
    return value.int >> 80
