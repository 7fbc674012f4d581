"""Every kind of message there is, told apart by who sends it and who gets it."""

from dataclasses import dataclass
from typing import Literal, TypeVar

from shared.contracts import answers, billing, gateway, notifier, offer_handler, ticket_sync
from shared.contracts.values import Command, Delivery, Event, Payload

P = TypeVar("P", bound=Payload)

Side = Literal["lead", "service", "either", "both"]

_MODULES = {
    "offer_handler": offer_handler,
    "ticket_sync": ticket_sync,
    "notifier": notifier,
    "billing": billing,
    "gateway": gateway,
    "answers": answers,
}


@dataclass(frozen=True, slots=True)
class Direction:
    """Which side of an outsourcing sends a command or gets a delivery; `either` is one of them, `both` are both."""

    side: Side
    owner: str


def _kinds_of(base: type[P]) -> dict[str, type[P]]:
    models = [one for module in _MODULES.values() for one in vars(module).values() if isinstance(one, type)]
    return {one.kind: one for one in models if issubclass(one, base) and "kind" in vars(one)}


def name_of(kind: str) -> str:
    """`offer.send` for `tandem.offer.send.v1`: how people and routing keys name a kind."""
    return kind.removeprefix("tandem.").rsplit(".", 1)[0]


COMMANDS = _kinds_of(Command)
DELIVERIES = _kinds_of(Delivery)
EVENTS = _kinds_of(Event)
KINDS: dict[str, type[Payload]] = {**COMMANDS, **DELIVERIES, **EVENTS}

_SIDES: dict[Side, tuple[type[Payload], ...]] = {
    "lead": (
        offer_handler.AgreementAccept,
        offer_handler.AgreementAccepted,
        offer_handler.PartnershipInvite,
        offer_handler.PartnershipResend,
        offer_handler.PartnershipRevoke,
        offer_handler.PartnershipEnd,
        offer_handler.OfferSend,
        offer_handler.OfferSent,
        offer_handler.OfferCancel,
        offer_handler.RoundClosed,
        ticket_sync.CompletionApprove,
        ticket_sync.CompletionReject,
        ticket_sync.CompletionForce,
        billing.ItemApprove,
        billing.ItemDecline,
        billing.InvoiceReceived,
    ),
    "service": (
        offer_handler.PartnershipAccept,
        offer_handler.PartnershipDecline,
        offer_handler.PartnershipMap,
        offer_handler.PartnershipMapped,
        offer_handler.OfferReceived,
        offer_handler.OfferAccept,
        offer_handler.OfferDecline,
        offer_handler.OfferReminded,
        ticket_sync.TicketRequested,
        ticket_sync.TicketOpened,
        ticket_sync.CompletionSubmit,
        ticket_sync.CompletionWithdraw,
        ticket_sync.OutsourcingReturn,
        ticket_sync.EntrySever,
        billing.ItemAdjust,
        billing.ItemAdjusted,
        billing.ItemPost,
        billing.ItemPosted,
        billing.InvoiceRequest,
        billing.InvoiceCollect,
        billing.InvoiceCancel,
        billing.InvoicePreviewed,
        billing.InvoiceHeldUp,
        billing.ItemOpened,
        billing.InvoiceIssued,
    ),
    "either": (
        ticket_sync.TicketUpdate,
        ticket_sync.TicketNoted,
        ticket_sync.TicketReminded,
        ticket_sync.EntryPut,
        ticket_sync.EntryRemove,
        ticket_sync.EntryReplicated,
        ticket_sync.EntryWithdrawn,
        ticket_sync.EntryHeld,
        ticket_sync.EntryReleased,
        ticket_sync.EntryKeptLocal,
        ticket_sync.QuestionAsk,
        ticket_sync.QuestionAnswer,
        ticket_sync.SyncRequest,
        ticket_sync.SyncDigest,
        billing.BillingSettingsChange,
        billing.BillingSettingsChanged,
        notifier.NotificationSettingsChange,
        notifier.NotificationSettingsChanged,
        notifier.NotificationFailed,
        answers.CommandRejected,
        answers.CommandRepeated,
    ),
    "both": (
        offer_handler.PartnershipInvited,
        offer_handler.PartnershipResent,
        offer_handler.PartnershipAccepted,
        offer_handler.PartnershipDeclined,
        offer_handler.PartnershipRevoked,
        offer_handler.PartnershipLapsed,
        offer_handler.PartnershipEnded,
        offer_handler.OfferAccepted,
        offer_handler.OfferDeclined,
        offer_handler.OfferCancelled,
        offer_handler.OfferExpired,
        ticket_sync.TicketLinked,
        ticket_sync.QuestionAsked,
        ticket_sync.QuestionAnswered,
        ticket_sync.EntrySevered,
        ticket_sync.CompletionSubmitted,
        ticket_sync.CompletionRejected,
        ticket_sync.CompletionWithdrawn,
        ticket_sync.CompletionApproved,
        ticket_sync.CompletionForced,
        ticket_sync.OutsourcingReturned,
        billing.InvoiceFiled,
        ticket_sync.CapReached,
        billing.ItemAsked,
        billing.ItemApproved,
        billing.ItemDeclined,
        billing.InvoiceCancelled,
    ),
}


def _owner_of(model: type[Payload]) -> str:
    """The service whose module holds the kind; `answers` come from every service."""
    return next(name for name, module in _MODULES.items() if vars(module).get(model.__name__) is model)


DIRECTIONS: dict[str, Direction] = {
    model.kind: Direction(side, _owner_of(model)) for side, models in _SIDES.items() for model in models
}
