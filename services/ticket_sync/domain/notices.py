"""What passes at once until the link has ended: changed fields to the other side, questions and answers to both.

Nothing is kept of them, but of the fields which ones changed until people were told. Before the service partner's
ticket is open they go with the outsourcing, of which the partner was told before; so they need not wait as entries do,
and a question about the work is answered earlier.
"""

from services.ticket_sync.domain.agreed import Agreed
from services.ticket_sync.domain.links import Link
from services.ticket_sync.domain.news import Noted, news_of
from shared.contracts.ticket_sync import (
    OutsourcingAnswered,
    OutsourcingAsked,
    QuestionAnswer,
    QuestionAnswered,
    QuestionAsk,
    QuestionAsked,
    TicketNoted,
    TicketUpdate,
)
from shared.messaging.outcomes import Changed, Decision, Deliver, Message, NotYet, Publish


def note_changes(link: Link | None, noted: Noted | None, update: Message[TicketUpdate]) -> Decision:
    """Note on the other side's ticket which fields changed; none of its own fields is overwritten."""
    if link is None or not link.includes(update.sender):
        return NotYet("outsourcing/unknown")
    if link.has_ended:
        return link.refuses()
    note = TicketNoted(
        outsourcing_id=link.outsourcing_id, reason="fields_changed", changes=update.data.changes, state=link.state
    )
    noted = noted or Noted(link.outsourcing_id, update.sender)
    link, news = news_of(link, update.sender, update.now)
    return Changed(
        link,
        noted.with_changes(update.data.changes, update.now),
        tell=(Deliver(link.other_side_of(update.sender), note), *news),
        history="changed fields noted",
    )


def ask(link: Link | None, agreed: Agreed | None, question: Message[QuestionAsk]) -> Decision:
    """Put a question to the other side; who asks is told too that it was put."""
    if link is None or agreed is None or not link.includes(question.sender):
        return NotYet("outsourcing/unknown")
    if link.has_ended:
        return link.refuses()
    asked = QuestionAsked(
        outsourcing_id=link.outsourcing_id,
        sender=question.sender,
        text=question.data.text,
        asked_by=question.data.actor,
        asked_at=question.now,
        state=link.state,
    )
    published = OutsourcingAsked(
        **agreed.named(link),
        sender=question.sender,
        text=question.data.text,
        by=question.data.actor,
        at=question.now,
        state=link.state,
    )
    return Changed(tell=(*link.both(asked), Publish(published)), history="question asked")


def answer(link: Link | None, agreed: Agreed | None, given: Message[QuestionAnswer]) -> Decision:
    """Give the other side an answer; who answers is told too that it was given."""
    if link is None or agreed is None or not link.includes(given.sender):
        return NotYet("outsourcing/unknown")
    if link.has_ended:
        return link.refuses()
    answered = QuestionAnswered(
        outsourcing_id=link.outsourcing_id,
        sender=given.sender,
        text=given.data.text,
        answered_by=given.data.actor,
        answered_at=given.now,
        state=link.state,
    )
    published = OutsourcingAnswered(
        **agreed.named(link),
        sender=given.sender,
        text=given.data.text,
        by=given.data.actor,
        at=given.now,
        state=link.state,
    )
    return Changed(tell=(*link.both(answered), Publish(published)), history="question answered")
