"""Files by claim check: who may cite which, and which reader is to find which under an entry. Rules alone."""

from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ticket_sync.domain.files import CITABLE_FOR, Limited, Upload, lapsed
from shared.contracts.gateway import FileLimits, FileUploaded
from shared.contracts.ticket_sync import (
    AttachmentBody,
    CopiedFrom,
    EntryHeld,
    EntryKeptLocal,
    EntryReplicated,
    FileCited,
    FileLapsed,
    FileReleased,
    Visibility,
)
from shared.contracts.values import LARGEST_FILE_BYTES, Payload
from shared.ids import new_id
from shared.messaging.outcomes import Changed, NotYet, Publish, Refused, Unchanged
from tests.unit.ticket_sync.outsourcing import (
    FILE,
    LEAD,
    NOW,
    OUTSOURCING,
    SERVICE,
    STRANGER,
    Outsourcing,
    accepted,
    approve,
    awaiting,
    awaiting_approval,
    in_progress,
    just_accepted,
    opened,
    put,
    reject,
    remove,
    submit,
)

PLAN, LOGS = "a" * 64, "b" * 64
ENTRY = new_id()
SMALL = AttachmentBody(
    kind="attachment",
    name="ok.pdf",
    media_type="application/pdf",
    size=2,
    sha256=sha256(b"ok").hexdigest(),
    content="b2s=",
)
SECOND = timedelta(seconds=1)


def file(digest: str = PLAN, **more: Any) -> AttachmentBody:
    """A large one, that is not in the message."""
    told: dict[str, Any] = {"name": "plan.pdf", "media_type": "application/pdf", "size": LARGEST_FILE_BYTES, **more}
    return AttachmentBody(kind="attachment", sha256=digest, **told)


def uploaded(instance: str, digest: str = PLAN, **more: Any) -> tuple[str, Payload]:
    told = {"size": LARGEST_FILE_BYTES, "media_type": "application/pdf", "uploaded_at": NOW, **more}
    return "tandem/gateway", FileUploaded(instance=instance, sha256=digest, **told)


def bring(outsourcing: Outsourcing, *digests: str, owner: str = LEAD) -> None:
    for digest in digests or (PLAN,):
        assert isinstance(outsourcing.say(*uploaded(owner, digest)), Changed)


def found(outsourcing: Outsourcing) -> dict[str, tuple[int, str | None]]:
    """What each reader finds who takes the newest word, by what the gateway was told: version and file."""
    newest: dict[str, tuple[int, str | None]] = {}
    for fact in outsourcing.published():
        if isinstance(fact, FileCited | FileReleased):
            assert (fact.outsourcing_id, fact.entry_id) == (OUTSOURCING, ENTRY)
            if fact.version > newest.get(fact.reader, (0, None))[0]:
                newest[fact.reader] = (fact.version, fact.sha256 if isinstance(fact, FileCited) else None)
    return newest


@pytest.mark.parametrize(("owner", "other"), [(LEAD, SERVICE), (SERVICE, LEAD)])
def test_what_was_uploaded_may_be_cited_and_both_sides_find_it(owner: str, other: str) -> None:
    outsourcing = in_progress()
    bring(outsourcing, owner=owner)
    assert isinstance(outsourcing.say(owner, put(file(), id=ENTRY)), Changed)
    (replicated,) = outsourcing.heard_by(other)
    assert isinstance(replicated, EntryReplicated) and replicated.body == file()
    assert found(outsourcing) == {owner: (1, PLAN), other: (1, PLAN)}
    cited = [tell for tell in outsourcing.told if isinstance(tell, Publish) and isinstance(tell.data, FileCited)]
    assert {tell.subject for tell in cited} == {PLAN}, "in one order with the word that the upload has lapsed"


def test_what_one_has_not_uploaded_cannot_be_cited_whoever_else_has() -> None:
    for uploads in ([], [uploaded(SERVICE)], [uploaded(STRANGER)], [uploaded(LEAD, LOGS)]):
        outsourcing = in_progress()
        for upload in uploads:
            outsourcing.say(*upload)
        assert outsourcing.say(LEAD, put(file(), id=ENTRY)) == NotYet("entry/file-unknown", state="in_progress")
        assert outsourcing.told == []


def test_a_stranger_learns_nothing_by_citing_what_it_has_uploaded() -> None:
    outsourcing = in_progress()
    bring(outsourcing, owner=STRANGER)
    assert outsourcing.say(STRANGER, put(file())) == NotYet("outsourcing/unknown")


