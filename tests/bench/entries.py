"""A realistic mix of entries: what technicians and dispatchers write in a day, some of it corrected afterwards."""

import base64
import hashlib
import random
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from uuid import UUID

from shared.contracts.ticket_sync import AttachmentBody, ChargeBody, EntryBody, EntryPut, NoteBody, TimeBody
from tests.acceptance.partners import put

WORDS = (
    *("the", "switch", "drops", "its", "uplink", "since", "Monday", "customer", "rang", "twice", "replaced", "module"),
    *(
        "Gerät",
        "geprüft",
        "Kabel",
        "getauscht",
        "Rückruf",
        "vereinbart",
        "port",
        "seven",
        "stable",
        "for",
        "an",
        "hour",
    ),
)
# How often each kind is written; the rest corrects a note that is there.
NOTES, TIME, CHARGES, FILES = 0.55, 0.20, 0.10, 0.05
LONGEST_NOTE_WORDS, LARGEST_FILE_BYTES = 330, 1500


def entries(outsourcing_ids: list[UUID], number: int, seed: int) -> Iterator[EntryPut]:
    """So many entries of these tickets, the same for the same seed but for their ids."""
    chance = random.Random(seed)
    notes: list[EntryPut] = []
    for _ in range(number):
        if notes and chance.random() > NOTES + TIME + CHARGES + FILES:
            known = notes.pop(chance.randrange(len(notes)))
            yield known.model_copy(update={"version": known.version + 1, "body": _note(chance)})
        else:
            new = put(chance.choice(outsourcing_ids), _body(chance))
            notes += [new] if isinstance(new.body, NoteBody) else []
            yield new


def _body(chance: random.Random) -> EntryBody:
    match chance.choices(("note", "time", "charge", "file"), (NOTES, TIME, CHARGES, FILES))[0]:
        case "time":
            hours = Decimal(chance.randint(1, 32)) / 4
            return TimeBody(kind="time", hours=hours, work_on=date(2026, 3, 2), role="engineer", text=_text(chance, 40))
        case "charge":
            price = Decimal(chance.randint(100, 90_000)) / 100
            return ChargeBody(
                kind="charge", name=_text(chance, 8), quantity=Decimal(1), unit_price=price, currency="EUR"
            )
        case "file":
            content = chance.randbytes(chance.randint(200, LARGEST_FILE_BYTES))
            return AttachmentBody(
                kind="attachment",
                name="photo.jpg",
                media_type="image/jpeg",
                size=len(content),
                sha256=hashlib.sha256(content).hexdigest(),
                content=base64.b64encode(content).decode(),
            )
        case _:
            return _note(chance)


def _note(chance: random.Random) -> NoteBody:
    return NoteBody(kind="note", text=_text(chance, LONGEST_NOTE_WORDS))


def _text(chance: random.Random, most_words: int) -> str:
    return " ".join(chance.choices(WORDS, k=chance.randint(3, most_words)))
