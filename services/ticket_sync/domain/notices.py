"""What passes at once until the link has ended: changed fields, questions and answers.

Nothing is kept of them. Before the service partner's ticket is open they go with the outsourcing, of which the
partner was told before; so they need not wait as entries do, and a question about the work is answered earlier.
"""

from services.ticket_sync.domain.links import Link
from shared.contracts.ticket_sync import (
    QuestionAnswer,
    QuestionAnswered,
    QuestionAsk,
    QuestionAsked,
    TicketNoted,
    TicketUpdate,
)
from shared.contracts.values import Delivery
from shared.messaging.outcomes import Changed, Decision, Deliver, Message, NotYet


def note_changes(link: Link | None, update: Message[TicketUpdate]) -> Decision:
    """Note on the other side's ticket which fields changed; none of its own fields is overwritten."""
    if link is None or not link.includes(update.sender):
        return NotYet("outsourcing/unknown")
    noted = TicketNoted(
        outsourcing_id=link.outsourcing_id, reason="fields_changed", changes=update.data.changes, state=link.state
    )
    return _pass(link, update.sender, noted, "changed fields noted")


def ask(link: Link | None, question: Message[QuestionAsk]) -> Decision:
    """Put a question to the other side."""
    if link is None or not link.includes(question.sender):
        return NotYet("outsourcing/unknown")
    asked = QuestionAsked(
        outsourcing_id=link.outsourcing_id,
        text=question.data.text,
        asked_by=question.data.actor,
        asked_at=question.now,
        state=link.state,
    )
    return _pass(link, question.sender, asked, "question asked")


def answer(link: Link | None, given: Message[QuestionAnswer]) -> Decision:
    """Give the other side an answer."""
    if link is None or not link.includes(given.sender):
        return NotYet("outsourcing/unknown")
    answered = QuestionAnswered(
        outsourcing_id=link.outsourcing_id,
        text=given.data.text,
        answered_by=given.data.actor,
        answered_at=given.now,
        state=link.state,
    )
    return _pass(link, given.sender, answered, "question answered")


def _pass(link: Link, sender: str, fact: Delivery, history: str) -> Decision:
    if link.has_ended:
        return link.refuses()
    return Changed(tell=(Deliver(link.other_side_of(sender), fact),), history=history)
