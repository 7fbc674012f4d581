"""The turn on a real Postgres: one transaction, folding, and every message in exactly one outcome."""

import asyncio
import json
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from shared.database import Connection
from shared.ids import millis_of, new_id
from shared.messaging import parking
from shared.messaging.arrivals import Readable
from shared.messaging.inbox import TakenMeanwhile
from shared.messaging.turn import Turn, Turned
from tests.integration.messaging import probe
from tests.integration.messaging.posting import command, event
from tests.integration.messaging.probe import ProbeDo, ProbeOpened


async def take(turn: Turn, connection: Connection, *arrivals: Any) -> Turned:
    return await turn.take(connection, [turn.read(arrival) for arrival in arrivals])


def do(tally: UUID, number: int = 1, behaviour: probe.Behaviour = "ok", **more: Any) -> Any:
    data = ProbeDo(actor="test", tally_id=tally, number=number, behaviour=behaviour, tell=more.pop("tell", None))
    return command(data, str(tally), **more)


async def outcomes(connection: Connection) -> list[str]:
    return [row["outcome"] for row in await connection.fetch("SELECT outcome FROM inbox ORDER BY id")]


async def numbers(connection: Connection, tally: UUID) -> list[int]:
    return list(await connection.fetchval("SELECT numbers FROM tally WHERE id = $1", tally) or [])


def told(turned: Turned) -> list[dict[str, Any]]:
    return [json.loads(posted.letter.body) for posted in turned.posted]


async def test_messages_of_one_subject_see_what_their_predecessors_left(turn: Turn, probe_database: Connection) -> None:
    tally = new_id()
    turned = await take(turn, probe_database, *(do(tally, number) for number in range(5)))
    assert await numbers(probe_database, tally) == [0, 1, 2, 3, 4]
    assert [fact["data"]["total"] for fact in told(turned)] == [1, 2, 3, 4, 5]


async def test_history_tells_in_which_order_one_turn_did_what(turn: Turn, probe_database: Connection) -> None:
    tally, ids = new_id(), [new_id() for _ in range(5)]
    await take(turn, probe_database, *(do(tally, number, id=id) for number, id in enumerate(ids)))
    rows = await probe_database.fetch("SELECT cause_id, at FROM history WHERE subject = $1 ORDER BY at", str(tally))
    assert [row["cause_id"] for row in rows] == ids
    assert len({row["at"] for row in rows}) == len(ids)


async def test_sequence_rises_per_recipient_within_and_across_turns(turn: Turn, probe_database: Connection) -> None:
    tally = new_id()
    first = await take(turn, probe_database, *(do(tally, number) for number in range(3)))
    second = await take(turn, probe_database, do(tally, 4))
    sequences = [fact["sequence"] for fact in told(first) + told(second)]
    assert sequences == sorted(set(sequences)) and all(len(sequence) == 20 for sequence in sequences)


async def test_what_waits_for_a_replay_of_its_subject_is_told_after_it(
    turn: Turn, probe_database: Connection, second_probe_connection: Connection
) -> None:
    tally = new_id()
    await take(turn, probe_database, do(tally, 1, "ok-after-open"))
    await take(turn, probe_database, event(ProbeOpened(tally_id=tally), str(tally)))
    blocker = await parking.claim_due(probe_database)
    assert blocker is not None
    async with second_probe_connection.transaction():
        await turn.replay(second_probe_connection, blocker)
        racing = asyncio.create_task(take(turn, probe_database, do(tally, 2)))
        await _until_waiting_for_a_lock(second_probe_connection)
        replayed_at = await second_probe_connection.fetchval("SELECT clock_timestamp()")
    [second] = told(await racing)
    assert datetime.fromisoformat(second["time"]) > replayed_at


async def test_the_same_id_again_takes_no_effect_and_is_answered_with_its_first_outcome(
    turn: Turn, probe_database: Connection
) -> None:
    tally = new_id()
    message = do(tally)
    await take(turn, probe_database, message)
    again = await take(turn, probe_database, message, message)
    assert await numbers(probe_database, tally) == [1]
    answers = told(again)
    assert [answer["type"] for answer in answers] == ["tandem.command.repeated.v1"] * 2
    assert answers[0]["data"]["outcome"] == "applied" and answers[0]["data"]["state"] == "new"


