"""Addresses that leads have invitations sent to: nobody is flooded with what was not asked for."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

# Each is an e-mail to somebody who has not asked for it: who does not answer eleven does not answer the next.
MOST_RESENDS = 10
# One invitation, sent again as often as it may be. To revoke it and to invite again makes no more of them.
MOST_IN_A_DAY = MOST_RESENDS + 1
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Addressee:
    """One address as one lead writes to it: how many invitations in the day that began with the first of them."""

    lead: str
    address: str
    since: datetime
    invitations: int

    @property
    def key(self) -> tuple[str, str]:
        return self.lead, self.address


def addressee_of(lead: str, recipient: str) -> tuple[str, str]:
    """The same for every way to write an address in capitals and small letters."""
    return lead, recipient.lower()


def with_another_invitation(known: Addressee | None, lead: str, recipient: str, now: datetime) -> Addressee | None:
    """The same with one more, or with the first of another day; None where that would be one too many."""
    if known is None or now >= known.since + DAY:
        return Addressee(*addressee_of(lead, recipient), since=now, invitations=1)
    if known.invitations >= MOST_IN_A_DAY:
        return None
    return replace(known, invitations=known.invitations + 1)
