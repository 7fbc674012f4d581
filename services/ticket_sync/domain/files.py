"""Files that go by claim check: who may cite which, and who finds which under an entry."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.ticket_sync.domain.links import Link
from services.ticket_sync.domain.replication import Word
from shared.contracts.gateway import FileLimits, FileUploaded
from shared.contracts.ticket_sync import AttachmentBody, EntryBody, EntryPut, FileCited, FileLapsed, FileReleased
from shared.messaging.outcomes import Caused, Changed, Decision, Message, NotYet, Publish, Refused, Unchanged

# An upload and the entry that cites it belong together; a day is time for an adapter that was down in between.
CITABLE_FOR = timedelta(days=1)
UNLESS_SAID_OTHERWISE = FileLimits()


@dataclass(frozen=True, slots=True)
class Limited:
    """Which files an instance may send, as an operator has said."""

    instance: str
    limits: FileLimits


@dataclass(frozen=True, slots=True)
class Upload:
    """An instance's newest upload of some content, and the message `told_by` that told of it."""

    instance: str
    sha256: str
    size: int
    media_type: str
    uploaded_at: datetime
    lapses_at: datetime
    told_by: tuple[str, UUID]

    @property
    def key(self) -> tuple[str, str]:
        return self.instance, self.sha256


def note_upload(known: Upload | None, uploaded: Message[FileUploaded]) -> Decision:
    """For a day the instance may cite what it has uploaded; whoever else uploaded it does not matter."""
    data = uploaded.data
    if known and known.uploaded_at >= data.uploaded_at:
        return Unchanged()
    noted = Upload(**data.model_dump(), lapses_at=uploaded.now + CITABLE_FOR, told_by=(uploaded.source, uploaded.id))
    return Changed(noted, history=f"uploaded by {data.instance}")


def lapsed(upload: Upload) -> Caused:
    """What the gateway is told of an upload that can be cited no longer."""
    source, id = upload.told_by
    told = FileLapsed(instance=upload.instance, sha256=upload.sha256, uploaded_at=upload.uploaded_at)
    return Caused(cause_source=source, cause_id=id, subject=upload.sha256, tell=(Publish(told),))


def cited_by(body: EntryBody | None) -> AttachmentBody | None:
    """The attachment that goes by claim check, if it is one."""
    return body if body is not None and body.kind == "attachment" and body.content is None else None


def sender_of_file(put: Message[EntryPut]) -> str | None:
    """Whose limits an entry has to keep."""
    return put.sender if put.data.body.kind == "attachment" else None


def upload_needed(put: Message[EntryPut]) -> tuple[str, str] | None:
    """The upload that the sender has to have made before it says this."""
    cited = cited_by(put.data.body)
    return (put.sender, cited.sha256) if cited else None


def may_not_send(link: Link, limited: Limited | None, before: Word | None, body: AttachmentBody) -> Refused | None:
    """The refusal of a file that its sender may not send, by whichever way; None where it may.

    What it sent for the version `before` it may rename and hide, also where it may not send such files any more.
    """
    if _same_file(body, _attachment(before)):
        return None
    limits = limited.limits if limited else UNLESS_SAID_OTHERWISE
    if not limits.allow_type(body.media_type):
        return Refused("file/type-refused", state=link.state, media_type=body.media_type)
    return None if limits.allow_size(body.size) else Refused("file/too-large", state=link.state, limit=limits.largest)


def may_not_cite(
    link: Link, before: Word | None, upload: Upload | None, put: Message[EntryPut]
) -> NotYet | Refused | None:
    """What keeps an entry from citing its file; None where nothing does, or it cites none.

    Its sender has uploaded it, of late or for the version `before`. Word of that may be on its way; and a file that is
    not there and one that others uploaded look alike.
    """
    cited = cited_by(put.data.body)
    if cited is None or _same_file(cited, cited_by(_attachment(before))):
        return None
    if upload is None or upload.lapses_at <= put.now:
        return NotYet("entry/file-unknown", state=link.state)
    if (cited.size, cited.media_type.lower()) == (upload.size, upload.media_type):
        return None
    return Refused("entry/file-differs", state=link.state, known_size=upload.size, known_media_type=upload.media_type)


def found_by(reader: str, outsourcing_id: UUID, entry_id: UUID, version: int, body: EntryBody | None) -> Publish:
    """What the gateway is told: the file that a reader finds under an attachment from this version on, or none."""
    named: dict[str, Any] = {
        "outsourcing_id": outsourcing_id,
        "entry_id": entry_id,
        "reader": reader,
        "version": version,
    }
    cited = cited_by(body)
    if cited is None:
        return Publish(FileReleased(**named))
    told = FileCited(**named, sha256=cited.sha256, size=cited.size, name=cited.name, media_type=cited.media_type)
    # About the file, so that it stays before the word that the upload has lapsed.
    return Publish(told, subject=cited.sha256)


def _attachment(word: Word | None) -> AttachmentBody | None:
    return word.body if word is not None and word.body.kind == "attachment" else None


def _same_file(cited: AttachmentBody, before: AttachmentBody | None) -> bool:
    if before is None:
        return False
    return (cited.sha256, cited.size, cited.media_type) == (before.sha256, before.size, before.media_type)
