"""What keeps a file stored, who finds which under an entry, and who may bring what: rules alone."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain.files import Access, Citation, File, FileReceived, Upload, hash_of
from services.gateway.handlers import HANDLERS
from shared.contracts.gateway import REFUSED_TYPES, FileLimits, FileUploaded
from shared.contracts.ticket_sync import FileCited, FileLapsed, FileReleased
from shared.contracts.values import LARGEST_FILE_BYTES
from shared.messaging.outcomes import Changed, Refused, Unchanged
from tests.unit.memory import Memory

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
OUTSOURCING, ENTRY, OTHER_ENTRY = (UUID(f"01935e7a-4c00-7000-8000-0000000000{one}") for one in ("c1", "d1", "d2"))
PLAN, LOGS = "a" * 64, "b" * 64
LEAD, SERVICE = "nordlicht", "alpenwerk"


class Files(Memory):
    """All that the gateway remembers; both contents were announced when their first byte came."""

    def __init__(self) -> None:
        super().__init__(HANDLERS, NOW)
        for sha256 in (PLAN, LOGS):
            self.keep(File(sha256, 0, cited=False, unneeded_since=NOW))

    def file(self, sha256: str) -> File:
        [file] = (one for one in self.all_of(File) if one.sha256 == sha256)
        assert isinstance(file, File)
        return file

    def found(self, reader: str, entry_id: UUID = ENTRY) -> str | None:
        """What that reader finds under the entry."""
        [citation] = (one for one in self.all_of(Citation) if (one.reader, one.entry_id) == (reader, entry_id))
        assert isinstance(citation, Citation)
        return citation.sha256

    def upload(self, instance: str = LEAD, sha256: str = PLAN) -> Any:
        return self.say("tandem/gateway", received(instance, sha256))

    def hear(self, fact: FileCited | FileReleased | FileLapsed) -> Any:
        return self.say("tandem/ticket_sync", fact)


def received(instance: str, sha256: str) -> FileReceived:
    return FileReceived(instance=instance, sha256=sha256, size=7, media_type="text/plain")


def cited(reader: str, version: int, sha256: str = PLAN, entry_id: UUID = ENTRY) -> FileCited:
    return FileCited(
        outsourcing_id=OUTSOURCING,
        entry_id=entry_id,
        reader=reader,
        version=version,
        sha256=sha256,
        size=7,
        name="plan.txt",
        media_type="text/plain",
    )


def released(reader: str, version: int) -> FileReleased:
    return FileReleased(outsourcing_id=OUTSOURCING, entry_id=ENTRY, reader=reader, version=version)


def lapsed(instance: str = LEAD, at: datetime = NOW) -> FileLapsed:
    return FileLapsed(instance=instance, sha256=PLAN, uploaded_at=at)


def test_an_upload_keeps_the_content_and_is_told_of() -> None:
    files = Files()
    files.upload()
    assert files.file(PLAN) == File(PLAN, 1, cited=False, unneeded_since=None)
    assert files.published() == [
        FileUploaded(instance=LEAD, sha256=PLAN, size=7, media_type="text/plain", uploaded_at=NOW)
    ]


def test_the_same_upload_again_keeps_it_no_more_than_once_and_is_told_of_again() -> None:
    files = Files()
    files.upload()
    files.now = later = NOW + timedelta(hours=20)
    files.upload()
    assert files.file(PLAN).kept_by == 1
    assert [one.uploaded_at for one in files.published()] == [NOW, later]
    assert files.hear(lapsed()) == Unchanged(), "the newer upload has not lapsed"
    assert isinstance(files.hear(lapsed(at=later)), Changed)
    assert files.file(PLAN) == File(PLAN, 0, cited=False, unneeded_since=later)


def test_what_two_have_uploaded_is_kept_until_both_uploads_have_lapsed() -> None:
    files = Files()
    files.upload(LEAD)
    files.upload(SERVICE)
    files.hear(lapsed(LEAD))
    files.hear(lapsed(LEAD))
    assert files.file(PLAN).kept_by == 1
    files.hear(lapsed(SERVICE))
    assert files.file(PLAN).unneeded_since == NOW


def test_an_upload_that_has_lapsed_may_be_made_anew() -> None:
    files = Files()
    files.upload()
    files.hear(lapsed())
    files.upload()
    assert files.file(PLAN) == File(PLAN, 1, cited=False, unneeded_since=None)


def test_who_finds_it_keeps_it_when_the_upload_has_lapsed() -> None:
    files = Files()
    files.upload()
    files.hear(cited(LEAD, 1))
    files.hear(cited(SERVICE, 1))
    files.hear(lapsed())
    assert (files.found(LEAD), files.found(SERVICE)) == (PLAN, PLAN)
    assert files.file(PLAN) == File(PLAN, 2, cited=True, unneeded_since=None)
    files.hear(released(LEAD, 2))
    files.hear(released(SERVICE, 2))
    assert files.file(PLAN) == File(PLAN, 0, cited=True, unneeded_since=NOW)


def test_each_reader_finds_what_its_own_copy_cites() -> None:
    files = Files()
    files.upload(sha256=PLAN)
    files.upload(sha256=LOGS)
    files.hear(cited(LEAD, 1))
    files.hear(cited(SERVICE, 1))
    files.hear(cited(LEAD, 2, LOGS))
    assert (files.found(LEAD), files.found(SERVICE)) == (LOGS, PLAN)
    assert (files.file(PLAN).kept_by, files.file(LOGS).kept_by) == (2, 2)
    files.hear(cited(SERVICE, 2, LOGS))
    files.hear(lapsed())
    assert files.file(PLAN) == File(PLAN, 0, cited=True, unneeded_since=NOW)


def test_a_new_version_with_the_same_file_changes_nothing_about_what_is_kept() -> None:
    files = Files()
    files.upload()
    files.hear(cited(LEAD, 1))
    before = files.file(PLAN)
    assert isinstance(files.hear(cited(LEAD, 2)), Changed)
    assert files.file(PLAN) == before


@pytest.mark.parametrize("late", [cited(LEAD, 1), cited(LEAD, 2), released(LEAD, 1), released(LEAD, 2)])
def test_what_is_told_late_or_twice_changes_nothing(late: FileCited | FileReleased) -> None:
    for newest in (cited(LEAD, 2), released(LEAD, 2)):
        files = Files()
        files.upload()
        files.hear(newest)
        assert files.hear(late) == Unchanged()


@given(st.permutations([cited(LEAD, 1), cited(LEAD, 2, LOGS), released(LEAD, 3), cited(LEAD, 4)]))
def test_in_whatever_order_versions_come_the_newest_is_found_and_nothing_else_is_kept(
    facts: list[FileCited | FileReleased],
) -> None:
    files = Files()
    for fact in facts:
        files.hear(fact)
    assert files.found(LEAD) == PLAN
    assert (files.file(PLAN).kept_by, files.file(LOGS).kept_by) == (1, 0)


def test_what_is_no_longer_there_is_found_by_nobody() -> None:
    files = Memory(HANDLERS, NOW)
    for said, by in ((received(LEAD, PLAN), "tandem/gateway"), (cited(LEAD, 1), "tandem/ticket_sync")):
        decision = files.say(by, said)
        assert isinstance(decision, Refused) and decision.problem == "file/gone"
    assert files.say("tandem/ticket_sync", lapsed()) == Unchanged()
    assert files.all_of(Upload) == files.all_of(Citation) == []


ACCESS = Access(LEAD, "de", hash_of("nordlicht.secret"), FileLimits())


@pytest.mark.parametrize("token", ["", "nordlicht", "nordlicht.", "nordlicht.secre", "nordlicht.secret ", "é"])
def test_only_the_token_opens(token: str) -> None:
    assert ACCESS.opens_with("nordlicht.secret") and not ACCESS.opens_with(token)


def test_what_is_usual_may_be_sent() -> None:
    assert ACCESS.refuses("application/pdf", LARGEST_FILE_BYTES) is None
    too_large = ACCESS.refuses("application/pdf", LARGEST_FILE_BYTES + 1)
    assert too_large and (too_large.problem, too_large.details) == ("file/too-large", {"limit": "100 MiB"})
    assert {refused.problem for one in REFUSED_TYPES if (refused := ACCESS.refuses(one, 1))} == {"file/type-refused"}


def test_an_operator_may_say_otherwise() -> None:
    limits = FileLimits(largest_bytes=1_572_864, refused_types=("application/zip",))
    access = Access(LEAD, "de", b"", limits)
    assert access.refuses(REFUSED_TYPES[0], 1) is None
    refused = access.refuses("application/zip", 1)
    assert refused and refused.details == {"media_type": "application/zip"}
    too_large = access.refuses_size(1_572_865)
    assert too_large and too_large.details == {"limit": "1.5 MiB"}