def test_an_upload_may_be_cited_for_a_day_and_longer_when_it_is_made_anew() -> None:
    outsourcing = in_progress()
    bring(outsourcing)
    outsourcing.now = NOW + CITABLE_FOR - SECOND
    assert isinstance(outsourcing.say(LEAD, put(file())), Changed)
    outsourcing.now = NOW + CITABLE_FOR
    assert isinstance(outsourcing.say(LEAD, put(file())), NotYet)
    outsourcing.say(*uploaded(LEAD, uploaded_at=outsourcing.now))
    assert outsourcing.say(*uploaded(LEAD)) == Unchanged(), "word of the first one comes again"
    assert isinstance(outsourcing.say(LEAD, put(file())), Changed)


@pytest.mark.parametrize("other", [{"size": 7}, {"media_type": "text/plain"}])
def test_an_entry_says_of_its_file_what_was_uploaded(other: dict[str, Any]) -> None:
    outsourcing = in_progress()
    bring(outsourcing)
    refused = outsourcing.say(LEAD, put(file(**other)))
    assert isinstance(refused, Refused) and refused.problem == "entry/file-differs"
    assert refused.details == {"known_size": LARGEST_FILE_BYTES, "known_media_type": "application/pdf"}
    assert isinstance(outsourcing.say(LEAD, put(file(media_type="Application/PDF"))), Changed)


@pytest.mark.parametrize("body", [SMALL, file(size=2)])
def test_a_file_that_its_sender_may_not_send_is_refused_whichever_way_it_comes(body: AttachmentBody) -> None:
    for limits, problem in (
        (FileLimits(refused_types=("application/pdf",)), "file/type-refused"),
        (FileLimits(largest_bytes=1), "file/too-large"),
    ):
        outsourcing = in_progress()
        outsourcing.keep(Limited(LEAD, limits))
        bring(outsourcing)
        assert outsourcing.problem_of(LEAD, put(body)) == problem
    assert in_progress().problem_of(LEAD, put(file(media_type="application/x-msdownload"))) == "file/type-refused"


@pytest.mark.parametrize("body", [SMALL, file()])
def test_what_was_sent_is_renamed_and_hidden_also_where_such_files_may_be_sent_no_more(body: AttachmentBody) -> None:
    outsourcing = in_progress()
    bring(outsourcing)
    outsourcing.say(LEAD, put(body, id=ENTRY))
    outsourcing.keep(Limited(LEAD, FileLimits(largest_bytes=1, refused_types=("application/pdf",))))
    renamed = body.model_copy(update={"name": "Plan, old.pdf"})
    visibilities: list[Visibility] = ["shared", "internal"]
    for version, visibility in enumerate(visibilities, 2):
        assert isinstance(
            outsourcing.say(LEAD, put(renamed, id=ENTRY, version=version, visibility=visibility)), Changed
        )
    assert outsourcing.problem_of(LEAD, put(body)) == "file/type-refused"


def test_what_is_internal_is_found_by_its_owner_alone() -> None:
    outsourcing = in_progress()
    bring(outsourcing, PLAN, LOGS)
    outsourcing.say(LEAD, put(file(), id=ENTRY, visibility="internal"))
    assert found(outsourcing) == {LEAD: (1, PLAN)}
    outsourcing.say(LEAD, put(file(), id=ENTRY, version=2))
    assert found(outsourcing) == {LEAD: (2, PLAN), SERVICE: (2, PLAN)}
    outsourcing.say(LEAD, put(file(LOGS), id=ENTRY, version=3, visibility="internal"))
    assert found(outsourcing) == {LEAD: (3, LOGS), SERVICE: (3, None)}


def test_what_waits_for_the_ticket_is_found_by_the_other_side_when_it_arrives_there() -> None:
    outsourcing = just_accepted()
    bring(outsourcing)
    outsourcing.say(LEAD, put(file(), id=ENTRY))
    assert found(outsourcing) == {LEAD: (1, PLAN)}
    outsourcing.say(SERVICE, opened())
    assert found(outsourcing) == {LEAD: (1, PLAN), SERVICE: (1, PLAN)}


def test_what_is_held_during_approval_is_found_by_the_other_side_when_it_is_released() -> None:
    outsourcing = awaiting_approval()
    bring(outsourcing, owner=SERVICE)
    outsourcing.say(SERVICE, put(file(), id=ENTRY))
    assert isinstance(outsourcing.heard_by(SERVICE)[0], EntryHeld) and found(outsourcing) == {SERVICE: (1, PLAN)}
    outsourcing.say(LEAD, reject())
    assert found(outsourcing) == {SERVICE: (1, PLAN), LEAD: (1, PLAN)}


def test_what_stays_local_at_the_end_is_found_by_its_owner_alone() -> None:
    outsourcing = awaiting_approval()
    bring(outsourcing, owner=SERVICE)
    outsourcing.say(SERVICE, put(file(), id=ENTRY))
    outsourcing.say(LEAD, approve(awaiting(outsourcing)))
    assert any(isinstance(one, EntryKeptLocal) for one in outsourcing.heard_by(SERVICE))
    assert found(outsourcing) == {SERVICE: (1, PLAN)}


