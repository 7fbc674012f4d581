"""A whole worker against a real broker and a real Postgres: what it promises when things go wrong."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from shared.database import Connection
from shared.ids import new_id
from shared.messaging import parking
from tests.integration.messaging.broker import Broker
from tests.integration.messaging.posting import as_letter, command, event
from tests.integration.messaging.probe import MENDED, Behaviour, ProbeDo, ProbeOpened
from tests.integration.messaging.worker import probe_worker


def do(tally: UUID, number: int = 1, behaviour: Behaviour = "ok", **more: Any) -> Any:
    return command(ProbeDo(actor="test", tally_id=tally, number=number, behaviour=behaviour), str(tally), **more)


async def until(condition: Callable[[], Any], seconds: float = 20.0) -> None:
    """Wait for a condition, looked at again and again, within a bound."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)


def count(connection: Connection, table: str, expected: int, where: str = "true") -> Callable[[], Any]:
    async def counted() -> bool:
        return bool(await connection.fetchval(f"SELECT count(*) FROM {table} WHERE {where}") == expected)

    return counted


async def numbers(connection: Connection, tally: UUID) -> list[int]:
    return list(await connection.fetchval("SELECT numbers FROM tally WHERE id = $1", tally) or [])


async def test_every_command_takes_effect_once_in_order_and_its_fact_is_delivered(
    broker: Broker, probe_url: str, probe_database: Connection
) -> None:
    tallies = [new_id() for _ in range(5)]
    commands = [do(tally, number) for number in range(60) for tally in tallies]
    async with probe_worker(broker, probe_url):
        await broker.send(*commands)
        facts = await broker.read("nordlicht", len(commands))
    for tally in tallies:
        mine = [fact["data"]["number"] for fact in facts if fact["data"]["tally_id"] == str(tally)]
        assert mine == list(range(60))
        assert await numbers(probe_database, tally) == list(range(60))
    assert await probe_database.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL") == 0


async def test_refused_commands_are_answered_and_others_of_the_same_subject_take_effect(
    broker: Broker, probe_url: str, probe_database: Connection
) -> None:
    tally = new_id()
    async with probe_worker(broker, probe_url):
        await broker.send(do(tally, 1), do(tally, 2, "refuse"), do(tally, 3))
        facts = await broker.read("nordlicht", 3)
    assert [fact["data"].get("number") or fact["data"]["type"] for fact in facts] == [1, "outsourcing/wrong-state", 3]
    assert await numbers(probe_database, tally) == [1, 3]


async def test_commands_that_come_twice_take_effect_once_and_are_answered_twice(
    broker: Broker, probe_url: str, probe_database: Connection
) -> None:
    commands = [do(new_id(), number) for number in range(300)]
    async with probe_worker(broker, probe_url):
        await broker.send(*(one for command in commands for one in (command, command)))
        facts = await broker.read("nordlicht", 2 * len(commands))
    kinds = {"tandem.probe.done.v1": len(commands), "tandem.command.repeated.v1": len(commands)}
    assert Counter(fact["type"] for fact in facts) == kinds
    assert await probe_database.fetchval("SELECT sum(total) FROM tally") == len(commands)


async def test_a_stopping_worker_finishes_what_it_has_and_nothing_is_redelivered(
    broker: Broker, probe_url: str, probe_database: Connection
) -> None:
    commands = [do(new_id(), number) for number in range(1500)]
    await broker.send(*commands)
    async with probe_worker(broker, probe_url):
        await until(lambda: _any(probe_database, "SELECT EXISTS (SELECT FROM inbox)"))
    taken = await probe_database.fetchval("SELECT count(*) FROM inbox")
    async with probe_worker(broker, probe_url):
        await until(count(probe_database, "inbox", len(commands)))
    assert taken > 0
    facts = await broker.read("nordlicht", len(commands))
    assert Counter(fact["type"] for fact in facts) == {"tandem.probe.done.v1": len(commands)}


async def test_a_poisoned_subject_delays_no_other_and_ends_stuck_until_an_operator_replays_it(
    broker: Broker, probe_url: str, probe_database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "RETRY_PAUSES_SECONDS", (0.05, 0.05))
    poisoned, healthy = new_id(), [new_id() for _ in range(200)]
    async with probe_worker(broker, probe_url):
        await broker.send(do(poisoned, 1, "raise-unless-mended"), do(poisoned, 2), *(do(tally) for tally in healthy))
        await broker.read("nordlicht", len(healthy))
        await until(count(probe_database, "parked_subject", 1, "status = 'stuck' AND attempts = 3"))
        MENDED.add(poisoned)
        await probe_database.execute(
            "UPDATE parked_subject SET status = 'retrying', attempts = 0, next_attempt_at = now()"
        )
        facts = await broker.read("nordlicht", 2)
    assert [fact["data"]["number"] for fact in facts] == [1, 2]


