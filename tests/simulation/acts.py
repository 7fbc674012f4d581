"""What people at a company do with one of its tickets: a table, an act a line. A new command is a new line here."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import accumulate
from uuid import UUID

from shared.contracts.ticket_sync import (
    AttachmentBody,
    ChargeBody,
    CompletionApprove,
    CompletionForce,
    CompletionReject,
    CompletionSubmit,
    CompletionWithdraw,
    EntryBody,
    EntryPut,
    EntryRemove,
    EntrySever,
    FieldChange,
    LinkBody,
    NoteBody,
    OutsourcingReturn,
    QuestionAnswer,
    QuestionAsk,
    TicketOpened,
    TicketUpdate,
    TimeBody,
    Visibility,
)
from shared.contracts.values import Command
from tests.simulation.companies import Ticket, price_of
from tests.simulation.dice import Dice

ACTOR = "k.sommer"
CURRENCY = "EUR"
DAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
# Two files that fit into a message: no bytes at all, and three of them; with their SHA-256 (FIPS 180-4).
FILES = (
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 0),
    ("YWJj", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 3),
)


def _note(dice: Dice) -> EntryBody:
    return NoteBody(kind="note", text=_text(dice))


def _time(dice: Dice) -> EntryBody:
    worked_on = date(2026, 3, dice.randint(1, 28))
    hours = Decimal(dice.randint(0, 800)).scaleb(-2)
    return TimeBody(kind="time", hours=hours, work_on=worked_on, billable=dice.happens(0.8), text=_text(dice))


def _charge(dice: Dice) -> EntryBody:
    quantity, price = Decimal(dice.randint(0, 50)).scaleb(-1), Decimal(dice.randint(0, 99999)).scaleb(-3)
    currency = CURRENCY if dice.happens(0.95) else "CHF"
    return ChargeBody(kind="charge", name="Switch", quantity=quantity, unit_price=price, currency=currency)


def _file(dice: Dice) -> EntryBody:
    content, sha256, size = dice.choice(FILES)
    name, media_type = f"{_text(dice)}.txt", "text/plain"
    return AttachmentBody(
        kind="attachment", name=name, media_type=media_type, size=size, sha256=sha256, content=content
    )


def _link(dice: Dice) -> EntryBody:
    return LinkBody(kind="link", name="Plan", target=f"//server/{_text(dice)}.pdf")


BODIES: dict[str, Callable[[Dice], EntryBody]] = {
    "note": _note,
    "time": _time,
    "charge": _charge,
    "attachment": _file,
    "link": _link,
}
KINDS = ("note", "note", "time", "time", "time", "charge", "charge", "attachment", "link")


def _put_new(ticket: Ticket, dice: Dice) -> Command:
    visibility: Visibility = "internal" if dice.happens(0.2) else "shared"
    version = 1 if dice.happens(0.9) else dice.randint(2, 5)
    return _kept(ticket, _put(ticket, dice, dice.uuid7(DAY), version, visibility, dice.choice(KINDS)))


def _change(ticket: Ticket, dice: Dice) -> Command | None:
    """Another text, or the entry once more where it was removed."""
    if (known := _some_own(ticket, dice)) is None:
        return None
    visibility = known.visibility if isinstance(known, EntryPut) else "shared"
    kind = ticket.kinds[known.entry_id]
    return _kept(ticket, _put(ticket, dice, known.entry_id, _next_version(known, dice), visibility, kind))


def _turn(ticket: Ticket, dice: Dice) -> Command | None:
    """Shared to internal, or back."""
    known = _some_own(ticket, dice)
    if not isinstance(known, EntryPut):
        return None
    other: Visibility = "shared" if known.visibility == "internal" else "internal"
    return _kept(ticket, known.model_copy(update={"visibility": other, "version": _next_version(known, dice)}))


def _remove(ticket: Ticket, dice: Dice) -> Command | None:
    if (known := _some_own(ticket, dice)) is None:
        return None
    return _kept(ticket, _removal(ticket, known.entry_id, _next_version(known, dice)))


def _remove_unsaid(ticket: Ticket, dice: Dice) -> Command:
    """The removal of what never came, or comes later."""
    return _removal(ticket, dice.uuid7(DAY), 2)


def _use_a_version_twice(ticket: Ticket, dice: Dice) -> Command | None:
    known = _some_own(ticket, dice)
    if not isinstance(known, EntryPut):
        return None
    return _put(ticket, dice, known.entry_id, known.version, known.visibility, known.body.kind)


def _change_the_kind(ticket: Ticket, dice: Dice) -> Command | None:
    if (known := _some_own(ticket, dice)) is None:
        return None
    return _put(ticket, dice, known.entry_id, known.version + 1, "shared", dice.choice(KINDS))


def _touch_a_copy(ticket: Ticket, dice: Dice) -> Command | None:
    """Change or remove what the other side owns."""
    if not ticket.copies:
        return None
    copy = dice.choice(list(ticket.copies.values()))
    if dice.happens(0.5):
        return _removal(ticket, copy.entry_id, copy.version + 1)
    return _put(ticket, dice, copy.entry_id, copy.version + 1, "shared", dice.choice(KINDS))


def _sever(ticket: Ticket, dice: Dice) -> Command | None:
    """Say that a copy was edited; sometimes it was before, or is gone."""
    if not ticket.copies:
        return None
    entry_id = dice.choice(list(ticket.copies))
    return EntrySever(actor=ACTOR, outsourcing_id=ticket.outsourcing_id, entry_id=entry_id)


def _open(ticket: Ticket, dice: Dice) -> Command:
    number = "S-1" if dice.happens(0.9) else "S-2"
    return TicketOpened(actor=ACTOR, outsourcing_id=ticket.outsourcing_id, number=number)


def _update(ticket: Ticket, dice: Dice) -> Command:
    changes = (FieldChange(field="priority", new=_text(dice)),)
    return TicketUpdate(actor=ACTOR, outsourcing_id=ticket.outsourcing_id, changes=changes)


def _ask(ticket: Ticket, dice: Dice) -> Command:
    return QuestionAsk(actor=ACTOR, outsourcing_id=ticket.outsourcing_id, text=_text(dice))


def _answer(ticket: Ticket, dice: Dice) -> Command:
    return QuestionAnswer(actor=ACTOR, outsourcing_id=ticket.outsourcing_id, text=_text(dice))


def _submit(ticket: Ticket, dice: Dice) -> Command:
    """What this company believes to have worked; now and then it has miscounted."""
    work = ticket.work()
    return CompletionSubmit(
        actor=ACTOR,
        outsourcing_id=ticket.outsourcing_id,
        entries=len(work) + (1 if dice.happens(0.05) else 0),
        hours=sum((body.hours for body in work if isinstance(body, TimeBody)), Decimal(0)),
        charge_total=sum((price_of(body) for body in work if isinstance(body, ChargeBody)), Decimal(0)),
    )


def _withdraw(ticket: Ticket, _: Dice) -> Command:
    return CompletionWithdraw(actor=ACTOR, outsourcing_id=ticket.outsourcing_id)


def _reject(ticket: Ticket, dice: Dice) -> Command:
    return CompletionReject(actor=ACTOR, outsourcing_id=ticket.outsourcing_id, reason=_text(dice))


def _approve(ticket: Ticket, dice: Dice) -> Command:
    """The submission that was shown last, which may be taken back by now; or one that nobody knows."""
    snapshot_id = ticket.snapshot_id if ticket.snapshot_id and dice.happens(0.95) else dice.uuid7(DAY)
    return CompletionApprove(actor=ACTOR, outsourcing_id=ticket.outsourcing_id, snapshot_id=snapshot_id)


def _force(ticket: Ticket, dice: Dice) -> Command:
    reason = _text(dice) if dice.happens(0.5) else None
    return CompletionForce(actor=ACTOR, outsourcing_id=ticket.outsourcing_id, cause="ticket_completed", reason=reason)


def _give_back(ticket: Ticket, dice: Dice) -> Command:
    return OutsourcingReturn(actor=ACTOR, outsourcing_id=ticket.outsourcing_id, reason=_text(dice))


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody may do: how often, on which side, and in which states; elsewhere it is tried all the same, rarely.

    `command` says None where there is nothing to do it with.
    """

    weight: float
    side: str
    states: tuple[str, ...]
    command: Callable[[Ticket, Dice], Command | None]


