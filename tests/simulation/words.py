"""Entries and fixed work as the model keeps them."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from shared.contracts.ticket_sync import AttachmentBody, EntryBody
from tests.simulation.facts import Fact


@dataclass(frozen=True, slots=True)
class Word:
    """The newest version of an entry as its owner told it; a removed one has no body."""

    owner: str
    version: int
    kind: str | None
    shared: bool
    author: str
    happened_at: datetime | None
    body: EntryBody | None

    @property
    def file(self) -> AttachmentBody | None:
        return self.body if isinstance(self.body, AttachmentBody) else None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The work as it was fixed."""

    time: frozenset[tuple[UUID, int]]
    charges: frozenset[tuple[UUID, int]]
    hours: Decimal
    total: Decimal

    @property
    def work(self) -> Fact:
        return self.time | self.charges, self.hours, self.total

    @property
    def sums(self) -> Fact:
        return len(self.time | self.charges), self.hours, self.total
