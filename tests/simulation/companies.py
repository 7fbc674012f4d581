"""A company as its adapter keeps it, by docs/contract alone: what it said, what it was told, and what comes of both."""

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal
from uuid import UUID

from shared.contracts.catalog import name_of
from shared.contracts.ticket_sync import (
    ChargeBody,
    CompletionSubmitted,
    EntryPut,
    EntryRemove,
    EntryReplicated,
    EntryWithdrawn,
    TimeBody,
)
from shared.contracts.values import Delivery, Payload

Role = Literal["lead", "service", "stranger"]
Copy = EntryReplicated | EntryWithdrawn

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Said:
    """One message as its sender made it; sent again, it is the same."""

    id: UUID
    sender: str
    subject: str
    data: Payload

    def __str__(self) -> str:
        told = self.data.model_dump(mode="json", exclude={"actor", "outsourcing_id"}, exclude_defaults=True)
        return f"{self.id} of {self.sender}, about {self.subject}: {name_of(self.data.kind)} {told}"


@dataclass(slots=True)
class Ticket:
    """One outsourced ticket at one company, or what a stranger to it believes to have there."""

    outsourcing_id: UUID
    role: Role
    state: str = "accepted"
    as_of: int = -1
    snapshot_id: UUID | None = None
    own: dict[UUID, EntryPut | EntryRemove] = field(default_factory=dict)
    kinds: dict[UUID, str] = field(default_factory=dict)
    copies: dict[UUID, Copy] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)
    heard: list[tuple[int, Delivery]] = field(default_factory=list)

    def work(self) -> list[TimeBody | ChargeBody]:
        """What it would submit: its shared time and charges."""
        shared = (word.body for word in self.own.values() if isinstance(word, EntryPut) and word.visibility == "shared")
        return [body for body in shared if isinstance(body, TimeBody | ChargeBody)]

    def take(self, sequence: int, told: Delivery) -> None:
        """Newer states replace older ones, and newer versions older copies, whatever the order they come in."""
        self.heard.append((sequence, told))
        state = getattr(told, "state", None)
        if state is not None and sequence > self.as_of:
            self.state, self.as_of = state, sequence
        if isinstance(told, EntryReplicated | EntryWithdrawn):
            known = self.copies.get(told.entry_id)
            if known is None or told.version > known.version:
                self.copies[told.entry_id] = told
        elif isinstance(told, CompletionSubmitted):
            self.snapshot_id = told.snapshot.snapshot_id


class Company:
    """One instance with all its tickets; a delivery that comes twice is taken once."""

    def __init__(self, slug: str) -> None:
        self.slug = slug
        self.tickets: dict[str, Ticket] = {}
        self._taken: set[UUID] = set()

    def take(self, id: UUID, subject: str, sequence: int, told: Delivery) -> None:
        if id not in self._taken:
            self._taken.add(id)
            self.tickets[subject].take(sequence, told)


def price_of(charge: ChargeBody) -> Decimal:
    """In whole cents; a half goes up."""
    return (charge.quantity * charge.unit_price).quantize(CENT, ROUND_HALF_UP)
