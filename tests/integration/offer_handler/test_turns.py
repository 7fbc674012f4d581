"""Real turns with the service's own table of routes: from the agreement to the end of an offer, and what leaves."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any
from uuid import UUID

import pytest

from services.offer_handler.domain.offers import CLOSING_WAIT_SECONDS
from services.offer_handler.handlers import HANDLERS
from services.offer_handler.poller import DEADLINES
from shared.contracts.offer_handler import (
    AgreementAccept,
    DeadlinePassed,
    OfferSend,
    PartnershipAccept,
)
from shared.contracts.values import Command
from shared.database import Connection
from shared.ids import new_id
from shared.messaging import parking
from shared.messaging.arrivals import Arrival
from shared.messaging.directory import Directory
from shared.messaging.letters import Correspondence
from shared.messaging.outbox import Posted
from shared.messaging.turn import Turn
from tests.integration.messaging.posting import command, event
from tests.unit.offer_handler.offering import (
    CUSTOMER,
    LEAD,
    OTHERS,
    OUTSOURCING,
    PARTNERSHIP,
    SERVICE,
    STRANGER,
    accept,
    cancel,
    completed,
    decline,
    invite,
    partnership_with,
    send,
    send_to,
)

Told = list[tuple[str, str, dict[str, Any]]]


@pytest.fixture
def turn() -> Turn:
    directory = Directory()
    return Turn(HANDLERS, directory, Correspondence("offer_handler", directory))


def sent(sender: str, data: Command, id: UUID | None = None) -> Arrival:
    return command(data, data.subject_of() or sender, sender=sender, id=id)


def offer(number: str = "NL-1", id: UUID = OUTSOURCING) -> OfferSend:
    """An offer that may be answered from now on for an hour."""
    return send(number, id, respond_by=datetime.now(UTC) + timedelta(hours=1))


BECOME_PARTNERS = (
    (LEAD, AgreementAccept(actor="k.sommer", version="2026-01")),
    (LEAD, invite()),
    (SERVICE, PartnershipAccept(actor="l.gruber", partnership_id=PARTNERSHIP)),
)


async def take(turn: Turn, connection: Connection, *arrivals: Arrival) -> Told:
    """Decide these in one turn; to whom what is told."""
    turned = await turn.take(connection, [turn.read(arrival) for arrival in arrivals])
    return _told(turned.posted)


async def say(turn: Turn, connection: Connection, *messages: tuple[str, Command]) -> Told:
    return await take(turn, connection, *(sent(sender, data) for sender, data in messages))


def who_and_what(told: Told) -> list[tuple[str, str]]:
    """What instances were told; not what is told to the other services."""
    return [(to, kind) for to, kind, _ in told if not to.startswith("tandem.")]


def _told(posted: list[Posted]) -> Told:
    return [
        (one.letter.lane, one.letter.kind.removeprefix("tandem."), json.loads(one.letter.body)["data"])
        for one in posted
    ]


async def test_from_the_agreement_to_the_acceptance(turn: Turn, database: Connection) -> None:
    assert who_and_what(await say(turn, database, *BECOME_PARTNERS)) == [
        (LEAD, "agreement.accepted.v1"),
        (LEAD, "partnership.invited.v1"),
        (SERVICE, "partnership.invited.v1"),
        (LEAD, "partnership.accepted.v1"),
        (SERVICE, "partnership.accepted.v1"),
    ]
    offered = await say(turn, database, (LEAD, offer()))
    assert who_and_what(offered)[:2] == [(LEAD, "offer.sent.v1"), (SERVICE, "offer.received.v1")]
    assert [kind for _, kind, _ in offered[2:]] == ["outsourcing.offered.v1"]
    assert not any(str(value) in json.dumps(data) for _, _, data in offered for value in _customer())
    assert offered[1][2]["needs_organization"] is True
    ((to, _, rejected),) = await say(turn, database, (SERVICE, accept(organization=None)))
    assert (to, rejected["type"], rejected["state"]) == (SERVICE, "offer/organization-missing", "offered")
    accepted = await say(turn, database, (SERVICE, accept()))
    assert who_and_what(accepted)[:2] == [(LEAD, "offer.accepted.v1"), (SERVICE, "offer.accepted.v1")]
    assert [kind for _, kind, _ in accepted[2:]] == ["outsourcing.accepted.v1"]
    assert accepted[2][2]["ticket"]["customer"]["company"] == CUSTOMER.company
    assert accepted[2][2]["organization"] == "Nordlicht IT GmbH"


async def test_all_of_it_in_one_turn(turn: Turn, database: Connection) -> None:
    told = await say(turn, database, *BECOME_PARTNERS, (LEAD, offer()), (SERVICE, accept()))
    assert [kind for to, kind, _ in told if to == SERVICE] == [
        "partnership.invited.v1",
        "partnership.accepted.v1",
        "offer.received.v1",
        "offer.accepted.v1",
    ]
    assert await database.fetchval("SELECT state FROM outsourcing") == "accepted"


async def test_all_that_is_said_of_an_offer_has_the_outsourcing_as_its_subject(
    turn: Turn, database: Connection
) -> None:
    await say(turn, database, *BECOME_PARTNERS)
    arrivals = [sent(LEAD, offer()), sent(SERVICE, accept())]
    turned = await turn.take(database, [turn.read(arrival) for arrival in arrivals])
    assert {one.letter.subject for one in turned.posted} == {str(OUTSOURCING)}


async def test_a_ticket_offered_twice_in_one_turn_is_offered_once(turn: Turn, database: Connection) -> None:
    await say(turn, database, *BECOME_PARTNERS)
    told = await say(turn, database, (LEAD, offer()), (LEAD, offer(id=new_id())))
    assert told[-1][2]["type"] == "offer/ticket-not-free" and told[-1][2]["state"] == "offered"
    assert await database.fetchval("SELECT count(*) FROM outsourcing") == 1


async def test_a_ticket_taken_back_and_offered_again_in_one_turn(turn: Turn, database: Connection) -> None:
    await say(turn, database, *BECOME_PARTNERS, (LEAD, offer()))
    again = new_id()
    await say(turn, database, (LEAD, cancel()), (LEAD, offer(id=again)))
    rows = await database.fetch("SELECT outsourcing_id, state FROM outsourcing ORDER BY offered_at")
    assert {row["outsourcing_id"]: row["state"] for row in rows} == {OUTSOURCING: "cancelled", again: "offered"}


async def test_a_send_for_a_ticket_that_is_just_closing_waits_for_its_event(turn: Turn, database: Connection) -> None:
    await say(turn, database, *BECOME_PARTNERS, (LEAD, offer()), (SERVICE, accept()))
    again = new_id()
    assert await say(turn, database, (LEAD, offer(id=again))) == []
    await take(turn, database, event(completed(), str(OUTSOURCING), service="ticket_sync"))
    told = await _try_again_after(turn, database, 1.0)
    assert who_and_what(told)[:2] == [(LEAD, "offer.sent.v1"), (SERVICE, "offer.received.v1")]
    assert told[1][2]["needs_organization"] is False


async def test_a_send_whose_closing_event_does_not_come_in_time_is_refused_with_the_state(
    turn: Turn, database: Connection
) -> None:
    await say(turn, database, *BECOME_PARTNERS, (LEAD, offer()), (SERVICE, accept()))
    assert await say(turn, database, (LEAD, offer(id=new_id()))) == []
    assert await _try_again_after(turn, database, CLOSING_WAIT_SECONDS - 0.5) == []
    ((to, kind, refused),) = await _try_again_after(turn, database, 0.5)
    assert (to, kind) == (LEAD, "command.rejected.v1")
    assert (refused["type"], refused["state"]) == ("offer/ticket-not-free", "accepted")
    assert "angenommen" in refused["detail"], "the lead reads German"
    # What comes too late for it is no loss: the ticket is free, and may be offered by another send.
    await take(turn, database, event(completed(), str(OUTSOURCING), service="ticket_sync"))
    assert len(await say(turn, database, (LEAD, offer(id=new_id())))) == 3


async def test_nobody_else_waits_while_a_send_waits_for_a_closing_event(turn: Turn, database: Connection) -> None:
    await say(turn, database, *BECOME_PARTNERS, (LEAD, offer()), (SERVICE, accept()))
    second, third = new_id(), new_id()
    # In the turn in which it begins to wait, and in those after it.
    told = await say(turn, database, (LEAD, offer(id=new_id())), (LEAD, offer("NL-2", second)))
    told += await say(turn, database, (SERVICE, accept(id=second)), (LEAD, offer("NL-3", third)))
    told += await say(turn, database, (LEAD, cancel(third)))
    facts = [(kind, data["ticket_number"]) for to, kind, data in told if to == LEAD]
    assert facts == [
        ("offer.sent.v1", "NL-2"),
        ("offer.accepted.v1", "NL-2"),
        ("offer.sent.v1", "NL-3"),
        ("offer.cancelled.v1", "NL-3"),
    ]
    assert await database.fetchval("SELECT count(*) FROM parked") == 1


async def test_what_falls_due_reminds_and_then_expires_the_offer_once(turn: Turn, database: Connection) -> None:
    await say(turn, database, *BECOME_PARTNERS)
    sending = offer()
    id = new_id()
    await take(turn, database, sent(LEAD, sending, id))
    respond_by = sending.terms.respond_by
    assert await DEADLINES.due(database, respond_by - timedelta(minutes=31)) == []
    reminder = await _falls_due(database, respond_by - timedelta(minutes=29), id)
    told = await take(turn, database, event(reminder, str(OUTSOURCING), service="offer_handler"))
    assert who_and_what(told) == [(SERVICE, "offer.reminded.v1")]
    assert await DEADLINES.due(database, respond_by - timedelta(seconds=1)) == []
    passed = await _falls_due(database, respond_by, id)
    told = await take(turn, database, *(event(passed, str(OUTSOURCING), service="offer_handler") for _ in range(2)))
    assert who_and_what(told)[:2] == [(LEAD, "offer.expired.v1"), (SERVICE, "offer.expired.v1")]
    ((to, _, late),) = await say(turn, database, (SERVICE, accept()))
    assert (to, late["type"], late["state"]) == (SERVICE, "offer/too-late", "expired")
    assert await database.fetchval("SELECT count(*) FROM history WHERE event = 'expired'") == 1


async def test_an_answer_before_the_deadline_s_message_wins(turn: Turn, database: Connection) -> None:
    sending = offer()
    await say(turn, database, *BECOME_PARTNERS, (LEAD, sending))
    passed = DeadlinePassed(outsourcing_id=OUTSOURCING, due_at=sending.terms.respond_by)
    deadline = event(passed, str(OUTSOURCING), service="offer_handler")
    told = await take(turn, database, sent(SERVICE, decline()), deadline)
    assert who_and_what(told)[:2] == [(LEAD, "offer.declined.v1"), (SERVICE, "offer.declined.v1")]
    assert await database.fetchval("SELECT state FROM outsourcing") == "declined"


async def test_who_sends_an_offer_again_is_told_where_it_stands(turn: Turn, database: Connection) -> None:
    await say(turn, database, *BECOME_PARTNERS)
    sending = sent(LEAD, offer(), new_id())
    await take(turn, database, sending, sent(SERVICE, accept()))
    ((to, kind, repeated),) = await take(turn, database, sending)
    assert (to, kind, repeated["outcome"], repeated["state"]) == (LEAD, "command.repeated.v1", "applied", "accepted")


async def test_an_invitation_to_nobody_is_told_like_one_that_is_never_answered(
    turn: Turn, database: Connection
) -> None:
    told = await say(turn, database, BECOME_PARTNERS[0], (LEAD, invite(partner=STRANGER)))
    assert who_and_what(told) == [(LEAD, "agreement.accepted.v1"), (LEAD, "partnership.invited.v1")]


async def test_two_turns_that_offer_one_ticket_at_the_same_time_offer_it_once(
    database: Connection, turn: Turn, second_connection: Connection
) -> None:
    await say(turn, database, *BECOME_PARTNERS)
    directory = Directory()
    other_turn = Turn(HANDLERS, directory, Correspondence("offer_handler", directory))
    first, second = await asyncio.gather(
        say(turn, database, (LEAD, offer())), say(other_turn, second_connection, (LEAD, offer(id=new_id())))
    )
    assert sorted(len(told) for told in (first, second)) == [1, 3]
    assert await database.fetchval("SELECT count(*) FROM outsourcing") == 1


async def test_a_round_to_three_partners_in_whole_turns(turn: Turn, database: Connection) -> None:
    await _instances(database, *OTHERS)
    await say(turn, database, *BECOME_PARTNERS)
    for slug in OTHERS:
        id = partnership_with(slug)
        joined = PartnershipAccept(actor="x", partnership_id=id, organization="Nordlicht IT GmbH")
        await say(turn, database, (LEAD, invite(slug, id)), (slug, joined))
    sending = send_to(SERVICE, *OTHERS, respond_by=datetime.now(UTC) + timedelta(hours=1))
    ids = [one.outsourcing_id for one in sending.offers]
    told = await say(turn, database, (LEAD, sending))
    assert [to for to, kind, _ in told if kind == "offer.received.v1"] == [SERVICE, *OTHERS]
    told = await say(turn, database, (OTHERS[1], decline(ids[2])), (OTHERS[0], accept(id=ids[1])))
    facts = who_and_what(told)
    assert facts == [
        *((to, "offer.declined.v1") for to in (LEAD, OTHERS[1])),
        *((to, "offer.accepted.v1") for to in (LEAD, OTHERS[0])),
        *((to, "offer.cancelled.v1") for to in (LEAD, SERVICE)),
    ]
    rows = await database.fetch("SELECT state FROM outsourcing ORDER BY place")
    assert [row["state"] for row in rows] == ["cancelled", "accepted", "declined"]
    told_of = await database.fetch("SELECT event FROM history WHERE subject = $1 ORDER BY at", str(ids[0]))
    assert [row["event"] for row in told_of] == ["offered to alpenwerk", "cancelled: another partner has accepted"]
    assert await database.fetchval("SELECT standing FROM round") == "accepted"


async def test_two_partners_who_answer_in_one_turn_have_not_even_the_instant_in_common(
    turn: Turn, database: Connection
) -> None:
    await _instances(database, *OTHERS)
    await say(turn, database, *BECOME_PARTNERS)
    for slug in OTHERS:
        id = partnership_with(slug)
        await say(turn, database, (LEAD, invite(slug, id)), (slug, PartnershipAccept(actor="x", partnership_id=id)))
    sending = send_to(SERVICE, *OTHERS, respond_by=datetime.now(UTC) + timedelta(hours=1))
    ids = [one.outsourcing_id for one in sending.offers]
    answers = sent(OTHERS[1], decline(ids[2])), sent(OTHERS[0], accept(id=ids[1])), sent(OTHERS[1], decline(ids[2]))
    posted = (await turn.take(database, [turn.read(one) for one in (sent(LEAD, sending), *answers)])).posted
    read: dict[str, set[str]] = {}
    for one in posted:
        envelope = json.loads(one.letter.body)
        instants = {told for name, told in envelope["data"].items() if name.endswith("_at")} | {envelope["time"]}
        read.setdefault(one.letter.lane, set()).update(instants)
    assert all(len(read[slug]) >= 2 for slug in (SERVICE, *OTHERS))
    for slug, other in combinations((SERVICE, *OTHERS), 2):
        assert read[slug].isdisjoint(read[other])


async def test_a_hundred_partners_cost_as_many_statements_as_one(turn: Turn, database: Connection) -> None:
    slugs = [f"partner-{n}" for n in range(100)]
    await _instances(database, *slugs)
    await say(turn, database, *BECOME_PARTNERS)
    for slug in slugs:
        id = partnership_with(slug)
        joined = PartnershipAccept(actor="x", partnership_id=id, organization="Nordlicht IT GmbH")
        await say(turn, database, (LEAD, invite(slug, id)), (slug, joined))
    await say(turn, database, (LEAD, offer("NL-0", new_id())))  # the driver asks for types it has not met yet
    alone = await _statements(turn, database, (LEAD, offer()))
    hour = datetime.now(UTC) + timedelta(hours=1)
    together = await _statements(turn, database, (LEAD, send_to(*slugs, number="NL-2", respond_by=hour)))
    assert len(alone) == len(together)


async def _statements(turn: Turn, database: Connection, *messages: tuple[str, Command]) -> list[str]:
    asked: list[str] = []

    def note(query: Any) -> None:
        asked.append(query.query)

    database.add_query_logger(note)
    await say(turn, database, *messages)
    await asyncio.sleep(0)
    database.remove_query_logger(note)
    return asked


async def _try_again_after(turn: Turn, database: Connection, seconds: float) -> Told:
    """What comes of the one subject that waits when it has waited for so long, as far as the database can tell."""
    await database.execute("UPDATE parked SET parked_at = parked_at - make_interval(secs => $1)", seconds)
    await database.execute("UPDATE parked_subject SET next_attempt_at = to_timestamp(0)")
    blocker = await parking.claim_due(database)
    assert blocker is not None
    return _told((await turn.replay(database, blocker)).posted)


async def _instances(database: Connection, *slugs: str) -> None:
    await database.executemany(
        "INSERT INTO instance (slug, name, language, email, kind) VALUES ($1, $1, 'en', 'x@example.com', 'psa')",
        [(slug,) for slug in slugs],
    )


async def _falls_due(database: Connection, now: datetime, cause: UUID) -> DeadlinePassed:
    """The one thing that the poller tells now, and not again."""
    [caused] = await DEADLINES.due(database, now)
    assert await DEADLINES.due(database, now) == []
    assert (caused.cause_source, caused.cause_id, caused.subject) == ("/instances/nordlicht", cause, str(OUTSOURCING))
    [told] = caused.tell
    assert isinstance(told.data, DeadlinePassed)
    return told.data


def _customer() -> list[Any]:
    return list(CUSTOMER.model_dump().values())
