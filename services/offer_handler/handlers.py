"""What the offer handler answers to: which message, which rows, which rule."""

from services.offer_handler import store
from services.offer_handler.domain import agreements, deadlines, endings, invitations, offers, partnerships
from services.offer_handler.domain.addressees import Addressee, addressee_of
from services.offer_handler.domain.agreements import Agreement, CurrentVersion
from services.offer_handler.domain.partnerships import Partnership
from services.offer_handler.domain.rounds import HiddenCustomer, Round
from shared.contracts.offer_handler import (
    AgreementAccept,
    DeadlinePassed,
    InvitationRanOut,
    OfferAccept,
    OfferCancel,
    OfferDecline,
    OfferSend,
    PartnershipAccept,
    PartnershipDecline,
    PartnershipEnd,
    PartnershipInvite,
    PartnershipMap,
    PartnershipResend,
    PartnershipRevoke,
)
from shared.contracts.ticket_sync import OutsourcingCompleted, OutsourcingHandedBack
from shared.messaging.directory import INSTANCE
from shared.messaging.routes import Collection, Handlers, Table, all_of, each_of, on, one

CURRENT_VERSION = Table(CurrentVersion, key=lambda _: "current", lock=store.find_current_version)
AGREEMENT = Table(
    Agreement, key=lambda agreement: agreement.instance, lock=store.lock_agreements, save=store.save_agreements
)
ROUND = Table(
    Round,
    key=lambda round: round.round_id,
    lock=store.lock_rounds,
    save=store.save_rounds,
    state=lambda round, message: round.state_of(message.subject),
    parties=lambda round, message: round.parties_of(message.subject),
)
PARTNERSHIP = Table(
    Partnership,
    key=lambda partnership: partnership.partnership_id,
    lock=store.lock_partnerships,
    save=store.save_partnerships,
    state=lambda partnership, _: partnership.state,
    parties=lambda partnership, _: partnership.pair,
)
ADDRESSEE = Table(
    Addressee, key=lambda addressee: addressee.key, lock=store.lock_addressees, save=store.save_addressees
)
HIDDEN_CUSTOMER = Table(
    HiddenCustomer,
    key=lambda hidden: hidden.round_id,
    lock=store.find_hidden_customers,
    save=store.save_hidden_customers,
)
ROUND_OF_OUTSOURCING = Collection(
    ROUND, groups=lambda round: round.outsourcing_ids, lock=store.lock_rounds_of_outsourcings
)
LIVE_ROUNDS_OF_TICKET = Collection(
    ROUND, groups=lambda round: (round.of_ticket,), lock=store.lock_live_rounds_of_tickets
)
LIVE_ROUNDS_OF_PARTNERSHIP = Collection(
    ROUND, groups=lambda round: round.partnership_ids, lock=store.lock_live_rounds_of_partnerships
)
PARTNERSHIPS_OF_PAIR = Collection(
    PARTNERSHIP, groups=lambda partnership: (partnership.pair,), lock=store.lock_live_partnerships_of_pairs
)

