"""Agreements and partnerships: who may send offers, and to whom."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.values import (
    AboutPartnership,
    AboutSender,
    Delivery,
    Email,
    Event,
    Flag,
    Instant,
    Language,
    LongText,
    OnBehalf,
    Reason,
    ShortText,
    Slug,
)


class AgreementAccept(AboutSender):
    """The lead accepts the version of the outsourcing agreement that is in force; without it nothing can be sent."""

    kind: ClassVar[str] = "tandem.agreement.accept.v1"

    version: ShortText = Field(examples=["2026-01"])


class PartnershipInvite(AboutPartnership):
    """The lead invites a service partner; the id is the lead's choice and names the partnership from then on."""

    kind: ClassVar[str] = "tandem.partnership.invite.v1"

    partner: Slug | None = Field(
        default=None, description="its instance; left out for a company without one, which is reached by e-mail alone"
    )
    recipient: Email = Field(description="who is asked")
    language: Language = "en"
    note: LongText = ""
    # Longer than a quarter nobody remembers what was asked.
    lapses_after_days: Annotated[int, Field(strict=True, ge=1, le=90)] = 30


class PartnershipResend(AboutPartnership):
    """The lead has an open invitation sent again, corrected where a field is given; its time starts anew."""

    kind: ClassVar[str] = "tandem.partnership.resend.v1"

    recipient: Email | None = None
    language: Language | None = None
    note: LongText | None = None


class PartnershipRevoke(AboutPartnership):
    """The lead takes an open invitation back."""

    kind: ClassVar[str] = "tandem.partnership.revoke.v1"


class PartnershipAccept(AboutPartnership, OnBehalf):
    """The service partner accepts the invitation; `organization` is the local company that stands for the lead."""

    kind: ClassVar[str] = "tandem.partnership.accept.v1"

    organization: ShortText | None = None
    name: ShortText | None = Field(
        default=None, description="the company's own name; needed where it was invited by e-mail alone"
    )


class PartnershipDecline(AboutPartnership, OnBehalf):
    """The service partner does not want to be one."""

    kind: ClassVar[str] = "tandem.partnership.decline.v1"

    reason: Reason | None = None


class PartnershipMap(AboutPartnership):
    """The service partner corrects which local company stands for the lead; issued invoices stay as they are."""

    kind: ClassVar[str] = "tandem.partnership.map.v1"

    organization: ShortText


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


class PartnershipFact(Delivery):
    """What is told of a partnership."""

    partnership_id: UUID
    lead: Slug
    service: Slug


class PartnershipInvited(PartnershipFact):
    """An invitation is open: the lead is told that it was sent, the service partner that it came."""

    kind: ClassVar[str] = "tandem.partnership.invited.v1"

    note: str = ""
    lapses_at: Instant
    state: Literal["invited"] = "invited"


class PartnershipResent(PartnershipFact):
    """An open invitation was sent again, perhaps with other words, and its time started anew; told to both sides."""

    kind: ClassVar[str] = "tandem.partnership.resent.v1"

    note: str = ""
    lapses_at: Instant
    state: Literal["invited"] = "invited"


class PartnershipAccepted(PartnershipFact):
    """A partnership is active."""

    kind: ClassVar[str] = "tandem.partnership.accepted.v1"

    name: str | None = Field(
        default=None, description="the service partner's, as it said it, where it was invited by e-mail alone"
    )
    accepted_at: Instant
    state: Literal["active"] = "active"


class PartnershipDeclined(PartnershipFact):
    """An invitation was declined; told to both sides."""

    kind: ClassVar[str] = "tandem.partnership.declined.v1"

    reason: str | None = None
    declined_at: Instant
    state: Literal["declined"] = "declined"


class PartnershipRevoked(PartnershipFact):
    """An invitation was taken back; told to both sides."""

    kind: ClassVar[str] = "tandem.partnership.revoked.v1"

    revoked_at: Instant
    state: Literal["revoked"] = "revoked"


class PartnershipLapsed(PartnershipFact):
    """Nobody answered an invitation in its time; told to both sides."""

    kind: ClassVar[str] = "tandem.partnership.lapsed.v1"

    lapsed_at: Instant
    state: Literal["lapsed"] = "lapsed"


class PartnershipMapped(PartnershipFact):
    """Another local company stands for the lead from now on; told to the service partner alone."""

    kind: ClassVar[str] = "tandem.partnership.mapped.v1"

    organization: str
    mapped_at: Instant
    state: Literal["active"] = "active"


class PartnershipEnded(PartnershipFact):
    """A partnership has ended; told to both sides."""

    kind: ClassVar[str] = "tandem.partnership.ended.v1"

    forced: bool = Field(description="whether work was under way")
    reason: str | None = None
    ended_at: Instant
    state: Literal["ended"] = "ended"


class InvitationFact(Event):
    """What became of an invitation; who was invited need not be an instance, and is written to by this address."""

    partnership_id: UUID
    lead: Slug
    service: Slug
    recipient: Email
    language: Language


class InvitationSent(InvitationFact):
    """An invitation went out, for the first time or again."""

    kind: ClassVar[str] = "tandem.invitation.sent.v1"

    note: str
    lapses_at: Instant
    by_email: bool = Field(description="whether a company without an instance is invited, which answers by a link")


class InvitationAccepted(InvitationFact):
    """Lead and service partner are partners."""

    kind: ClassVar[str] = "tandem.invitation.accepted.v1"

    accepted_at: Instant
    accepted_by: str


class InvitationDeclined(InvitationFact):
    """Who was invited does not want to be a partner."""

    kind: ClassVar[str] = "tandem.invitation.declined.v1"

    reason: str | None = None


class InvitationRevoked(InvitationFact):
    """The lead took the invitation back."""

    kind: ClassVar[str] = "tandem.invitation.revoked.v1"


class InvitationLapsed(InvitationFact):
    """Nobody answered in time."""

    kind: ClassVar[str] = "tandem.invitation.lapsed.v1"


class InvitationRanOut(Event):
    """The time to answer an invitation is over; told to the offer handler itself, through the queue of the answers."""

    kind: ClassVar[str] = "tandem.invitation.ran-out.v1"

    partnership_id: UUID
    lapses_at: Instant


class OrganizationMapped(Event):
    """Another local company stands for the lead at the service partner from now on."""

    kind: ClassVar[str] = "tandem.organization.mapped.v1"

    partnership_id: UUID
    lead: Slug
    service: Slug
    organization: str
