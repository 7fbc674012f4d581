"""Where benchmarks of replication are run: two partners, their tickets, and whoever carries entries between them."""

import asyncio
import json
import sys
from asyncio import StreamReader
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.console.installation import Connected, Installation, install
from services.console.stack import LocalStack
from services.console.workers import workers
from shared.contracts.envelope import write
from shared.contracts.ticket_sync import EntryPut
from shared.database import Connection
from shared.ids import new_id
from shared.messaging import topology
from shared.messaging.broker import channel_of
from shared.messaging.outbox import Letter
from shared.messaging.publishing import publish
from tests.acceptance.partners import lead_and_service, outsource, until
from tests.bench.results import LOGS
from tests.integration.databases import connection_to

TICKETS = 200
PUBLISHED_AT_ONCE = 500
# The first ones come while a contender is still starting; they say nothing about how fast it is.
COUNTED_FROM = 0.05
ROUND_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Course:
    """Where it is run: the installation, the receiving partner, and the tickets that are written on."""

    installation: Installation
    lead: Connected
    service: Connected
    database: Connection
    outsourcing_ids: list[UUID]

    @property
    def bench_url(self) -> str:
        return self.installation.amqp_url_of("bench", "bench")


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do it: how messages get to it, what runs it, where its results are read, and what it must store."""

    name: str
    user: str
    sender_url: Callable[[Course], str]
    addressed: Callable[[Letter], Letter]
    running: Callable[[Course], Any]
    url: Callable[[Course], str]
    queue: Callable[[Course], str]
    stored: Callable[[Course], Awaitable[dict[str, int]]]


@asynccontextmanager
async def laid_out(stack: LocalStack, name: str) -> AsyncIterator[Course]:
    """A new installation of this name, in which the partners have their tickets open."""
    installation = await install(stack, name=name)
    LOGS.mkdir(parents=True, exist_ok=True)
    async with lead_and_service(installation) as (lead, service):
        with workers({name: installation.environment_of(name) for name in ("offer_handler", "ticket_sync")}, LOGS):
            outsourcing_ids = await outsource(lead, service, TICKETS)
    async with connection_to(installation.database_url) as database:
        yield Course(installation, lead.connected, service.connected, database, outsourcing_ids)


async def rate_of(contender: Contender, course: Course, commands: list[EntryPut]) -> float:
    """Entries per second, once all of them wait in its queue; raises where not every one is stored and read."""
    before = await contender.stored(course)
    await post(contender, course, [letter_of(command) for command in commands])
    async with reading(contender.url(course), contender.queue(course), len(commands)) as reader:
        with contender.running(course):
            arrivals = sorted((await reader.came()).values())

            async def all_stored() -> bool:
                after = await contender.stored(course)
                return {name: after[name] - before[name] for name in after} == dict.fromkeys(after, len(commands))

            await until(all_stored, 60)
    first = int(len(arrivals) * COUNTED_FROM)
    return (len(arrivals) - first - 1) / (arrivals[-1] - arrivals[first])


def letter_of(command: EntryPut) -> Letter:
    """A command as the lead publishes it."""
    id, subject = new_id(), str(command.outsourcing_id)
    body = write(command, id=id, source="/instances/nordlicht", subject=subject, time=command.happened_at)
    key = topology.command_key("nordlicht", command.kind, subject)
    return Letter(id, "", topology.COMMANDS, key, command.kind, subject, body, id, "")


async def post(contender: Contender, course: Course, letters: list[Letter]) -> None:
    """Until the broker has all of them."""
    there = [contender.addressed(letter) for letter in letters]
    async with channel_of(contender.sender_url(course), "bench") as channel:
        for start in range(0, len(there), PUBLISHED_AT_ONCE):
            at_once = there[start : start + PUBLISHED_AT_ONCE]
            await asyncio.gather(*(publish(channel, one, contender.user) for one in at_once))


@dataclass(frozen=True, slots=True)
class Reader:
    """The receiving client, which reads until everything has come."""

    process: Process
    says: StreamReader

    async def first(self) -> None:
        """Wait until something has come."""
        async with asyncio.timeout(ROUND_SECONDS):
            assert await self.says.readline() == b"the first came\n"

    async def came(self) -> dict[str, float]:
        """Wait until everything has come; when each came."""
        async with asyncio.timeout(ROUND_SECONDS):
            said, _ = await self.process.communicate()
        arrivals: dict[str, float] = json.loads(said.splitlines()[-1])
        return arrivals


@asynccontextmanager
async def reading(url: str, queue: str, number: int, *more: str) -> AsyncIterator[Reader]:
    """A client in a process of its own that reads so many from this queue."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.reader", url, queue, str(number), *more),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"reading\n"
    try:
        yield Reader(process, process.stdout)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _tandem(course: Course) -> Any:
    return workers({"ticket_sync": course.installation.environment_of("ticket_sync")}, LOGS)


async def counts(database: Connection, **tables: str) -> dict[str, int]:
    """How many rows there are of each."""
    return {name: await database.fetchval(f"SELECT count(*) FROM {what}") for name, what in tables.items()}


async def _stored_by_tandem(course: Course) -> dict[str, int]:
    return await counts(
        course.database,
        inbox="ticket_sync.inbox WHERE kind = 'tandem.entry.put.v1' AND outcome = 'applied'",
        told="ticket_sync.outbox WHERE kind = 'tandem.entry.replicated.v1' AND published_at IS NOT NULL",
    )


TANDEM = Contender(
    "tandem",
    "nordlicht",
    lambda course: course.lead.amqp_url,
    lambda letter: letter,
    _tandem,
    lambda course: course.service.amqp_url,
    lambda course: course.service.queue,
    _stored_by_tandem,
)