async def test_of_equal_ids_in_one_batch_the_first_counts(turn: Turn, probe_database: Connection) -> None:
    tally, id = new_id(), new_id()
    turned = await take(turn, probe_database, do(tally, 1, id=id), do(tally, 2, id=id), do(tally, 1, id=id))
    assert await numbers(probe_database, tally) == [1]
    assert [fact["type"] for fact in told(turned)] == [
        "tandem.probe.done.v1",
        "tandem.command.rejected.v1",
        "tandem.command.repeated.v1",
    ]
    assert told(turned)[1]["data"]["type"] == "message/id-reused"


async def test_a_repeated_refusal_tells_the_first_problem(turn: Turn, probe_database: Connection) -> None:
    message = do(new_id(), behaviour="refuse")
    await take(turn, probe_database, message)
    (answer,) = told(await take(turn, probe_database, message))
    assert answer["data"]["outcome"] == "refused"
    assert answer["data"]["problem"]["type"] == "outsourcing/wrong-state"


async def test_who_was_told_no_state_the_first_time_is_told_none_when_asking_again(
    turn: Turn, probe_database: Connection
) -> None:
    tally = new_id()
    await take(turn, probe_database, do(tally))
    message = do(tally, behaviour="ok-after-open")
    await take(turn, probe_database, message)
    (answer,) = told(await take(turn, probe_database, message))
    assert (answer["data"]["outcome"], answer["data"]["state"]) == ("parked", None)


async def test_a_refusal_is_told_to_the_sender_alone_in_its_language(turn: Turn, probe_database: Connection) -> None:
    (german,) = told(await take(turn, probe_database, do(new_id(), behaviour="refuse", sender="nordlicht")))
    (english,) = told(await take(turn, probe_database, do(new_id(), behaviour="refuse", sender="alpenwerk")))
    assert german["data"]["type"] == english["data"]["type"] == "outsourcing/wrong-state"
    assert german["data"]["title"] != english["data"]["title"]
    assert german["data"]["state"] == "closed" and german["data"]["allowed"] == ["probe.open"]


async def test_only_the_sender_of_the_cause_sees_its_correlation(turn: Turn, probe_database: Connection) -> None:
    tally = new_id()
    turned = await take(
        turn,
        probe_database,
        do(tally, sender="nordlicht", correlation="my-own-number"),
        do(tally, sender="nordlicht", correlation="my-own-number", tell="alpenwerk"),
    )
    mine, theirs = told(turned)
    assert mine["correlationid"] == "my-own-number" and mine["causationid"]
    assert "my-own-number" not in json.dumps(theirs) and "causationid" not in theirs
    assert "nordlicht" not in json.dumps(theirs)


async def test_a_fact_for_an_instance_that_does_not_exist_is_not_written(
    turn: Turn, probe_database: Connection
) -> None:
    tally = new_id()
    turned = await take(turn, probe_database, do(tally, tell="nobody"))
    assert turned.posted == [] and await numbers(probe_database, tally) == [1]


async def test_a_rule_that_raises_parks_only_its_own_subject(turn: Turn, probe_database: Connection) -> None:
    poisoned, healthy = new_id(), new_id()
    await take(
        turn,
        probe_database,
        do(poisoned, 1, "raise"),
        do(healthy, 1),
        do(poisoned, 2),
        do(healthy, 2),
    )
    assert await numbers(probe_database, healthy) == [1, 2]
    assert await numbers(probe_database, poisoned) == []
    waiting = await probe_database.fetch("SELECT kind FROM parked WHERE subject = $1", str(poisoned))
    assert len(waiting) == 2
    await take(turn, probe_database, do(poisoned, 3), do(healthy, 3))
    assert await probe_database.fetchval("SELECT count(*) FROM parked") == 3
    assert await numbers(probe_database, healthy) == [1, 2, 3]


async def test_a_mended_rule_decides_all_that_waited_in_order(turn: Turn, probe_database: Connection) -> None:
    tally = new_id()
    await take(turn, probe_database, do(tally, 1, "raise-unless-mended"), do(tally, 2), do(tally, 3))
    await _make_due(probe_database)
    probe.MENDED.add(tally)
    blocker = await parking.claim_due(probe_database)
    assert blocker is not None
    turned = await turn.replay(probe_database, blocker)
    assert await numbers(probe_database, tally) == [1, 2, 3]
    assert [fact["data"]["number"] for fact in told(turned)] == [1, 2, 3]
    assert await probe_database.fetchval("SELECT count(*) FROM parked_subject") == 0
    assert await outcomes(probe_database) == ["applied"] * 3


