"""Ends without an approval: the service partner gives the ticket back, or the work is ended by force."""

from typing import Any

from services.ticket_sync.domain.agreed import Agreed
from services.ticket_sync.domain.entries import Entry
from services.ticket_sync.domain.line import Front, move
from services.ticket_sync.domain.links import ALLOWED, Link, State
from services.ticket_sync.domain.snapshots import Snapshot, Work, fixed, fixed_whatever_its_size, newest, sum_up
from shared.contracts.offer_handler import OutsourcingAbandoned
from shared.contracts.ticket_sync import (
    CompletionForce,
    CompletionForced,
    ForcedCause,
    NotBilled,
    OutsourcingCompleted,
    OutsourcingHandedBack,
    OutsourcingReturn,
    OutsourcingReturned,
    TicketNoted,
)
from shared.messaging.outcomes import Changed, Decision, Message, NotYet, Publish, Refused, Unchanged

Forcing = Message[CompletionForce] | Message[OutsourcingAbandoned]


def hand_back(
    link: Link | None,
    agreed: Agreed | None,
    found: Work | None,
    at_hand: tuple[Entry, ...],
    front: Front | None,
    in_line: tuple[Entry, ...],
    returning: Message[OutsourcingReturn],
) -> Decision:
    """The service partner gives the ticket back: the link has ended, and the lead sees what was worked until then."""
    if link is None or agreed is None or not link.includes(returning.sender):
        return NotYet("outsourcing/unknown")
    if refused := link.refuses_unless_said_by("service", returning.sender):
        return refused
    if link.state is State.AWAITING_APPROVAL:
        return Refused("outsourcing/not-returnable", state=link.state, allowed=ALLOWED[link.state])
    work = newest(link, found, at_hand)
    if work is None:
        return NotYet("completion/too-much-at-once", state=link.state)
    link, reason = link.returned(returning.now), returning.data.reason
    worked = fixed(link, work, returning.fresh_id)
    known: dict[str, Any] = {
        "reason": reason,
        "returned_by": returning.data.actor,
        "returned_at": returning.now,
        "entries": worked.entries,
        "hours": worked.hours,
        "charge_total": worked.charge_total,
        "currency": worked.currency,
    }
    returned = OutsourcingReturned(outsourcing_id=link.outsourcing_id, **known)
    noted = TicketNoted(
        outsourcing_id=link.outsourcing_id, reason="outsourcing_returned", text=reason, state=link.state
    )
    link, entries, kept = move(link, front, in_line, returning.now)
    published = OutsourcingHandedBack(
        **agreed.named(link),
        **known,
        organization=agreed.accepted.organization,
        terms=agreed.accepted.terms,
        snapshot=fixed_whatever_its_size(link, work, returning.fresh_id),
    )
    return Changed(
        link,
        *entries,
        tell=(*link.both(returned), *link.both(noted), *kept, Publish(published)),
        history="returned by the service partner",
    )


def force(  # noqa: PLR0913, PLR0917 - all that the end of the work can lean on
    link: Link | None,
    agreed: Agreed | None,
    submitted: Snapshot | None,
    found: Work | None,
    at_hand: tuple[Entry, ...],
    front: Front | None,
    in_line: tuple[Entry, ...],
    forcing: Message[CompletionForce],
) -> Decision:
    """The lead ends the work without an approval: what was submitted is billed, or else the work as it is now."""
    if link is None or agreed is None or not link.includes(forcing.sender):
        return NotYet("outsourcing/unknown")
    if refused := link.refuses_unless_said_by("lead", forcing.sender):
        return refused
    work = newest(link, found, at_hand)
    if work is None:
        return NotYet("completion/too-much-at-once", state=link.state)
    snapshot = submitted or _as_it_is(link, work, forcing)
    return _ended_by_force(link, agreed, snapshot, front, in_line, forcing, forcing.data.cause)


def abandon(  # noqa: PLR0913, PLR0917 - all that the end of the work can lean on
    link: Link | None,
    agreed: Agreed | None,
    submitted: Snapshot | None,
    found: Work | None,
    at_hand: tuple[Entry, ...],
    front: Front | None,
    in_line: tuple[Entry, ...],
    abandoned: Message[OutsourcingAbandoned],
) -> Decision:
    """The partnership has ended by force, and with it the work, as if the lead had ended that."""
    if link is None or agreed is None:
        return NotYet("outsourcing/unknown")
    if link.has_ended:
        return Unchanged()
    work = newest(link, found, at_hand)
    if work is None:
        return NotYet("completion/too-much-at-once")
    snapshot = submitted or _as_it_is(link, work, abandoned)
    return _ended_by_force(link, agreed, snapshot, front, in_line, abandoned, "partnership_ended")


def _as_it_is(link: Link, work: Work, forcing: Forcing) -> Snapshot | None:
    """The work fixed at this moment; None where it has not begun, or cannot be told."""
    if link.state is State.ACCEPTED:
        return None
    content = fixed_whatever_its_size(link, work, forcing.fresh_id)
    if content is None:
        return None
    return Snapshot(content.snapshot_id, link.outsourcing_id, content, forcing.data.actor, forcing.now)


def _ended_by_force(
    link: Link,
    agreed: Agreed,
    snapshot: Snapshot | None,
    front: Front | None,
    in_line: tuple[Entry, ...],
    forcing: Forcing,
    cause: ForcedCause,
) -> Changed:
    """The link has ended for good; billing starts, or both sides read why nothing is billed."""
    now, reason = forcing.now, forcing.data.reason
    not_billed: NotBilled | None = None
    if snapshot is None:
        not_billed = "not_begun" if link.state is State.ACCEPTED else "too_large"
    else:
        link = link.submitted(snapshot.snapshot_id, snapshot.submitted_at)
    link = link.completed(now)
    content = snapshot.content if snapshot else None
    forced = CompletionForced(
        outsourcing_id=link.outsourcing_id,
        cause=cause,
        reason=reason,
        snapshot=content,
        not_billed=not_billed,
        forced_at=now,
    )
    noted = TicketNoted(
        outsourcing_id=link.outsourcing_id, reason="completion_forced", text=reason or "", state=link.state
    )
    link, entries, kept = move(link, front, in_line, now)
    link, summed, told_of_sum = sum_up(link, content) if content else (link, (), ())
    published = OutsourcingCompleted(
        **agreed.named(link),
        organization=agreed.accepted.organization,
        terms=agreed.accepted.terms,
        snapshot=content,
        forced=True,
        completed_at=now,
        completed_by=forcing.data.actor,
    )
    return Changed(
        link,
        *([snapshot] if snapshot else []),
        *entries,
        *summed,
        tell=(
            *link.both(forced),
            *link.both(noted),
            *told_of_sum,
            *kept,
            Publish(published),
        ),
        history=f"completed by force: {cause}" + ("" if snapshot else ", nothing is billed"),
    )
