"""Partnerships: to whom a lead may send offers."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from services.offer_handler.domain.agreements import Agreement, CurrentVersion, refuses_sending
from shared.contracts.offer_handler import (
    PartnershipAccept,
    PartnershipAccepted,
    PartnershipInvite,
    PartnershipInvited,
)
from shared.messaging.outcomes import Changed, Decision, Deliver, Message, NotYet, Refused

INVITATION_LAPSES_AFTER = timedelta(days=30)


class State(StrEnum):
    """The life of a partnership."""

    INVITED = "invited"
    ACTIVE = "active"
    LAPSED = "lapsed"
    ENDED = "ended"


ALLOWED: dict[State, tuple[str, ...]] = {
    State.INVITED: ("partnership.accept",),
    State.ACTIVE: ("offer.send", "partnership.end"),
    State.LAPSED: (),
    State.ENDED: (),
}


@dataclass(frozen=True, slots=True)
class Partnership:
    """One lead and one service partner; `organization` is the local company that stands for the lead there."""

    partnership_id: UUID
    lead: str
    service: str
    state: State
    recipient: str
    language: str
    note: str
    invited_at: datetime
    lapses_at: datetime
    accepted_at: datetime | None = None
    organization: str | None = None
    ended_at: datetime | None = None

    @property
    def pair(self) -> tuple[str, str]:
        return self.lead, self.service

    def state_at(self, now: datetime) -> State:
        """An invitation lapses by itself."""
        return State.LAPSED if self.state is State.INVITED and now >= self.lapses_at else self.state

    def refuses_at(self, now: datetime) -> Refused:
        """What is asked for cannot be done in this state."""
        state = self.state_at(now)
        return Refused("partnership/wrong-state", state=state, allowed=ALLOWED[state])

    def mapped_to(self, organization: str | None) -> "Partnership":
        """The same, with an organization mapping where one is given."""
        return replace(self, organization=organization or self.organization)


def invite(
    known: Partnership | None,
    of_pair: tuple[Partnership, ...],
    agreement: Agreement | None,
    current: CurrentVersion,
    invitation: Message[PartnershipInvite],
) -> Decision:
    """Ask another instance to be a service partner; one that does not exist looks like one that never answers."""
    data, now = invitation.data, invitation.now
    if data.partner == invitation.sender:
        return Refused("partnership/self")
    if refused := refuses_sending(agreement, current):
        return refused
    if known is not None:
        return Refused("partnership/id-taken")
    if any(one.state_at(now) is not State.LAPSED for one in of_pair):
        return Refused("partnership/exists")
    partnership = Partnership(
        partnership_id=data.partnership_id,
        lead=invitation.sender,
        service=data.partner,
        state=State.INVITED,
        recipient=data.recipient,
        language=data.language,
        note=data.note,
        invited_at=now,
        lapses_at=now + INVITATION_LAPSES_AFTER,
    )
    invited = PartnershipInvited(
        partnership_id=partnership.partnership_id,
        lead=partnership.lead,
        service=partnership.service,
        note=partnership.note,
        lapses_at=partnership.lapses_at,
    )
    # The old ones go first: the schema holds that a pair has one that lives.
    lapsed = [replace(one, state=State.LAPSED) for one in of_pair if one.state is State.INVITED]
    return Changed(
        *lapsed,
        partnership,
        tell=[Deliver(partnership.lead, invited), Deliver(partnership.service, invited)],
        history=f"{partnership.service} invited",
    )


def accept_invitation(known: Partnership | None, accept: Message[PartnershipAccept]) -> Decision:
    """The invited instance is a service partner from now on."""
    if known is None or accept.sender not in known.pair:
        return NotYet("partnership/unknown")
    if accept.sender == known.lead:
        return Refused("partnership/not-yours", state=known.state_at(accept.now), role="service")
    if known.state_at(accept.now) is not State.INVITED:
        return known.refuses_at(accept.now)
    active = replace(known, state=State.ACTIVE, accepted_at=accept.now).mapped_to(accept.data.organization)
    accepted = PartnershipAccepted(
        partnership_id=active.partnership_id, lead=active.lead, service=active.service, accepted_at=accept.now
    )
    return Changed(
        active, tell=[Deliver(active.lead, accepted), Deliver(active.service, accepted)], history="partnership accepted"
    )