async def test_attempts_are_counted_exactly_until_the_subject_is_stuck(turn: Turn, probe_database: Connection) -> None:
    tally = new_id()
    await take(turn, probe_database, do(tally, 1, "raise"))
    most = len(parking.RETRY_PAUSES_SECONDS) + 1
    for attempt in range(2, most + 1):
        await _make_due(probe_database)
        blocker = await parking.claim_due(probe_database)
        assert blocker is not None and blocker.attempts == attempt
        await turn.replay(probe_database, blocker)
    row = await probe_database.fetchrow("SELECT status, attempts, error FROM parked_subject")
    assert row is not None and (row["status"], row["attempts"]) == ("stuck", most)
    assert row["error"] == "RuntimeError: the rule is broken"
    assert await parking.claim_due(probe_database) is None


async def test_an_attempt_that_kills_the_worker_is_counted_too(turn: Turn, probe_database: Connection) -> None:
    await take(turn, probe_database, do(new_id(), 1, "raise"))
    await _make_due(probe_database)
    assert await parking.claim_due(probe_database) is not None
    assert await probe_database.fetchval("SELECT attempts FROM parked_subject") == 2


async def test_what_is_not_there_yet_is_decided_once_it_comes(turn: Turn, probe_database: Connection) -> None:
    tally = new_id()
    await take(turn, probe_database, do(tally, 1, "ok-after-open"), do(tally, 2))
    assert await numbers(probe_database, tally) == []
    await take(turn, probe_database, event(ProbeOpened(tally_id=tally), str(tally)))
    blocker = await parking.claim_due(probe_database)
    assert blocker is not None
    await turn.replay(probe_database, blocker)
    assert await numbers(probe_database, tally) == [1, 2]


async def test_what_others_wait_for_may_come_in_the_same_batch(turn: Turn, probe_database: Connection) -> None:
    tally = new_id()
    opened = event(ProbeOpened(tally_id=tally), str(tally))
    turned = await take(turn, probe_database, do(tally, 1, "ok-after-open"), opened, do(tally, 2))
    assert turned.replay_is_due
    blocker = await parking.claim_due(probe_database)
    assert blocker is not None
    await turn.replay(probe_database, blocker)
    assert await numbers(probe_database, tally) == [1, 2]


async def test_what_never_comes_ends_in_an_answer_and_frees_what_waited_behind(
    turn: Turn, probe_database: Connection
) -> None:
    tally = new_id()
    await take(turn, probe_database, do(tally, 1, "ok-after-open"), do(tally, 2))
    await probe_database.execute("UPDATE parked SET parked_at = parked_at - interval '1 minute'")
    await _make_due(probe_database)
    blocker = await parking.claim_due(probe_database)
    assert blocker is not None
    turned = await turn.replay(probe_database, blocker)
    assert [fact["type"] for fact in told(turned)] == ["tandem.command.rejected.v1", "tandem.probe.done.v1"]
    assert told(turned)[0]["data"]["type"] == "outsourcing/unknown"
    assert await outcomes(probe_database) == ["refused", "applied"]


async def test_one_instance_may_have_only_so_much_waiting(
    turn: Turn, probe_database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "MOST_WAITING_PER_SENDER", 3)
    turned = await take(turn, probe_database, *(do(new_id(), 1, "ok-after-open") for _ in range(5)))
    assert [fact["data"]["type"] for fact in told(turned)] == ["message/too-many-waiting"] * 2
    later = await take(turn, probe_database, do(new_id(), 1, "ok-after-open"))
    assert [fact["data"]["type"] for fact in told(later)] == ["message/too-many-waiting"]
    other = await take(turn, probe_database, do(new_id(), 1, "ok-after-open", sender="alpenwerk"))
    assert other.posted == []


async def test_what_queues_up_behind_what_waits_counts_too(
    turn: Turn, probe_database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "MOST_WAITING_PER_SENDER", 3)
    tally = new_id()
    await take(turn, probe_database, *(do(tally, number, "ok-after-open") for number in range(50)))
    assert await probe_database.fetchval("SELECT count(*) FROM parked") == 3


async def test_behind_a_fault_of_ours_more_may_wait_but_not_without_end(
    turn: Turn, probe_database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "MOST_WAITING_PER_SENDER", 3)
    monkeypatch.setattr(parking, "MOST_PARKED_PER_SENDER", 6)
    tally = new_id()
    await take(turn, probe_database, do(tally, 0, "raise"), *(do(tally, number) for number in range(1, 50)))
    assert await probe_database.fetchval("SELECT count(*) FROM parked") == 6


