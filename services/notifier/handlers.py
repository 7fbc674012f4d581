"""What the notifier answers to: which event, which recipients, which rule."""

from services.notifier import domain, store
from services.notifier.domain import Notification, notification_id
from shared.contracts.offer_handler import OutsourcingAccepted, OutsourcingOffered
from shared.contracts.ticket_sync import OutsourcingCompleted, OutsourcingRejected
from shared.messaging.directory import INSTANCE, JOINING
from shared.messaging.routes import Handlers, Table, each_of, on, one

NOTIFICATION = Table(
    Notification, key=lambda told: told.id, lock=store.lock_notifications, save=store.save_notifications
)
TO_LEAD = one(NOTIFICATION, lambda message: notification_id(message, message.data.lead))
TO_SERVICE = one(NOTIFICATION, lambda message: notification_id(message, message.data.service))
READERS = each_of(INSTANCE, lambda message: (message.data.lead, message.data.service))

HANDLERS = Handlers.of(
    "notifier",
    # Who joins in a turn is written before what it is told in the same one.
    tables=(INSTANCE, NOTIFICATION),
    routes=(
        JOINING,
        on(OutsourcingOffered, decide=domain.tell_of_offer, needs=(TO_SERVICE, READERS)),
        on(OutsourcingAccepted, decide=domain.tell_of_acceptance, needs=(TO_LEAD, READERS)),
        on(OutsourcingRejected, decide=domain.tell_of_rejection, needs=(TO_SERVICE, READERS)),
        on(OutsourcingCompleted, decide=domain.tell_of_completion, needs=(TO_LEAD, TO_SERVICE, READERS)),
    ),
)
