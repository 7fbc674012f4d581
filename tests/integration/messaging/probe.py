"""A service that does as its messages say, to try the runtime on: ok, refuse, raise, wait, crash, hang, bad data."""

import os
import signal
from dataclasses import dataclass, replace
from typing import ClassVar, Literal
from uuid import UUID

from shared.contracts.values import Command, Delivery, Event
from shared.database import Connection, columns_of
from shared.messaging.outcomes import Changed, Decision, Deliver, Message, NotYet, Publish, Refused, Unchanged
from shared.messaging.routes import Collection, Handlers, Table, all_of, on, one

Behaviour = Literal[
    "ok", "ok-after-open", "refuse", "raise", "raise-unless-mended", "crash", "hang", "bad-data", "unchanged"
]
SCHEMA = """
CREATE TABLE tally (
    id uuid PRIMARY KEY, total integer NOT NULL CHECK (total < 1000000),
    is_open boolean NOT NULL, numbers integer[] NOT NULL
);
"""
# Whose own every tally is, once it is there.
OWNER = "nordlicht"
# What an engineer would do about a rule that raises.
MENDED: set[UUID] = set()


class ProbeDo(Command):
    kind: ClassVar[str] = "tandem.probe.do.v1"
    tally_id: UUID
    number: int
    behaviour: Behaviour = "ok"
    tell: str | None = None

    def subject_of(self) -> str:
        return str(self.tally_id)


class ProbeOpened(Event):
    kind: ClassVar[str] = "tandem.probe.opened.v1"
    tally_id: UUID


class ProbeCounted(Event):
    kind: ClassVar[str] = "tandem.probe.counted.v1"
    tally_id: UUID
    total: int


class ProbeDone(Delivery):
    kind: ClassVar[str] = "tandem.probe.done.v1"
    tally_id: UUID
    number: int
    total: int


@dataclass(frozen=True, slots=True)
class Tally:
    id: UUID
    total: int
    is_open: bool
    numbers: tuple[int, ...]


def do(tally: Tally | None, members: tuple[Tally, ...], message: Message[ProbeDo]) -> Decision:
    data = message.data
    tally = tally or Tally(data.tally_id, 0, False, ())
    match data.behaviour:
        case "refuse":
            return Refused("outsourcing/wrong-state", state="closed", allowed=("probe.open",))
        case "unchanged":
            return Unchanged()
        case "raise":
            raise RuntimeError("the rule is broken")
        case "raise-unless-mended" if data.tally_id not in MENDED:
            raise RuntimeError("the rule is broken")
        case "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        case "hang":
            while True:
                pass
        case "ok-after-open" if not tally.is_open:
            return NotYet("outsourcing/unknown", wait_seconds=2.0)
        case "bad-data":
            return Changed(replace(tally, total=1_000_000), history="counted too far")
    done = replace(tally, total=tally.total + 1, numbers=(*tally.numbers, data.number))
    tell = (Deliver(data.tell or message.sender, ProbeDone(tally_id=done.id, number=data.number, total=done.total)),)
    return Changed(done, tell=tell, history="counted")


def do_if_own(tally: Tally | None, members: tuple[Tally, ...], message: Message[ProbeDo]) -> Decision:
    is_foreign = tally is not None and message.sender != OWNER
    return NotYet("outsourcing/unknown", wait_seconds=2.0) if is_foreign else do(tally, members, message)


def open_tally(tally: Tally | None, message: Message[ProbeOpened]) -> Decision:
    tally = tally or Tally(message.data.tally_id, 0, False, ())
    return Changed(
        replace(tally, is_open=True),
        tell=(Publish(ProbeCounted(tally_id=tally.id, total=tally.total)),),
        history="opened",
    )


async def lock_tallies(connection: Connection, ids: list[UUID]) -> list[Tally]:
    rows = await connection.fetch(
        "SELECT id, total, is_open, numbers FROM tally WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE",
        ids,
    )
    return [Tally(row["id"], row["total"], row["is_open"], tuple(row["numbers"])) for row in rows]


async def save_tallies(connection: Connection, tallies: list[Tally]) -> None:
    rows = [(t.id, t.total, t.is_open, "{" + ",".join(map(str, t.numbers)) + "}") for t in tallies]
    await connection.execute(
        """
        INSERT INTO tally (id, total, is_open, numbers)
        SELECT id, total, is_open, numbers::integer[]
        FROM unnest($1::uuid[], $2::int[], $3::bool[], $4::text[]) AS t (id, total, is_open, numbers)
        ON CONFLICT (id) DO UPDATE SET total = excluded.total, is_open = excluded.is_open, numbers = excluded.numbers
        """,
        *columns_of(rows, 4),
    )


TALLY = Table(
    Tally,
    key=lambda t: t.id,
    lock=lock_tallies,
    save=save_tallies,
    state=lambda t, _: "open" if t.is_open else "new",
    parties=lambda _tally, _message: (OWNER,),
)
TALLIES = Collection(TALLY, groups=lambda t: (t.id,), lock=lock_tallies)
HANDLERS = Handlers.of(
    "probe",
    tables=(TALLY,),
    routes=(
        on(
            ProbeDo,
            decide=do_if_own,
            needs=(one(TALLY, lambda m: m.data.tally_id), all_of(TALLIES, lambda m: m.data.tally_id)),
        ),
        on(ProbeOpened, decide=open_tally, needs=(one(TALLY, lambda m: m.data.tally_id),), unblocks=True),
    ),
)
