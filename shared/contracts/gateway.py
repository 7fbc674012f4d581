"""Files that instances upload, to be cited by entries, and which files they may send at all."""

from typing import ClassVar

from shared.contracts.values import LARGEST_FILE_BYTES, Event, FileSize, Instant, MediaType, Sha256, Slug, Value

# What a reader's machine would run when the file is opened. A type is what the sender says, so this is against slips.
REFUSED_TYPES = (
    "application/hta",
    "application/vnd.microsoft.portable-executable",
    "application/x-dosexec",
    "application/x-ms-installer",
    "application/x-msdownload",
    "application/x-msi",
)


class FileLimits(Value):
    """Which files an instance may send, in a message or by upload; an operator may say otherwise for each."""

    largest_bytes: FileSize = LARGEST_FILE_BYTES
    refused_types: tuple[MediaType, ...] = REFUSED_TYPES

    def allow_type(self, media_type: str) -> bool:
        return media_type.lower() not in self.refused_types

    def allow_size(self, size: int) -> bool:
        return size <= self.largest_bytes

    @property
    def largest(self) -> str:
        """The largest size as people read it."""
        return f"{self.largest_bytes / (1024 * 1024):g} MiB"


class FileUploaded(Event):
    """An instance has uploaded a file: the content with this digest is stored, and its entries may cite it."""

    kind: ClassVar[str] = "tandem.file.uploaded.v1"

    instance: Slug
    sha256: Sha256
    size: FileSize
    media_type: MediaType
    uploaded_at: Instant
