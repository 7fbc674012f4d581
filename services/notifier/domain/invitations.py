"""What is told of an invitation: to its named recipient, and to the lead, who learns no more than it named itself."""

from collections.abc import Iterable
from datetime import datetime

from services.notifier.domain.notifications import Draft, Facts
from services.notifier.domain.readers import Reader
from shared.contracts.notifier import NotificationKind
from shared.contracts.offer_handler import (
    InvitationAccepted,
    InvitationDeclined,
    InvitationFact,
    InvitationLapsed,
    InvitationRevoked,
    InvitationSent,
)


def of_sending(sent: InvitationSent) -> Iterable[Draft]:
    """Who is invited reads by whom, with which words, and until when to answer."""
    yield _to_recipient(sent, "invited", text=sent.note, until=sent.lapses_at, by_link=sent.by_email)


def of_acceptance(accepted: InvitationAccepted) -> Iterable[Draft]:
    """The lead reads that it has a partner."""
    yield _to_lead(accepted, "invitation_accepted", by=accepted.accepted_by, at=accepted.accepted_at)


def of_refusal(declined: InvitationDeclined) -> Iterable[Draft]:
    """The lead reads that it is not wanted, and why where that was said."""
    yield _to_lead(declined, "invitation_declined", reason=declined.reason or "")


def of_revocation(revoked: InvitationRevoked) -> Iterable[Draft]:
    """Who was invited reads that there is nothing to answer any more."""
    yield _to_recipient(revoked, "invitation_revoked")


def of_lapse(lapsed: InvitationLapsed) -> Iterable[Draft]:
    """Both read that the time is over."""
    yield _to_lead(lapsed, "invitation_lapsed")
    yield _to_recipient(lapsed, "invitation_lapsed")


def _to_lead(
    told: InvitationFact,
    kind: NotificationKind,
    *,
    by: str | None = None,
    at: datetime | None = None,
    reason: str = "",
) -> Draft:
    facts = Facts(invitee=told.recipient, by=by, at=at, reason=reason)
    return Draft(kind, told.partnership_id, "lead", told.lead, told.service, facts)


def _to_recipient(
    told: InvitationFact,
    kind: NotificationKind,
    *,
    text: str = "",
    until: datetime | None = None,
    by_link: bool = False,
) -> Draft:
    facts = Facts(invitee=told.recipient, by_link=by_link, text=text, until=until)
    named = Reader(told.recipient, told.language)
    return Draft(kind, told.partnership_id, "service", told.service, told.lead, facts, named)