async def test_data_that_the_database_refuses_is_found_and_set_aside_alone(
    broker: Broker, probe_url: str, probe_database: Connection
) -> None:
    culprits = [do(new_id(), 1, "bad-data") for _ in range(3)]
    healthy = [do(new_id()) for _ in range(300)]
    await broker.send(*healthy[:100], culprits[0], *healthy[100:200], *culprits[1:], *healthy[200:])
    async with probe_worker(broker, probe_url):
        await broker.read("nordlicht", len(healthy))
        await until(count(probe_database, "parked", len(culprits)))
    assert await probe_database.fetchval("SELECT count(*) FROM tally") == len(healthy)


async def test_what_waits_for_something_is_decided_as_soon_as_that_comes(
    broker: Broker, probe_url: str, probe_database: Connection
) -> None:
    tally = new_id()
    async with probe_worker(broker, probe_url):
        await broker.send(do(tally, 1, "ok-after-open"), do(tally, 2))
        await until(count(probe_database, "parked", 2))
        await broker.send(event(ProbeOpened(tally_id=tally), str(tally)))
        facts = await broker.read("nordlicht", 2, seconds=5)
    assert [fact["data"]["number"] for fact in facts] == [1, 2]


async def test_a_lost_channel_redelivers_and_nothing_is_done_twice(
    broker: Broker, probe_url: str, probe_database: Connection
) -> None:
    commands = [do(new_id(), number) for number in range(1200)]
    async with probe_worker(broker, probe_url):
        await broker.send(*commands[:600])
        await until(lambda: _any(probe_database, "SELECT EXISTS (SELECT FROM inbox)"))
        await broker.close_connections_of("tandem.probe")
        await broker.send(*commands[600:])
        await until(count(probe_database, "inbox", len(commands)))
        await until(count(probe_database, "outbox", 0, "published_at IS NULL"))
    facts = await broker.read_all("nordlicht")
    done = {fact["id"]: fact["data"]["tally_id"] for fact in facts if fact["type"] == "tandem.probe.done.v1"}
    assert len(done) == len(commands) == len(set(done.values()))


async def test_a_consumer_that_the_broker_cancelled_comes_back(
    broker: Broker, probe_url: str, probe_database: Connection
) -> None:
    async with probe_worker(broker, probe_url):
        await broker.send(do(new_id()))
        await broker.read("nordlicht", 1)
        await broker.delete_and_declare_shard()
        await broker.send(do(new_id()))
        await broker.read("nordlicht", 1)


async def test_a_lane_that_is_not_taken_goes_back_to_its_oldest_and_all_others_flow(
    broker: Broker, probe_url: str, probe_database: Connection
) -> None:
    tally = new_id()
    await broker.unbind("alpenwerk")
    async with probe_worker(broker, probe_url):
        for number in range(5):
            await broker.send(
                command(ProbeDo(actor="x", tally_id=tally, number=number, tell="alpenwerk"), str(tally)),
                do(new_id(), number),
            )
        await broker.read("nordlicht", 5)
        await until(count(probe_database, "outbox", 5, "published_at IS NULL"))
        await broker.bind("alpenwerk")
        facts = await broker.read("alpenwerk", 5)
    assert [fact["data"]["number"] for fact in facts] == list(range(5))


async def test_what_a_crash_left_in_the_outbox_is_published_by_the_next_worker(
    broker: Broker, probe_url: str, probe_database: Connection
) -> None:
    async with probe_worker(broker, probe_url):
        await broker.send(do(new_id()))
        (fact,) = await broker.read("nordlicht", 1)
    await probe_database.execute("UPDATE outbox SET published_at = NULL, created_at = now() - interval '1 minute'")
    async with probe_worker(broker, probe_url):
        (again,) = await broker.read("nordlicht", 1)
    assert again == fact


async def test_postgres_restarted_under_load_costs_nothing(
    broker: Broker, probe_url: str, probe_database: Connection
) -> None:
    commands = [do(new_id(), number) for number in range(1500)]
    async with probe_worker(broker, probe_url):
        await broker.send(*commands)
        for _ in range(5):
            await probe_database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await asyncio.sleep(0.1)
        await until(count(probe_database, "inbox", len(commands)))
        await until(count(probe_database, "outbox", 0, "published_at IS NULL"))
    assert await probe_database.fetchval("SELECT count(*) FROM tally") == len(commands)
    facts = await broker.read_all("nordlicht")
    assert len({fact["data"]["tally_id"] for fact in facts}) == len(commands)


async def test_unreadable_and_forged_messages_end_in_the_dead_queue(
    broker: Broker, probe_url: str, probe_database: Connection
) -> None:
    async with probe_worker(broker, probe_url):
        garbage = as_letter(do(new_id()))
        await broker.send_bytes(b"not json", garbage)
        await broker.send_as("alpenwerk", do(new_id(), sender="nordlicht"))
        dead = await broker.read_dead(2)
        (answer,) = await broker.read("nordlicht", 1)
    assert {letter.headers["x-tandem-problem"] for letter in dead} == {"message/unreadable", "message/forged"}
    assert answer["data"]["type"] == "message/unreadable"


async def _any(connection: Connection, query: str) -> bool:
    return bool(await connection.fetchval(query))
