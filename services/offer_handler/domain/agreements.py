"""The outsourcing agreement: which version is in force, and who has accepted it."""

from dataclasses import dataclass
from datetime import datetime

from shared.contracts.offer_handler import AgreementAccept, AgreementAccepted
from shared.messaging.outcomes import Changed, Decision, Deliver, Message, Refused


@dataclass(frozen=True, slots=True)
class CurrentVersion:
    """The version of the agreement that the operator published last."""

    version: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """The outsourcing agreement as an instance accepted it last."""

    instance: str
    version: str
    accepted_by: str
    accepted_at: datetime


def refuses_sending(agreement: Agreement | None, current: CurrentVersion) -> Refused | None:
    """Who invites or sends has accepted the version that is in force; receiving needs no agreement."""
    if agreement is None:
        return Refused("agreement/missing", current=current.version)
    if agreement.version != current.version:
        return Refused("agreement/outdated", current=current.version, accepted=agreement.version)
    return None


def accept_agreement(known: Agreement | None, current: CurrentVersion, accept: Message[AgreementAccept]) -> Decision:
    """From now on the instance may invite and send, until a newer version is published.

    Who asks again, after a restart say, is told what holds since when.
    """
    if accept.data.version != current.version:
        return Refused("agreement/not-current", current=current.version)
    if known is not None and known.version == current.version:
        return Changed(tell=(_told(known),), history=f"agreement {known.version} is accepted already")
    agreement = Agreement(accept.sender, current.version, accept.data.actor, accept.now)
    return Changed(agreement, tell=(_told(agreement),), history=f"agreement {agreement.version} accepted")


def _told(agreement: Agreement) -> Deliver:
    return Deliver(agreement.instance, AgreementAccepted(version=agreement.version, accepted_at=agreement.accepted_at))
