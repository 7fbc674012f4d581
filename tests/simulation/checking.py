"""The end of a history: what both companies hold and were told, against what the model says they must."""

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice, takewhile
from uuid import UUID

from shared.contracts.answers import CommandRepeated
from shared.contracts.gateway import FileUploaded
from shared.contracts.offer_handler import OutsourcingAccepted
from shared.contracts.ticket_sync import (
    AttachmentBody,
    CompletionSubmit,
    CompletionSubmitted,
    EntryPut,
    EntryReplicated,
    FileCited,
    FileReleased,
    LineUnfinished,
    RepairUnfinished,
    TicketReminded,
)
from shared.contracts.values import Payload
from tests.simulation.companies import Company, Said, Ticket
from tests.simulation.elsewhere import InHindsight
from tests.simulation.facts import SERVICES, UNKNOWN, Fact, fact_of
from tests.simulation.model import Outsourcing
from tests.simulation.room import SMALL, Room
from tests.simulation.violations import Violation, expect

# How ticket_sync says to itself that there is more to tell.
PIECES = (RepairUnfinished, LineUnfinished)
# With these an entry that is passed on is refused whether the one that it passes on is there or not.
WITHOUT_ITS_SOURCE = (UNKNOWN, "outsourcing/completed", "outsourcing/returned")


@dataclass(frozen=True, slots=True)
class Ended:
    """How the inbox says that a message ended, for a refusal why, and when it took effect or was refused.

    Refusals of one turn have one time; `place` is where in the outbox that begins which was told of it.
    """

    outcome: str
    problem: str | None
    at: datetime | None = field(default=None, compare=False)
    place: int | None = field(default=None, compare=False)

    def was_before(self, other: "Ended") -> bool:
        """Whether it was decided before that one; not where that is not known."""
        if self.outcome == "refused" and self.place is not None and other.place is not None:
            return self.place < other.place
        return self.at is not None and other.at is not None and self.at < other.at


# As `Ended` has it, of every message that was taken, in the tables of the service. $1 is how one that came again is
# answered: that is told later than what came of it.
HOW_ALL_ENDED = """
SELECT inbox.id, outcome, problem ->> 'type' AS problem, coalesce(history.at, told.at) AS at, told.place
FROM inbox
LEFT JOIN history ON (cause_id, cause_source, history.subject) = (inbox.id, source, inbox.subject)
CROSS JOIN LATERAL (SELECT min(position) AS place, min(created_at) AS at FROM outbox
                    WHERE (outbox.cause_id, outbox.cause_source) = (inbox.id, source) AND outbox.kind <> $1) AS told
"""


@dataclass(slots=True)
class Found:
    """Which file each reader finds under an entry, as the gateway keeps it; older versions come too late."""

    newest: dict[tuple[str, UUID], FileCited | FileReleased] = field(default_factory=dict)

    def take(self, told: FileCited | FileReleased) -> None:
        key = told.reader, told.entry_id
        if key not in self.newest or self.newest[key].version < told.version:
            self.newest[key] = told

    def files(self) -> dict[tuple[str, UUID], Fact]:
        cited = {key: told for key, told in self.newest.items() if isinstance(told, FileCited)}
        return {key: (told.sha256, told.size, told.name, told.media_type) for key, told in cited.items()}


