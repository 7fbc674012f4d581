"""The replication table: what of an entry reaches the other side, as what, and who may see it there."""

from typing import Literal

from shared.contracts.ticket_sync import EntryBody, EntryPut, NoteBody, Visibility
from shared.contracts.values import Instant, ShortText, Value

Writer = Literal["lead", "service", "tandem"]


class Word(Value):
    """What the owner of an entry says of it."""

    author: ShortText
    happened_at: Instant
    body: EntryBody


def word_of(put: EntryPut) -> Word:
    """The owner's word in a message."""
    return Word(author=put.author, happened_at=put.happened_at, body=put.body)


def written(word: Word) -> str:
    """The word as it is kept; equal words are written alike."""
    return word.model_dump_json()


def read(content: str) -> Word:
    """The word as it was kept."""
    return Word.model_validate_json(content)


def copy_of(body: EntryBody, writer: Writer) -> tuple[EntryBody, Visibility] | None:
    """The other side's copy of what one side shares; None where there is none.

    The lead's time tells no hours or rates; what the service partner writes, and what Tandem adds to the lead's ticket,
    is not for the lead's customer.
    """
    if body.kind == "link":
        return None
    if writer == "lead" and body.kind == "time":
        return NoteBody(kind="note", text=body.text), "shared"
    is_hidden = writer == "tandem" or (writer == "service" and body.kind in ("note", "attachment"))
    return body, "internal" if is_hidden else "shared"
