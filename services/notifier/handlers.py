"""What the notifier answers to: which event, which recipients, which rule."""

from services.notifier import store
from services.notifier.domain import gathering, invitations, invoices, offers, work
from services.notifier.domain.gathering import Gathering
from services.notifier.domain.notifications import Drafts, Notification, telling
from services.notifier.domain.readers import NotificationSettings, change_settings
from shared.contracts.billing import InvoiceRendered, InvoiceWritten
from shared.contracts.notifier import NotificationSettingsChange
from shared.contracts.offer_handler import (
    InvitationAccepted,
    InvitationDeclined,
    InvitationLapsed,
    InvitationRevoked,
    InvitationSent,
    OutsourcingAccepted,
    OutsourcingCancelled,
    OutsourcingDeclined,
    OutsourcingExpired,
    OutsourcingOffered,
    OutsourcingReminded,
)
from shared.contracts.ticket_sync import (
    NewsCameUp,
    NewsGathered,
    OutsourcingAnswered,
    OutsourcingAsked,
    OutsourcingCapReached,
    OutsourcingCompleted,
    OutsourcingHandedBack,
    OutsourcingRejected,
    OutsourcingSubmitted,
    OutsourcingUnopened,
    OutsourcingWithdrawn,
)
from shared.contracts.values import Event
from shared.messaging.directory import INSTANCE, JOINING
from shared.messaging.routes import Collection, Handlers, Route, Table, all_of, each_of, on, one

SETTINGS = Table(
    NotificationSettings, key=lambda settings: settings.instance, lock=store.find_settings, save=store.save_settings
)
NOTIFICATION = Table(
    Notification, key=lambda told: told.id, lock=store.lock_notifications, save=store.save_notifications
)
GATHERING = Table(
    Gathering, key=lambda gathering: gathering.key, lock=store.lock_gatherings, save=store.save_gatherings
)
OF_ONE_EVENT = Collection(NOTIFICATION, groups=lambda told: (told.cause,), lock=store.list_told)

TOLD_ALREADY = all_of(OF_ONE_EVENT, lambda message: (message.source, message.id))
BOTH_SIDES = each_of(INSTANCE, lambda message: (message.data.lead, message.data.service))
THEIR_SETTINGS = each_of(SETTINGS, lambda message: (message.data.lead, message.data.service))
THE_GATHERING = one(GATHERING, lambda message: (message.data.outsourcing_id, message.data.writer))
ITS_READERS_SETTINGS = one(SETTINGS, lambda message: message.data.reader)
WHO_IS_TOLD = (TOLD_ALREADY, BOTH_SIDES, THEIR_SETTINGS)


def _on(event: type[Event], drafts: Drafts) -> Route:
    return on(event, decide=telling(drafts), needs=WHO_IS_TOLD)


HANDLERS = Handlers.of(
    "notifier",
    # Who joins in a turn is written before what it is told in the same one.
    tables=(INSTANCE, SETTINGS, GATHERING, NOTIFICATION),
    routes=(
        JOINING,
        on(NotificationSettingsChange, decide=change_settings, needs=(one(SETTINGS, lambda change: change.sender),)),
        _on(InvitationSent, invitations.of_sending),
        _on(InvitationAccepted, invitations.of_acceptance),
        _on(InvitationDeclined, invitations.of_refusal),
        _on(InvitationRevoked, invitations.of_revocation),
        _on(InvitationLapsed, invitations.of_lapse),
        _on(OutsourcingOffered, offers.of_offer),
        _on(OutsourcingReminded, offers.of_reminder),
        _on(OutsourcingAccepted, offers.of_acceptance),
        _on(OutsourcingDeclined, offers.of_refusal),
        _on(OutsourcingCancelled, offers.of_cancellation),
        _on(OutsourcingExpired, offers.of_expiry),
        _on(OutsourcingUnopened, work.of_waiting),
        on(NewsCameUp, decide=gathering.begin, needs=(THE_GATHERING, ITS_READERS_SETTINGS)),
        _on(NewsGathered, work.of_news),
        _on(OutsourcingAsked, work.of_question),
        _on(OutsourcingAnswered, work.of_answer),
        _on(OutsourcingCapReached, work.of_cap),
        _on(OutsourcingSubmitted, work.of_submission),
        _on(OutsourcingWithdrawn, work.of_withdrawal),
        _on(OutsourcingRejected, work.of_rejection),
        _on(OutsourcingCompleted, work.of_completion),
        _on(OutsourcingHandedBack, work.of_return),
        _on(InvoiceWritten, invoices.of_invoice),
        _on(InvoiceRendered, invoices.of_files),
    ),
)
