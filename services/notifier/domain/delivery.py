"""What becomes of an e-mail on its way: sent, failed for good, or tried again after a growing pause."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, assert_never
from uuid import UUID

from services.notifier.domain.notifications import Notification
from shared.contracts.notifier import NotificationFailed
from shared.messaging.outcomes import Caused, Deliver

State = Literal["pending", "sent", "failed"]
Verdict = Literal["accepted", "refused", "trouble", "untried"]

FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(hours=2)
GIVE_UP_AFTER = timedelta(days=1)
# RFC 5321, section 4.2, and RFC 3463, section 2.
CODES = re.compile(r"\d{3}( \d\.\d{1,3}\.\d{1,3}(?!\S))?")


@dataclass(frozen=True, slots=True)
class Letter:
    """A notification on its way, with the names of the two companies.

    `by_mail_only` is how its service partner is reached. `begun_at` is since when it is tried: from its creation on, or
    from when an operator had it sent again.
    """

    notification: Notification
    recipient_name: str
    partner_name: str
    by_mail_only: bool
    attempts: int
    created_at: datetime
    begun_at: datetime

    @property
    def is_invitation(self) -> bool:
        """Whether it goes to whom the lead has named, whoever that is."""
        told = self.notification
        return told.role == "service" and told.facts.invitee is not None

    @property
    def service_has_system(self) -> bool:
        """Whether the service partner works in a system of its own: of who is invited the lead alone has said that."""
        return not (self.notification.facts.by_link if self.is_invitation else self.by_mail_only)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one attempt.

    `accepted` and `refused` are the mail server's last word on this mail; `trouble` may pass; `untried` was not this
    mail's turn yet. `words` are the server's, or ours where it said nothing.
    """

    letter: Letter
    verdict: Verdict
    words: str


@dataclass(frozen=True, slots=True)
class Settled:
    """Where an attempt leaves its notification; `attempts` tells which attempt it was."""

    id: UUID
    state: State
    attempts: int
    counts: bool
    answer: str
    next_attempt_at: datetime | None


def settle(result: Result, now: datetime) -> Settled:
    """Where the attempt leaves the notification: done, failed for good, or due again after a growing pause."""
    letter = result.letter

    def settled(state: State, next_attempt_at: datetime | None = None, *, counts: bool = True) -> Settled:
        return Settled(letter.notification.id, state, letter.attempts, counts, result.words, next_attempt_at)

    match result.verdict:
        case "accepted":
            return settled("sent")
        case "refused":
            return settled("failed")
        case "untried":
            return settled("pending", now, counts=False)
        case "trouble":
            again_at = now + pause_after(letter.attempts)
            return settled("pending", again_at) if again_at < letter.begun_at + GIVE_UP_AFTER else settled("failed")
        case _:
            assert_never(result.verdict)


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts: twice as long each time, up to a limit."""
    doublings = min(attempts - 1, 20)
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


def failure(result: Result, now: datetime) -> Caused:
    """What is told of an e-mail that failed for good: to whom it was for, or where that cannot be told, to its lead.

    The lead knows the address of an invitation, which it named itself, and of no other.
    """
    letter = result.letter
    told = letter.notification
    of_partner = told.role == "service" and letter.by_mail_only and not letter.is_invitation
    failed = NotificationFailed(
        notification_id=told.id,
        about=told.subject_id,
        told_of=told.kind,
        recipient=None if of_partner else told.reader.address,
        words=_without_names(result.words) if of_partner else result.words,
        attempts=letter.attempts,
        failed_at=now,
    )
    concerned = told.partner if of_partner or letter.is_invitation else told.recipient
    return Caused(told.cause_source, told.cause_id, str(told.subject_id), (Deliver(concerned, failed),))


def _without_names(words: str) -> str:
    """The codes of the mail server's answer: what stands behind them may name people. What is ours names nobody."""
    codes = CODES.match(words)
    return codes[0] if codes else words
