"""What people at a company do with one of its tickets: a table, an act a line. A new command is a new line here."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import accumulate
from uuid import UUID

from shared.contracts.ticket_sync import (
    ChargeBody,
    CompletionApprove,
    CompletionForce,
    CompletionReject,
    CompletionSubmit,
    CompletionWithdraw,
    CopiedFrom,
    EntryPut,
    EntryRemove,
    EntryReplicated,
    EntrySever,
    FieldChange,
    NoteBody,
    OutsourcingReturn,
    QuestionAnswer,
    QuestionAsk,
    SyncRequest,
    TicketOpened,
    TicketUpdate,
    TimeBody,
    Visibility,
)
from shared.contracts.values import Command
from tests.simulation.bodies import CURRENCY, KINDS, some_body, text
from tests.simulation.companies import Copy, Ticket, Word, price_of
from tests.simulation.dice import Dice

ACTOR = "k.sommer"
DAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


_SOME_PUT = EntryPut(
    actor=ACTOR,
    outsourcing_id=UUID(int=0),
    entry_id=UUID(int=0),
    version=1,
    visibility="shared",
    author="K. Sommer",
    happened_at=DAY,
    body=NoteBody(kind="note", text=""),
)


def _put_new(ticket: Ticket, dice: Dice) -> Command:
    visibility: Visibility = "internal" if dice.happens(0.2) else "shared"
    version = 1 if dice.happens(0.9) else dice.randint(2, 5)
    return _kept(ticket, _put(ticket, dice, dice.uuid7(DAY), version, visibility, dice.choice(KINDS)))


def _change(ticket: Ticket, dice: Dice) -> Command | None:
    """Another text, or the entry once more where it was removed."""
    if (known := _some_own(ticket, dice)) is None:
        return None
    visibility = known.visibility if type(known) is EntryPut else "shared"
    kind = ticket.kinds.get(known.entry_id) or dice.choice(KINDS)
    return _kept(ticket, _put(ticket, dice, known.entry_id, _next_version(known, dice), visibility, kind))


def _turn(ticket: Ticket, dice: Dice) -> Command | None:
    """Shared to internal, or back."""
    known = _some_own(ticket, dice)
    if type(known) is not EntryPut:
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
    if type(known) is not EntryPut:
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
    changes = (FieldChange(field="priority", new=text(dice)),)
    return TicketUpdate(actor=ACTOR, outsourcing_id=ticket.outsourcing_id, changes=changes)


def _ask(ticket: Ticket, dice: Dice) -> Command:
    return QuestionAsk(actor=ACTOR, outsourcing_id=ticket.outsourcing_id, text=text(dice))


def _answer(ticket: Ticket, dice: Dice) -> Command:
    return QuestionAnswer(actor=ACTOR, outsourcing_id=ticket.outsourcing_id, text=text(dice))


def _submit(ticket: Ticket, dice: Dice) -> Command:
    """What this company believes to have worked; now and then it has miscounted."""
    work = ticket.work()
    return CompletionSubmit(
        actor=ACTOR,
        outsourcing_id=ticket.outsourcing_id,
        entries=len(work) + (1 if dice.happens(0.05) else 0),
        hours=sum((body.hours for body in work if type(body) is TimeBody), Decimal(0)),
        charge_total=sum((price_of(body) for body in work if type(body) is ChargeBody), Decimal(0)),
    )


def _withdraw(ticket: Ticket, _: Dice) -> Command:
    return CompletionWithdraw(actor=ACTOR, outsourcing_id=ticket.outsourcing_id)


def _reject(ticket: Ticket, dice: Dice) -> Command:
    return CompletionReject(actor=ACTOR, outsourcing_id=ticket.outsourcing_id, reason=text(dice))


def _approve(ticket: Ticket, dice: Dice) -> Command:
    """The submission that was shown last, which may be taken back by now; or one that nobody knows."""
    snapshot_id = ticket.snapshot_id if ticket.snapshot_id and dice.happens(0.95) else dice.uuid7(DAY)
    return CompletionApprove(actor=ACTOR, outsourcing_id=ticket.outsourcing_id, snapshot_id=snapshot_id)


def _force(ticket: Ticket, dice: Dice) -> Command:
    reason = text(dice) if dice.happens(0.5) else None
    return CompletionForce(actor=ACTOR, outsourcing_id=ticket.outsourcing_id, cause="ticket_completed", reason=reason)


def _give_back(ticket: Ticket, dice: Dice) -> Command:
    return OutsourcingReturn(actor=ACTOR, outsourcing_id=ticket.outsourcing_id, reason=text(dice))


def _compare(ticket: Ticket, dice: Dice) -> Command:
    """Keep a copy of the store, and ask what should be in it; now and then only whether it is that."""
    ticket.backup = dict(ticket.own), dict(ticket.copies), set(ticket.severed)
    return _request(ticket, listed=dice.happens(0.8))


def _lose_and_compare(ticket: Ticket, dice: Dice) -> Command:
    """All of the store is lost, or some copies, or what came after the last backup; and it asks for what it lacks."""
    loss = dice.random()
    if loss < 0.2:
        ticket.lose({}, {}, set())
    elif loss < 0.5:
        own, copies, severed = ticket.backup
        ticket.lose(dict(own), dict(copies), set(severed))
    else:
        left = {id: copy for id, copy in ticket.copies.items() if dice.happens(0.5)}
        ticket.lose(ticket.own, left, ticket.severed)
    return _request(ticket, listed=True)


def _request(ticket: Ticket, *, listed: bool) -> SyncRequest:
    own, copies = ticket.inventories(listed=listed)
    severed = tuple(sorted(ticket.severed))
    return SyncRequest(actor=ACTOR, outsourcing_id=ticket.outsourcing_id, own=own, copies=copies, severed=severed)


def _put_again(ticket: Ticket, dice: Dice) -> Command | None:
    """What Tandem has not, or has older or otherwise."""
    return ticket.own.get(ticket.wanted.pop(dice.randrange(len(ticket.wanted))))


def _pass_on(ticket: Ticket, dice: Dice) -> Command | None:
    """What stands on the ticket by another outsourcing: what was told there, or what it wrote there itself."""
    other = dice.choice(ticket.elsewhere)
    stands = [*other.copies.values(), *other.own.values()]
    return _pass_on_from(other.outsourcing_id, dice.choice(stands), ticket, dice) if stands else None


def _pass_straight_back(ticket: Ticket, dice: Dice) -> Command | None:
    """As an adapter does that cannot tell a copy from what its people wrote."""
    copies = list(ticket.copies.values())
    return _pass_on_from(ticket.outsourcing_id, dice.choice(copies), ticket, dice) if copies else None


def _pass_on_from(outsourcing_id: UUID, word: Copy | Word, ticket: Ticket, dice: Dice) -> Command | None:
    """Now and then it names an entry that it was never told of."""
    source = outsourcing_id, word.entry_id if dice.happens(0.98) else dice.uuid7(DAY)
    known = ticket.own.get(ticket.passed_on.get(source, source[1]))
    if type(word) is not EntryPut and type(word) is not EntryReplicated:
        return known and _kept(ticket, _removal(ticket, known.entry_id, _next_version(known, dice)))
    id = ticket.passed_on.setdefault(source, dice.uuid7(DAY))
    put = EntryPut(
        actor=ACTOR,
        outsourcing_id=ticket.outsourcing_id,
        entry_id=id,
        version=_next_version(known, dice) if known else 1,
        visibility=word.visibility if type(word) is EntryPut else "shared",
        author=word.author,
        happened_at=word.happened_at,
        body=word.body,
        copied_from=CopiedFrom(outsourcing_id=source[0], entry_id=source[1]),
    )
    return _kept(ticket, put)


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
ALWAYS = (*LIVE, "completed", "returned")
ACTS = (
    Act(20, "either", LIVE, _put_new),
    Act(16, "either", LIVE, _change),
    Act(8, "either", LIVE, _turn),
    Act(6, "either", LIVE, _remove),
    Act(1, "either", LIVE, _remove_unsaid),
    Act(1, "either", LIVE, _use_a_version_twice),
    Act(1, "either", LIVE, _change_the_kind),
    Act(2, "either", LIVE, _touch_a_copy),
    Act(2, "either", LIVE, _pass_straight_back),
    Act(1, "service", LIVE, _sever),
    Act(2, "either", LIVE, _update),
    Act(2, "either", LIVE, _ask),
    Act(2, "either", LIVE, _answer),
    Act(0.4, "either", ALWAYS, _compare),
    Act(0.4, "either", ALWAYS, _lose_and_compare),
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
# How soon a company does what it knows it should.
PUT_AGAIN, PASS_ON, ASK_AGAIN = 0.3, 0.25, 0.5


def what_somebody_does(ticket: Ticket, dice: Dice) -> Command | None:
    """One act at this ticket, as its company sees it; None where there is nothing to do it with."""
    if ticket.wanted and dice.happens(PUT_AGAIN):
        return _put_again(ticket, dice)
    if ticket.waits and dice.happens(ASK_AGAIN):
        ticket.waits = False
        return _request(ticket, listed=True)
    if ticket.elsewhere and dice.happens(PASS_ON):
        return _pass_on(ticket, dice)
    [act] = dice.choices(ACTS, cum_weights=_weights(ticket.role, ticket.state))
    return act.command(ticket, dice)


def ask_for_all(ticket: Ticket) -> SyncRequest:
    """Who has lost something asks until it has all."""
    return _request(ticket, listed=True)


@cache
def _weights(role: str, state: str) -> list[float]:
    in_place = [act.side in (role, "either") and state in act.states for act in ACTS]
    return list(
        accumulate(act.weight * (1 if fits else OUT_OF_PLACE) for act, fits in zip(ACTS, in_place, strict=True))
    )


def _put(ticket: Ticket, dice: Dice, id: UUID, version: int, visibility: Visibility, kind: str) -> EntryPut:
    # Of one that was checked: each is checked again where it comes as bytes, and where it is copied.
    return _SOME_PUT.model_copy(
        update={
            "outsourcing_id": ticket.outsourcing_id,
            "entry_id": id,
            "version": version,
            "visibility": visibility,
            "happened_at": DAY + timedelta(minutes=dice.randrange(10_000)),
            "body": some_body(kind, dice),
        }
    )


def _removal(ticket: Ticket, id: UUID, version: int) -> EntryRemove:
    return EntryRemove(actor=ACTOR, outsourcing_id=ticket.outsourcing_id, entry_id=id, version=version)


def _kept(ticket: Ticket, word: Word) -> Command:
    """A word on an entry of one's own, kept as it is said, unless it is bound to be refused."""
    foreign = type(word) is EntryPut and type(word.body) is ChargeBody and word.body.currency != CURRENCY
    if not foreign:
        ticket.own[word.entry_id] = word
        if type(word) is EntryPut:
            ticket.kinds[word.entry_id] = word.body.kind
    return word


def _some_own(ticket: Ticket, dice: Dice) -> Word | None:
    return dice.choice(list(ticket.own.values())) if ticket.own else None


def _next_version(known: Word, dice: Dice) -> int:
    """The next one, sometimes with a gap."""
    return known.version + (1 if dice.happens(0.9) else dice.randint(2, 4))