LIVE = ("accepted", "in_progress", "awaiting_approval")
BEGUN = ("in_progress", "awaiting_approval")
ACTS = (
    Act(20, "either", LIVE, _put_new),
    Act(16, "either", LIVE, _change),
    Act(8, "either", LIVE, _turn),
    Act(6, "either", LIVE, _remove),
    Act(1, "either", LIVE, _remove_unsaid),
    Act(1, "either", LIVE, _use_a_version_twice),
    Act(1, "either", LIVE, _change_the_kind),
    Act(2, "either", LIVE, _touch_a_copy),
    Act(1, "service", LIVE, _sever),
    Act(2, "either", LIVE, _update),
    Act(2, "either", LIVE, _ask),
    Act(2, "either", LIVE, _answer),
    Act(12, "service", ("accepted",), _open),
    Act(8, "service", ("in_progress",), _submit),
    Act(2, "service", ("awaiting_approval",), _withdraw),
    Act(4, "lead", ("awaiting_approval",), _reject),
    Act(4, "lead", ("awaiting_approval",), _approve),
    Act(0.3, "lead", BEGUN, _force),
    Act(0.3, "service", ("accepted", "in_progress"), _give_back),
)
# How likely an act is where it has no place: on the other side, in another state, by a stranger.
OUT_OF_PLACE = 0.01


