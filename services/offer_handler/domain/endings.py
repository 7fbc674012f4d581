"""What ends an outsourcing from outside its offer: the authority over the work says so, or the partnership ends."""

from collections.abc import Sequence
from dataclasses import replace

from services.offer_handler.domain import partnerships
from services.offer_handler.domain.agreements import Agreement
from services.offer_handler.domain.offers import cancelled, go_on
from services.offer_handler.domain.partnerships import Partnership
from services.offer_handler.domain.rounds import LIVE, Outsourcing, Round, State
from shared.contracts.offer_handler import OutsourcingAbandoned, PartnershipEnd, PartnershipEnded
from shared.contracts.ticket_sync import OutsourcingCompleted, OutsourcingHandedBack
from shared.messaging.outcomes import Changed, Decision, Deliver, Message, NotYet, Publish, Refused, Tell, Unchanged


def complete(round: Round | None, completed: Message[OutsourcingCompleted]) -> Decision:
    """The work is done, as the authority over it says: the ticket is free for another offer."""
    return _end(round, completed, State.COMPLETED)


def take_back(round: Round | None, handed_back: Message[OutsourcingHandedBack]) -> Decision:
    """The service partner has given the work back: the ticket is free for another offer."""
    return _end(round, handed_back, State.RETURNED)


def _end(
    round: Round | None, ended: Message[OutsourcingCompleted] | Message[OutsourcingHandedBack], state: State
) -> Decision:
    if round is None:
        return NotYet("outsourcing/unknown")
    outsourcing = round.find(ended.data.outsourcing_id)
    if outsourcing.state is not State.ACCEPTED:
        return Unchanged()
    return Changed(round.with_(outsourcing.ended(state, ended.now)), history=state.value)


def end_partnership(
    known: Partnership | None,
    rounds: Sequence[Round],
    invited: Sequence[Partnership],
    _agreement: Agreement | None,
    ending: Message[PartnershipEnd],
) -> Decision:
    """The lead ends a partnership; while work is under way only by force.

    Then open offers are cancelled, their rounds go on with the next partner, and accepted work is completed by force.
    """
    if known is None or ending.sender not in known.pair:
        return NotYet("partnership/unknown")
    if refused := known.refuses_unless(partnerships.State.ACTIVE, "lead", ending.sender):
        return refused
    live = [(round, one) for round in rounds for one in round.outsourcings if _lives_in(known, one)]
    if live and not ending.data.force:
        return Refused("partnership/work-under-way", state=known.state, allowed=("partnership.end",), count=len(live))
    told = PartnershipEnded(
        partnership_id=known.partnership_id,
        lead=known.lead,
        service=known.service,
        forced=bool(live),
        reason=ending.data.reason,
        ended_at=ending.now,
    )
    values: list[Round] = []
    tell: list[Tell] = [Deliver(known.lead, told), Deliver(known.service, told)]
    beside: list[tuple[str, str]] = []
    others = [one for one in invited if one.partnership_id != known.partnership_id]
    for round, outsourcing in live:
        if outsourcing.state is State.ACCEPTED:
            tell.append(_abandoned(round, outsourcing, ending))
            beside.append((outsourcing.subject, "to be completed: the partnership has ended"))
        else:
            withdrawn = round.with_(outsourcing.answered(State.CANCELLED, ending.now))
            gone_on = go_on(withdrawn, others, (ending.source, ending.id), ending.now)
            values.append(gone_on.round)
            tell += [*cancelled(round, outsourcing, None, ending.now), *gone_on.tell]
            beside += [(outsourcing.subject, "cancelled: the partnership has ended"), *gone_on.beside]
    ended = replace(known, state=partnerships.State.ENDED, ended_at=ending.now)
    return Changed(*values, ended, tell=tell, history="partnership ended", beside=beside)


def _lives_in(partnership: Partnership, outsourcing: Outsourcing) -> bool:
    return outsourcing.partnership_id == partnership.partnership_id and outsourcing.state in LIVE


def _abandoned(round: Round, outsourcing: Outsourcing, ending: Message[PartnershipEnd]) -> Publish:
    abandoned = OutsourcingAbandoned(
        outsourcing_id=outsourcing.outsourcing_id,
        lead=round.lead,
        service=outsourcing.service,
        reason=ending.data.reason,
        actor=ending.data.actor,
    )
    return Publish(abandoned, subject=outsourcing.subject)
