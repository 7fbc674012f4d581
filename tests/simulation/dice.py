"""What one seed decides: every throw of the dice and every id."""

import random
from datetime import datetime
from uuid import UUID

from asyncpg.pgproto import pgproto


class Dice(random.Random):
    """Random numbers of one seed."""

    def happens(self, probability: float) -> bool:
        return self.random() < probability

    def uuid7(self, at: datetime) -> UUID:
        """A UUIDv7 of that instant (RFC 9562, section 5.7), of the kind that comes from the database and is faster."""
        millis = int(at.timestamp() * 1000)
        id = millis << 80 | 7 << 76 | self.getrandbits(12) << 64 | 2 << 62 | self.getrandbits(62)
        made: UUID = pgproto.UUID(id.to_bytes(16, "big"))
        return made
