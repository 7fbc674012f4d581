"""Files: who may bring one, which reader finds which under an entry, and what keeps the content stored."""

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from shared.contracts.billing import InvoiceFile, InvoiceFormat, InvoiceRendered
from shared.contracts.gateway import FileLimits, FileUploaded
from shared.contracts.ticket_sync import FileCited, FileLapsed, FileReleased
from shared.contracts.values import FileSize, MediaType, Payload, Sha256, Slug
from shared.messaging.outcomes import Changed, Decision, Message, Publish, Refused, Unchanged


@dataclass(frozen=True, slots=True)
class Access:
    """What an instance may do here: `token_hash` is the SHA-256 of its token, `limits` are those of what it sends."""

    instance: str
    language: str
    token_hash: bytes
    limits: FileLimits

    def opens_with(self, token: str) -> bool:
        """Whether this is the token; how long the answer takes says nothing about how much of it is right."""
        return hmac.compare_digest(self.token_hash, hash_of(token))

    def refuses(self, media_type: str, size: int) -> Refused | None:
        """Why the instance may not send a file of this type and size; None where it may."""
        if not self.limits.allow_type(media_type):
            return Refused("file/type-refused", media_type=media_type)
        return self.refuses_size(size)

    def refuses_size(self, size: int) -> Refused | None:
        return None if self.limits.allow_size(size) else Refused("file/too-large", limit=self.limits.largest)


class FileReceived(Payload):
    """An instance has brought a file, and its content is stored; what the gateway tells its own inbox."""

    kind: ClassVar[str] = "tandem.file.received.v1"

    instance: Slug
    sha256: Sha256
    size: FileSize
    media_type: MediaType


@dataclass(frozen=True, slots=True)
class File:
    """Content under its digest. `kept_by` counts the uploads and the readers of entries that keep it stored.

    `cited` tells whether an entry ever did; `unneeded_since` is since when nothing keeps it, None while something does.
    """

    sha256: str
    kept_by: int
    cited: bool
    unneeded_since: datetime | None

    def kept_by_another(self, *, cited: bool = False) -> "File":
        return replace(self, kept_by=self.kept_by + 1, cited=self.cited or cited, unneeded_since=None)

    def let_go(self, now: datetime) -> "File":
        kept_by = self.kept_by - 1
        return replace(self, kept_by=kept_by, unneeded_since=None if kept_by else now)


@dataclass(frozen=True, slots=True)
class Leased:
    """Content that somebody takes out of the store; until then it is nobody else's to remove or to bring anew."""

    sha256: str
    removing_until: datetime


@dataclass(frozen=True, slots=True)
class Upload:
    """An instance's newest upload of some content; it keeps the content until it has lapsed."""

    instance: str
    sha256: str
    size: int
    uploaded_at: datetime
    lapsed: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return self.instance, self.sha256


@dataclass(frozen=True, slots=True)
class CitedFile:
    """A file as an entry speaks of it."""

    sha256: str
    size: int
    name: str
    media_type: str


@dataclass(frozen=True, slots=True)
class Citation:
    """What one reader finds under an entry: the file of that version, or none any more."""

    outsourcing_id: UUID
    entry_id: UUID
    reader: str
    version: int
    file: CitedFile | None

    @property
    def key(self) -> tuple[UUID, UUID, str]:
        return self.outsourcing_id, self.entry_id, self.reader

    @property
    def sha256(self) -> str | None:
        return self.file.sha256 if self.file else None


@dataclass(frozen=True, slots=True)
class IssuedFile:
    """One file of an issued invoice, and the two who may read it; it never changes."""

    invoice_id: UUID
    format: InvoiceFormat
    lead: str
    service: str
    file: CitedFile

    @property
    def key(self) -> tuple[UUID, str]:
        return self.invoice_id, self.format


def hash_of(token: str) -> bytes:
    """What is stored of a token; it is random and long enough that its plain hash leads nowhere."""
    return hashlib.sha256(token.encode()).digest()


def keep_upload(upload: Upload | None, file: File | None, received: Message[FileReceived]) -> Decision:
    """Keep the content for the entry that will cite it, and let it be known that it may be cited."""
    data, now = received.data, received.now
    if file is None:
        return Refused("file/gone")
    newest = Upload(data.instance, data.sha256, data.size, uploaded_at=now)
    keeps_it_already = upload is not None and not upload.lapsed
    uploaded = FileUploaded(**data.model_dump(), uploaded_at=now)
    return Changed(
        newest,
        *([] if keeps_it_already else [file.kept_by_another()]),
        tell=[Publish(uploaded)],
        history=f"uploaded by {data.instance}",
    )


def let_lapse(upload: Upload | None, file: File | None, lapsed: Message[FileLapsed]) -> Decision:
    """The upload can be cited no longer, and keeps the content no longer."""
    if upload is None or file is None or upload.lapsed or upload.uploaded_at > lapsed.data.uploaded_at:
        return Unchanged()
    return Changed(replace(upload, lapsed=True), file.let_go(lapsed.now), history=f"upload by {upload.instance} lapsed")


def cite(known: Citation | None, before: File | None, file: File | None, cited: Message[FileCited]) -> Decision:
    """The reader finds this file under the entry from now on, and not the one before."""
    data = cited.data
    if known and known.version >= data.version:
        return Unchanged()
    if file is None:
        return Refused("file/gone")
    found = CitedFile(data.sha256, data.size, data.name, data.media_type)
    newest = Citation(data.outsourcing_id, data.entry_id, data.reader, data.version, found)
    exchanged = [] if before == file else [file.kept_by_another(cited=True), *_let_go(before, cited.now)]
    return Changed(newest, *exchanged, history=f"{data.reader} finds it under {data.entry_id}")


def release(known: Citation | None, before: File | None, released: Message[FileReleased]) -> Decision:
    """The reader finds nothing under the entry any more; what is told late of an older version changes nothing."""
    data = released.data
    if known and known.version >= data.version:
        return Unchanged()
    newest = Citation(data.outsourcing_id, data.entry_id, data.reader, data.version, None)
    return Changed(newest, *_let_go(before, released.now), history=f"{data.reader} finds nothing under {data.entry_id}")


def keep_invoice(known: tuple[IssuedFile, ...], rendered: Message[InvoiceRendered]) -> Decision:
    """The lead and the service partner find the files of their invoice from now on."""
    data = rendered.data
    if known:
        return Unchanged()
    files = [IssuedFile(data.invoice_id, one.format, data.lead, data.service, _file_of(one)) for one in data.files]
    return Changed(*files, history=f"{data.lead} and {data.service} find the files of {data.number}")


def _file_of(file: InvoiceFile) -> CitedFile:
    return CitedFile(file.sha256, file.size, file.name, file.media_type)


def _let_go(file: File | None, now: datetime) -> list[File]:
    return [file.let_go(now)] if file else []
