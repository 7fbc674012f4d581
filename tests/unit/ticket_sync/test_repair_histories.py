"""Whatever was written, lost, forgotten and restored: a side that asks and does as it is answered is in step again."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from services.ticket_sync.domain.entries import Entry
from services.ticket_sync.domain.repair import ASK_AGAIN_AFTER
from shared.contracts.ticket_sync import EntryBody, EntrySevered, RepairUnfinished, SyncDigest, SyncRequest
from shared.contracts.values import Delivery, Payload
from shared.ids import new_id
from tests.unit.ticket_sync.outsourcing import (
    CHARGE,
    LEAD,
    NOTE,
    PATH,
    SERVICE,
    TIME,
    WITHDRAW,
    Copies,
    Outsourcing,
    ask,
    force,
    give_back,
    just_accepted,
    opened,
    put,
    reject,
    remove,
    sever,
    submit,
)

SYNC = "tandem/ticket_sync"
BODIES: tuple[EntryBody, ...] = (NOTE, TIME, CHARGE, PATH)
MOVES: dict[str, tuple[str, Payload]] = {
    "open": (SERVICE, opened()),
    "reject": (LEAD, reject()),
    "withdraw": (SERVICE, WITHDRAW),
    "force": (LEAD, force()),
    "return": (SERVICE, give_back()),
}
OPERATIONS = ["write"] * 6 + ["remove", "forget a copy", "forget its own", "restore", "sever", "submit", *MOVES]
OPERATIONS += ["forget what is severed"]
SOMETIMES = st.sampled_from([True, True, True, False])


@dataclass
class Side:
    """One instance: the versions of what it has written, and of what it was told."""

    slug: str
    ids: list[UUID] = field(default_factory=lambda: [new_id() for _ in range(4)])
    own: dict[UUID, int] = field(default_factory=dict)
    removed: dict[UUID, int] = field(default_factory=dict)
    copies: Copies = field(default_factory=Copies)
    severed: set[UUID] = field(default_factory=set)
    digest: SyncDigest | None = None

    def take(self, facts: list[Delivery]) -> None:
        self.copies.take(facts)
        for fact in facts:
            if isinstance(fact, EntrySevered):
                self.copies.known.pop(fact.entry_id, None)
                self.severed.add(fact.entry_id)
            elif isinstance(fact, SyncDigest):
                self.digest = fact

    def write(self, id: UUID, *, internal: bool = False, above: int = 0) -> Payload:
        version = max(self.own.get(id, 0), self.removed.pop(id, 0), above) + 1
        self.own[id] = version
        return put(BODIES[self.ids.index(id)], id=id, version=version, visibility="internal" if internal else "shared")

    def remove(self, id: UUID) -> Payload:
        self.removed[id] = self.own.pop(id, self.removed.get(id, 0)) + 1
        return remove(id, self.removed[id])

    def says(self, *, listed: bool) -> SyncRequest:
        return ask(self.own, self.copies.version_of, severed=self.severed, listed=listed)


class Network:
    """The two sides and the hub between them; what is under way may be lost."""

    def __init__(self) -> None:
        self.hub: Outsourcing = just_accepted()
        self.sides = {LEAD: Side(LEAD), SERVICE: Side(SERVICE)}

    def say(self, slug: str, data: Payload, *, arrives: bool = True, answered: bool = True) -> None:
        """A message to the hub and what follows from it, as far as it gets."""
        waiting = [(slug, data)] if arrives else []
        while waiting:
            self.hub.told.clear()
            self.hub.say(*waiting.pop(0))
            waiting += [(SYNC, one) for one in self.hub.published() if isinstance(one, RepairUnfinished)]
            for side in self.sides.values():
                side.take(self.hub.told_to(side.slug) if answered else [])

    def play(self, operation: str, data: Any) -> None:
        side = self.sides[data.draw(st.sampled_from([LEAD, SERVICE]))]
        other = self.sides[SERVICE if side.slug == LEAD else LEAD]
        id = data.draw(st.sampled_from(side.ids))
        under_way = {"arrives": data.draw(SOMETIMES), "answered": data.draw(SOMETIMES)}
        match operation:
            case "write":
                self.say(side.slug, side.write(id, internal=data.draw(st.booleans())), **under_way)
            case "remove":
                self.say(side.slug, side.remove(id), **under_way)
            case "forget a copy":
                other.copies.known.pop(id, None)
            case "forget its own":
                side.own.pop(id, None)
            case "forget what is severed":
                side.severed.clear()
            case "restore":
                side.own = {one: max(version - 1, 1) for one, version in side.own.items()}
            case "sever":
                self.say(SERVICE, sever(id), **under_way)
            case "submit":
                work = [one.kind for one in self.hub.all_of(Entry) if one.is_work and one.owner == SERVICE]
                hours, charges = Decimal("1.5") * work.count("time"), Decimal("1.01") * work.count("charge")
                self.say(SERVICE, submit(len(work), f"{hours}", f"{charges}"), **under_way)
            case _:
                self.say(*MOVES[operation], **under_way)

    def repair(self, side: Side) -> None:
        """Ask, put what is wanted, say again what was removed, and go on above what the hub knows of one's own."""
        self.hub.now += ASK_AGAIN_AFTER
        self.say(side.slug, side.says(listed=True))
        assert side.digest is not None
        for id in side.digest.wanted:
            self.say(side.slug, side.write(id))
        for one in side.digest.removed:
            if side.own.get(one.entry_id, 0) <= one.version:
                side.own.pop(one.entry_id, None)
        for id, version in side.digest.own.version_of.items():
            if side.removed.get(id, 0) > version:
                self.say(side.slug, remove(id, side.removed[id]))
            elif side.own.get(id, 0) < version:
                self.say(side.slug, side.write(id, above=version))

    def in_step(self, side: Side) -> tuple[bool, bool]:
        """Whether a digest alone shows that the hub and the side hold the same: its own, and what is of copies."""
        self.hub.now += ASK_AGAIN_AFTER
        self.say(side.slug, side.says(listed=False))
        assert side.digest is not None
        own, copies = side.digest.own.versions is None, side.digest.copies.versions is None
        return own, copies and side.digest.severed == len(side.severed)


@settings(max_examples=150)
@given(operations=st.lists(st.sampled_from(OPERATIONS), max_size=25), data=st.data())
def test_after_a_repair_both_hold_what_they_should_whatever_happened_before(operations: list[str], data: Any) -> None:
    network = Network()
    for operation in operations:
        network.play(operation, data)
    for side in network.sides.values():
        network.repair(side)
    for side in network.sides.values():
        network.repair(side)
        own, copies = network.in_step(side)
        assert copies
        assert own or network.hub.link.has_ended, "what was lost before the end is not put after it"