THE_CURRENT_VERSION = one(CURRENT_VERSION, lambda _: "current")
THE_SENDERS_AGREEMENT = one(AGREEMENT, lambda message: message.sender)
THE_PARTNERSHIP = one(PARTNERSHIP, lambda message: message.data.partnership_id)
ALL_OF_THE_PAIR = all_of(PARTNERSHIPS_OF_PAIR, lambda message: (message.sender, partnerships.slug_of(message.data)))
THE_ADDRESSEE = one(
    ADDRESSEE, lambda message: addressee_of(message.sender, message.data.recipient) if message.data.recipient else None
)
ITS_ADDRESSEE = one(
    ADDRESSEE, lambda partnership: addressee_of(partnership.lead, partnership.recipient), via=THE_PARTNERSHIP
)
THE_ROUND_SENT = one(ROUND, lambda message: message.data.round_id)
ROUNDS_IT_NAMES = each_of(ROUND_OF_OUTSOURCING, lambda message: offers.outsourcings_named_by(message.data))
ROUNDS_OF_THE_TICKET = all_of(LIVE_ROUNDS_OF_TICKET, lambda message: (message.sender, message.data.ticket.number))
PARTNERSHIPS_SENT_TO = each_of(PARTNERSHIP, lambda message: [offer.partnership_id for offer in message.data.offers])
THE_ROUND = one(ROUND_OF_OUTSOURCING, lambda message: message.data.outsourcing_id)
ITS_PARTNERSHIPS = each_of(PARTNERSHIP, lambda round: round.partnership_ids, via=THE_ROUND)
ITS_CUSTOMER = one(HIDDEN_CUSTOMER, lambda round: round.round_id, via=THE_ROUND)
ROUNDS_OF_THE_PARTNERSHIP = all_of(LIVE_ROUNDS_OF_PARTNERSHIP, lambda message: message.data.partnership_id)
ALL_THEIR_PARTNERSHIPS = each_of(
    PARTNERSHIP, lambda rounds: [id for round in rounds for id in round.partnership_ids], via=ROUNDS_OF_THE_PARTNERSHIP
)

# What a message is about comes first among its needs: its state is told to who sends the message again.
HANDLERS = Handlers.of(
    "offer_handler",
    # A lead's agreement is locked first, so that what it sends, invites and ends is decided one after another.
    tables=(INSTANCE, CURRENT_VERSION, AGREEMENT, ROUND, PARTNERSHIP, ADDRESSEE, HIDDEN_CUSTOMER),
    routes=(
        on(AgreementAccept, decide=agreements.accept_agreement, needs=(THE_SENDERS_AGREEMENT, THE_CURRENT_VERSION)),
        on(
            PartnershipInvite,
            decide=invitations.invite,
            needs=(THE_PARTNERSHIP, ALL_OF_THE_PAIR, THE_SENDERS_AGREEMENT, THE_CURRENT_VERSION, THE_ADDRESSEE),
            unblocks=True,
        ),
        on(
            PartnershipResend,
            decide=invitations.resend,
            needs=(THE_PARTNERSHIP, THE_SENDERS_AGREEMENT, THE_ADDRESSEE, ITS_ADDRESSEE),
        ),
        on(PartnershipRevoke, decide=invitations.revoke, needs=(THE_PARTNERSHIP,)),
        on(PartnershipAccept, decide=invitations.accept, needs=(THE_PARTNERSHIP,)),
        on(PartnershipDecline, decide=invitations.decline, needs=(THE_PARTNERSHIP,)),
        on(InvitationRanOut, decide=invitations.lapse, needs=(THE_PARTNERSHIP,)),
        on(PartnershipMap, decide=partnerships.map_organization, needs=(THE_PARTNERSHIP,)),
        on(
            PartnershipEnd,
            decide=endings.end_partnership,
            needs=(THE_PARTNERSHIP, ROUNDS_OF_THE_PARTNERSHIP, ALL_THEIR_PARTNERSHIPS, THE_SENDERS_AGREEMENT),
        ),
        on(
            OfferSend,
            decide=offers.send,
            needs=(
                THE_ROUND_SENT,
                ROUNDS_IT_NAMES,
                ROUNDS_OF_THE_TICKET,
                PARTNERSHIPS_SENT_TO,
                THE_SENDERS_AGREEMENT,
                THE_CURRENT_VERSION,
            ),
        ),
        on(OfferAccept, decide=offers.accept, needs=(THE_ROUND, ITS_PARTNERSHIPS, ITS_CUSTOMER)),
        on(OfferDecline, decide=offers.decline, needs=(THE_ROUND, ITS_PARTNERSHIPS)),
        on(OfferCancel, decide=offers.cancel, needs=(THE_ROUND,)),
        on(DeadlinePassed, decide=deadlines.fall_due, needs=(THE_ROUND, ITS_PARTNERSHIPS)),
        on(OutsourcingCompleted, decide=endings.complete, needs=(THE_ROUND,)),
        on(OutsourcingHandedBack, decide=endings.take_back, needs=(THE_ROUND,)),
    ),
)