def check_history(
    arrived: list[Said],
    ended: Mapping[UUID, Ended],
    companies: dict[str, Company],
    published: Iterable[Payload],
    *,
    in_time: bool = False,
    room: Room = SMALL,
) -> list[Outsourcing]:
    """All outsourcings, from what arrived in this order, and from how the inbox says that each of it ended.

    Everything took effect just as it must, was answered, or was dropped by an operator; both sides and the other
    services were told just what they must, once and in this order; both sides hold the copies and find the files that
    they must. `in_time` is for where nothing was kept waiting so long that its acceptance may have come too late.
    `room` is what the workers were given of it.
    """
    pieces = [said.data for said in arrived if isinstance(said.data, PIECES)]
    models: dict[UUID, Outsourcing] = {}
    elsewhere = InHindsight(models, pieces, room)
    for said in arrived:
        if said.id not in ended:
            raise Violation(f"lost: {said}")
        if isinstance(said.data, OutsourcingAccepted):
            models[said.data.outsourcing_id] = Outsourcing(said.data, elsewhere)
        elif isinstance(said.data, FileUploaded):
            elsewhere.upload(said.data)
    lines = _lines(arrived, ended)
    unknown = {subject: _unknown_at_first(line, ended, in_time=in_time) for subject, line in lines.items()}
    _take_all(lines, unknown, ended, models, companies)
    told = Counter((_about(data), fact) for data in (*published, *pieces) if (fact := fact_of(data)) is not None)
    must = Counter((model.id, fact) for model in models.values() for fact in model.facts[SERVICES])
    expect("told to", "the other services", must, told)
    found: dict[UUID, Found] = {}
    for data in published:
        if isinstance(data, FileCited | FileReleased):
            found.setdefault(data.outsourcing_id, Found()).take(data)
    for subject in companies[next(iter(companies))].tickets:
        model = models.get(UUID(subject))
        _check_answers(subject, model, unknown.get(subject, []), ended, companies)
        if model is not None:
            check_copies(model, companies, subject)
            expect("files of", subject, files_of(model), found.get(model.id, Found()).files())
            check_secrecy(model, companies, subject)
    return list(models.values())


def _lines(arrived: list[Said], ended: Mapping[UUID, Ended]) -> dict[str, deque[Said]]:
    """What arrived about each outsourcing, in the order in which it was decided.

    That is the order in which it came, but that the word of the next piece passes what waits.
    """
    lines: dict[str, deque[Said]] = {}
    for said in arrived:
        if not isinstance(said.data, FileUploaded):
            line = lines.setdefault(said.subject, deque())
            line.insert(_place_of(said, line, ended) if isinstance(said.data, PIECES) else len(line), said)
    return lines


def _place_of(passing: Said, line: deque[Said], ended: Mapping[UUID, Ended]) -> int:
    """Behind the last that was decided before; aside of what passes itself, and of strangers, who wait apart.

    When something changed nothing is not known. What follows there and did not was before, since news of which nothing
    had gathered would have had something to tell, and all else is the same on either side. A word that changed nothing
    itself came too late, and would have at any later time.
    """
    if ended[passing.id].at is None:
        return len(line)
    sides = {side for said in line if isinstance(said.data, OutsourcingAccepted) for side in _sides(said.data)}
    places = [0]
    for place, said in enumerate(line, 1):
        waits = not isinstance(said.data, OutsourcingAccepted) and ("/" in said.sender or said.sender in sides)
        if waits and ended[said.id].was_before(ended[passing.id]):
            places.append(place)
    followed_by = islice(line, places[-1], None)
    unchanged = list(takewhile(lambda said: ended[said.id].outcome == "unchanged", followed_by))
    return places[-1] + len(unchanged)


def _sides(accepted: OutsourcingAccepted) -> tuple[str, str]:
    return accepted.lead, accepted.service


def _take_all(
    lines: dict[str, deque[Said]],
    unknown: dict[str, list[Said]],
    ended: Mapping[UUID, Ended],
    models: dict[UUID, Outsourcing],
    companies: dict[str, Company],
) -> None:
    """The models take what arrived about each, in its order; what is passed on waits until it is there."""
    submissions = {subject: _submissions(models.get(UUID(subject)), companies, subject) for subject in lines}
    waiting = {subject: deque(line) for subject, line in lines.items()}
    while any(waiting.values()):
        before = sum(map(len, waiting.values()))
        for subject, line in waiting.items():
            while line and _is_there(line[0], ended[line[0].id], models):
                said = line.popleft()
                model, how = models.get(UUID(subject)), ended[said.id]
                if said in unknown[subject]:
                    expect("outcome, where nothing is known, of", said, Ended("refused", UNKNOWN), how)
                elif model is not None and how.outcome != "dropped" and not isinstance(said.data, OutsourcingAccepted):
                    _take(model, said, how, submissions[subject])
        if sum(map(len, waiting.values())) == before:
            raise Violation(f"passed on, but never there: {[str(line[0]) for line in waiting.values() if line]}")


def _take(model: Outsourcing, said: Said, how: Ended, submissions: Iterator[UUID]) -> None:
    assert isinstance(model.elsewhere, InHindsight)
    model.elsewhere.problem = how.problem
    expect("outcome of", said, model.take(said.id, said.sender, said.data), how.outcome)
    if isinstance(said.data, CompletionSubmit) and how.outcome == "applied":
        model.snapshot_id = next(submissions, None)


