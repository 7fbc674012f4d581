"""Who knows the id of what is not its own holds nobody up by it, and learns nothing."""

import json
from typing import Any
from uuid import UUID

from shared.database import Connection
from shared.ids import new_id
from shared.messaging import parking
from shared.messaging.parking import Blocker
from shared.messaging.turn import Turn
from tests.integration.messaging.broker import Broker
from tests.integration.messaging.posting import event
from tests.integration.messaging.probe import OWNER, ProbeOpened
from tests.integration.messaging.test_runtime import count, numbers, until
from tests.integration.messaging.test_turn import do, outcomes, take, told
from tests.integration.messaging.worker import probe_worker

STRANGER = "alpenwerk"
# What of an answer names the command that it answers; the rest says what is known about it.
NAMES = ("id", "subject", "time", "sequence", "correlationid", "causationid")


def strange(tally: UUID, number: int = 1, **more: Any) -> Any:
    """What is not there, and what is not one's own, is waited for alike."""
    return do(tally, number, "ok-after-open", sender=STRANGER, **more)


async def opened(turn: Turn, connection: Connection) -> UUID:
    tally = new_id()
    await take(turn, connection, event(ProbeOpened(tally_id=tally), str(tally)))
    return tally


async def due(connection: Connection) -> Blocker:
    """The next line that is due, where all are."""
    await connection.execute("UPDATE parked_subject SET next_attempt_at = now() WHERE next_attempt_at > now()")
    blocker = await parking.claim_due(connection)
    assert blocker is not None
    return blocker


async def lines(connection: Connection) -> dict[tuple[str, str], int]:
    """How many messages wait in each line."""
    rows = await connection.fetch("SELECT subject, apart, count(*) AS n FROM parked GROUP BY subject, apart")
    return {(row["subject"], row["apart"]): row["n"] for row in rows}


async def test_nobody_waits_behind_what_a_stranger_says_of_its_subject(turn: Turn, probe_database: Connection) -> None:
    tally = await opened(turn, probe_database)
    messages = [message for number in range(3) for message in (strange(tally), do(tally, number))]
    turned = await take(turn, probe_database, *messages)
    assert [fact["type"] for fact in told(turned)] == ["tandem.probe.done.v1"] * 3
    assert await numbers(probe_database, tally) == [0, 1, 2]
    await take(turn, probe_database, do(tally, 3))
    assert await numbers(probe_database, tally) == [0, 1, 2, 3]
    assert await lines(probe_database) == {(str(tally), STRANGER): 3}


async def test_a_stranger_that_came_before_its_subject_was_there_keeps_nobody_waiting_from_then_on(
    turn: Turn, probe_database: Connection
) -> None:
    tally = new_id()
    early = [strange(tally, 1), do(tally, 2, "ok-after-open"), strange(tally, 3), do(tally, 4)]
    await take(turn, probe_database, *early)
    assert await lines(probe_database) == {(str(tally), ""): 4}
    await take(turn, probe_database, event(ProbeOpened(tally_id=tally), str(tally)))
    for _ in range(2):
        blocker = await parking.claim_due(probe_database)
        assert blocker is not None and blocker.line.apart == ""
        await turn.replay(probe_database, blocker)
    assert await numbers(probe_database, tally) == [2, 4]
    assert await lines(probe_database) == {(str(tally), STRANGER): 2}


async def test_what_a_stranger_says_ends_in_its_order(turn: Turn, probe_database: Connection) -> None:
    tally, ids = await opened(turn, probe_database), [new_id() for _ in range(3)]
    await take(turn, probe_database, *(strange(tally, id=id) for id in ids))
    await probe_database.execute("UPDATE parked SET parked_at = parked_at - interval '1 minute'")
    answers = told(await turn.replay(probe_database, await due(probe_database)))
    assert [answer["data"]["command_id"] for answer in answers] == [str(id) for id in ids]
    assert {answer["data"]["type"] for answer in answers} == {"outsourcing/unknown"}
    assert await probe_database.fetchval("SELECT count(*) FROM parked_subject") == 0


async def test_behind_a_fault_of_ours_all_wait_and_a_stranger_is_set_apart_when_that_is_over(
    turn: Turn, probe_database: Connection
) -> None:
    tally = await opened(turn, probe_database)
    await take(turn, probe_database, do(tally, 1, "raise"), strange(tally), do(tally, 2))
    assert await lines(probe_database) == {(str(tally), ""): 3}
    await probe_database.execute("DELETE FROM parked WHERE position = (SELECT min(position) FROM parked)")
    for _ in range(2):
        await turn.replay(probe_database, await due(probe_database))
    assert await numbers(probe_database, tally) == [2]
    assert await lines(probe_database) == {(str(tally), STRANGER): 1}


async def test_a_stranger_delays_nobody_and_reads_the_same_whether_there_is_something_or_not(
    broker: Broker, probe_url: str, probe_database: Connection
) -> None:
    there, nowhere = new_id(), new_id()
    async with probe_worker(broker, probe_url):
        await broker.send(do(there))
        await broker.read(OWNER, 1)
        await broker.send(strange(there), strange(nowhere))
        await until(count(probe_database, "parked", 2))
        await broker.send(*(do(there, number) for number in range(2, 20)))
        # All of it while the stranger still waits.
        await broker.read(OWNER, 18)
        assert await outcomes(probe_database) == ["applied", "parked", "parked", *["applied"] * 18]
        waits = await probe_database.fetch("SELECT status, problem, give_up_at - parked_at AS wait FROM parked_subject")
        assert waits[0] == waits[1]
        await probe_database.execute("UPDATE parked SET parked_at = parked_at - interval '1 minute'")
        answers = await broker.read(STRANGER, 2)
    by_subject = {answer["subject"]: answer for answer in answers}
    assert by_subject.keys() == {str(there), str(nowhere)}
    assert _anonymous(by_subject[str(there)]) == _anonymous(by_subject[str(nowhere)])


def _anonymous(answer: dict[str, Any]) -> str:
    """An answer without what names its command."""
    told = {name: value for name, value in answer.items() if name not in NAMES}
    told["data"] = {name: value for name, value in answer["data"].items() if name != "command_id"}
    return json.dumps(told)
