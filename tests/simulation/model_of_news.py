"""What the people of each side must be told: what the other side did since they last were, each once."""

from typing import TYPE_CHECKING
from uuid import UUID

from shared.contracts.notifier import NewsFellDue
from shared.contracts.ticket_sync import TicketUpdate
from tests.simulation.facts import SERVICES, Fact

if TYPE_CHECKING:
    from tests.simulation.model import Outsourcing, Taken

FIELD = ("changed", "field")
# What one side did: by the entry, whether its copy stood before all of this and still does; by its number, a field.
Gathering = dict[UUID | int, bool]


def take_entry(model: "Outsourcing", id: UUID, *, stood: bool) -> None:
    """The other side was told of it just now; whether it had a copy before."""
    writer = model.words[id].owner
    if writer == SERVICES or model.other(writer) in model.been[id]:
        return
    gathering = _of(model, writer)
    gathering[id] = gathering.get(id, stood) and id in model.copies


def take_fields(model: "Outsourcing", writer: str, said: TicketUpdate) -> None:
    gathering = _of(model, writer)
    for _ in said.changes:
        gathering[len(gathering)] = True


def fell_due(model: "Outsourcing", _: str, said: NewsFellDue) -> "Taken | None":
    if said.writer not in model.gathering:
        return "unchanged"
    _tell(model, said.writer)
    return None


def tell_before_the_end(model: "Outsourcing") -> None:
    for side in (model.lead, model.service):
        if side in model.gathering:
            _tell(model, side)


def _of(model: "Outsourcing", writer: str) -> Gathering:
    if writer not in model.gathering:
        model.tell(SERVICES, "news", writer, model.other(writer))
    return model.gathering.setdefault(writer, {})


def _tell(model: "Outsourcing", writer: str) -> None:
    gathering = model.gathering.pop(writer)
    lines = sorted(_line(model, one, stood=stood) for one, stood in gathering.items())
    most = model.elsewhere.room.listed
    listed = tuple(lines) if len(lines) <= most else most
    model.tell(SERVICES, "gathered", writer, model.state, len(lines), listed)


def _line(model: "Outsourcing", one: UUID | int, *, stood: bool) -> Fact:
    """What became of it, and what it is to the reader."""
    if isinstance(one, int):
        return FIELD
    word = model.words[one]
    what = "note" if word.kind == "time" and word.owner == model.lead else word.kind
    if one not in model.copies:
        return "removed", what
    if one in model.added_during_approval:
        return "released", what
    return "changed" if stood else "added", what
