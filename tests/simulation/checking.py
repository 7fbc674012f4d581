"""The end of a history: what both companies hold and were told, against what the model says they must."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from shared.contracts.answers import CommandRepeated
from shared.contracts.offer_handler import OutsourcingAccepted
from shared.contracts.ticket_sync import CompletionSubmit, CompletionSubmitted, EntryReplicated, TicketReminded
from shared.contracts.values import Payload
from tests.simulation.companies import Company, Said, Ticket
from tests.simulation.facts import SERVICES, Fact, fact_of
from tests.simulation.model import Outsourcing
from tests.simulation.violations import Violation, expect

UNKNOWN = "outsourcing/unknown"


@dataclass(frozen=True, slots=True)
class Ended:
    """How the inbox says that a message ended, and for a refusal why."""

    outcome: str
    problem: str | None


def check_outsourcing(
    subject: str,
    arrived: list[Said],
    ended: Mapping[UUID, Ended],
    companies: dict[str, Company],
    published: Iterable[Payload],
    *,
    in_time: bool = False,
) -> Outsourcing | None:
    """One outsourcing, from what arrived in this order, and from how the inbox says that each of it ended.

    Everything took effect just as it must, was answered, or was dropped by an operator; both sides and the other
    services were told just what they must, once and in this order; both sides hold the copies that they must.
    `in_time` is for where nothing was kept waiting so long that its acceptance may have come too late for it.
    """
    model = next((Outsourcing(one.data) for one in arrived if isinstance(one.data, OutsourcingAccepted)), None)
    unknown = _unknown_at_first(arrived, ended, in_time=in_time)
    submissions = _submissions(model, companies, subject)
    for said in arrived:
        how = ended.get(said.id)
        if how is None:
            raise Violation(f"lost: {said}")
        if said in unknown:
            expect("outcome, where nothing is known, of", said, Ended("refused", UNKNOWN), how)
        elif model is not None and how.outcome != "dropped" and not isinstance(said.data, OutsourcingAccepted):
            expect("outcome of", said, model.take(said.id, said.sender, said.data), how.outcome)
            if isinstance(said.data, CompletionSubmit) and how.outcome == "applied":
                model.snapshot_id = next(submissions, None)
    for slug, company in companies.items():
        told = _told(company.tickets[subject], ended)
        answers = [("refused", None, said.id) for said in unknown if said.sender == slug]
        must = model.facts[slug] if model is not None and slug in model.facts else []
        expect("told to", f"{slug} of {subject}", must, [fact for fact in told if fact not in answers])
        expect("refusals told to", f"{slug} of {subject}", Counter(answers), Counter(f for f in told if f in answers))
    if model is not None:
        facts = Counter(fact for data in published if (fact := fact_of(data)) is not None)
        expect("told to the other services, of", subject, Counter(model.facts[SERVICES]), facts)
        check_copies(model, companies, subject)
    return model


def check_copies(model: Outsourcing, companies: dict[str, Company], subject: str) -> None:
    """Both sides hold just the copies that they must, and know what state things are in."""
    for slug in (model.lead, model.service):
        ticket = companies[slug].tickets[subject]
        must_have = {id: image for id, image in model.copies.items() if model.words[id].owner != slug}
        expect("copies at", f"{slug} of {subject}", must_have, _copies_at(ticket))
        expect("state at", f"{slug} of {subject}", model.state, ticket.state)


def check_reminders(model: Outsourcing, companies: dict[str, Company], subject: str, hours: float) -> None:
    """Who has not opened its ticket for so long was reminded of it: twice at most, the second time with the lead."""
    times = {
        slug: [
            told.waiting_hours
            for _, told in sorted_heard(companies[slug].tickets[subject])
            if isinstance(told, TicketReminded)
        ]
        for slug in (model.lead, model.service)
    }
    at_service, at_lead = times[model.service], times[model.lead]
    must_be_known = model.state == "accepted" and hours > 24
    if len(at_service) > 2 or at_lead != [waited for waited in at_service if waited >= 24]:
        raise Violation(f"reminders of {subject}: {times}")
    if must_be_known and not at_lead:
        raise Violation(f"nobody was told that {subject} is not open after {hours:.1f} hours: {times}")


def sorted_heard(ticket: Ticket) -> list[tuple[int, Payload]]:
    """What it was told, in the order in which it was decided."""
    return sorted(ticket.heard, key=lambda heard: heard[0])


def _unknown_at_first(arrived: list[Said], ended: Mapping[UUID, Ended], *, in_time: bool) -> list[Said]:
    """What strangers said, and what was said so early that it waited in vain for the acceptance."""
    unknown, begun, sides = [], False, set()
    for said in arrived:
        if isinstance(said.data, OutsourcingAccepted):
            sides = {said.data.lead, said.data.service}
    for said in arrived:
        begun = begun or isinstance(said.data, OutsourcingAccepted)
        how = ended.get(said.id)
        is_strange = "/" not in said.sender and said.sender not in sides
        too_early = not begun and not in_time and how == Ended("refused", UNKNOWN)
        if (is_strange or too_early) and how is not None and how.outcome != "dropped":
            unknown.append(said)
    return unknown


def _submissions(model: Outsourcing | None, companies: dict[str, Company], subject: str) -> Iterator[UUID]:
    heard = sorted_heard(companies[model.lead].tickets[subject]) if model else []
    return iter([told.snapshot.snapshot_id for _, told in heard if isinstance(told, CompletionSubmitted)])


def _told(ticket: Ticket, ended: Mapping[UUID, Ended]) -> list[Fact]:
    own = {said.id for said in ticket.said}
    sequences = Counter(sequence for sequence, _ in ticket.heard)
    if len(sequences) < len(ticket.heard):
        raise Violation(f"told with the same sequence: {sequences.most_common(1)}")
    told = [data for _, data in sorted_heard(ticket)]
    for data in told:
        if isinstance(data, CommandRepeated):
            how = ended.get(data.command_id) if data.command_id in own else None
            if how is None or data.outcome not in ("parked", how.outcome):
                raise Violation(f"told of what was sent again: {data}\n  but it ended as {how}")
    return [fact for data in told if (fact := fact_of(data)) is not None]


def _copies_at(ticket: Ticket) -> dict[UUID, Fact]:
    return {
        id: (copy.version, copy.owner, copy.visibility, copy.author, copy.happened_at, copy.body)
        for id, copy in ticket.copies.items()
        if isinstance(copy, EntryReplicated) and copy.owner != SERVICES
    }
