"""Entries and their copies: notes, time, attachments and charges."""

import base64
import binascii
import hashlib
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from shared.contracts.values import (
    AboutOutsourcing,
    Currency,
    Day,
    Delivery,
    FileSize,
    Flag,
    Hours,
    Instant,
    Line,
    LongText,
    MediaType,
    Owner,
    Price,
    Quantity,
    Sha256,
    ShortText,
    Value,
    Version,
)

# What fits into a message beside everything else; larger files go by claim check.
LARGEST_INLINE_BYTES = 64 * 1024
_BASE64_OF_LARGEST = 4 * -(-LARGEST_INLINE_BYTES // 3)
# As long as file systems take; no way to another folder, and never dots or blanks alone.
_FILE_NAME = r"^[^\x00-\x1f\x7f/\\]*[^\x00-\x20\x7f/\\.][^\x00-\x1f\x7f/\\]*$"


class NoteBody(Value):
    """A note on the ticket."""

    kind: Literal["note"]
    text: LongText


class TimeBody(Value):
    """Time worked. The lead's time reaches the service partner as a note without hours."""

    kind: Literal["time"]
    hours: Hours
    work_on: Day
    role: ShortText | None = None
    work_type: ShortText | None = Field(default=None, description="with the role it tells the billing code")
    billable: Flag = True
    text: LongText = ""


class AttachmentBody(Value):
    """A file: a small one in the message itself, a larger one by the digest under which its sender uploaded it."""

    kind: Literal["attachment"]
    name: Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=_FILE_NAME)]
    media_type: MediaType
    size: FileSize
    sha256: Sha256
    content: Annotated[str, StringConstraints(max_length=_BASE64_OF_LARGEST)] | None = Field(
        default=None, description="the file in base64 (RFC 4648, section 4); left out where it goes by claim check"
    )

    @field_validator("content")
    @classmethod
    def _content_is_as_told(cls, content: str | None, told: ValidationInfo) -> str | None:
        if content is None:
            return None
        try:
            file = base64.b64decode(content, validate=True)
        except (binascii.Error, ValueError):
            raise PydanticCustomError("base64", "must be base64") from None
        if len(file) > LARGEST_INLINE_BYTES:
            raise PydanticCustomError("too_long", "is more than 64 KiB: upload it, and leave this out")
        if len(file) != told.data.get("size", len(file)):
            raise PydanticCustomError("size", "has not the size that is told")
        if "sha256" in told.data and hashlib.sha256(file).hexdigest() != told.data["sha256"]:
            raise PydanticCustomError("sha256", "has not the SHA-256 that is told")
        return content


class LinkBody(Value):
    """A link or a path: known here, and never passed on."""

    kind: Literal["link"]
    name: ShortText
    target: Line


class ChargeBody(Value):
    """Material, a product or a fixed position."""

    kind: Literal["charge"]
    name: Line
    quantity: Quantity
    unit_price: Price
    currency: Currency
    work_type: ShortText | None = Field(default=None, description="such as hardware; it tells the billing code")
    billable: Flag = True


EntryBody = Annotated[NoteBody | TimeBody | AttachmentBody | LinkBody | ChargeBody, Field(discriminator="kind")]
Visibility = Literal["shared", "internal"]


class CopiedFrom(Value):
    """An entry on the sender's own ticket: its own, or a copy that it was given."""

    outsourcing_id: UUID
    entry_id: UUID

    @property
    def key(self) -> tuple[UUID, UUID]:
        return self.outsourcing_id, self.entry_id


class EntryPut(AboutOutsourcing):
    """The owner's newest word on an entry: a new one, a change, or another visibility."""

    kind: ClassVar[str] = "tandem.entry.put.v1"

    entry_id: UUID
    version: Version
    visibility: Visibility
    author: ShortText
    happened_at: Instant
    body: EntryBody
    copied_from: CopiedFrom | None = Field(
        default=None, description="where a ticket is outsourced on: the entry on it that this one passes on"
    )


class EntryRemove(AboutOutsourcing):
    """The owner removed an entry; a removal is a version too."""

    kind: ClassVar[str] = "tandem.entry.remove.v1"

    entry_id: UUID
    version: Version


class EntrySever(AboutOutsourcing):
    """The service partner has edited its copy of an entry, which no longer follows its owner from now on."""

    kind: ClassVar[str] = "tandem.entry.sever.v1"

    entry_id: UUID


class EntryReplicated(Delivery):
    """The copy of the other side's entry, as it is to stand here from now on."""

    kind: ClassVar[str] = "tandem.entry.replicated.v1"

    outsourcing_id: UUID
    entry_id: UUID
    owner: Owner = Field(description="the other side, or `tandem` for what Tandem itself adds")
    version: int
    visibility: Visibility = Field(description="internal: not for the lead's customer")
    author: str
    happened_at: Instant
    body: EntryBody
    added_during_approval: bool = False
    state: str


class EntryWithdrawn(Delivery):
    """The copy of the other side's entry is to go."""

    kind: ClassVar[str] = "tandem.entry.withdrawn.v1"

    outsourcing_id: UUID
    entry_id: UUID
    owner: Owner
    version: int
    state: str


class EntryHeld(Delivery):
    """An entry of one's own waits until the submission is decided."""

    kind: ClassVar[str] = "tandem.entry.held.v1"

    outsourcing_id: UUID
    entry_id: UUID
    version: int
    state: Literal["awaiting_approval"] = "awaiting_approval"


class EntryReleased(Delivery):
    """An entry of one's own that was held has been passed on."""

    kind: ClassVar[str] = "tandem.entry.released.v1"

    outsourcing_id: UUID
    entry_id: UUID
    version: int
    state: Literal["in_progress"] = "in_progress"


class EntryKeptLocal(Delivery):
    """An entry of one's own, or its newest version, had not reached the other side at the end; it stays here only."""

    kind: ClassVar[str] = "tandem.entry.kept-local.v1"

    outsourcing_id: UUID
    entry_id: UUID
    version: int
    state: str = Field(description="completed or returned")


class EntrySevered(Delivery):
    """The service partner's copy of an entry no longer follows its owner. Told to both sides."""

    kind: ClassVar[str] = "tandem.entry.severed.v1"

    outsourcing_id: UUID
    entry_id: UUID
    owner: Owner
    version: int = Field(description="what the copy was at")
    state: str
