"""What the notifier answers to: which event, which recipients, which rule."""

from services.notifier import domain, store
from services.notifier.domain import Notification, notification_id
from shared.contracts.offer_handler import OutsourcingAccepted, OutsourcingOffered
from shared.contracts.ticket_sync import OutsourcingCompleted, OutsourcingRejected
from shared.messaging.routes import Handlers, Table, on, one

NOTIFICATION = Table(
    Notification, key=lambda told: told.id, lock=store.lock_notifications, save=store.save_notifications
)
TO_LEAD = one(NOTIFICATION, lambda message: notification_id(message, message.data.lead))
TO_SERVICE = one(NOTIFICATION, lambda message: notification_id(message, message.data.service))

HANDLERS = Handlers.of(
    "notifier",
    tables=(NOTIFICATION,),
    routes=(
        on(OutsourcingOffered, decide=domain.tell_of_offer, needs=(TO_SERVICE,)),
        on(OutsourcingAccepted, decide=domain.tell_of_acceptance, needs=(TO_LEAD,)),
        on(OutsourcingRejected, decide=domain.tell_of_rejection, needs=(TO_SERVICE,)),
        on(OutsourcingCompleted, decide=domain.tell_of_completion, needs=(TO_LEAD, TO_SERVICE)),
    ),
)
