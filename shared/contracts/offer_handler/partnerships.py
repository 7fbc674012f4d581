"""Agreements and partnerships: who may send offers, and to whom."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.values import (
    AboutPartnership,
    AboutSender,
    Delivery,
    Email,
    Flag,
    Instant,
    Language,
    LongText,
    Reason,
    ShortText,
    Slug,
)


class AgreementAccept(AboutSender):
    """The lead accepts the outsourcing agreement; without it nothing can be sent."""

    kind: ClassVar[str] = "tandem.agreement.accept.v1"

    version: ShortText = Field(examples=["2026-01"])


class PartnershipInvite(AboutPartnership):
    """The lead invites a service partner; the id is the lead's choice and names the partnership from then on."""

    kind: ClassVar[str] = "tandem.partnership.invite.v1"

    partner: Slug
    recipient: Email = Field(description="who is asked")
    language: Language = "en"
    note: LongText = ""


class PartnershipAccept(AboutPartnership):
    """The service partner accepts the invitation; `organization` is the local company that stands for the lead."""

    kind: ClassVar[str] = "tandem.partnership.accept.v1"

    organization: ShortText | None = None


class PartnershipEnd(AboutPartnership):
    """The lead ends the partnership; while work is under way only by force.

    Then open offers are cancelled, and accepted work is completed as it stands.
    """

    kind: ClassVar[str] = "tandem.partnership.end.v1"

    force: Flag = False
    reason: Reason | None = None


class AgreementAccepted(Delivery):
    """The agreement is accepted; offers may be sent."""

    kind: ClassVar[str] = "tandem.agreement.accepted.v1"

    version: str
    accepted_at: Instant


class PartnershipInvited(Delivery):
    """An invitation is open: the lead is told that it was sent, the service partner that it came."""

    kind: ClassVar[str] = "tandem.partnership.invited.v1"

    partnership_id: UUID
    lead: Slug
    service: Slug
    note: str = ""
    lapses_at: Instant
    state: Literal["invited"] = "invited"


class PartnershipAccepted(Delivery):
    """A partnership is active."""

    kind: ClassVar[str] = "tandem.partnership.accepted.v1"

    partnership_id: UUID
    lead: Slug
    service: Slug
    accepted_at: Instant
    state: Literal["active"] = "active"


class PartnershipEnded(Delivery):
    """A partnership has ended; told to both sides."""

    kind: ClassVar[str] = "tandem.partnership.ended.v1"

    partnership_id: UUID
    lead: Slug
    service: Slug
    forced: bool = Field(description="whether work was under way")
    reason: str | None = None
    ended_at: Instant
    state: Literal["ended"] = "ended"
