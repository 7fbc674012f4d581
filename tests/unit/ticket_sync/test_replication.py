"""The replication table, row by row: what each side's entries are at the other, from the first word to the last."""

from collections.abc import Callable
from uuid import UUID

import pytest

from services.ticket_sync.domain.replication import read, word_of, written
from shared.contracts.ticket_sync import (
    EntryBody,
    NoteBody,
    QuestionAnswered,
    QuestionAsked,
    TicketNoted,
    Visibility,
)
from shared.contracts.values import Payload
from shared.messaging.outcomes import Changed
from tests.unit.ticket_sync.outsourcing import (
    ANSWER,
    ASK,
    CHARGE,
    FILE,
    LEAD,
    NOTE,
    OUTSOURCING,
    PATH,
    SERVICE,
    TIME,
    UPDATE,
    Copies,
    Outsourcing,
    awaiting_approval,
    in_progress,
    just_accepted,
    opened,
    put,
    reject,
    remove,
)

ENTRY = UUID("01935e7a-4c00-7000-8000-0000000000d1")
OTHER_SIDE = {LEAD: SERVICE, SERVICE: LEAD}
NEVER = None
A_NOTE_WITHOUT_HOURS = NoteBody(kind="note", text=TIME.text)

Copy = tuple[EntryBody, Visibility] | None
#   entry     lead → service                      service → lead
TABLE: tuple[tuple[EntryBody, Copy, Copy], ...] = (
    (NOTE, (NOTE, "shared"), (NOTE, "internal")),
    (TIME, (A_NOTE_WITHOUT_HOURS, "shared"), (TIME, "shared")),
    (FILE, (FILE, "shared"), (FILE, "internal")),
    (PATH, NEVER, NEVER),
    (CHARGE, (CHARGE, "shared"), (CHARGE, "shared")),
)
ROWS = [
    pytest.param(owner, body, copy, id=f"{body.kind}-of-{owner}")
    for body, to_service, to_lead in TABLE
    for owner, copy in ((LEAD, to_service), (SERVICE, to_lead))
]
rows = pytest.mark.parametrize(("owner", "body", "copy"), ROWS)


def until_open(outsourcing: Outsourcing) -> None:
    outsourcing.say(SERVICE, opened())


def until_rejected(outsourcing: Outsourcing) -> None:
    outsourcing.say(LEAD, reject())


def at_once(_: Outsourcing) -> None:
    """Nothing has to happen before it arrives."""


@pytest.mark.parametrize(
    ("begin", "wait"),
    [(in_progress, at_once), (just_accepted, until_open), (awaiting_approval, until_rejected)],
    ids=["at-once", "waiting-for-the-ticket", "held-during-approval"],
)
@rows
def test_what_is_told_of_an_entry_is_what_stands_at_the_other_side(
    begin: Callable[[], Outsourcing], wait: Callable[[Outsourcing], None], owner: str, body: EntryBody, copy: Copy
) -> None:
    words: tuple[tuple[Payload, Copy], ...] = (
        (put(body, id=ENTRY, version=1), copy),
        (put(body, id=ENTRY, version=2, visibility="internal"), NEVER),
        (put(body, id=ENTRY, version=5), copy),
        (remove(ENTRY, 6), NEVER),
        (put(body, id=ENTRY, version=7), copy),
    )
    for count in range(1, len(words) + 1):
        outsourcing, copies = begin(), Copies()
        for word, _ in words[:count]:
            assert isinstance(outsourcing.say(owner, word), Changed)
        wait(outsourcing)
        copies.take(outsourcing.heard_by(OTHER_SIDE[owner]))
        standing = copies.standing.get(ENTRY)
        assert (standing and (standing.body, standing.visibility)) == words[count - 1][1]
        assert standing is None or (standing.owner, standing.author, standing.state) == (
            owner,
            "L. Gruber",
            "in_progress",
        )


@rows
def test_a_changed_entry_changes_its_copy(owner: str, body: EntryBody, copy: Copy) -> None:
    outsourcing, copies = in_progress(), Copies()
    outsourcing.say(owner, put(body, id=ENTRY))
    outsourcing.say(owner, put(body, id=ENTRY, version=2).model_copy(update={"author": "M. Huber"}))
    copies.take(outsourcing.heard_by(OTHER_SIDE[owner]))
    standing = copies.standing.get(ENTRY)
    assert (standing and (standing.body, standing.visibility, standing.version, standing.author)) == (
        copy and (*copy, 2, "M. Huber")
    )


@pytest.mark.parametrize("begin", [just_accepted, in_progress, awaiting_approval])
@rows
def test_anything_internal_and_every_link_never_travels(
    begin: Callable[[], Outsourcing], owner: str, body: EntryBody, copy: Copy
) -> None:
    outsourcing = begin()
    assert isinstance(outsourcing.say(owner, put(body, visibility="internal")), Changed)
    assert copy is not NEVER or isinstance(outsourcing.say(owner, put(body)), Changed)
    assert outsourcing.told == []


@pytest.mark.parametrize("begin", [just_accepted, in_progress, awaiting_approval])
@pytest.mark.parametrize("sender", [LEAD, SERVICE])
def test_changed_fields_are_a_system_note_at_the_other_side_and_overwrite_nothing(
    begin: Callable[[], Outsourcing], sender: str
) -> None:
    outsourcing = begin()
    assert isinstance(outsourcing.say(sender, UPDATE), Changed)
    assert outsourcing.heard_by(OTHER_SIDE[sender]) == [
        TicketNoted(
            outsourcing_id=OUTSOURCING,
            reason="fields_changed",
            changes=UPDATE.changes,
            state=outsourcing.link.state,
        )
    ]
    assert outsourcing.told == []


@pytest.mark.parametrize("begin", [just_accepted, in_progress, awaiting_approval])
@pytest.mark.parametrize("sender", [LEAD, SERVICE])
def test_questions_and_answers_are_notes_for_both_sides_that_say_who_speaks(
    begin: Callable[[], Outsourcing], sender: str
) -> None:
    outsourcing = begin()
    for message in (ASK, ANSWER):
        assert isinstance(outsourcing.say(sender, message), Changed)
    asked, answered = outsourcing.heard_by(OTHER_SIDE[sender])
    assert isinstance(asked, QuestionAsked) and isinstance(answered, QuestionAnswered)
    assert (asked.text, asked.asked_by, asked.sender) == ("When?", "k.sommer", sender)
    assert (answered.text, answered.answered_by, answered.sender) == ("Now.", "l.gruber", sender)
    assert {asked.state, answered.state} == {outsourcing.link.state}
    assert outsourcing.heard_by(sender) == [asked, answered]


@pytest.mark.parametrize("body", [body for body, _, _ in TABLE], ids=lambda body: body.kind)
def test_the_owners_word_is_kept_as_it_was_told(body: EntryBody) -> None:
    word = word_of(put(body))
    assert read(written(word)) == word
