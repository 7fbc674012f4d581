"""Real turns with the service's own table of routes: from the acceptance to the approval, and what leaves Tandem."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from services.ticket_sync.handlers import HANDLERS
from services.ticket_sync.poller import REMINDERS
from shared.contracts.ticket_sync import TicketOverdue
from shared.contracts.values import Payload
from shared.database import Connection
from shared.ids import new_id
from shared.messaging import parking
from shared.messaging.arrivals import Arrival
from shared.messaging.directory import Directory
from shared.messaging.letters import Correspondence
from shared.messaging.outcomes import Caused, Publish
from shared.messaging.turn import Turn
from tests.integration.databases import statements_of
from tests.integration.messaging.posting import command, event
from tests.unit.ticket_sync.outsourcing import (
    CHARGE,
    LEAD,
    NOTE,
    PATH,
    SERVICE,
    STRANGER,
    TIME,
    abandoned,
    accepted,
    approve,
    force,
    give_back,
    opened,
    put,
    reject,
    remove,
    submit,
)


@pytest.fixture
def turn() -> Turn:
    directory = Directory()
    return Turn(HANDLERS, directory, Correspondence("ticket_sync", directory))


def sent(sender: str, data: Payload, outsourcing_id: UUID) -> Arrival:
    return command(data, str(outsourcing_id), sender=sender)


def begun(outsourcing_id: UUID) -> Arrival:
    return event(accepted(outsourcing_id), str(outsourcing_id), service="offer_handler")


async def take(turn: Turn, connection: Connection, *arrivals: Arrival) -> list[tuple[str, str, dict[str, Any]]]:
    """Whom the outbox tells what because of these, in order; what gathers for people is looked at elsewhere."""
    before = await connection.fetchval("SELECT coalesce(max(position), 0) FROM outbox")
    await turn.take(connection, [turn.read(arrival) for arrival in arrivals])
    return await outbox_after(connection, before)


async def outbox_after(connection: Connection, position: int) -> list[tuple[str, str, dict[str, Any]]]:
    rows = await connection.fetch(
        "SELECT routing_key, kind, body FROM outbox WHERE position > $1 AND kind NOT LIKE 'tandem.news.%'"
        " ORDER BY position",
        position,
    )
    return [
        (row["routing_key"].split(".")[0], row["kind"].removeprefix("tandem."), json.loads(row["body"])["data"])
        for row in rows
    ]


def who_and_what(told: list[tuple[str, str, dict[str, Any]]]) -> list[tuple[str, str]]:
    return [(to, kind) for to, kind, _ in told]


async def test_the_life_of_an_outsourcing(turn: Turn, database: Connection) -> None:
    id = new_id()

    async def say(*messages: tuple[str, Payload]) -> list[tuple[str, str, dict[str, Any]]]:
        return await take(turn, database, *(sent(sender, data, id) for sender, data in messages))

    assert who_and_what(await take(turn, database, begun(id))) == [(SERVICE, "ticket.requested.v1")]
    assert await say((LEAD, put(NOTE, outsourcing_id=id)), (LEAD, put(PATH, outsourcing_id=id))) == []
    assert who_and_what(await say((SERVICE, opened(outsourcing_id=id)))) == [
        (LEAD, "ticket.linked.v1"),
        (SERVICE, "ticket.linked.v1"),
        (SERVICE, "entry.replicated.v1"),
    ]
    time, charge = put(TIME, outsourcing_id=id), put(CHARGE, outsourcing_id=id)
    assert who_and_what(await say((SERVICE, time), (SERVICE, charge))) == [(LEAD, "entry.replicated.v1")] * 2
    assert who_and_what(await say((SERVICE, submit(2, "1.5", "1.01", id)))) == [
        (LEAD, "completion.submitted.v1"),
        (SERVICE, "completion.submitted.v1"),
        ("outsourcing", "outsourcing.submitted.v1"),
    ]
    more = put(TIME, outsourcing_id=id)
    assert who_and_what(await say((SERVICE, more))) == [(SERVICE, "entry.held.v1")]
    rejected = await say((LEAD, reject(id)))
    assert who_and_what(rejected) == [
        (LEAD, "completion.rejected.v1"),
        (SERVICE, "completion.rejected.v1"),
        (LEAD, "ticket.noted.v1"),
        (SERVICE, "ticket.noted.v1"),
        (LEAD, "entry.replicated.v1"),
        (SERVICE, "entry.released.v1"),
        ("outsourcing", "outsourcing.rejected.v1"),
    ]
    assert rejected[4][2]["added_during_approval"] is True
    (out_of_step,) = await say((SERVICE, submit(2, "1.5", "1.01", id)))
    assert out_of_step[2]["type"] == "completion/out-of-step"
    submitted = await say((SERVICE, submit(3, "3.0", "1.01", id)))
    snapshot_id = UUID(submitted[0][2]["snapshot"]["snapshot_id"])
    (stale,) = await say((LEAD, approve(new_id(), id)))
    assert stale[2]["type"] == "completion/stale-snapshot" and str(snapshot_id) in stale[2]["detail"]
    await say((LEAD, put(NOTE, outsourcing_id=id)))
    approved = await say((LEAD, approve(snapshot_id, id)))
    assert who_and_what(approved) == [
        (LEAD, "completion.approved.v1"),
        (SERVICE, "completion.approved.v1"),
        (LEAD, "entry.replicated.v1"),
        (LEAD, "entry.kept-local.v1"),
        ("outsourcing", "outsourcing.completed.v1"),
    ]
    assert approved[2][2]["owner"] == "tandem" and Decimal(approved[2][2]["body"]["quantity"]) == Decimal("3.0")
    assert approved[4][2]["snapshot"] == submitted[0][2]["snapshot"]
    (refused,) = await say((SERVICE, put(NOTE, outsourcing_id=id)))
    assert refused[2]["type"] == "outsourcing/completed" and refused[2]["state"] == "completed"
    assert await database.fetchval("SELECT count(*) FROM snapshot") == 2


async def test_a_ticket_that_is_returned_takes_nothing_more(turn: Turn, database: Connection) -> None:
    id = new_id()
    await take(turn, database, begun(id), sent(SERVICE, put(TIME, outsourcing_id=id), id))
    told = await take(
        turn,
        database,
        sent(LEAD, put(NOTE, outsourcing_id=id), id),
        sent(SERVICE, give_back(id), id),
        sent(SERVICE, opened(outsourcing_id=id), id),
    )
    assert who_and_what(told)[:6] == [
        (LEAD, "outsourcing.returned.v1"),
        (SERVICE, "outsourcing.returned.v1"),
        (LEAD, "ticket.noted.v1"),
        (SERVICE, "ticket.noted.v1"),
        (SERVICE, "entry.kept-local.v1"),
        (LEAD, "entry.kept-local.v1"),
    ]
    assert (told[0][2]["entries"], told[0][2]["hours"], told[0][2]["charge_total"]) == (1, "1.5", "0.00")
    to, kind, refused = told[-1]
    assert (to, kind, refused["type"], refused["state"]) == (
        SERVICE,
        "command.rejected.v1",
        "outsourcing/returned",
        "returned",
    )
    assert await database.fetchval("SELECT state FROM link") == "returned"
    assert await database.fetchval("SELECT array_agg(DISTINCT travel) FROM entry") == ["kept_local"]


async def test_a_force_bills_what_was_submitted_in_this_turn_or_an_earlier_one(
    turn: Turn, database: Connection
) -> None:
    for together in (True, False):
        id = new_id()
        await take(turn, database, begun(id), sent(SERVICE, opened(outsourcing_id=id), id))
        entry, submission = (
            sent(SERVICE, put(TIME, outsourcing_id=id), id),
            sent(SERVICE, submit(1, "1.5", "0", id), id),
        )
        later, forcing = sent(SERVICE, put(TIME, outsourcing_id=id), id), sent(LEAD, force(id), id)
        before = await database.fetchval("SELECT coalesce(max(position), 0) FROM outbox")
        for arrivals in [[entry, submission, later, forcing]] if together else [[entry, submission, later], [forcing]]:
            await take(turn, database, *arrivals)
        told = await outbox_after(database, before)
        assert who_and_what(told)[-7:] == [
            (LEAD, "completion.forced.v1"),
            (SERVICE, "completion.forced.v1"),
            (LEAD, "ticket.noted.v1"),
            (SERVICE, "ticket.noted.v1"),
            (LEAD, "entry.replicated.v1"),
            (SERVICE, "entry.kept-local.v1"),
            ("outsourcing", "outsourcing.completed.v1"),
        ]
        (submitted,) = [data for to, kind, data in told if (to, kind) == (LEAD, "completion.submitted.v1")]
        assert told[-7][2]["snapshot"] == told[-1][2]["snapshot"] == submitted["snapshot"]
        assert told[-1][2]["forced"] is True
        assert await database.fetchval("SELECT count(*) FROM snapshot WHERE outsourcing_id = $1", id) == 1


async def test_a_force_on_work_in_progress_keeps_what_it_fixed(turn: Turn, database: Connection) -> None:
    id = new_id()
    await take(turn, database, begun(id), sent(SERVICE, opened(outsourcing_id=id), id))
    await take(turn, database, *(sent(SERVICE, put(body, outsourcing_id=id), id) for body in (TIME, CHARGE, NOTE)))
    told = await take(turn, database, sent(LEAD, force(id), id), sent(SERVICE, put(TIME, outsourcing_id=id), id))
    assert (told[0][2]["cause"], told[0][2]["not_billed"]) == ("ticket_completed", None)
    (row,) = await database.fetch("SELECT snapshot_id, content, submitted_by FROM snapshot")
    assert json.loads(row["content"]) == told[0][2]["snapshot"] and row["submitted_by"] == "k.sommer"
    assert await database.fetchval("SELECT snapshot_id FROM link WHERE state = 'completed'") == row["snapshot_id"]
    assert told[-1][2]["type"] == "outsourcing/completed"


async def test_a_force_before_the_ticket_is_open_bills_nothing(turn: Turn, database: Connection) -> None:
    id = new_id()
    told = await take(turn, database, begun(id), sent(LEAD, force(id), id))
    assert who_and_what(told)[-1] == ("outsourcing", "outsourcing.completed.v1")
    assert (told[1][2]["snapshot"], told[1][2]["not_billed"], told[-1][2]["snapshot"]) == (None, "not_begun", None)
    assert await database.fetchval("SELECT count(*) FROM snapshot") == 0


async def test_work_of_a_partnership_that_was_ended_is_completed_once(turn: Turn, database: Connection) -> None:
    id = new_id()
    ends = [event(abandoned(id), str(id), service="offer_handler") for _ in range(2)]
    told = await take(turn, database, begun(id), sent(SERVICE, opened(outsourcing_id=id), id), *ends)
    assert who_and_what(told)[-5:] == [
        (LEAD, "completion.forced.v1"),
        (SERVICE, "completion.forced.v1"),
        (LEAD, "ticket.noted.v1"),
        (SERVICE, "ticket.noted.v1"),
        ("outsourcing", "outsourcing.completed.v1"),
    ]
    assert (told[-5][2]["cause"], told[-1][2]["completed_by"]) == ("partnership_ended", "m.huber")


async def test_an_end_that_comes_before_the_acceptance_waits_for_it(turn: Turn, database: Connection) -> None:
    id = new_id()
    assert await take(turn, database, event(abandoned(id), str(id), service="offer_handler")) == []
    assert who_and_what(await take(turn, database, begun(id))) == [(SERVICE, "ticket.requested.v1")]
    blocker = await parking.claim_due(database)
    assert blocker is not None
    await turn.replay(database, blocker)
    assert await database.fetchval("SELECT state FROM link") == "completed"


async def test_who_does_not_open_its_ticket_is_reminded_and_in_the_end_the_lead_is_told(
    turn: Turn, database: Connection
) -> None:
    id, first_id = new_id(), new_id()
    acceptance = accepted(id).model_copy(update={"accepted_at": datetime.now(UTC) - timedelta(hours=4)})
    await take(turn, database, event(acceptance, str(id), service="offer_handler", id=first_id))
    after_4, after_24 = (acceptance.accepted_at + timedelta(hours=hours) for hours in (4, 24))
    assert await REMINDERS.due(database, after_4 - timedelta(seconds=1)) == []
    first = TicketOverdue(outsourcing_id=id, due_at=after_4)
    assert await REMINDERS.due(database, after_4) == [
        Caused("/tandem/offer_handler", first_id, str(id), (Publish(first),))
    ]
    assert await REMINDERS.due(database, after_24 - timedelta(seconds=1)) == []
    told = await take(turn, database, event(first, str(id), service="ticket_sync"))
    assert who_and_what(told)[:1] == [(SERVICE, "ticket.reminded.v1")] and told[0][2]["waiting_hours"] == 4
    second = TicketOverdue(outsourcing_id=id, due_at=after_24)
    assert await REMINDERS.due(database, after_24) == [
        Caused("/tandem/offer_handler", first_id, str(id), (Publish(second),))
    ]
    told = await take(turn, database, *(event(second, str(id), service="ticket_sync") for _ in range(2)))
    assert who_and_what(told)[:2] == [(SERVICE, "ticket.reminded.v1"), (LEAD, "ticket.reminded.v1")]
    assert told[1][2]["waiting_hours"] == 24
    assert await REMINDERS.due(database, after_24 + timedelta(days=30)) == []
    assert await database.fetchval("SELECT count(*) FROM history WHERE event LIKE 'reminded%'") == 2


async def test_a_ticket_that_is_open_when_its_message_comes_is_not_spoken_of(turn: Turn, database: Connection) -> None:
    id = new_id()
    await take(turn, database, begun(id))
    ((overdue,),) = [one.tell for one in await REMINDERS.due(database, datetime.now(UTC))]
    arrivals = (sent(SERVICE, opened(outsourcing_id=id), id), event(overdue.data, str(id), service="ticket_sync"))
    told = await take(turn, database, *arrivals)
    assert who_and_what(told) == [(LEAD, "ticket.linked.v1"), (SERVICE, "ticket.linked.v1")]
    assert await database.fetchval("SELECT outcome FROM inbox WHERE kind = 'tandem.ticket.overdue.v1'") == "unchanged"


async def test_a_whole_life_in_one_turn_folds(turn: Turn, database: Connection) -> None:
    id = new_id()
    entry = put(TIME, outsourcing_id=id)
    told = await take(
        turn,
        database,
        begun(id),
        sent(LEAD, put(NOTE, outsourcing_id=id), id),
        sent(SERVICE, entry, id),
        sent(SERVICE, opened(outsourcing_id=id), id),
        sent(SERVICE, put(CHARGE, outsourcing_id=id), id),
        sent(SERVICE, put(TIME, id=entry.entry_id, version=2, visibility="internal", outsourcing_id=id), id),
        sent(SERVICE, submit(1, "0", "1.01", id), id),
        sent(SERVICE, put(TIME, id=entry.entry_id, version=3, outsourcing_id=id), id),
        sent(LEAD, reject(id), id),
        sent(SERVICE, submit(2, "1.5", "1.01", id), id),
    )
    submitted = [data for to, kind, data in told if kind == "completion.submitted.v1" and to == LEAD]
    assert [len(data["snapshot"]["time"]) for data in submitted] == [0, 1]
    assert submitted[1]["snapshot"]["time"][0]["version"] == 3
    approved = await take(turn, database, sent(LEAD, approve(UUID(submitted[1]["snapshot"]["snapshot_id"]), id), id))
    assert who_and_what(approved)[-1] == ("outsourcing", "outsourcing.completed.v1")


async def test_what_comes_before_the_acceptance_waits_for_it(turn: Turn, database: Connection) -> None:
    id = new_id()
    assert await take(turn, database, sent(LEAD, put(NOTE, outsourcing_id=id), id)) == []
    assert who_and_what(await take(turn, database, begun(id))) == [(SERVICE, "ticket.requested.v1")]
    blocker = await parking.claim_due(database)
    assert blocker is not None
    await turn.replay(database, blocker)
    assert await database.fetchval("SELECT travel FROM entry") == "waiting"


async def test_who_is_no_party_keeps_neither_side_waiting(turn: Turn, database: Connection) -> None:
    id = new_id()
    early = [sent(STRANGER, put(NOTE, outsourcing_id=id), id), sent(LEAD, put(NOTE, outsourcing_id=id), id)]
    await take(turn, database, *early, begun(id))
    for _ in range(2):
        blocker = await parking.claim_due(database)
        assert blocker is not None
        await turn.replay(database, blocker)
    submitted = sent(STRANGER, submit(1, "0", "0", id), id)
    told = await take(turn, database, submitted, sent(SERVICE, opened(outsourcing_id=id), id))
    assert who_and_what(told)[-1] == (SERVICE, "entry.replicated.v1")
    rows = await database.fetch("SELECT apart, sender, kind FROM parked")
    assert {tuple(row) for row in rows} == {
        (STRANGER, STRANGER, kind) for kind in ("tandem.entry.put.v1", "tandem.completion.submit.v1")
    }


async def test_a_turn_of_many_entries_issues_as_many_statements_as_a_turn_of_one(
    turn: Turn, database: Connection
) -> None:
    ids = [new_id() for _ in range(8)]
    await take(turn, database, *(begun(id) for id in ids))
    await take(turn, database, *(sent(SERVICE, opened(outsourcing_id=id), id) for id in ids))
    await take(turn, database, *_puts(ids, 1))
    alone = await _statements_of(turn, database, *_puts(ids[:1], 1))
    many = await _statements_of(turn, database, *_puts(ids, 256))
    assert many == alone
    assert len([one for one in many if "FROM link" in one or "INTO link" in one]) == 2
    assert len([one for one in many if "FROM entry" in one or "INTO entry" in one]) == 2


async def test_changed_entries_do_not_save_their_links(turn: Turn, database: Connection) -> None:
    id = new_id()
    entry = put(NOTE, outsourcing_id=id)
    await take(turn, database, begun(id), sent(SERVICE, opened(outsourcing_id=id), id), sent(LEAD, entry, id))
    newer = put(NOTE, id=entry.entry_id, version=2, outsourcing_id=id)
    gone = remove(entry.entry_id, 3, id)
    statements = await _statements_of(turn, database, sent(LEAD, newer, id), sent(LEAD, gone, id))
    assert not [one for one in statements if "INTO link" in one]
    assert [one for one in statements if "INTO entry" in one]


def _puts(ids: list[UUID], count: int) -> list[Arrival]:
    chosen = [ids[number % len(ids)] for number in range(count)]
    return [sent(LEAD, put(NOTE, outsourcing_id=id), id) for id in chosen]


async def _statements_of(turn: Turn, connection: Connection, *arrivals: Arrival) -> list[str]:
    return await statements_of(connection, take(turn, connection, *arrivals))