def _is_there(said: Said, how: Ended, models: dict[UUID, Outsourcing]) -> bool:
    """Whether the entry that is passed on is known, or was waited for in vain."""
    source = said.data.copied_from if isinstance(said.data, EntryPut) else None
    if source is None or how.problem in WITHOUT_ITS_SOURCE or how.outcome == "dropped":
        return True
    other = models.get(source.outsourcing_id)
    return other is not None and other.where_it_has_been(source.entry_id, said.sender) is not None


def _check_answers(
    subject: str,
    model: Outsourcing | None,
    unknown: list[Said],
    ended: Mapping[UUID, Ended],
    companies: dict[str, Company],
) -> None:
    for slug, company in companies.items():
        told = _told(company.tickets[subject], ended)
        answers = [("refused", None, said.id) for said in unknown if said.sender == slug]
        must = model.facts[slug] if model is not None and slug in model.facts else []
        expect("told to", f"{slug} of {subject}", must, [fact for fact in told if fact not in answers])
        expect("refusals told to", f"{slug} of {subject}", Counter(answers), Counter(f for f in told if f in answers))


def _about(data: Payload) -> UUID | None:
    return getattr(data, "outsourcing_id", None)


def check_copies(model: Outsourcing, companies: dict[str, Company], subject: str) -> None:
    """Both sides hold just the copies that they must, and know which are severed and what state things are in."""
    for slug in (model.lead, model.service):
        ticket = companies[slug].tickets[subject]
        # A copy that was edited is nobody else's any more: who loses it has lost it.
        lost = model.severed if ticket.has_lost else set()
        must_have = {
            id: image
            for id, image in model.copies.items()
            if model.words[id].owner not in (slug, SERVICES) and slug not in model.been[id] and id not in lost
        }
        copies = {id: copy for id, copy in _copies_at(ticket).items() if id not in lost}
        expect("copies at", f"{slug} of {subject}", must_have, copies)
        expect("severed at", f"{slug} of {subject}", model.severed, ticket.severed)
        expect("state at", f"{slug} of {subject}", model.state, ticket.state)


def files_of(model: Outsourcing) -> dict[tuple[str, UUID], Fact]:
    """Each owner finds the file of its newest word, the other side that of its copy, and nobody finds another."""
    must: dict[tuple[str, UUID], Fact] = {}
    for id, word in model.words.items():
        at_other = model.other(word.owner)
        copy = model.copies[id][-1] if id in model.copies and at_other not in model.been[id] else None
        for reader, body in ((word.owner, word.body), (at_other, copy)):
            if type(body) is AttachmentBody and body.content is None:
                must[reader, id] = body.sha256, body.size, body.name, body.media_type
    return must


def check_secrecy(model: Outsourcing, companies: dict[str, Company], subject: str) -> None:
    """Where a ticket is outsourced on, what the two were told names no third company, and nothing of its ticket."""
    tickets = [companies[side].tickets[subject] for side in (model.lead, model.service)]
    others = {str(other.outsourcing_id) for ticket in tickets for other in ticket.elsewhere}
    sources = {
        str(entry_id) for ticket in tickets for source, entry_id in ticket.passed_on if source != ticket.outsourcing_id
    }
    hidden = others and others | sources | (companies.keys() - {model.lead, model.service})
    if not hidden:
        return
    # Both are told the same of much, and the same again.
    all_told = {id(told): told for ticket in tickets for _, told in ticket.heard}
    finds = re.compile("|".join(map(re.escape, hidden))).search
    for words in (told.model_dump_json() for told in all_told.values()):
        if finds(words):
            raise Violation(f"who takes part in {subject} is told of another ticket: {words}")


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


def _unknown_at_first(arrived: Iterable[Said], ended: Mapping[UUID, Ended], *, in_time: bool) -> list[Said]:
    """What strangers said, and what was said so early that it waited in vain for the acceptance."""
    unknown, begun, sides = [], False, set()
    for said in arrived:
        if isinstance(said.data, OutsourcingAccepted):
            sides = set(_sides(said.data))
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
        if type(copy) is EntryReplicated and copy.owner != SERVICES
    }
