"""Files that entries cite: who may read which, and for how long an upload may be cited."""

from typing import ClassVar
from uuid import UUID

from shared.contracts.values import Event, FileSize, Instant, MediaType, Sha256, Slug, Version


class FileCited(Event):
    """Under this entry the reader finds this file from now on: its owner, or the other side once it has the copy."""

    kind: ClassVar[str] = "tandem.file.cited.v1"

    outsourcing_id: UUID
    entry_id: UUID
    reader: Slug
    version: Version
    sha256: Sha256
    size: FileSize
    name: str
    media_type: MediaType


class FileReleased(Event):
    """Under this entry the reader finds no file any more."""

    kind: ClassVar[str] = "tandem.file.released.v1"

    outsourcing_id: UUID
    entry_id: UUID
    reader: Slug
    version: Version


class FileLapsed(Event):
    """An upload can be cited no longer, unless it was made anew meanwhile."""

    kind: ClassVar[str] = "tandem.file.lapsed.v1"

    instance: Slug
    sha256: Sha256
    uploaded_at: Instant
