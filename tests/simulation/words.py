"""Entries and fixed work as the model keeps them."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from shared.contracts.ticket_sync import AttachmentBody, ChargeBody, EntryBody, NoteBody, TimeBody
from tests.simulation.companies import price_of
from tests.simulation.facts import SERVICES, Fact


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
        return self.body if type(self.body) is AttachmentBody else None

    def image(self, lead: str) -> Fact | None:
        """What is to stand on the other side: by the replication table, a line a kind."""
        by_lead, body = self.owner == lead, self.body
        if body is None or not self.shared or body.kind == "link":
            return None
        if body.kind == "time" and by_lead:
            body = NoteBody(kind="note", text=body.text)
        unchanged = body is self.body and body.kind in ("note", "attachment")
        hidden = self.owner == SERVICES or (unchanged and not by_lead)
        visibility = "internal" if hidden else "shared"
        return self.version, self.owner, visibility, self.author, self.happened_at, body


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The work as it was fixed."""

    time: frozenset[tuple[UUID, int]]
    charges: frozenset[tuple[UUID, int]]
    hours: Decimal
    total: Decimal

    @classmethod
    def of(cls, words: dict[UUID, Word]) -> "Snapshot":
        """The time and the charges among these words."""
        time = {id: word.body for id, word in words.items() if type(word.body) is TimeBody}
        charges = {id: word.body for id, word in words.items() if type(word.body) is ChargeBody}
        return cls(
            frozenset((id, words[id].version) for id in time),
            frozenset((id, words[id].version) for id in charges),
            sum((body.hours for body in time.values()), Decimal(0)),
            sum(map(price_of, charges.values()), Decimal(0)),
        )

    @property
    def work(self) -> Fact:
        return self.time | self.charges, self.hours, self.total

    @property
    def sums(self) -> Fact:
        return len(self.time | self.charges), self.hours, self.total
