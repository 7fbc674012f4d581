"""What must be told to a side that says what it holds: what it should hold, and again what it lacks, piece by piece."""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from shared.contracts.ticket_sync import Inventory, RepairOrdered, RepairUnfinished, SyncFellDue, SyncRequest
from tests.simulation.facts import SERVICES, Fact

if TYPE_CHECKING:
    from tests.simulation.model import Outsourcing, Taken


def compare(model: "Outsourcing", side: str, said: SyncRequest) -> "Taken | None":
    if not model.elsewhere.may_ask(model.id, side):
        return "refused"
    own, removed = _own(model, side)
    copies = model.follows(side)
    holds = said.copies.version_of if said.copies.versions is not None else None
    lacks = _lacked(model, side, holds, set(said.severed)) if holds is not None else []
    wanted = [] if model.state in ("completed", "returned") else _wanted(model, side, said.own.version_of)
    told_own = _inventory(own, said.own)
    told_removed = {} if told_own[-1] is None else removed
    facts = told_own, _inventory(copies, said.copies), len(model.severed), told_removed, tuple(wanted), len(lacks)
    model.tell(side, "digest", model.state, *facts)
    if holds is None:
        model.elsewhere.told_again(model.id, side)
    else:
        _begin(model, side, lacks)
    return None


def tell_digests(model: "Outsourcing", _: str, __: SyncFellDue) -> None:
    for side in (model.lead, model.service):
        own, _removed = _own(model, side)
        inventories = _inventory(own), _inventory(model.follows(side))
        model.tell(side, "digest", model.state, *inventories, len(model.severed), {}, (), 0)


def tell_all_again(model: "Outsourcing", _: str, said: RepairOrdered) -> None:
    side = said.side
    known = {id for id, word in model.words.items() if word.owner != side and model.is_known_to(side, id)}
    _begin(model, side, sorted(known | model.severed))


def tell_again(model: "Outsourcing", _: str, said: RepairUnfinished) -> "Taken | None":
    if model.repair_ids.get(said.side) != said.repair_id:
        return "unchanged"
    for id in said.entry_ids:
        model.tell_of(id, said.side)
    _next_piece(model, said.side)
    return None


def _begin(model: "Outsourcing", side: str, ids: list[UUID]) -> None:
    model.to_tell_again[side] = ids
    model.elsewhere.told_again(model.id, side)
    model.repair_ids[side] = model.elsewhere.name_of_repair(model.id, side) if ids else None
    _next_piece(model, side)


def _next_piece(model: "Outsourcing", side: str) -> None:
    ids, most = model.to_tell_again[side], model.elsewhere.room.piece
    piece, model.to_tell_again[side] = ids[:most], ids[most:]
    if piece:
        model.tell(SERVICES, "to tell again", side, tuple(piece))


def _own(model: "Outsourcing", side: str) -> tuple[dict[UUID, int], dict[UUID, int]]:
    """A side's own entries, and those that it removed."""
    own: dict[UUID, int] = {}
    removed: dict[UUID, int] = {}
    for id, word in model.words.items():
        if word.owner == side:
            (own if word.body else removed)[id] = word.version
    return own, removed


def _lacked(model: "Outsourcing", side: str, holds: dict[UUID, int], severed: set[UUID]) -> list[UUID]:
    """Copies that are missing or older, what is no copy any more, and severances that are not known."""
    copies = model.follows(side)
    behind = {id for id, version in copies.items() if holds.get(id, 0) < version}
    no_copies = (holds.keys() - copies.keys()) & model.words.keys()
    stale = {id for id in no_copies if model.words[id].owner != side and model.is_known_to(side, id)}
    return sorted(behind | stale | (model.severed - severed))


def _wanted(model: "Outsourcing", side: str, own: Mapping[UUID, int]) -> list[UUID]:
    known = model.words
    return [
        id
        for id, version in own.items()
        if id not in known or (known[id].owner == side and known[id].version < version)
    ]


def _inventory(holds: dict[UUID, int], said: Inventory | None = None) -> Fact:
    """How many and their digest; one by one where something else was said."""
    lines = "".join([f"{id}:{holds[id]}\n" for id in sorted(holds)])
    known = len(holds), hashlib.sha256(lines.encode()).hexdigest()
    differs = said is not None and known != (said.entries, said.sha256)
    return *known, holds if differs else None