def what_somebody_does(ticket: Ticket, dice: Dice) -> Command | None:
    """One act at this ticket, as its company sees it; None where there is nothing to do it with."""
    [act] = dice.choices(ACTS, cum_weights=_weights(ticket.role, ticket.state))
    return act.command(ticket, dice)


@cache
def _weights(role: str, state: str) -> list[float]:
    in_place = [act.side in (role, "either") and state in act.states for act in ACTS]
    return list(
        accumulate(act.weight * (1 if fits else OUT_OF_PLACE) for act, fits in zip(ACTS, in_place, strict=True))
    )


def _put(ticket: Ticket, dice: Dice, id: UUID, version: int, visibility: Visibility, kind: str) -> EntryPut:
    return EntryPut(
        actor=ACTOR,
        outsourcing_id=ticket.outsourcing_id,
        entry_id=id,
        version=version,
        visibility=visibility,
        author="K. Sommer",
        happened_at=DAY + timedelta(minutes=dice.randrange(10_000)),
        body=BODIES[kind](dice),
    )


def _removal(ticket: Ticket, id: UUID, version: int) -> EntryRemove:
    return EntryRemove(actor=ACTOR, outsourcing_id=ticket.outsourcing_id, entry_id=id, version=version)


def _kept(ticket: Ticket, word: EntryPut | EntryRemove) -> Command:
    """A word on an entry of one's own, kept as it is said, unless it is bound to be refused."""
    foreign = isinstance(word, EntryPut) and isinstance(word.body, ChargeBody) and word.body.currency != CURRENCY
    if not foreign:
        ticket.own[word.entry_id] = word
        if isinstance(word, EntryPut):
            ticket.kinds[word.entry_id] = word.body.kind
    return word


def _some_own(ticket: Ticket, dice: Dice) -> EntryPut | EntryRemove | None:
    return dice.choice(list(ticket.own.values())) if ticket.own else None


def _next_version(known: EntryPut | EntryRemove, dice: Dice) -> int:
    """The next one, sometimes with a gap."""
    return known.version + (1 if dice.happens(0.9) else dice.randint(2, 4))


def _text(dice: Dice) -> str:
    return f"{dice.getrandbits(32):08x}"
