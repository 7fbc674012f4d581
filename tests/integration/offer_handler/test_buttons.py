"""Whole turns with what a button in an e-mail says: it counts as the word of whom the gateway names."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.console.check import check_service
from services.offer_handler.domain.partnerships import slug_to_be
from services.offer_handler.handlers import HANDLERS
from shared.contracts.offer_handler import OfferAccept, OfferDecline, PartnershipAccept, PartnershipDecline
from shared.database import Connection
from shared.ids import new_id
from shared.messaging.directory import Directory
from shared.messaging.letters import Correspondence
from shared.messaging.turn import Turn
from tests.integration.messaging.posting import by_button
from tests.integration.offer_handler.test_turns import say, sent, take, who_and_what
from tests.unit.offer_handler.offering import (
    LEAD,
    OUTSOURCING,
    PARTNERSHIP,
    SERVICE,
    accept,
    agree,
    invite,
    join,
    send,
)

RECIPIENT = "office@huber.example"
HUBER = slug_to_be(PARTNERSHIP)


@pytest.fixture
def turn() -> Turn:
    directory = Directory()
    return Turn(HANDLERS, directory, Correspondence("offer_handler", directory))


def an_hour() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


async def test_a_button_accepts_for_an_instance_which_is_told_as_of_its_own_word(
    turn: Turn, database: Connection
) -> None:
    await say(turn, database, (LEAD, agree()), (LEAD, invite()))
    joining = PartnershipAccept(actor=RECIPIENT, on_behalf_of=SERVICE, partnership_id=PARTNERSHIP, organization="N")
    told = await take(turn, database, by_button(joining, str(PARTNERSHIP)))
    assert who_and_what(told) == [(LEAD, "partnership.accepted.v1"), (SERVICE, "partnership.accepted.v1")]
    await say(turn, database, (LEAD, send(respond_by=an_hour())))
    pressed = by_button(
        OfferAccept(actor=RECIPIENT, on_behalf_of=SERVICE, outsourcing_id=OUTSOURCING), str(OUTSOURCING)
    )
    told = await take(turn, database, pressed)
    assert who_and_what(told)[:2] == [(LEAD, "offer.accepted.v1"), (SERVICE, "offer.accepted.v1")]
    assert told[0][2]["accepted_by"] == RECIPIENT
    rows = await database.fetch("SELECT actor, cause_source FROM history WHERE actor = $1", RECIPIENT)
    assert [row["cause_source"] for row in rows] == ["/tandem/gateway"] * 2
    ((to, kind, repeated),) = await take(turn, database, pressed)
    assert (to, kind, repeated["outcome"], repeated["state"]) == (SERVICE, "command.repeated.v1", "applied", "accepted")


async def test_a_button_that_comes_too_late_is_answered_to_the_instance_for_which_it_was_pressed(
    turn: Turn, database: Connection
) -> None:
    await say(turn, database, (LEAD, agree()), (LEAD, invite()), (SERVICE, join()))
    id = new_id()
    own = sent(SERVICE, accept(), id)
    pressed = OfferDecline(actor=RECIPIENT, on_behalf_of=SERVICE, outsourcing_id=OUTSOURCING)
    await take(turn, database, sent(LEAD, send(respond_by=an_hour())), own)
    # The same id of another source is another message.
    ((to, _, late),) = await take(turn, database, by_button(pressed, str(OUTSOURCING), id=id))
    assert (to, late["type"], late["command_id"]) == (SERVICE, "offer/too-late", str(id))


async def test_a_button_says_nothing_of_what_is_somebody_else_s(turn: Turn, database: Connection) -> None:
    await say(turn, database, (LEAD, agree()), (LEAD, invite()))
    declining = PartnershipDecline(actor=RECIPIENT, on_behalf_of="elbtal", partnership_id=PARTNERSHIP)
    assert await take(turn, database, by_button(declining, str(PARTNERSHIP))) == []
    assert await database.fetchval("SELECT problem FROM parked_subject") == "partnership/unknown"


async def test_a_company_without_an_instance_joins_and_answers_by_buttons_alone(
    turn: Turn, database: Connection
) -> None:
    await say(turn, database, (LEAD, agree()), (LEAD, invite(partner=None)))
    nameless = PartnershipAccept(actor=RECIPIENT, on_behalf_of=HUBER, partnership_id=PARTNERSHIP)
    assert await take(turn, database, by_button(nameless, str(PARTNERSHIP))) == []
    problem = "SELECT problem ->> 'type' FROM inbox WHERE outcome = 'refused' ORDER BY received_at DESC LIMIT 1"
    assert await database.fetchval(problem) == "partnership/name-missing"
    named = nameless.model_copy(update={"name": "Elektro Huber", "organization": "Nordlicht"})
    told = await take(turn, database, by_button(named, str(PARTNERSHIP)))
    assert [kind for _, kind, _ in told] == [
        "partnership.accepted.v1",
        "invitation.accepted.v1",
        "instance.joined.v1",
    ]
    await say(turn, database, (LEAD, send(respond_by=an_hour())))
    pressed = OfferAccept(actor=RECIPIENT, on_behalf_of=HUBER, outsourcing_id=OUTSOURCING)
    told = await take(turn, database, by_button(pressed, str(OUTSOURCING)))
    assert [kind for _, kind, _ in told] == ["offer.accepted.v1", "outsourcing.accepted.v1"]
    # Who has no queue is told nothing of a refusal either; whoever passed the button on reads it here.
    assert await take(turn, database, by_button(pressed, str(OUTSOURCING))) == []
    assert await database.fetchval(problem) == "offer/too-late"
    assert (await check_service(database, "offer_handler")).balanced


async def test_a_button_of_another_user_is_dead_and_answered_to_nobody(turn: Turn, database: Connection) -> None:
    await say(turn, database, (LEAD, agree()), (LEAD, invite()))
    joining = PartnershipAccept(actor="x", on_behalf_of=SERVICE, partnership_id=PARTNERSHIP)
    forged = replace(by_button(joining, str(PARTNERSHIP)), user_id=LEAD)
    assert [to for to, _, _ in await take(turn, database, forged)] == ["tandem.dead"]
    assert await database.fetchval("SELECT state FROM partnership") == "invited"
