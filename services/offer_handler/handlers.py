"""What the offer handler answers to: which message, which rows, which rule."""

from services.offer_handler import store
from services.offer_handler.domain import offers, partnerships
from services.offer_handler.domain.offers import Outsourcing
from services.offer_handler.domain.partnerships import Agreement, Partnership
from shared.contracts.offer_handler import (
    AgreementAccept,
    DeadlinePassed,
    OfferAccept,
    OfferCancel,
    OfferDecline,
    OfferSend,
    PartnershipAccept,
    PartnershipInvite,
)
from shared.contracts.ticket_sync import OutsourcingCompleted
from shared.messaging.routes import Collection, Handlers, Table, all_of, on, one

# Locked first: what a lead sends is decided one after another, so that two offers of one ticket meet.
AGREEMENT = Table(
    Agreement, key=lambda agreement: agreement.instance, lock=store.lock_agreements, save=store.save_agreements
)
OUTSOURCING = Table(
    Outsourcing,
    key=lambda outsourcing: outsourcing.outsourcing_id,
    lock=store.lock_outsourcings,
    save=store.save_outsourcings,
    state=lambda outsourcing, _: outsourcing.state,
)
PARTNERSHIP = Table(
    Partnership,
    key=lambda partnership: partnership.partnership_id,
    lock=store.lock_partnerships,
    save=store.save_partnerships,
    state=lambda partnership, _: partnership.state,
)
OUTSOURCINGS_OF_ROUND = Collection(
    OUTSOURCING, groups=lambda outsourcing: (outsourcing.round_id,), lock=store.lock_outsourcings_of_rounds
)
OUTSOURCINGS_OF_TICKET = Collection(
    OUTSOURCING, groups=lambda outsourcing: (outsourcing.of_ticket,), lock=store.lock_live_outsourcings_of_tickets
)
PARTNERSHIPS_OF_PAIR = Collection(
    PARTNERSHIP, groups=lambda partnership: (partnership.pair,), lock=store.lock_live_partnerships_of_pairs
)

THE_SENDERS_AGREEMENT = one(AGREEMENT, lambda message: message.sender)
THE_PARTNERSHIP = one(PARTNERSHIP, lambda message: message.data.partnership_id)
THE_PARTNERSHIP_SENT_TO = one(PARTNERSHIP, lambda message: message.data.offers[0].partnership_id)
ALL_OF_THE_PAIR = all_of(PARTNERSHIPS_OF_PAIR, lambda message: (message.sender, message.data.partner))
THE_OUTSOURCING = one(OUTSOURCING, lambda message: message.data.outsourcing_id)
THE_OUTSOURCING_SENT = one(OUTSOURCING, lambda message: message.data.offers[0].outsourcing_id)
ALL_OF_THE_ROUND = all_of(OUTSOURCINGS_OF_ROUND, lambda message: message.data.round_id)
ALL_OF_THE_TICKET = all_of(OUTSOURCINGS_OF_TICKET, lambda message: (message.sender, message.data.ticket.number))
ITS_PARTNERSHIP = one(PARTNERSHIP, lambda outsourcing: outsourcing.partnership_id, via=THE_OUTSOURCING)

# What a message is about comes first among its needs: its state is told to who sends the message again.
HANDLERS = Handlers.of(
    "offer_handler",
    tables=(AGREEMENT, OUTSOURCING, PARTNERSHIP),
    routes=(
        on(AgreementAccept, decide=partnerships.accept_agreement, needs=(THE_SENDERS_AGREEMENT,)),
        on(
            PartnershipInvite,
            decide=partnerships.invite,
            needs=(THE_PARTNERSHIP, ALL_OF_THE_PAIR, THE_SENDERS_AGREEMENT),
            unblocks=True,
        ),
        on(PartnershipAccept, decide=partnerships.accept_invitation, needs=(THE_PARTNERSHIP,)),
        on(
            OfferSend,
            decide=offers.send,
            needs=(
                THE_OUTSOURCING_SENT,
                ALL_OF_THE_ROUND,
                ALL_OF_THE_TICKET,
                THE_PARTNERSHIP_SENT_TO,
                THE_SENDERS_AGREEMENT,
            ),
        ),
        on(OfferAccept, decide=offers.accept, needs=(THE_OUTSOURCING, ITS_PARTNERSHIP)),
        on(OfferDecline, decide=offers.decline, needs=(THE_OUTSOURCING,)),
        on(OfferCancel, decide=offers.cancel, needs=(THE_OUTSOURCING,)),
        on(DeadlinePassed, decide=offers.expire, needs=(THE_OUTSOURCING,)),
        on(OutsourcingCompleted, decide=offers.complete, needs=(THE_OUTSOURCING,)),
    ),
)
