"""Deliveries and events as plain facts: what they say, without the ids and times that Tandem makes."""

from collections.abc import Callable
from typing import Any

from shared.contracts.answers import CommandRejected, CommandRepeated
from shared.contracts.ticket_sync import (
    CapReached,
    CompletionApproved,
    CompletionForced,
    CompletionRejected,
    CompletionSnapshot,
    CompletionSubmitted,
    CompletionWithdrawn,
    EntryHeld,
    EntryKeptLocal,
    EntryReleased,
    EntryReplicated,
    EntrySevered,
    EntryWithdrawn,
    FileCited,
    FileReleased,
    Inventory,
    LineUnfinished,
    NewsCameUp,
    NewsGathered,
    OutsourcingAnswered,
    OutsourcingAsked,
    OutsourcingCapReached,
    OutsourcingCompleted,
    OutsourcingHandedBack,
    OutsourcingRejected,
    OutsourcingReturned,
    OutsourcingSubmitted,
    OutsourcingUnopened,
    OutsourcingWithdrawn,
    QuestionAnswered,
    QuestionAsked,
    RepairUnfinished,
    SnapshotCharge,
    SnapshotTime,
    SyncDigest,
    TicketLinked,
    TicketNoted,
    TicketOverdue,
    TicketReminded,
    TicketRequested,
)
from shared.contracts.values import Payload

Fact = tuple[Any, ...]
# What the other services are told; they are one more who hears.
SERVICES = "tandem"
# Why a message ends that speaks of what is not there, or not its sender's.
UNKNOWN = "outsourcing/unknown"


def work_in(snapshot: CompletionSnapshot | None) -> Fact | None:
    """The work of a snapshot: which versions of which entries, and what they add up to."""
    if snapshot is None:
        return None
    work: tuple[SnapshotTime | SnapshotCharge, ...] = (*snapshot.time, *snapshot.charges)
    entries = frozenset((one.entry_id, one.version) for one in work)
    return entries, snapshot.hours, snapshot.charge_total


def _copy(told: EntryReplicated) -> Fact:
    if told.owner == SERVICES:
        return "time in one charge", told.state, told.body
    about = (told.entry_id, told.version, told.owner, told.visibility, told.author, told.happened_at, told.body)
    return "copy", told.state, *about, told.added_during_approval


def _inventory(told: Inventory) -> Fact:
    listed = None if told.versions is None else told.version_of
    return told.entries, told.sha256, listed


def _digest(told: SyncDigest) -> Fact:
    removed = {one.entry_id: one.version for one in told.removed}
    compared = (_inventory(told.own), _inventory(told.copies))
    return "digest", told.state, *compared, told.severed, removed, told.wanted, told.to_follow


def _gathered(told: NewsGathered) -> Fact:
    """What became of what, in whichever order; where more came together than is listed, only how much."""
    lines = tuple(sorted((line.deed, line.what) for line in told.lines))
    return "gathered", told.writer, told.state, told.count, lines if told.count == len(lines) else len(lines)


_FACTS: dict[type[Payload], Callable[[Any], Fact]] = {
    TicketRequested: lambda told: ("requested", told.state),
    TicketLinked: lambda told: ("linked", told.state, told.partner, told.partner_number),
    TicketNoted: lambda told: ("noted", told.state, told.reason, told.text, told.changes),
    QuestionAsked: lambda told: ("asked", told.state, told.sender, told.text),
    QuestionAnswered: lambda told: ("answered", told.state, told.sender, told.text),
    EntryReplicated: _copy,
    EntrySevered: lambda told: ("severed", told.state, told.entry_id, told.version, told.owner),
    EntryWithdrawn: lambda told: ("gone", told.state, told.entry_id, told.version, told.owner),
    EntryHeld: lambda told: ("held", told.state, told.entry_id, told.version),
    EntryReleased: lambda told: ("released", told.state, told.entry_id, told.version),
    EntryKeptLocal: lambda told: ("kept local", told.state, told.entry_id, told.version),
    CompletionSubmitted: lambda told: ("submitted", told.state, work_in(told.snapshot)),
    CompletionRejected: lambda told: ("rejected", told.state, told.reason),
    CompletionWithdrawn: lambda told: ("withdrawn", told.state),
    CompletionApproved: lambda told: ("approved", told.state, told.snapshot_id),
    CompletionForced: lambda told: ("forced", told.state, told.cause, told.reason, work_in(told.snapshot)),
    OutsourcingReturned: lambda told: (
        "returned",
        told.state,
        told.reason,
        told.entries,
        told.hours,
        told.charge_total,
    ),
    CommandRejected: lambda told: ("refused", told.state, told.command_id),
    OutsourcingCompleted: lambda told: ("completed", told.forced, work_in(told.snapshot)),
    OutsourcingHandedBack: lambda told: ("handed back", told.reason, told.entries, told.hours, told.charge_total),
    OutsourcingRejected: lambda told: ("rejected", told.reason),
    OutsourcingSubmitted: lambda told: ("submitted", work_in(told.snapshot)),
    OutsourcingWithdrawn: lambda _: ("withdrawn",),
    NewsCameUp: lambda told: ("news", told.writer, told.reader),
    NewsGathered: _gathered,
    OutsourcingAsked: lambda told: ("asked", told.state, told.sender, told.text),
    OutsourcingAnswered: lambda told: ("answered", told.state, told.sender, told.text),
    SyncDigest: _digest,
    RepairUnfinished: lambda told: ("to tell again", told.side, told.entry_ids),
    LineUnfinished: lambda told: ("line goes on", told.after_place),
    CapReached: lambda told: ("cap", told.state, told.cap, told.percent, told.authorized, told.reached),
    OutsourcingCapReached: lambda told: ("cap", told.cap, told.percent, told.authorized, told.reached),
}
# How often these come depends on the clock, and on what was sent twice or shared a turn; and which files are found in
# the end is checked by itself.
_NO_FACTS = frozenset(
    {
        CommandRepeated,
        FileCited,
        FileReleased,
        TicketReminded,
        TicketOverdue,
        OutsourcingUnopened,
    }
)


def fact_of(told: Payload) -> Fact | None:
    """What is said, to be compared with what the model expects; None where that cannot be expected."""
    return None if type(told) in _NO_FACTS else _FACTS[type(told)](told)
