"""The real depth: ticket_sync's whole worker on a real Postgres; broker, clock, and what happens when, are simulated.

Everything runs on one event loop in virtual time, and whatever takes time takes as long as the dice say, so that the
same seed plays the same history to the last step.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import orjson
from pydantic import SecretStr

from services.console.check import QUESTIONS
from services.console.parked import drop_first, replay_subject
from services.ticket_sync.handlers import HANDLERS
from services.ticket_sync.poller import LAPSES, REMINDERS, digests_every
from shared.contracts.answers import CommandRepeated
from shared.contracts.catalog import EVENTS
from shared.contracts.ticket_sync import SyncFellDue
from shared.contracts.values import Payload
from shared.messaging import topology
from shared.service import Service, work
from shared.settings import WorkerSettings
from tests.simulation.checking import HOW_ALL_ENDED, PIECES, Ended, check_history, check_reminders
from tests.simulation.clients import Reader, Sender
from tests.simulation.companies import Said
from tests.simulation.dice import Dice
from tests.simulation.poison import Poison
from tests.simulation.seams import simulated, small_pieces
from tests.simulation.simulated_broker import Broker
from tests.simulation.simulated_postgres import Postgres
from tests.simulation.simulated_process import POINTS, Process, make_task
from tests.simulation.simulated_queues import Published, Queue
from tests.simulation.story import OURSELVES, SLUGS, Story
from tests.simulation.trouble import CALM, Trouble, some_trouble
from tests.simulation.violations import Trace, Violation, expect
from tests.simulation.virtual_time import run_in_virtual_time

BEGIN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SERVICE = "ticket_sync"
# Where the simulation's clock hides that of Postgres.
SEARCH_PATH = f"simulated, {SERVICE}, pg_catalog"
SHARDS, MOST_SHARDS = 2, 3
ACTS = 300
TICKETS = 3
# Between two acts: one message a turn, or many.
MEAN_PAUSES_SECONDS = (0.005, 0.02, 0.1)
LONGEST_OUTAGE_SECONDS = 20.0
# Five pauses of up to ten minutes each before a message is stuck, and all that waits in line behind it.
LONGEST_REST_SECONDS = 1000.0
DRAIN_SECONDS = 20.0
# Between two digests of a ticket, so that the clock's leaps bring some.
DIGEST_HOURS = 6.0


class RealHistory:
    """One seed's history; what goes wrong in it is drawn too, unless it is said."""

    def __init__(self, seed: int, postgres: Postgres, trouble: Trouble | None = None) -> None:
        self.trace = Trace()
        self.steps = 0
        self.died_at: Counter[str] = Counter()
        self._dice = dice = Dice(seed)
        self._postgres = postgres
        self._leapt = timedelta(0)
        self._trouble = trouble or some_trouble(dice)
        self._in_time = self._trouble.is_harmless
        self._poison = Poison(dice)
        self._handlers = self._poison.into(HANDLERS)
        self._generation = self._given_out = 0
        self._broker = Broker(dice, self._arrived)
        self._declare(SHARDS)
        for slug in SLUGS:
            self._broker.declare(topology.declaration_of_instance(slug, _queue(slug)))
        self.story = Story(dice, self._now, TICKETS)
        self._sender = Sender(self._broker, dice, self._now)
        self._readers = [Reader(self.story.companies[slug], _queue(slug), self._broker, dice) for slug in SLUGS]
        self._workers: dict[int, Process] = {}
        self._mains: dict[int, asyncio.Task[None]] = {}
        self._said: dict[str, Said] = {}
        # What the shard queues took, in its order.
        self.arrived: dict[str, Said] = {}
        self._wrong: str | None = None

    def play(self) -> None:
        """Raises Violation where something is not as it must be."""
        self._postgres.clock = self._now
        self._postgres.refuses = self._poison.is_refused
        _empty(self._postgres)
        self._give_out(self._generation, SHARDS)
        with small_pieces(), simulated(self._broker, self._postgres, self._dice, self._heard):
            run_in_virtual_time(self._play())

    def _now(self) -> datetime:
        return BEGIN + self._leapt + timedelta(seconds=asyncio.get_running_loop().time())

    async def _play(self) -> None:
        asyncio.get_running_loop().set_task_factory(make_task)
        self._set_trouble()
        for reader in self._readers:
            reader.read()
        for number in range(self._dice.randint(1, 2)):
            self._start_worker(number)
        pause_seconds = self._dice.choice(MEAN_PAUSES_SECONDS)
        while self.steps < ACTS:
            await asyncio.sleep(self._dice.expovariate(1 / pause_seconds))
            self._somebody_acts()
            await self._something_goes_wrong()
            self._fail_if_wrong()
        await self._come_to_rest()
        for said in self.story.ask_for_what_was_lost():
            self._send(said)
        await self._rest()
        self._fail_if_wrong()
        await self._drain()
        self._check()

    def _somebody_acts(self) -> None:
        if (said := self.story.go_on()) is not None:
            self.steps += 1
            if "/" not in said.sender and self._dice.happens(self._trouble.poison):
                self._poison.give_to(said.id)
            self._send(said)

    def _send(self, said: Said) -> None:
        self.trace.note(self._clock(), "says", said)
        self._said[str(said.id)] = said
        self._sender.send(said)

    async def _something_goes_wrong(self) -> None:
        mishaps: dict[str, Callable[[], None]] = {
            "death": self._somebody_dies,
            "lost_broker_connection": self._lose_a_connection,
            "cancelled_consumer": self._cancel_a_consumer,
            "full_queue": self._let_a_queue_fill,
            "unbound_queue": self._unbind_a_queue,
            "alarm": self._alarm,
            "leap_of_the_clock": lambda: self._leap(timedelta(hours=self._dice.uniform(0.1, 12))),
            "other_shards": self._change_shards,
        }
        for name, goes_wrong in mishaps.items():
            if self._dice.happens(getattr(self._trouble, name)):
                goes_wrong()
        if self._dice.happens(self._trouble.poison):
            await self._operator()

    def _lose_a_connection(self) -> None:
        connected = [one for one in self._broker.connections if one.process is not None]
        if connected:
            self.trace.note(self._clock(), "a connection is lost")
            self._dice.choice(connected).lose()

    def _cancel_a_consumer(self) -> None:
        queue = self._dice.choice(list(self._broker.queues.values()))
        if queue.active is not None and queue.active.channel.connection.process is not None:
            self.trace.note(self._clock(), "a consumer is cancelled:", queue.name)
            queue.active.channel.lose_consumer()

    def _let_a_queue_fill(self) -> None:
        reader = self._dice.choice(self._readers)
        self.trace.note(self._clock(), "does not read:", reader.queue.name)
        reader.queue.limit = self._dice.randint(0, 5)
        reader.stop()
        self._after_a_while(reader.read_again)

    def _unbind_a_queue(self) -> None:
        reader = self._dice.choice(self._readers)
        self.trace.note(self._clock(), "is not bound:", reader.queue.name)
        reader.queue.is_bound = False
        self._after_a_while(reader.bind)

    def _alarm(self) -> None:
        self.trace.note(self._clock(), "alarm")
        self._broker.raise_alarm()
        self._after_a_while(self._broker.clear_alarm)

    def _after_a_while(self, what: Callable[[], Any]) -> None:
        self._broker.later(what, at=asyncio.get_running_loop().time() + self._dice.uniform(0, LONGEST_OUTAGE_SECONDS))

    def _leap(self, by: timedelta) -> None:
        self.trace.note(self._clock(), "the clock leaps by", by)
        self._leapt += by

    def _change_shards(self) -> None:
        """As `tandem migrate` does: to other queues, which are given out once everything is led there."""
        if self._given_out < self._generation:
            return
        shards = self._dice.randint(1, MOST_SHARDS)
        self._declare(shards)
        self.trace.note(self._clock(), "generation", self._generation, "has", shards, "shards")
        give_out = partial(self._give_out, self._generation, shards)
        self._broker.later(give_out, at=asyncio.get_running_loop().time() + self._dice.uniform(0, 1))

    def _declare(self, shards: int) -> None:
        self._generation += 1
        self._broker.declare(topology.declarations(self._generation, shards))
        self._broker.declare(topology.switch_to(self._generation))

    def _give_out(self, generation: int, shards: int) -> None:
        numbers = "generate_series(0, $2::int - 1) AS number"
        self._given_out = generation
        self._postgres.ask(
            f"INSERT INTO shard (generation, number, shards) SELECT $1, number, $2 FROM {numbers}", generation, shards
        )

    def _start_worker(self, number: int) -> None:
        process = Process(f"worker {number}", self._dice, self.died_at)
        process.trouble = self._trouble
        process.stopping = asyncio.Event()
        self._workers[number] = process
        self.trace.note(self._clock(), process.name, "starts")
        settings = WorkerSettings(
            database_url=SecretStr("postgresql://simulated/"),
            broker_url=SecretStr(f"amqp://{topology.worker_user(SERVICE)}@simulated/"),
            replica=process.name,
            drain_seconds=DRAIN_SECONDS,
        )
        service = Service(self._handlers, settings, side_work=(REMINDERS, LAPSES, digests_every(DIGEST_HOURS)))
        self._mains[number] = process.start(work(service, process.stopping))
        self._mains[number].add_done_callback(partial(self._ended, process))
        process.at_its_end.append(lambda: self._after_death(number))

    def _ended(self, process: Process, main: "asyncio.Task[None]") -> None:
        """A worker ends when it is told to or killed, and never by itself."""
        if not main.cancelled() and not process.stopping.is_set():
            self._wrong = f"ended by {main.exception()!r}"

    def _after_death(self, number: int) -> None:
        self.trace.note(self._clock(), self._workers[number].name, "died")
        self._broker.later(self._start_worker, number, at=asyncio.get_running_loop().time() + self._dice.uniform(0, 3))

    def _somebody_dies(self) -> None:
        process = self._dice.choice(list(self._workers.values()))
        if process.alive and self._dice.happens(0.2):
            process.die("anywhere")
        elif process.alive:
            process.die_at(self._dice.choice(POINTS), self._dice.randint(1, 10))

    async def _operator(self) -> None:
        """Has a stuck subject tried again, or drops its first message."""
        stuck = self._postgres.ask("SELECT subject FROM parked_subject WHERE status = 'stuck' ORDER BY 1")
        if stuck:
            subject = self._dice.choice(stuck)[0]
            process = Process("operator", self._dice, self.died_at)
            line = await process.start(self._postgres.connect(""))
            drops = self._dice.happens(0.3)
            self.trace.note(self._clock(), "operator", "drops" if drops else "replays", subject)
            await process.start((drop_first if drops else replay_subject)(line, SEARCH_PATH, subject))
            line.terminate()

    def _set_trouble(self) -> None:
        self._sender.trouble = self._broker.trouble = self._trouble
        for reader in self._readers:
            reader.trouble = self._trouble
        for process in self._workers.values():
            process.trouble = self._trouble

    async def _come_to_rest(self) -> None:
        """Nothing goes wrong any more, and what is under way comes to its end."""
        self._trouble = CALM
        self._set_trouble()
        self._poison.wear_off()
        self._broker.clear_alarm()
        for reader in self._readers:
            reader.bind()
            reader.read_again()
        for process in self._workers.values():
            process.die_at("", 0)
        await self._rest()

    async def _rest(self) -> None:
        latest = asyncio.get_running_loop().time() + LONGEST_REST_SECONDS
        while unrest := self._unrest():
            if asyncio.get_running_loop().time() > latest:
                raise Violation(f"does not come to rest: {unrest}")
            await asyncio.sleep(1.0)
            await self._operator()
            if self._waits_for_its_time():
                self._leap(timedelta(minutes=1))

    def _unrest(self) -> dict[str, int]:
        """What is still under way, and how much of it."""
        [[unpublished, parked, due, old_shards]] = self._postgres.ask(
            "SELECT (SELECT count(*) FROM outbox WHERE published_at IS NULL), (SELECT count(*) FROM parked),"
            " (SELECT count(*) FROM link WHERE next_due_at <= $1), (SELECT count(*) FROM shard WHERE generation < $2)",
            self._now(),
            self._generation,
        )
        queues = [*_shard_queues(self._broker), *(reader.queue for reader in self._readers)]
        dead = sum(not process.alive for process in self._workers.values())
        counts = {"dead": dead, "unconfirmed": self._sender.unconfirmed}
        counts |= {"unpublished": unpublished, "parked": parked, "due": due, "old shards": old_shards}
        counts |= {queue.name: queue.length for queue in queues}
        return {what: count for what, count in counts.items() if count}

    def _waits_for_its_time(self) -> bool:
        [[least]] = self._postgres.ask("SELECT min(next_attempt_at) FROM parked_subject")
        return least is not None and least > self._now() + timedelta(minutes=1)

    async def _drain(self) -> None:
        """Told to stop, each worker ends within its time."""
        for process in self._workers.values():
            process.stopping.set()
        async with asyncio.timeout(DRAIN_SECONDS):
            await asyncio.gather(*self._mains.values())
        self._postgres.hang_up()

    def _check(self) -> None:
        """Everything that arrived, with how the inbox says that it ended; and the books are in balance."""
        rows = self._postgres.ask(HOW_ALL_ENDED, CommandRepeated.kind)
        ended = {row["id"]: Ended(row["outcome"], row["problem"], row["at"], row["place"]) for row in rows}
        arrived, companies = list(self.arrived.values()), self.story.companies
        for model in check_history(arrived, ended, companies, self._published(), in_time=self._in_time):
            hours = (self._now() - model.accepted.accepted_at) / timedelta(hours=1)
            check_reminders(model, companies, str(model.id), hours)
        for question, sql in QUESTIONS.items():
            expect("tandem check:", question, 0, self._postgres.ask(sql)[0][0])

    def _published(self) -> list[Payload]:
        """What the other services were told, each fact once."""
        told: dict[str, Payload] = {}
        for name, queue in self._broker.queues.items():
            if ".shard." in name and not name.startswith(SERVICE):
                ours = [message for message, _ in queue.waiting if message.user_id == topology.worker_user(SERVICE)]
                told |= {message.message_id: _event(message)[1] for message in ours}
        return list(told.values())

    def _arrived(self, queue: Queue, message: Published) -> None:
        if not queue.name.startswith(f"{SERVICE}.shard."):
            return
        said = self._said.get(message.message_id)
        if said is None and message.user_id == topology.worker_user(SERVICE):
            subject, data = _event(message)
            if isinstance(data, (SyncFellDue, *PIECES)):
                said = Said(UUID(message.message_id), OURSELVES, subject, data)
        if said is not None:
            self.arrived.setdefault(message.message_id, said)
            self.trace.note(self._clock(), "arrives", said.id)

    def _heard(self, level: str, fields: dict[str, Any]) -> None:
        self.trace.note(self._clock(), level, fields)
        if level in ("error", "exception") and not self._is_by_poison(fields):
            self._wrong = f"{level} {fields}"

    def _is_by_poison(self, fields: dict[str, Any]) -> bool:
        subjects = {said.subject for said in self._said.values() if said.id in self._poison.ever}
        return str(fields.get("id")) in map(str, self._poison.ever) or fields.get("subject") in subjects

    def _fail_if_wrong(self) -> None:
        if self._wrong is not None:
            raise Violation(f"a worker says {self._wrong}")

    def _clock(self) -> str:
        return f"{asyncio.get_running_loop().time():.3f}"


def _event(message: Published) -> tuple[str, Payload]:
    """The subject of a fact between the services, and what it says."""
    envelope = orjson.loads(message.body)
    return envelope["subject"], EVENTS[envelope["type"]].model_validate(envelope["data"])


def _queue(slug: str) -> str:
    return topology.instance_queue(slug, "simulated")


def _shard_queues(broker: Broker) -> list[Queue]:
    return [queue for name, queue in broker.queues.items() if name.startswith(f"{SERVICE}.shard.")]


def _empty(postgres: Postgres) -> None:
    """As after an installation: the instances, and nothing else."""
    rows = postgres.ask("SELECT tablename FROM pg_tables WHERE schemaname = $1 AND tablename <> 'instance'", SERVICE)
    tables = ", ".join(f"{SERVICE}.{row[0]}" for row in rows)
    postgres.ask(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
