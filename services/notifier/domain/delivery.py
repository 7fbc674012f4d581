"""What becomes of an e-mail on its way: sent, failed for good, or tried again after a growing pause."""

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


@dataclass(frozen=True, slots=True)
class Letter:
    """A notification on its way, with the names of the two companies.

    `begun_at` is since when it is tried: from its creation on, or from when an operator had it sent again.
    """

    notification: Notification
    recipient_name: str
    partner_name: str
    attempts: int
    created_at: datetime
    begun_at: datetime


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
    """What is told of an e-mail that failed for good: to whom it was for, or of an invitation to who sent it."""
    letter = result.letter
    told = letter.notification
    concerned = told.partner if told.facts.invitee and told.role == "service" else told.recipient
    failed = NotificationFailed(
        notification_id=told.id,
        about=told.subject_id,
        told_of=told.kind,
        recipient=told.reader.address,
        words=result.words,
        attempts=letter.attempts,
        failed_at=now,
    )
    return Caused(told.cause_source, told.cause_id, str(told.subject_id), (Deliver(concerned, failed),))