@pytest.mark.parametrize("gone", [remove(ENTRY, 2), put(FILE, id=ENTRY, version=2)])
def test_what_is_removed_or_comes_in_the_message_is_found_by_nobody(gone: Payload) -> None:
    outsourcing = in_progress()
    bring(outsourcing)
    for told in (put(file(), id=ENTRY), gone):
        outsourcing.say(LEAD, told)
    assert found(outsourcing) == {LEAD: (2, None), SERVICE: (2, None)}


def test_a_new_version_needs_no_upload_of_the_file_that_the_one_before_had() -> None:
    outsourcing = in_progress()
    bring(outsourcing)
    outsourcing.say(LEAD, put(file(), id=ENTRY))
    outsourcing.now = NOW + 10 * CITABLE_FOR
    assert isinstance(outsourcing.say(LEAD, put(file(name="Plan, new name.pdf"), id=ENTRY, version=2)), Changed)
    assert isinstance(outsourcing.say(LEAD, put(file(size=7), id=ENTRY, version=3)), NotYet), "of that size it is none"
    assert isinstance(outsourcing.say(LEAD, put(file(LOGS), id=ENTRY, version=3)), NotYet)


def test_what_is_said_again_needs_no_upload_and_tells_nobody_anything() -> None:
    outsourcing = in_progress()
    bring(outsourcing)
    outsourcing.say(LEAD, told := put(file(), id=ENTRY))
    outsourcing.told.clear()
    outsourcing.now = NOW + 10 * CITABLE_FOR
    assert outsourcing.say(LEAD, told) == Unchanged() and outsourcing.told == []


def test_a_small_file_in_the_message_is_nothing_to_the_gateway() -> None:
    outsourcing = in_progress()
    outsourcing.say(LEAD, put(FILE))
    assert outsourcing.published() == []


def test_an_upload_that_has_lapsed_is_told_of_with_the_message_that_told_of_it() -> None:
    cause = ("/tandem/gateway", new_id())
    caused = lapsed(Upload(LEAD, PLAN, 7, "text/plain", NOW, NOW + CITABLE_FOR, cause))
    assert (caused.cause_source, caused.cause_id, caused.subject) == (*cause, PLAN)
    assert caused.tell == (Publish(FileLapsed(instance=LEAD, sha256=PLAN, uploaded_at=NOW)),)


@given(
    words=st.lists(st.sampled_from(["shared", "internal", "inline", "removed"]), min_size=1, max_size=6),
    data=st.data(),
)
def test_in_whatever_order_versions_come_each_side_finds_what_the_newest_says(words: list[str], data: Any) -> None:
    """Also where some come while the ticket is not open yet, and some during an approval."""
    told: list[Payload] = []
    for version, word in enumerate(words, 1):
        body = FILE if word == "inline" else file((PLAN, LOGS)[version % 2])
        visible: Any = "internal" if word == "internal" else "shared"
        put_it = put(body, id=ENTRY, version=version, visibility=visible)
        told.append(remove(ENTRY, version) if word == "removed" else put_it)
    entries = data.draw(st.permutations([*told, *told]))
    turnings = [(SERVICE, opened()), (SERVICE, submit()), (LEAD, reject())]
    places = sorted(data.draw(st.tuples(*(st.integers(0, len(entries)) for _ in turnings))), reverse=True)
    steps: list[tuple[str, Payload]] = [(LEAD, one) for one in entries]
    for place, turning in zip(places, reversed(turnings), strict=True):
        steps.insert(place, turning)
    outsourcing = just_accepted()
    bring(outsourcing, PLAN, LOGS)
    for step in steps:
        outsourcing.say(*step)
    newest = (PLAN, LOGS)[len(words) % 2] if words[-1] in ("shared", "internal") else None
    finds = {reader: digest for reader, (_, digest) in found(outsourcing).items()}
    assert finds.get(LEAD) == newest
    assert finds.get(SERVICE) == (newest if words[-1] == "shared" else None)


def test_who_passes_on_a_file_of_its_own_keeps_it_there_too_until_the_other_side_has_it() -> None:
    outsourcing, here, there = awaiting_approval(), OUTSOURCING, new_id()
    acceptance = accepted(there).model_copy(update={"lead": SERVICE, "service": STRANGER})
    outsourcing.say("tandem/offer_handler", acceptance)
    bring(outsourcing, owner=SERVICE)
    outsourcing.say(SERVICE, put(file(), id=ENTRY, outsourcing_id=here))
    outsourcing.told.clear()
    source = CopiedFrom(outsourcing_id=here, entry_id=ENTRY)
    outsourcing.say(SERVICE, put(file(), outsourcing_id=there, copied_from=source))
    (cited,) = [fact for fact in outsourcing.published() if isinstance(fact, FileCited)]
    assert (cited.outsourcing_id, cited.reader, cited.sha256) == (there, SERVICE, PLAN)
