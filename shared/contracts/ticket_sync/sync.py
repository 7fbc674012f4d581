"""Repair: what each side holds is compared by digests, and what is missing is told again."""

import hashlib
from collections.abc import Mapping
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from shared.contracts.values import AboutOutsourcing, Count, Delivery, Event, Sha256, Slug, Value, Version

# As many as a ticket has, with the one that Tandem adds in the end. Listed one by one, with what is wanted or severed,
# they still fit into a message of 1 MiB.
MOST_VERSIONS = 10_000
MOST_WANTED = 5_000
MOST_SEVERED = 5_000


class EntryVersion(Value):
    """An entry at a version."""

    entry_id: UUID
    version: Version


class Inventory(Value):
    """Entries that somebody holds, removed ones left out: how many, a digest, and one by one where that is wanted."""

    entries: Count
    sha256: Sha256 = Field(
        description="of a line `<entry_id>:<version>` with a line end for each of them, in the order of their ids"
    )
    versions: Annotated[tuple[EntryVersion, ...], Field(max_length=MOST_VERSIONS)] | None = None

    @classmethod
    def of(cls, version_of: Mapping[UUID, int], *, listed: bool = False) -> "Inventory":
        """What there is of these entries, each by its id; its digest is reckoned here and not checked once more."""
        entries, sha256 = len(version_of), _digest(version_of)
        if not listed:
            return cls(entries=entries, sha256=sha256)
        versions = tuple([EntryVersion(entry_id=id, version=version_of[id]) for id in sorted(version_of)])
        return cls.model_construct(entries=entries, sha256=sha256, versions=versions)

    @property
    def version_of(self) -> dict[UUID, int]:
        """The entries that are listed."""
        return {one.entry_id: one.version for one in self.versions or ()}

    def agrees_with(self, other: "Inventory") -> bool:
        return (self.entries, self.sha256) == (other.entries, other.sha256)

    @field_validator("versions")
    @classmethod
    def _digest_is_theirs(
        cls, versions: tuple[EntryVersion, ...] | None, told: ValidationInfo
    ) -> tuple[EntryVersion, ...] | None:
        """Who reckons the digest in another way learns it at once, and not from repairs that never end."""
        if versions is None or not {"entries", "sha256"} <= told.data.keys():
            return versions
        version_of = {one.entry_id: one.version for one in versions}
        if len(version_of) != len(versions):
            raise PydanticCustomError("repeated", "must name each entry once")
        if (len(versions), _digest(version_of)) != (told.data["entries"], told.data["sha256"]):
            raise PydanticCustomError("digest", "are not as many as entries says, or have not the SHA-256 that is told")
        return versions


def _digest(version_of: Mapping[UUID, int]) -> str:
    return hashlib.sha256("".join([f"{id}:{version_of[id]}\n" for id in sorted(version_of)]).encode()).hexdigest()


class SyncRequest(AboutOutsourcing):
    """What the sender holds of a ticket, to be compared; where copies are listed, what they lack is told again."""

    kind: ClassVar[str] = "tandem.sync.request.v1"

    own: Inventory = Field(description="the sender's own entries, internal ones included, as far as it has put them")
    copies: Inventory = Field(description="its copies of the other side's entries, severed ones left out")
    severed: Annotated[tuple[UUID, ...], Field(max_length=MOST_SEVERED)] = Field(
        default=(), description="entries of either side of which it was told that their copy is severed"
    )


class SyncDigest(Delivery):
    """What the recipient should hold of a ticket; told from time to time, and listed where it said something else."""

    kind: ClassVar[str] = "tandem.sync.digest.v1"

    outsourcing_id: UUID
    own: Inventory = Field(description="its own entries as they are known to Tandem")
    copies: Inventory = Field(description="the copies it was told of")
    severed: Count = Field(default=0, description="how many entries there are whose copy is severed, of either side")
    removed: tuple[EntryVersion, ...] = Field(
        default=(), description="its own entries that it removed; listed where its own differ"
    )
    wanted: tuple[UUID, ...] = Field(
        default=(), description="its own entries that it has newer than Tandem: it should put them again"
    )
    to_follow: Count = Field(default=0, description="how many entries it is told of again after this")
    state: str


class SyncFellDue(Event):
    """It is time to tell both sides what they should hold; told to ticket_sync itself."""

    kind: ClassVar[str] = "tandem.sync.fell-due.v1"

    outsourcing_id: UUID


class RepairOrdered(Event):
    """An operator wants all that one side should hold of the other's to be told again."""

    kind: ClassVar[str] = "tandem.repair.ordered.v1"

    outsourcing_id: UUID
    side: Slug


class LineUnfinished(Event):
    """What waits in line is told from the next place on; told to ticket_sync itself."""

    kind: ClassVar[str] = "tandem.line.unfinished.v1"

    outsourcing_id: UUID
    after_place: Count


class RepairUnfinished(Event):
    """These entries are to be told again to one side, and then the rest; told to ticket_sync itself."""

    kind: ClassVar[str] = "tandem.repair.unfinished.v1"

    outsourcing_id: UUID
    side: Slug
    repair_id: UUID
    entry_ids: tuple[UUID, ...]
