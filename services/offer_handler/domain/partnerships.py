"""Partnerships: which lead may send offers to which service partner."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from shared.contracts.offer_handler import OrganizationMapped, PartnershipInvite, PartnershipMap, PartnershipMapped
from shared.messaging.outcomes import Changed, Decision, Deliver, Message, NotYet, Publish, Refused

# 64 bits: nobody finds another id that leads to the same slug.
SLUG_DIGITS = 16


class State(StrEnum):
    """The life of a partnership, from the invitation on."""

    INVITED = "invited"
    ACTIVE = "active"
    DECLINED = "declined"
    REVOKED = "revoked"
    LAPSED = "lapsed"
    ENDED = "ended"


LIVE = (State.INVITED, State.ACTIVE)
ALLOWED: dict[State, tuple[str, ...]] = {
    State.INVITED: ("partnership.accept", "partnership.decline", "partnership.resend", "partnership.revoke"),
    State.ACTIVE: ("offer.send", "partnership.map", "partnership.end"),
    State.DECLINED: (),
    State.REVOKED: (),
    State.LAPSED: (),
    State.ENDED: (),
}


@dataclass(frozen=True, slots=True)
class Partnership:
    """One lead and one service partner; `organization` is the local company that stands for the lead there.

    `invited_at` is when the invitation was sent last, and `invited_by` names the message that did it.
    """

    partnership_id: UUID
    lead: str
    service: str
    state: State
    recipient: str
    language: str
    note: str
    invited_at: datetime
    lapses_at: datetime
    invited_by: tuple[str, UUID]
    resends: int = 0
    accepted_at: datetime | None = None
    organization: str | None = None
    closed_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def pair(self) -> tuple[str, str]:
        return self.lead, self.service

    @property
    def is_by_email(self) -> bool:
        """Whether a company without an instance was invited."""
        return self.service == slug_to_be(self.partnership_id)

    def refuses_unless(self, state: State, role: Literal["lead", "service"], sender: str) -> Refused | None:
        """Whose word it is not, and what cannot be done in this state, is refused."""
        allowed = ALLOWED[self.state]
        if sender != (self.lead if role == "lead" else self.service):
            return Refused("partnership/not-yours", state=self.state, allowed=allowed, role=role)
        if self.state is not state:
            return Refused("partnership/wrong-state", state=self.state, allowed=allowed)
        return None

    def mapped_to(self, organization: str | None) -> "Partnership":
        """The same, with an organization mapping where one is given."""
        return replace(self, organization=organization or self.organization)

    def closed(self, state: State, now: datetime) -> "Partnership":
        """The invitation has come to nothing."""
        return replace(self, state=state, closed_at=now)

    def named(self) -> dict[str, Any]:
        """Which partnership it is, as facts of it tell."""
        return {"partnership_id": self.partnership_id, "lead": self.lead, "service": self.service}


def slug_of(invitation: PartnershipInvite) -> str:
    """Who is invited; a company without an instance is known from now on by the slug that its instance will have."""
    return invitation.partner or slug_to_be(invitation.partnership_id)


def slug_to_be(partnership_id: UUID) -> str:
    return f"sub-{hashlib.sha256(partnership_id.bytes).hexdigest()[:SLUG_DIGITS]}"


def map_organization(known: Partnership | None, mapping: Message[PartnershipMap]) -> Decision:
    """The service partner names, or corrects, the local company that stands for the lead; the lead is not told."""
    if known is None or mapping.sender not in known.pair:
        return NotYet("partnership/unknown")
    if refused := known.refuses_unless(State.ACTIVE, "service", mapping.sender):
        return refused
    mapped = known.mapped_to(mapping.data.organization)
    told = PartnershipMapped(**known.named(), organization=mapping.data.organization, mapped_at=mapping.now)
    published = OrganizationMapped(**known.named(), organization=mapping.data.organization)
    return Changed(mapped, tell=(Deliver(known.service, told), Publish(published)), history="organization mapped")
