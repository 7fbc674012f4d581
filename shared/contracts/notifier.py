"""Notifications: who at an instance is told of what by e-mail, and what could not be delivered."""

from functools import cache
from typing import Annotated, ClassVar, Literal
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from shared.contracts.values import AboutSender, Delivery, Email, Event, Instant, Language, Slug, Value, each_once

# What people of an instance are told of by e-mail; `entries` are notes, time, charges and files of the other side, and
# the fields that changed on its ticket.
TellableKind = Literal[
    "invitation_accepted",
    "invitation_declined",
    "invitation_lapsed",
    "offered",
    "reminded",
    "expired",
    "accepted",
    "declined",
    "cancelled",
    "returned",
    "unopened",
    "entries",
    "asked",
    "answered",
    "submitted",
    "withdrawn",
    "rejected",
    "approved",
    "forced",
    "cap_reached",
    "invoice_issued",
    "credit_note_issued",
]
# What goes to the named recipient of an invitation, whoever that is, is nobody's to set.
NotificationKind = TellableKind | Literal["invited", "invitation_revoked"]

DEFAULT_TIME_ZONE = "Europe/Berlin"
DEFAULT_GATHERING_MINUTES = 2
# Who wants no more than a few e-mails a day; longer, and a lost mail server would not be noticed within a day.
MOST_GATHERING_MINUTES = 240
# Whoever has more readers has a distribution list.
MOST_RECIPIENTS = 20


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _is_time_zone(name: str) -> str:
    if name not in _time_zones():
        raise PydanticCustomError("time_zone", "must be a time zone of the IANA database, such as 'Europe/Berlin'")
    return name


TimeZone = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    AfterValidator(_is_time_zone),
    Field(examples=["Europe/Berlin"]),
]
Recipients = Annotated[tuple[Email, ...], Field(max_length=MOST_RECIPIENTS), each_once("address", str.lower)]


class RecipientsOf(Value):
    """Who is told of one kind of event; an empty list: nobody is."""

    kind: TellableKind
    recipients: Recipients


class NotificationSettingsChange(AboutSender):
    """Who at an instance is told by e-mail, and how; replaces what was there."""

    kind: ClassVar[str] = "tandem.notification-settings.change.v1"

    recipients: Recipients | None = Field(
        default=None, description="who is told of all that is not named below; left out: the instance's own address"
    )
    # Room for more kinds than there are; each is named once.
    recipients_of: Annotated[tuple[RecipientsOf, ...], Field(max_length=100), each_once("kind")] = Field(
        default=(), description="who is told of these kinds instead"
    )
    language: Language | None = Field(default=None, description="left out: the instance's own")
    time_zone: TimeZone = DEFAULT_TIME_ZONE
    gathering_minutes: Annotated[int, Field(strict=True, ge=0, le=MOST_GATHERING_MINUTES)] = Field(
        default=DEFAULT_GATHERING_MINUTES,
        description="how long, from the first of it on, what the other side does on one ticket gathers for one e-mail"
        " of the kind `entries`",
    )


class NotificationSettingsChanged(Delivery):
    """The settings for e-mails are stored, and hold for what happens from now on."""

    kind: ClassVar[str] = "tandem.notification-settings.changed.v1"

    recipients: tuple[str, ...] | None
    recipients_of: tuple[RecipientsOf, ...]
    language: str | None
    time_zone: str
    gathering_minutes: int
    changed_at: Instant


class NotificationFailed(Delivery):
    """An e-mail failed for good; of an invitation, and where its reader has no instance, its lead is told."""

    kind: ClassVar[str] = "tandem.notification.failed.v1"

    notification_id: UUID
    about: UUID = Field(
        description="the outsourcing, or of an invitation the partnership, or of an invoice of several the invoice"
    )
    told_of: str = Field(description="what it was to tell of, as in `recipients_of`")
    recipient: str | None = Field(
        description="the address; null where it is that of a partner without an instance, but for invitations"
    )
    words: str = Field(
        description="the mail server's last words, or what kept it from being asked; without an address just the codes"
    )
    attempts: int
    failed_at: Instant


class NewsFellDue(Event):
    """What one side did on a ticket has gathered for as long as the other side wants, and is to be told."""

    kind: ClassVar[str] = "tandem.news.fell-due.v1"

    outsourcing_id: UUID
    writer: Slug = Field(description="whose news it is")
