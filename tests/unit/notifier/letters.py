"""Every e-mail there is, as it comes out of the rules: events of one made-up ticket, and the letters they lead to."""

from dataclasses import replace
from email.headerregistry import Address
from email.message import EmailMessage
from typing import TypeVar
from uuid import UUID

from services.notifier.domain.delivery import Letter
from services.notifier.domain.notifications import Notification
from services.notifier.domain.readers import NotificationSettings
from services.notifier.handlers import HANDLERS
from services.notifier.texts import Answers, mail_of
from services.notifier.texts.letters import CATALOGUES
from shared.contracts.offer_handler import Instance
from shared.contracts.values import Event
from shared.links import Keys
from shared.messaging.outcomes import Changed, Message
from tests.unit.notifier.happenings import (
    ACCEPTED,
    ACCEPTED_LATE,
    ANSWERED,
    ANSWERED_BY_LEAD,
    APPROVED,
    ASKED,
    ASKED_BY_SERVICE,
    CANCELLED,
    CREDIT_RENDERED,
    CREDITED,
    DECLINED,
    EVENT_ID,
    EXPIRED,
    FORCED,
    FORCED_UNSTARTED,
    HOURS_REACHED,
    INVITATION_ACCEPTED,
    INVITATION_DECLINED,
    INVITATION_LAPSED,
    INVITATION_REVOKED,
    INVITED,
    INVITED_BY_LINK,
    INVOICE_RENDERED,
    INVOICE_RENDERED_TOO_LARGE,
    INVOICED,
    NEWS,
    NEWS_OF_LEAD,
    NOW,
    OFFERED,
    OFFERED_BRIEFLY,
    OUTSOURCING_ID,
    PDF,
    REJECTED,
    REJECTED_UNDATED,
    REMINDED,
    RETURNED,
    SUBMITTED,
    UNOPENED,
    WITHDRAWN,
)

E = TypeVar("E", bound=Event)

ANSWERS = Answers(Keys(["k" * 32]), "https://tandem.example/")
SENDER = Address("Tandem", "tandem", "tandem.example")
LANGUAGES = CATALOGUES.languages
NAMES = {"nordlicht": "Nordlicht IT GmbH", "alpenwerk": "Alpenwerk Systems"}
READERS = (
    Instance(slug="nordlicht", name=NAMES["nordlicht"], language="de", email="service@nordlicht.example"),
    Instance(slug="alpenwerk", name=NAMES["alpenwerk"], language="en", email="service@alpenwerk.example"),
)


def message_of(event: E, id: UUID = EVENT_ID) -> Message[E]:
    """The event as a rule gets it."""
    return Message(
        id=id,
        source="/tandem/ticket_sync",
        sender="tandem/ticket_sync",
        kind=event.kind,
        subject=str(OUTSOURCING_ID),
        time=NOW,
        data=event,
        now=NOW,
        fresh_id=UUID("0193fe00-0000-7000-8000-0000000000ff"),
    )


def told_of(event: Event, id: UUID = EVENT_ID, *settings: NotificationSettings) -> list[Notification]:
    """What is told of an event that is new, and to whom."""
    decision = HANDLERS.routes[event.kind].decide((), READERS, settings, message_of(event, id))
    assert isinstance(decision, Changed)
    return list(decision.values)


def letter_to(recipient: str, event: Event, language: str, id: UUID = EVENT_ID) -> Letter:
    """The letter that one recipient gets of an event, in that language."""
    (told,) = [one for one in told_of(event, id) if one.recipient == recipient]
    return Letter(
        notification=replace(told, reader=replace(told.reader, language=language)),
        recipient_name=NAMES.get(recipient, recipient),
        partner_name=NAMES.get(told.partner, told.partner),
        by_mail_only=False,
        attempts=1,
        created_at=NOW,
        begun_at=NOW,
    )


