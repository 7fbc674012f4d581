"""Invitations: a lead asks, and exactly one of accept, decline, revoke and lapse answers it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.offer_handler.domain.addressees import (
    MOST_IN_A_DAY,
    MOST_RESENDS,
    Addressee,
    with_another_invitation,
)
from services.offer_handler.domain.agreements import Agreement, CurrentVersion, refuses_sending
from services.offer_handler.domain.partnerships import ALLOWED, LIVE, Partnership, State, slug_of
from shared.contracts.offer_handler import (
    Instance,
    InstanceJoined,
    InvitationAccepted,
    InvitationDeclined,
    InvitationLapsed,
    InvitationRanOut,
    InvitationRevoked,
    InvitationSent,
    PartnershipAccept,
    PartnershipAccepted,
    PartnershipDecline,
    PartnershipDeclined,
    PartnershipInvite,
    PartnershipInvited,
    PartnershipLapsed,
    PartnershipResend,
    PartnershipResent,
    PartnershipRevoke,
    PartnershipRevoked,
)
from shared.contracts.values import Delivery, Event
from shared.messaging.outcomes import (
    Caused,
    Changed,
    Decision,
    Deliver,
    Message,
    NotYet,
    Publish,
    Refused,
    Tell,
    Unchanged,
)


@dataclass(frozen=True, slots=True)
class Overdue:
    """An invitation that nobody answered in its time, and the message by which it was sent."""

    partnership_id: UUID
    lapses_at: datetime
    invited_by: tuple[str, UUID]


def invite(
    known: Partnership | None,
    of_pair: tuple[Partnership, ...],
    agreement: Agreement | None,
    current: CurrentVersion,
    addressee: Addressee | None,
    invitation: Message[PartnershipInvite],
) -> Decision:
    """Ask a company to be a service partner; an instance that does not exist looks like one that never answers."""
    data, now = invitation.data, invitation.now
    if data.partner == invitation.sender:
        return Refused("partnership/self")
    if refused := refuses_sending(agreement, current):
        return refused
    if known is not None:
        return Refused("partnership/id-taken")
    live = next((one for one in of_pair if one.state in LIVE), None)
    if live is not None:
        return Refused("partnership/exists", state=live.state, allowed=ALLOWED[live.state])
    written_to = with_another_invitation(addressee, invitation.sender, data.recipient, now)
    if written_to is None:
        return Refused("partnership/invited-too-often", limit=MOST_IN_A_DAY)
    invited = Partnership(
        partnership_id=data.partnership_id,
        lead=invitation.sender,
        service=slug_of(data),
        state=State.INVITED,
        recipient=data.recipient,
        language=data.language,
        note=data.note,
        invited_at=now,
        lapses_at=now + timedelta(days=data.lapses_after_days),
        invited_by=(invitation.source, invitation.id),
    )
    told = PartnershipInvited(**invited.named(), note=invited.note, lapses_at=invited.lapses_at)
    return Changed(invited, written_to, tell=_both(invited, told, _sent(invited)), history=f"{invited.service} invited")


def resend(
    known: Partnership | None,
    _agreement: Agreement | None,
    other_addressee: Addressee | None,
    addressee: Addressee | None,
    again: Message[PartnershipResend],
) -> Decision:
    """The lead has an open invitation sent again; it has as long to be answered as it had at first."""
    if known is None or again.sender not in known.pair:
        return NotYet("partnership/unknown")
    if refused := known.refuses_unless(State.INVITED, "lead", again.sender):
        return refused
    if known.resends >= MOST_RESENDS:
        allowed = ("partnership.revoke",)
        return Refused("partnership/resent-too-often", state=known.state, allowed=allowed, limit=MOST_RESENDS)
    data = again.data
    recipient = data.recipient or known.recipient
    written_to = other_addressee if data.recipient else addressee
    written_to = with_another_invitation(written_to, known.lead, recipient, again.now)
    if written_to is None:
        return Refused(
            "partnership/invited-too-often", state=known.state, allowed=ALLOWED[known.state], limit=MOST_IN_A_DAY
        )
    resent = replace(
        known,
        recipient=recipient,
        language=data.language or known.language,
        note=known.note if data.note is None else data.note,
        invited_at=again.now,
        lapses_at=again.now + (known.lapses_at - known.invited_at),
        invited_by=(again.source, again.id),
        resends=known.resends + 1,
    )
    told = PartnershipResent(**resent.named(), note=resent.note, lapses_at=resent.lapses_at)
    return Changed(resent, written_to, tell=_both(resent, told, _sent(resent)), history="invitation sent again")


def revoke(known: Partnership | None, taking_back: Message[PartnershipRevoke]) -> Decision:
    """The lead takes the invitation back; it may invite the same partner anew."""
    if known is None or taking_back.sender not in known.pair:
        return NotYet("partnership/unknown")
    if refused := known.refuses_unless(State.INVITED, "lead", taking_back.sender):
        return refused
    told = PartnershipRevoked(**known.named(), revoked_at=taking_back.now)
    published = InvitationRevoked(**_addressed(known))
    return Changed(
        known.closed(State.REVOKED, taking_back.now),
        tell=_both(known, told, published),
        history="invitation revoked",
    )


def accept(known: Partnership | None, answer: Message[PartnershipAccept]) -> Decision:
    """Who was invited is a service partner from now on; a company without an instance takes part as one, by e-mail."""
    if known is None or answer.sender not in known.pair:
        return NotYet("partnership/unknown")
    if refused := known.refuses_unless(State.INVITED, "service", answer.sender):
        return refused
    if known.is_by_email and answer.data.name is None:
        return Refused("partnership/name-missing", state=known.state, allowed=ALLOWED[known.state])
    active = replace(known, state=State.ACTIVE, accepted_at=answer.now).mapped_to(answer.data.organization)
    joined = _joined(known, answer.data.name)
    told = PartnershipAccepted(**active.named(), name=joined[0].name if joined else None, accepted_at=answer.now)
    published = InvitationAccepted(**_addressed(known), accepted_at=answer.now, accepted_by=answer.data.actor)
    return Changed(
        active,
        *joined,
        tell=(*_both(active, told, published), *(Publish(InstanceJoined(instance=one), one.slug) for one in joined)),
        history="partnership accepted",
        beside=[(one.slug, "joined") for one in joined],
    )


def decline(known: Partnership | None, answer: Message[PartnershipDecline]) -> Decision:
    """Who was invited does not want to be a partner; the lead may ask anew."""
    if known is None or answer.sender not in known.pair:
        return NotYet("partnership/unknown")
    if refused := known.refuses_unless(State.INVITED, "service", answer.sender):
        return refused
    told = PartnershipDeclined(**known.named(), reason=answer.data.reason, declined_at=answer.now)
    published = InvitationDeclined(**_addressed(known), reason=answer.data.reason)
    return Changed(
        known.closed(State.DECLINED, answer.now), tell=_both(known, told, published), history="invitation declined"
    )


def lapse(known: Partnership | None, ran_out: Message[InvitationRanOut]) -> Decision:
    """Nobody has answered in time; where an answer came first it has won, and a resend has set another time."""
    if known is None or known.state is not State.INVITED or known.lapses_at != ran_out.data.lapses_at:
        return Unchanged()
    told = PartnershipLapsed(**known.named(), lapsed_at=known.lapses_at)
    published = InvitationLapsed(**_addressed(known))
    return Changed(
        known.closed(State.LAPSED, ran_out.now), tell=_both(known, told, published), history="invitation lapsed"
    )


def ran_out(overdue: Overdue) -> Caused:
    """What the offer handler tells itself when the time is over, by way of the queue of the answers."""
    source, id = overdue.invited_by
    told = InvitationRanOut(partnership_id=overdue.partnership_id, lapses_at=overdue.lapses_at)
    return Caused(cause_source=source, cause_id=id, subject=str(overdue.partnership_id), tell=(Publish(told),))


def _joined(accepted: Partnership, name: str | None) -> tuple[Instance, ...]:
    """The company that takes part from now on, where it did not before: reached as the invitation reached it."""
    if not accepted.is_by_email or name is None:
        return ()
    return (
        Instance(slug=accepted.service, name=name, language=accepted.language, email=accepted.recipient, kind="portal"),
    )


def _sent(invited: Partnership) -> InvitationSent:
    return InvitationSent(
        **_addressed(invited), note=invited.note, lapses_at=invited.lapses_at, by_email=invited.is_by_email
    )


def _addressed(partnership: Partnership) -> dict[str, Any]:
    """Which invitation it is, and who reads of it where."""
    return {**partnership.named(), "recipient": partnership.recipient, "language": partnership.language}


def _both(partnership: Partnership, told: Delivery, published: Event) -> tuple[Tell, ...]:
    """The same fact for both sides, and one for the other services."""
    return Deliver(partnership.lead, told), Deliver(partnership.service, told), Publish(published)