async def test_what_has_come_is_tried_before_what_still_waits(turn: Turn, probe_database: Connection) -> None:
    guesses = [do(new_id(), 1, "ok-after-open", sender="alpenwerk") for _ in range(50)]
    tally = new_id()
    await take(turn, probe_database, *guesses, do(tally, 1, "ok-after-open"))
    await _make_due(probe_database)
    await take(turn, probe_database, event(ProbeOpened(tally_id=tally), str(tally)))
    blocker = await parking.claim_due(probe_database)
    assert blocker is not None and blocker.line.subject == str(tally)


async def test_refused_data_leaves_nothing_behind(turn: Turn, probe_database: Connection) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await take(turn, probe_database, do(new_id(), 1), do(new_id(), 1, "bad-data"))
    assert await outcomes(probe_database) == []
    assert await probe_database.fetchval("SELECT count(*) FROM outbox") == 0


async def test_a_message_set_aside_waits_with_the_reason(turn: Turn, probe_database: Connection) -> None:
    message = turn.read(do(new_id(), 1, "bad-data"))
    for _ in range(2):
        assert isinstance(message, Readable)
        await turn.set_aside(probe_database, message, "CheckViolationError: too far")
    row = await probe_database.fetchrow("SELECT status, attempts, error FROM parked_subject")
    assert row is not None and tuple(row) == ("retrying", 1, "CheckViolationError: too far")
    assert await outcomes(probe_database) == ["parked"]


async def test_a_message_another_worker_took_meanwhile_is_not_taken_twice(
    turn: Turn, probe_database: Connection, second_probe_connection: Connection
) -> None:
    tally, id = new_id(), new_id()
    async with second_probe_connection.transaction():
        await turn.take(second_probe_connection, [turn.read(do(tally, 1, id=id))])
        racing = asyncio.create_task(take(turn, probe_database, do(tally, 1, id=id)))
        await _until_waiting_for_a_lock(second_probe_connection)
    with pytest.raises(TakenMeanwhile):
        await racing
    assert await numbers(probe_database, tally) == [1]


async def test_ids_are_made_by_the_database_s_clock_whatever_the_machine_s_says(
    turn: Turn, probe_database: Connection
) -> None:
    await take(turn, probe_database, do(new_id()), replace(do(new_id()), body=b"no json"))
    rows = await probe_database.fetch("SELECT message_id, created_at FROM outbox")
    assert len(rows) == 3
    # A turn's deliveries have an instant each, which may reach into the next millisecond.
    assert all(0 <= millis_of(row["message_id"]) - int(row["created_at"].timestamp() * 1000) <= 1 for row in rows)


async def test_every_history_and_outbox_row_cites_the_message_that_caused_it(
    turn: Turn, probe_database: Connection
) -> None:
    await take(turn, probe_database, *(do(new_id(), number) for number in range(10)), do(new_id(), 1, "refuse"))
    uncaused = """
        SELECT count(*) FROM {table} LEFT JOIN inbox ON (inbox.id, source) = (cause_id, cause_source)
        WHERE inbox.id IS NULL
    """
    assert await probe_database.fetchval(uncaused.format(table="history")) == 0
    assert await probe_database.fetchval(uncaused.format(table="outbox")) == 0
    assert await probe_database.fetchval("SELECT count(*) FROM history") == 10


async def test_a_turn_of_one_and_a_turn_of_two_hundred_issue_the_same_number_of_statements(
    turn: Turn, probe_database: Connection
) -> None:
    await take(turn, probe_database, do(new_id()))
    alone = await _statements_of(turn, probe_database, do(new_id()))
    many = await _statements_of(turn, probe_database, *(do(new_id(), number) for number in range(200)))
    assert len(many) == len(alone) > 0


async def _statements_of(turn: Turn, connection: Connection, *arrivals: Any) -> list[str]:
    statements: list[str] = []

    def note(query: Any) -> None:
        statements.append(query.query)

    connection.add_query_logger(note)
    await take(turn, connection, *arrivals)
    await asyncio.sleep(0)  # the driver calls its loggers one step later
    connection.remove_query_logger(note)
    return statements


async def _make_due(connection: Connection) -> None:
    await connection.execute("UPDATE parked_subject SET next_attempt_at = now() WHERE next_attempt_at IS NOT NULL")


async def _until_waiting_for_a_lock(connection: Connection) -> None:
    async with asyncio.timeout(5):
        while not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"):
            await asyncio.sleep(0.01)
