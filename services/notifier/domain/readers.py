"""Who at an instance reads what, in which language and time zone, as it says itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from shared.contracts.notifier import (
    DEFAULT_GATHERING_MINUTES,
    DEFAULT_TIME_ZONE,
    NotificationKind,
    NotificationSettingsChange,
    NotificationSettingsChanged,
)
from shared.contracts.offer_handler import Instance
from shared.messaging.outcomes import Changed, Decision, Deliver, Message


@dataclass(frozen=True, slots=True)
class Reader:
    """One address, and how its reader wants to be written to."""

    address: str
    language: str
    time_zone: str = DEFAULT_TIME_ZONE


@dataclass(frozen=True, slots=True)
class NotificationSettings:
    """What an instance has set; `recipients` and `language` are None where it keeps to what is known of it."""

    instance: str
    recipients: tuple[str, ...] | None = None
    recipients_of: Mapping[NotificationKind, tuple[str, ...]] = field(default_factory=dict)
    language: str | None = None
    time_zone: str = DEFAULT_TIME_ZONE
    gathering_minutes: int = DEFAULT_GATHERING_MINUTES

    @property
    def gathered_for(self) -> timedelta:
        return timedelta(minutes=self.gathering_minutes)


def readers_of(kind: NotificationKind, instance: Instance, settings: NotificationSettings | None) -> tuple[Reader, ...]:
    """Who reads that at this instance: whom it named for it, or for everything, or who was named when it was added."""
    wanted = settings or NotificationSettings(instance.slug)
    general = (instance.email,) if wanted.recipients is None else wanted.recipients
    addresses = wanted.recipients_of.get(kind, general)
    language = wanted.language or instance.language
    return tuple(Reader(address, language, wanted.time_zone) for address in addresses)


def change_settings(known: NotificationSettings | None, change: Message[NotificationSettingsChange]) -> Decision:
    """Take an instance's settings in place of what was there; what is on its way already stays as it is.

    Who says again what is so already is told so like the first time.
    """
    data = change.data
    new = NotificationSettings(
        instance=change.sender,
        recipients=data.recipients,
        recipients_of={one.kind: one.recipients for one in data.recipients_of},
        language=data.language,
        time_zone=data.time_zone,
        gathering_minutes=data.gathering_minutes,
    )
    changed = NotificationSettingsChanged(
        recipients=new.recipients,
        recipients_of=data.recipients_of,
        language=new.language,
        time_zone=new.time_zone,
        gathering_minutes=new.gathering_minutes,
        changed_at=change.now,
    )
    told = Deliver(change.sender, changed)
    if new == known:
        return Changed(tell=[told], history="notification settings are so already")
    return Changed(new, tell=[told], history="notification settings changed")
