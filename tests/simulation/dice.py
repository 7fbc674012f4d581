"""What one seed decides: every throw of the dice and every id."""

import random
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from asyncpg.pgproto import pgproto

_LOW = 2**62 - 1


class Dice(random.Random):
    """Random numbers of one seed."""

    def happens(self, probability: float) -> bool:
        return self.random() < probability

    def uuid7(self, at: datetime) -> UUID:
        """A UUIDv7 of that instant (RFC 9562, section 5.7), of the kind that comes from the database and is faster."""
        drawn = self.getrandbits(74)
        id = _millis(at) << 80 | 7 << 76 | drawn >> 62 << 64 | 2 << 62 | drawn & _LOW
        made: UUID = pgproto.UUID(id.to_bytes(16, "big"))
        return made


@lru_cache(maxsize=8)
def _millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)
