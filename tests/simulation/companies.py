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
    EntrySevered,
    EntryVersion,
    EntryWithdrawn,
    Inventory,
    SyncDigest,
    TimeBody,
)
from shared.contracts.values import Delivery, Payload

Role = Literal["lead", "service", "stranger"]
Copy = EntryReplicated | EntryWithdrawn
Word = EntryPut | EntryRemove
Source = tuple[UUID, UUID]

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
    """One outsourced ticket at one company, or what a stranger to it believes to have there.

    `elsewhere` are the other outsourcings of the same ticket, and `passed_on` says under which id of its own the
    company passes on to this one what stands in those. `wanted` are its entries that it is to put again.
    `has_lost` tells whether it ever lost something of what it had; that is told again when it asks for it. `waits`
    tells whether it has asked just now.
    """

    outsourcing_id: UUID
    role: Role
    state: str = "accepted"
    as_of: int = -1
    snapshot_id: UUID | None = None
    own: dict[UUID, Word] = field(default_factory=dict)
    kinds: dict[UUID, str] = field(default_factory=dict)
    copies: dict[UUID, Copy] = field(default_factory=dict)
    severed: set[UUID] = field(default_factory=set)
    elsewhere: list["Ticket"] = field(default_factory=list)
    passed_on: dict[Source, UUID] = field(default_factory=dict)
    wanted: list[UUID] = field(default_factory=list)
    backup: tuple[dict[UUID, Word], dict[UUID, Copy], set[UUID]] = field(default_factory=lambda: ({}, {}, set()))
    has_lost: bool = False
    waits: bool = False
    said: list[Said] = field(default_factory=list)
    heard: list[tuple[int, Delivery]] = field(default_factory=list)

    def work(self) -> list[TimeBody | ChargeBody]:
        """What it would submit: its shared time and charges, but for what it passed straight back."""
        own = [word for word in self.own.values() if type(word) is EntryPut and not self._comes_from_here(word)]
        shared = (word.body for word in own if word.visibility == "shared")
        return [body for body in shared if type(body) is TimeBody or type(body) is ChargeBody]

    def take(self, sequence: int, told: Delivery) -> None:
        """Newer states replace older ones, and newer versions older copies, whatever the order they come in."""
        self.heard.append((sequence, told))
        state = getattr(told, "state", None)
        if state is not None and sequence > self.as_of:
            self.state, self.as_of = state, sequence
        if type(told) is EntryReplicated or type(told) is EntryWithdrawn:
            known = self.copies.get(told.entry_id)
            if known is None or told.version > known.version:
                self.copies[told.entry_id] = told
        elif type(told) is EntrySevered:
            self.severed.add(told.entry_id)
        elif type(told) is CompletionSubmitted:
            self.snapshot_id = told.snapshot.snapshot_id
        elif type(told) is SyncDigest:
            self._compare(told)

    def inventories(self, *, listed: bool = True) -> tuple[Inventory, Inventory]:
        """What it has of its own, and the copies that follow their owner."""
        own = {id: word.version for id, word in self.own.items() if type(word) is EntryPut}
        copies = {
            id: copy.version
            for id, copy in self.copies.items()
            if type(copy) is EntryReplicated and id not in self.severed
        }
        return Inventory.of(own, listed=listed), Inventory.of(copies, listed=listed)

    def lose(self, own: dict[UUID, Word], copies: dict[UUID, Copy], severed: set[UUID]) -> None:
        """No more is left than this; the rest of its store is gone."""
        self.own, self.copies, self.severed = own, copies, severed
        self.has_lost = self.waits = True

    def _comes_from_here(self, word: EntryPut) -> bool:
        return word.copied_from is not None and word.copied_from.outsourcing_id == self.outsourcing_id

    def _compare(self, told: SyncDigest) -> None:
        """Go on above the versions that are known to Tandem, and put again what it lacks or what was overwritten."""
        self.wanted += told.wanted
        for one in (*(told.own.versions or ()), *told.removed):
            known = self.own.get(one.entry_id)
            if known is None or known.version < one.version:
                self.own[one.entry_id] = self._above(known, one)
                self.wanted.append(one.entry_id)

    def _above(self, known: Word | None, one: EntryVersion) -> Word:
        """What it has, as a newer version; what it knows nothing of any more, it removes."""
        if known is not None:
            return known.model_copy(update={"version": one.version + 1})
        return EntryRemove(
            actor="adapter", outsourcing_id=self.outsourcing_id, entry_id=one.entry_id, version=one.version + 1
        )


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