SAMPLES: dict[str, tuple[str, Event]] = {
    "offered": ("alpenwerk", OFFERED),
    "offered-briefly": ("alpenwerk", OFFERED_BRIEFLY),
    "offered-by-mail-only": ("alpenwerk", OFFERED),
    "accepted": ("nordlicht", ACCEPTED),
    "accepted-late": ("nordlicht", ACCEPTED_LATE),
    "accepted-by-mail-only": ("nordlicht", ACCEPTED),
    "rejected": ("alpenwerk", REJECTED),
    "rejected-undated": ("alpenwerk", REJECTED_UNDATED),
    "approved-lead": ("nordlicht", APPROVED),
    "approved-service": ("alpenwerk", APPROVED),
    "forced-lead": ("nordlicht", FORCED),
    "forced-service": ("alpenwerk", FORCED),
    "forced-unstarted-lead": ("nordlicht", FORCED_UNSTARTED),
    "forced-unstarted-service": ("alpenwerk", FORCED_UNSTARTED),
    "invited": ("alpenwerk", INVITED),
    "invited-by-link": ("alpenwerk", INVITED_BY_LINK),
    "invitation-accepted": ("nordlicht", INVITATION_ACCEPTED),
    "invitation-declined": ("nordlicht", INVITATION_DECLINED),
    "invitation-revoked": ("alpenwerk", INVITATION_REVOKED),
    "invitation-lapsed-lead": ("nordlicht", INVITATION_LAPSED),
    "invitation-lapsed-service": ("alpenwerk", INVITATION_LAPSED),
    "reminded": ("alpenwerk", REMINDED),
    "expired-lead": ("nordlicht", EXPIRED),
    "expired-service": ("alpenwerk", EXPIRED),
    "declined": ("nordlicht", DECLINED),
    "cancelled": ("alpenwerk", CANCELLED),
    "returned": ("nordlicht", RETURNED),
    "unopened-lead": ("nordlicht", UNOPENED),
    "unopened-service": ("alpenwerk", UNOPENED),
    "unopened-lead-by-mail-only": ("nordlicht", UNOPENED),
    "unopened-service-by-mail-only": ("alpenwerk", UNOPENED),
    "entries-lead": ("nordlicht", NEWS),
    "entries-service": ("alpenwerk", NEWS_OF_LEAD),
    "asked-lead": ("nordlicht", ASKED_BY_SERVICE),
    "asked-service": ("alpenwerk", ASKED),
    "answered-lead": ("nordlicht", ANSWERED),
    "answered-service": ("alpenwerk", ANSWERED_BY_LEAD),
    "submitted": ("nordlicht", SUBMITTED),
    "withdrawn": ("nordlicht", WITHDRAWN),
    "cap-reached-lead": ("nordlicht", HOURS_REACHED),
    "cap-reached-service": ("alpenwerk", HOURS_REACHED),
    "invoiced-lead": ("nordlicht", INVOICE_RENDERED),
    "invoiced-lead-too-large": ("nordlicht", INVOICE_RENDERED_TOO_LARGE),
    "invoiced-service": ("alpenwerk", INVOICED),
    "credited-lead": ("nordlicht", CREDIT_RENDERED),
    "credited-service": ("alpenwerk", CREDITED),
}


def sample(name: str, language: str) -> EmailMessage:
    """The e-mail of that name in that language."""
    recipient, event = SAMPLES[name]
    letter = replace(letter_to(recipient, event, language), by_mail_only=name.endswith("by-mail-only"))
    file = letter.notification.facts.file
    return mail_of(letter, SENDER, ANSWERS.of(letter), PDF if file and file.fits else None)


def plain_of(mail: EmailMessage) -> str:
    return _part(mail, "plain")


def html_of(mail: EmailMessage) -> str:
    return _part(mail, "html")


def even(text: str) -> str:
    """With plain spaces where a locale has others."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def _part(mail: EmailMessage, subtype: str) -> str:
    part = mail.get_body((subtype,))
    assert part is not None
    text: str = part.get_content()
    return text
