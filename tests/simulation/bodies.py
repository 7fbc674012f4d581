"""What an entry of a history says, its words, hours, prices and files, and on which terms; drawn by the dice."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from hashlib import sha256
from typing import Any

from shared.contracts.offer_handler import Terms
from shared.contracts.ticket_sync import AttachmentBody, ChargeBody, EntryBody, LinkBody, NoteBody, TimeBody
from tests.simulation.dice import Dice

CURRENCY = "EUR"
# Two files that fit into a message: no bytes at all, and three of them; with their SHA-256 (FIPS 180-4).
FILES = (
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 0),
    ("YWJj", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 3),
)
# Files that go by claim check, by SHA-256: few, so that several companies upload and several entries cite the same.
LARGE_FILES = {sha256(content).hexdigest(): content for content in (bytes(100_000 + number) for number in range(4))}
MEDIA_TYPE = "text/plain"
# What no instance may send unless an operator allows it.
REFUSED_TYPE = "application/x-msi"


def _note(dice: Dice) -> EntryBody:
    return NoteBody(kind="note", text=text(dice))


def _time(dice: Dice) -> EntryBody:
    worked_on = date(2026, 3, dice.randint(1, 28))
    hours = Decimal(dice.randint(0, 800)).scaleb(-2)
    return TimeBody(kind="time", hours=hours, work_on=worked_on, billable=dice.happens(0.8), text=text(dice))


def _charge(dice: Dice) -> EntryBody:
    quantity, price = Decimal(dice.randint(0, 50)).scaleb(-1), Decimal(dice.randint(0, 99999)).scaleb(-3)
    currency = CURRENCY if dice.happens(0.95) else "CHF"
    return ChargeBody(kind="charge", name="Switch", quantity=quantity, unit_price=price, currency=currency)


def _file(dice: Dice) -> EntryBody:
    """In the message, or by the digest of an upload, now and then with another size than that has."""
    name, media_type = f"{text(dice)}.txt", MEDIA_TYPE if dice.happens(0.97) else REFUSED_TYPE
    if dice.happens(0.4):
        content, digest, size = dice.choice(FILES)
    else:
        content, (digest, whole) = None, dice.choice(tuple(LARGE_FILES.items()))
        size = len(whole) + dice.happens(0.03)
    return AttachmentBody(
        kind="attachment", name=name, media_type=media_type, size=size, sha256=digest, content=content
    )


def _link(dice: Dice) -> EntryBody:
    return LinkBody(kind="link", name="Plan", target=f"//server/{text(dice)}.pdf")


_KINDS: dict[str, Callable[[Dice], EntryBody]] = {
    "note": _note,
    "time": _time,
    "charge": _charge,
    "attachment": _file,
    "link": _link,
}
# Made once and drawn again and again: what an entry says need not be said by no other, and each is made with care.
DIFFERENT = 500
KINDS = ("note", "note", "time", "time", "time", "charge", "charge", "attachment", "link")

# How often each amount is authorized; so much that some tickets reach it and others do not.
CAPPED = 0.2


@cache
def _bodies(kind: str) -> tuple[EntryBody, ...]:
    dice = Dice(kind)
    return tuple(_KINDS[kind](dice) for _ in range(DIFFERENT))


def some_body(kind: str, dice: Dice) -> EntryBody:
    """What an entry of that kind says."""
    return dice.choice(_bodies(kind))


def some_terms(dice: Dice, respond_by: datetime) -> Terms:
    """By the hour or flat, with amounts authorized or without."""
    said: dict[str, Any] = {"mode": "flat", "flat_fee": Decimal(200)}
    if dice.happens(0.8):
        said = {"mode": "hourly", "hourly_rate": Decimal("87.55"), "rounding_minutes": dice.choice((None, 6, 15))}
    caps = {"authorized_hours": 50, "authorized_charges": 2000, "authorized_total": 5000}
    for cap, most in caps.items():
        said |= {cap: Decimal(dice.randint(1, most))} if dice.happens(CAPPED) else {}
    return Terms(currency=CURRENCY, respond_by=respond_by, **said)


def text(dice: Dice) -> str:
    """Words that nothing else says."""
    return f"{dice.getrandbits(32):08x}"
