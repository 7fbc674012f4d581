"""Invitations on a real Postgres: their statements, what the schema holds of them, and whole turns."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from services.offer_handler import store
from services.offer_handler.domain.addressees import Addressee
from services.offer_handler.domain.invitations import Overdue
from services.offer_handler.domain.partnerships import Partnership, State, slug_to_be
from services.offer_handler.handlers import HANDLERS
from services.offer_handler.poller import INVITATIONS
from shared.contracts.offer_handler import InvitationRanOut
from shared.database import Connection
from shared.ids import new_id
from shared.messaging.directory import Directory
from shared.messaging.letters import Correspondence
from shared.messaging.outcomes import Caused, Publish
from shared.messaging.turn import Turn
from tests.integration.databases import connection_to
from tests.integration.messaging.posting import event
from tests.integration.offer_handler.test_store import SENT_BY, partnership
from tests.integration.offer_handler.test_turns import say, sent, take, who_and_what
from tests.unit.offer_handler.offering import (
    LEAD,
    NOW,
    PARTNERSHIP,
    SERVICE,
    agree,
    assign,
    invite,
    join,
    refuse,
    resend,
    revoke,
    send,
)

DAY = timedelta(days=1)
LATER = NOW + timedelta(hours=1)
RESENT: dict[str, Any] = {
    "recipient": "office@example.com",
    "language": "de",
    "note": "Again",
    "resends": 1,
    "invited_at": LATER,
    "lapses_at": LATER + DAY,
    "invited_by": ("/instances/nordlicht", PARTNERSHIP),
}


@pytest.fixture
def turn() -> Turn:
    directory = Directory()
    return Turn(HANDLERS, directory, Correspondence("offer_handler", directory))


def open_until(days: int) -> Partnership:
    return partnership(service=f"partner-{days}", lapses_at=NOW + days * DAY)


def overdue(of: Partnership) -> Overdue:
    return Overdue(of.partnership_id, of.lapses_at, SENT_BY)


@pytest.mark.parametrize(
    "changes",
    [
        {"state": State.DECLINED, "closed_at": LATER},
        {"state": State.REVOKED, "closed_at": LATER},
        {"state": State.LAPSED, "closed_at": LATER},
        {"state": State.ACTIVE, "accepted_at": LATER, "organization": "Nordlicht IT GmbH"},
        {"state": State.ENDED, "accepted_at": LATER, "organization": "Nordlicht IT GmbH", "ended_at": LATER},
        RESENT,
    ],
    ids=lambda changes: str(changes.get("state", "resent")),
)
async def test_a_partnership_is_found_as_it_was_saved_last(database: Connection, changes: dict[str, Any]) -> None:
    first = partnership()
    await store.save_partnerships(database, [first])
    await store.save_partnerships(database, [replace(first, **changes)])
    assert await store.lock_partnerships(database, [first.partnership_id]) == [replace(first, **changes)]


@pytest.mark.parametrize(
    "impossible",
    [
        {"state": State.ACTIVE},
        {"state": State.DECLINED},
        {"state": State.LAPSED, "accepted_at": LATER},
        {"state": State.ENDED, "accepted_at": LATER},
        {"closed_at": LATER},
        {"accepted_at": LATER},
        {"organization": "Nordlicht IT GmbH"},
        {"lapses_at": NOW},
        {"resends": -1},
    ],
    ids=str,
)
async def test_states_and_times_of_a_partnership_agree(database: Connection, impossible: dict[str, Any]) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await store.save_partnerships(database, [partnership(**impossible)])


async def test_only_an_open_invitation_falls_due(database: Connection) -> None:
    active = partnership(state=State.ACTIVE, accepted_at=LATER)
    await store.save_partnerships(database, [active])
    with pytest.raises(asyncpg.CheckViolationError):
        await database.execute("UPDATE partnership SET next_due_at = lapses_at")


async def test_overdue_invitations_are_claimed_in_their_order_and_each_once(database: Connection) -> None:
    open = [open_until(days) for days in (3, 1, 2)]
    declined = partnership().closed(State.DECLINED, LATER)
    await store.save_partnerships(database, [*open, declined])
    now = NOW + 2 * DAY
    assert await store.claim_overdue_invitations(database, now, 1) == [overdue(open[1])]
    assert await store.claim_overdue_invitations(database, now, 10) == [overdue(open[2])]
    assert await store.claim_overdue_invitations(database, now, 10) == []
    resent = replace(open[1], invited_at=now, lapses_at=now + DAY / 2)
    await store.save_partnerships(database, [resent])
    assert await store.claim_overdue_invitations(database, now + DAY, 10) == [overdue(resent), overdue(open[0])]


async def test_two_workers_never_claim_the_same_invitation_and_leave_what_a_turn_works_on(
    database: Connection, database_url: str
) -> None:
    open = [open_until(days) for days in range(1, 11)]
    await store.save_partnerships(database, open)
    now = NOW + 30 * DAY
    async with connection_to(database_url) as other, connection_to(database_url) as turn, turn.transaction():
        await store.lock_partnerships(turn, [open[0].partnership_id])
        async with database.transaction():
            first = await store.claim_overdue_invitations(database, now, 6)
            second = await store.claim_overdue_invitations(other, now, 6)
    assert (first, second) == ([overdue(one) for one in open[1:7]], [overdue(one) for one in open[7:]])


async def test_overdue_invitations_are_found_by_an_index(database: Connection) -> None:
    active = [partnership(service=f"active-{n}", state=State.ACTIVE, accepted_at=LATER) for n in range(2000)]
    open = [open_until(days) for days in range(1, 1001)]
    await store.save_partnerships(database, [*active, *open])
    await database.execute("ANALYZE partnership")
    asked: list[str] = []
    database.add_query_logger(lambda query: asked.append(query.query))
    assert len(await store.claim_overdue_invitations(database, NOW + DAY, 256)) == 1
    await asyncio.sleep(0)  # the driver calls its loggers one step later
    plan = await database.fetch(f"EXPLAIN {asked[0]}", NOW + DAY, 256)
    lines = "\n".join(row[0] for row in plan)
    assert "Index Scan using partnership_due" in lines and "Seq Scan" not in lines, lines


async def test_every_answer_is_told_to_both_sides(turn: Turn, database: Connection) -> None:
    await say(turn, database, (LEAD, agree()))
    for sender, answer, told in ((SERVICE, refuse, "declined"), (LEAD, revoke, "revoked"), (SERVICE, join, "accepted")):
        id = PARTNERSHIP if told == "accepted" else new_id()
        facts = await say(turn, database, (LEAD, invite(id=id)), (LEAD, resend(id)), (sender, answer(id)))
        assert who_and_what(facts) == [
            (slug, f"partnership.{kind}.v1") for kind in ("invited", "resent", told) for slug in (LEAD, SERVICE)
        ]
        assert await database.fetchval("SELECT next_due_at FROM partnership WHERE partnership_id = $1", id) is None
    assert who_and_what(await say(turn, database, (SERVICE, assign()))) == [(SERVICE, "partnership.mapped.v1")]


async def test_an_invitation_lapses_once_and_the_pair_is_free(turn: Turn, database: Connection) -> None:
    invitation = sent(LEAD, invite(), new_id())
    await take(turn, database, sent(LEAD, agree()), invitation)
    lapses_at = await database.fetchval("SELECT next_due_at FROM partnership")
    told = InvitationRanOut(partnership_id=PARTNERSHIP, lapses_at=lapses_at)
    source, id = f"/instances/{LEAD}", UUID(json.loads(invitation.body)["id"])
    assert await INVITATIONS.due(database, lapses_at - DAY) == []
    assert await INVITATIONS.due(database, lapses_at) == [Caused(source, id, str(PARTNERSHIP), (Publish(told),))]
    assert await INVITATIONS.due(database, lapses_at) == []
    over = [event(told, str(PARTNERSHIP), service="offer_handler") for _ in range(2)]
    facts = await take(turn, database, *over)
    assert who_and_what(facts) == [(LEAD, "partnership.lapsed.v1"), (SERVICE, "partnership.lapsed.v1")]
    ((_, _, late),) = await say(turn, database, (SERVICE, join()))
    assert (late["type"], late["state"], late["allowed"]) == ("partnership/wrong-state", "lapsed", [])
    assert await database.fetchval("SELECT count(*) FROM history WHERE event = 'invitation lapsed'") == 1
    assert len(who_and_what(await say(turn, database, (LEAD, invite(id=new_id()))))) == 2


async def test_two_turns_that_invite_one_partner_at_the_same_time_invite_it_once(
    turn: Turn, database: Connection, second_connection: Connection
) -> None:
    await say(turn, database, (LEAD, agree()))
    directory = Directory()
    other_turn = Turn(HANDLERS, directory, Correspondence("offer_handler", directory))
    told = await asyncio.gather(
        say(turn, database, (LEAD, invite())), say(other_turn, second_connection, (LEAD, invite(id=new_id())))
    )
    assert sorted(len(who_and_what(one)) for one in told) == [1, 2]
    assert await database.fetchval("SELECT count(*) FROM partnership") == 1


async def test_addressees_are_found_as_they_were_saved_last(database: Connection) -> None:
    one, other = Addressee(LEAD, "a@example.com", NOW, 1), Addressee(SERVICE, "a@example.com", NOW, 3)
    await store.save_addressees(database, [other, one])
    again = Addressee(LEAD, "a@example.com", LATER, 2)
    await store.save_addressees(database, [again])
    assert await store.lock_addressees(database, [other.key, one.key, (LEAD, "b@example.com")]) == [other, again]


async def test_what_is_written_to_one_address_is_counted_within_a_turn_and_across_turns(
    turn: Turn, database: Connection
) -> None:
    id = new_id()
    again = [(LEAD, resend(id)), (LEAD, resend(id, recipient="Alpenwerk@example.com")), (LEAD, resend(id))]
    await say(turn, database, (LEAD, agree()), (LEAD, invite(id=id)), *again)
    assert await store.lock_addressees(database, [(LEAD, "alpenwerk@example.com")]) != []
    assert await database.fetchval("SELECT invitations FROM addressee") == 4
    told = await say(turn, database, *(((LEAD, resend(id)),) * 7), (LEAD, revoke(id)), (LEAD, invite(id=new_id())))
    assert told[-1][2]["type"] == "partnership/invited-too-often" and "11" in told[-1][2]["detail"]
    assert await database.fetchval("SELECT invitations FROM addressee") == 11


async def test_two_turns_that_write_to_one_address_at_the_same_time_count_both(
    turn: Turn, database: Connection, second_connection: Connection
) -> None:
    await say(turn, database, (LEAD, agree()))
    directory = Directory()
    other_turn = Turn(HANDLERS, directory, Correspondence("offer_handler", directory))
    await asyncio.gather(
        say(turn, database, (LEAD, invite(None, new_id()))),
        say(other_turn, second_connection, (LEAD, invite(None, new_id()))),
    )
    assert await database.fetchval("SELECT invitations FROM addressee") == 2


async def test_an_acceptance_that_is_in_the_queue_before_the_message_wins(turn: Turn, database: Connection) -> None:
    await say(turn, database, (LEAD, agree()), (LEAD, invite()))
    await database.execute(
        "UPDATE partnership SET invited_at = now() - interval '2 days', lapses_at = now() - interval '1 day',"
        " next_due_at = NULL"
    )
    lapses_at = await database.fetchval("SELECT lapses_at FROM partnership")
    told = InvitationRanOut(partnership_id=PARTNERSHIP, lapses_at=lapses_at)
    over = event(told, str(PARTNERSHIP), service="offer_handler")
    facts = await take(turn, database, sent(SERVICE, join()), over)
    assert who_and_what(facts) == [(LEAD, "partnership.accepted.v1"), (SERVICE, "partnership.accepted.v1")]
    assert await database.fetchval("SELECT state FROM partnership") == "active"


async def test_a_company_without_an_instance_joins_in_the_turn_in_which_it_accepts(
    turn: Turn, database: Connection
) -> None:
    slug = slug_to_be(PARTNERSHIP)
    told = await say(turn, database, (LEAD, agree()), (LEAD, invite(partner=None)))
    assert who_and_what(told)[1:] == [(LEAD, "partnership.invited.v1")] and told[1][2]["service"] == slug
    told = await say(turn, database, (slug, join(name="Elektro Huber", organization="Nordlicht")))
    assert [kind for _, kind, _ in told] == [
        "partnership.accepted.v1",
        "invitation.accepted.v1",
        "instance.joined.v1",
    ]
    assert told[2][2]["instance"]["email"] == "partner@example.com"
    assert await database.fetchrow("SELECT kind, name FROM instance WHERE slug = $1", slug) == (
        "portal",
        "Elektro Huber",
    )
    assert await database.fetchval("SELECT event FROM history WHERE subject = $1", slug) == "joined"
    offered = await say(turn, database, (LEAD, send(respond_by=datetime.now(UTC) + timedelta(hours=1))))
    assert [kind for _, kind, _ in offered] == ["offer.sent.v1", "outsourcing.offered.v1"]


async def test_who_sends_an_invitation_again_under_its_id_is_told_where_it_stands(
    turn: Turn, database: Connection
) -> None:
    invitation = sent(LEAD, invite(), new_id())
    await take(turn, database, sent(LEAD, agree()), invitation, sent(SERVICE, refuse()))
    ((to, kind, repeated),) = await take(turn, database, invitation)
    assert (to, kind, repeated["outcome"], repeated["state"]) == (LEAD, "command.repeated.v1", "applied", "declined")


async def test_inviting_nobody_looks_to_the_byte_like_inviting_one_who_never_answers(
    turn: Turn, database: Connection
) -> None:
    """But for what the lead itself has said, and for when."""

    async def told_of(partner: str) -> list[Any]:
        id = new_id()
        facts = await say(turn, database, (LEAD, invite(partner, id)), (LEAD, resend(id)))
        lapses_at = await database.fetchval("SELECT lapses_at FROM partnership WHERE partnership_id = $1", id)
        over = InvitationRanOut(partnership_id=id, lapses_at=lapses_at)
        facts += await take(turn, database, event(over, str(id), service="offer_handler"))
        said = json.dumps([fact for fact in facts if fact[0] == LEAD])
        times = ("lapses_at", "lapsed_at")
        return [
            (kind, {name: "…" if name in times else value for name, value in data.items()})
            for _, kind, data in json.loads(said.replace(str(id), "id").replace(partner, "partner"))
        ]

    await say(turn, database, (LEAD, agree()))
    assert await told_of("nobody") == await told_of(SERVICE) != []


async def test_a_new_version_of_the_agreement_is_accepted_before_the_next_invitation(
    turn: Turn, database: Connection
) -> None:
    await say(turn, database, (LEAD, agree()))
    await database.execute("INSERT INTO agreement_version (version) VALUES ('2027-01')")
    told = await say(
        turn, database, (LEAD, invite()), (LEAD, agree()), (LEAD, agree("2027-01")), (LEAD, invite(id=new_id()))
    )
    assert [data.get("type", kind) for to, kind, data in told if to == LEAD] == [
        "agreement/outdated",
        "agreement/not-current",
        "agreement.accepted.v1",
        "partnership.invited.v1",
    ]
