"""The door on a real Postgres: what is not let in is refused or buried, with a reason, whatever its sender does."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.database import Connection
from shared.ids import new_id
from shared.messaging.arrivals import Readable
from shared.messaging.turn import Turn
from tests.integration.messaging.posting import command
from tests.integration.messaging.probe import ProbeDo
from tests.integration.messaging.test_turn import do, numbers, outcomes, take, told

IN_THE_YEAR_10889 = UUID(int=(0xFFFFFFFFFFFF << 80) | (new_id().int & ((1 << 80) - 1)))


async def test_bytes_that_cannot_be_read_go_to_the_dead_queue_and_are_answered(
    turn: Turn, probe_database: Connection
) -> None:
    garbage = replace(do(new_id()), body=b"\x00 no json")
    turned = await take(turn, probe_database, garbage, replace(garbage, returns=1))
    dead, answer = (posted.letter for posted in turned.posted)
    assert (dead.exchange, dead.routing_key, dead.body) == ("tandem.dead", "probe", garbage.body)
    assert dead.headers is not None and dead.headers["x-tandem-problem"] == "message/unreadable"
    assert answer.lane == "nordlicht" and json.loads(answer.body)["data"]["type"] == "message/unreadable"


async def test_the_same_garbage_sent_again_is_answered_again_and_buried_once(
    turn: Turn, probe_database: Connection
) -> None:
    garbage = replace(do(new_id()), body=b"\x00 no json")
    await take(turn, probe_database, garbage)
    (answer,) = told(await take(turn, probe_database, garbage))
    assert answer["data"]["type"] == "message/unreadable"
    assert (await take(turn, probe_database, replace(garbage, returns=1))).posted == []
    assert await probe_database.fetchval("SELECT count(*) FROM outbox WHERE exchange = 'tandem.dead'") == 1


async def test_an_attribute_that_no_broker_could_carry_is_not_read(turn: Turn, probe_database: Connection) -> None:
    arrival = do(new_id())
    kind = "tandem." + "ä" * 150 + ".v1"
    long = replace(arrival, body=arrival.body.replace(b"tandem.probe.do.v1", kind.encode()))
    dead, answer = (posted.letter for posted in (await take(turn, probe_database, long)).posted)
    assert dead.headers is not None and dead.headers["x-tandem-problem"] == "message/unreadable"
    assert "more than 200 bytes" in json.loads(answer.body)["data"]["detail"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"user_id": "alpenwerk"}, "message/forged"),
        ({"user_id": None}, "message/forged"),
        ({"exchange": "tandem.events"}, "message/forged"),
        ({"user_id": "tandem.probe", "exchange": "tandem.events"}, "message/forged"),
    ],
)
async def test_a_forged_message_is_dead_and_nobody_is_answered(
    turn: Turn, probe_database: Connection, change: dict[str, Any], problem: str
) -> None:
    turned = await take(turn, probe_database, replace(do(new_id()), **change))
    (dead,) = (posted.letter for posted in turned.posted)
    assert dead.headers is not None and dead.headers["x-tandem-problem"] == problem
    assert await outcomes(probe_database) == ["dead"]


@pytest.mark.parametrize(
    ("arrival", "problem"),
    [
        (lambda tally: replace(do(tally), routing_key="nordlicht.probe.do.zz"), "message/wrong-key"),
        (
            lambda tally: replace(do(tally), routing_key=do(tally).routing_key.replace("do", "open")),
            "message/wrong-key",
        ),
        (
            lambda tally: command(ProbeDo(actor="x", tally_id=tally, number=1), str(new_id())),
            "message/wrong-subject",
        ),
        (lambda tally: do(tally, id=_id_made(days_ago=31)), "message/too-old"),
        (lambda tally: do(tally, id=_id_made(days_ago=-2)), "message/too-old"),
        (lambda tally: do(tally, id=IN_THE_YEAR_10889), "message/too-old"),
        (lambda tally: do(tally, id=UUID("6ba7b810-9dad-41d1-80b4-00c04fd430c8")), "message/invalid"),
        (lambda tally: _with_data(do(tally), number="many", behaviour="?"), "message/invalid"),
    ],
)
async def test_what_is_wrong_at_the_door_is_refused_and_remembered(
    turn: Turn, probe_database: Connection, arrival: Any, problem: str
) -> None:
    tally = new_id()
    (answer,) = told(await take(turn, probe_database, arrival(tally)))
    assert answer["type"] == "tandem.command.rejected.v1" and answer["data"]["type"] == problem
    assert await outcomes(probe_database) == ["refused"]
    assert await numbers(probe_database, tally) == []


@pytest.mark.parametrize("change", ["wrong subject", "invalid"])
async def test_what_came_back_too_often_is_asked_at_the_door_all_the_same(
    turn: Turn, probe_database: Connection, change: str
) -> None:
    tally = new_id()
    arrival = do(tally) if change == "invalid" else command(ProbeDo(actor="x", tally_id=tally, number=1), str(new_id()))
    message = turn.read(_with_data(arrival, number="many") if change == "invalid" else arrival)
    assert isinstance(message, Readable)
    turned = await turn.set_aside(probe_database, message, "came back undecided 10 times")
    (answer,) = told(turned)
    assert answer["data"]["type"] in ("message/wrong-subject", "message/invalid")
    assert await outcomes(probe_database) == ["refused"]
    assert await probe_database.fetchval("SELECT count(*) FROM parked_subject") == 0


async def test_a_forgery_is_counted(turn: Turn, probe_database: Connection) -> None:
    await take(turn, probe_database, replace(do(new_id()), user_id="alpenwerk"), replace(do(new_id()), body=b"no json"))
    counted = "SELECT count(*) FROM inbox WHERE problem ->> 'type' = 'message/forged'"
    assert await probe_database.fetchval(counted) == 1


async def test_all_wrong_fields_are_told_at_once(turn: Turn, probe_database: Connection) -> None:
    (answer,) = told(await take(turn, probe_database, _with_data(do(new_id()), number="many", behaviour="?")))
    assert {error["pointer"] for error in answer["data"]["errors"]} == {"/data/number", "/data/behaviour"}


def _id_made(*, days_ago: int) -> UUID:
    milliseconds = int((datetime.now(UTC) - timedelta(days=days_ago)).timestamp() * 1000)
    return UUID(int=(milliseconds << 80) | (new_id().int & ((1 << 80) - 1)))


def _with_data(arrival: Any, **fields: Any) -> Any:
    envelope = json.loads(arrival.body)
    envelope["data"] |= fields
    return replace(arrival, body=json.dumps(envelope).encode())
