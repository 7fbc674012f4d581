"""Every statement of the notifier on a real Postgres."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from services.console.stack import LocalStack
from services.notifier import poller, store
from services.notifier.domain.delivery import Letter, Settled, State
from services.notifier.domain.readers import NotificationSettings, Reader
from services.notifier.handlers import HANDLERS
from services.notifier.poller import GATHERED
from shared.contracts.notifier import DEFAULT_GATHERING_MINUTES, NotificationSettingsChange, RecipientsOf
from shared.contracts.offer_handler import Instance, InstanceJoined
from shared.contracts.ticket_sync import NewsCameUp
from shared.contracts.values import Event
from shared.database import Connection
from shared.ids import new_id
from shared.messaging import parking
from shared.messaging.directory import Directory
from shared.messaging.letters import Correspondence
from shared.messaging.turn import Turn
from tests.bench.bars import LEAST_MAILS_A_SECOND
from tests.integration.databases import at, connection_to
from tests.integration.messaging.posting import command, event
from tests.integration.notifier.many_letters import store_pending_letters
from tests.unit.notifier.happenings import (
    ACCEPTED,
    APPROVED,
    FORCED_UNSTARTED,
    INVITED,
    OFFERED,
    REJECTED,
    SUBMITTED,
)
from tests.unit.notifier.letters import told_of

LEASE = timedelta(minutes=5)
HUBER = Instance(slug="sub-1", name="Elektro Huber", language="de", email="office@huber.example", kind="portal")


async def now_of(database: Connection) -> datetime:
    now: datetime = await database.fetchval("SELECT clock_timestamp()")
    return now


async def claim(database: Connection, now: datetime, at_most: int = 100) -> list[Letter]:
    return await store.claim_due_letters(database, now, lease=LEASE, at_most=at_most)


def turn_of_the_notifier() -> Turn:
    directory = Directory()
    return Turn(HANDLERS, directory, Correspondence("notifier", directory))


async def replay(turn: Turn, database: Connection) -> None:
    """Try the one subject that waits."""
    await database.execute("UPDATE parked_subject SET next_attempt_at = now()")
    blocker = await parking.claim_due(database)
    assert blocker is not None
    await turn.replay(database, blocker)


async def states(database: Connection) -> list[tuple[str, int]]:
    rows = await database.fetch("SELECT state, attempts FROM notification ORDER BY created_at, recipient")
    return [(row["state"], row["attempts"]) for row in rows]


def settled(letter: Letter, state: State, next_attempt_at: datetime | None = None, *, counts: bool = True) -> Settled:
    return Settled(letter.notification.id, state, letter.attempts, counts, "words", next_attempt_at)


@pytest.mark.parametrize("happened", [OFFERED, ACCEPTED, REJECTED, APPROVED, FORCED_UNSTARTED, SUBMITTED, INVITED])
async def test_what_is_saved_comes_back_unchanged(database: Connection, happened: Event) -> None:
    notifications = sorted(told_of(happened), key=lambda one: one.id)
    await store.save_notifications(database, notifications)
    async with database.transaction():
        assert await store.lock_notifications(database, [one.id for one in notifications]) == notifications
        assert await store.lock_notifications(database, [new_id()]) == []
        assert (
            sorted(await store.list_told(database, [notifications[0].cause]), key=lambda one: one.id) == notifications
        )


async def test_settings_come_back_unchanged_and_replace_what_was_there(database: Connection) -> None:
    settings = [
        NotificationSettings("alpenwerk"),
        NotificationSettings(
            "nordlicht",
            recipients=(),
            recipients_of={"submitted": ("a@nordlicht.example", "b@nordlicht.example"), "entries": ()},
            language="de-AT",
            time_zone="Europe/Vienna",
            gathering_minutes=0,
        ),
    ]
    slugs = [one.instance for one in settings]
    await store.save_settings(database, settings)
    assert await store.find_settings(database, [*slugs, "nobody"]) == settings
    swapped = [replace(settings[0], instance="nordlicht"), replace(settings[1], instance="alpenwerk")]
    await store.save_settings(database, swapped)
    assert await store.find_settings(database, slugs) == swapped[::-1]


async def test_an_intent_is_saved_once_for_an_event_and_a_recipient(database: Connection) -> None:
    for _ in range(3):
        await store.save_notifications(database, told_of(APPROVED))
    assert await states(database) == [("pending", 0)] * 2


async def test_the_constraint_holds_even_where_ids_differ(database: Connection) -> None:
    await store.save_notifications(database, told_of(OFFERED))
    with pytest.raises(asyncpg.UniqueViolationError, match="notification_once"):
        await database.execute(
            """
            INSERT INTO notification (id, cause_source, cause_id, subject_id, kind, role, recipient, partner,
                                      language, time_zone, address, facts, next_attempt_at)
            SELECT $1, cause_source, cause_id, subject_id, kind, role, recipient, partner, language, time_zone, address,
                   facts, next_attempt_at
            FROM notification
            """,
            new_id(),
        )


async def test_however_often_an_event_comes_there_is_one_intent(database: Connection) -> None:
    turn = turn_of_the_notifier()
    completed = event(APPROVED, str(APPROVED.outsourcing_id), service="ticket_sync")
    await turn.take(database, [turn.read(completed), turn.read(completed)])
    await turn.take(database, [turn.read(completed)])
    assert await states(database) == [("pending", 0)] * 2
    # Nor where the inbox has forgotten it.
    await database.execute("DELETE FROM history; DELETE FROM inbox")
    await turn.take(database, [turn.read(completed)])
    assert await states(database) == [("pending", 0)] * 2
    assert await database.fetchval("SELECT outcome FROM inbox") == "unchanged"


async def test_who_reads_and_how_is_that_of_the_time_of_the_event(database: Connection) -> None:
    await store.save_notifications(database, told_of(APPROVED))
    await database.execute("UPDATE instance SET email = 'new@example.com', language = 'fr', name = 'New ' || slug")
    by_recipient = {one.notification.recipient: one for one in await claim(database, await now_of(database))}
    lead, service = by_recipient["nordlicht"], by_recipient["alpenwerk"]
    assert lead.notification.reader == Reader("service@nordlicht.example", "de")
    assert service.notification.reader == Reader("service@alpenwerk.example", "en")
    assert (lead.partner_name, service.recipient_name) == ("New alpenwerk", "New alpenwerk")
    assert not (lead.by_mail_only or service.by_mail_only)


async def test_what_an_instance_has_set_holds_from_then_on_also_in_the_same_turn(database: Connection) -> None:
    turn = turn_of_the_notifier()
    change = NotificationSettingsChange(actor="x", recipients=("a@alpenwerk.example", "b@alpenwerk.example"))
    offered = event(OFFERED, str(OFFERED.outsourcing_id), service="offer_handler")
    await turn.take(database, [turn.read(command(change, "alpenwerk", sender="alpenwerk")), turn.read(offered)])
    told = [one.notification.reader.address for one in await claim(database, await now_of(database))]
    assert sorted(told) == ["a@alpenwerk.example", "b@alpenwerk.example"]


async def test_settings_that_are_wrong_anywhere_are_refused_as_a_whole_with_every_error(database: Connection) -> None:
    turn = turn_of_the_notifier()
    recipients: dict[str, Any] = {"kind": "lunch", "recipients": ("b@alpenwerk.example", "nobody")}
    lunch = RecipientsOf.model_construct(**recipients)
    said: dict[str, Any] = {
        "recipients": ("a@alpenwerk.example", "A@alpenwerk.example"),
        "recipients_of": (lunch,),
        "language": "Deutsch, bitte",
        "time_zone": "Mars/Olympus",
        "gathering_minutes": 241,
    }
    wrong = NotificationSettingsChange.model_construct(actor="x", **said)
    await turn.take(database, [turn.read(command(wrong, "alpenwerk", sender="alpenwerk"))])
    problem = orjson.loads(await database.fetchval("SELECT problem FROM inbox"))
    assert [one["pointer"] for one in problem["errors"]] == [
        "/data/recipients",
        "/data/recipients_of/0/kind",
        "/data/recipients_of/0/recipients/1",
        "/data/language",
        "/data/time_zone",
        "/data/gathering_minutes",
    ]
    assert await store.find_settings(database, ["alpenwerk"]) == []


async def test_news_gathers_once_until_it_is_taken_and_only_what_is_due_is(database: Connection) -> None:
    turn = turn_of_the_notifier()
    now = await now_of(database)
    ids = [new_id() for _ in range(3)]
    came_up = [
        NewsCameUp(outsourcing_id=id, writer="alpenwerk", reader="nordlicht", since=now + timedelta(minutes=place))
        for place, id in enumerate(ids)
    ]
    for _ in range(2):
        told = [event(one, str(one.outsourcing_id), service="ticket_sync") for one in came_up]
        await turn.take(database, [turn.read(one) for one in (*told, *told)])
    due_at = now + timedelta(minutes=DEFAULT_GATHERING_MINUTES)

    async def taken(at: datetime) -> list[UUID]:
        async with database.transaction():
            return [UUID(caused.subject) for caused in await GATHERED.due(database, at)]

    assert await taken(due_at - timedelta(seconds=1)) == []
    assert await taken(due_at) == ids[:1]
    assert sorted(await taken(due_at + timedelta(minutes=5))) == sorted(ids[1:])
    assert await taken(due_at + timedelta(days=1)) == []


async def test_an_event_waits_for_a_company_that_is_just_joining(database: Connection) -> None:
    turn = turn_of_the_notifier()
    offered = OFFERED.model_copy(update={"service": HUBER.slug})
    told = event(offered, str(offered.outsourcing_id), service="offer_handler")
    joined = event(InstanceJoined(instance=HUBER), HUBER.slug, service="offer_handler")
    await turn.take(database, [turn.read(told)])
    assert await states(database) == []
    await turn.take(database, [turn.read(joined)])
    await replay(turn, database)
    (letter,) = await claim(database, await now_of(database))
    assert (letter.notification.reader.address, letter.recipient_name) == (HUBER.email, HUBER.name)
    assert letter.by_mail_only


async def test_who_joins_in_the_same_turn_is_told_at_once(database: Connection) -> None:
    turn = turn_of_the_notifier()
    offered = OFFERED.model_copy(update={"service": HUBER.slug})
    joined = event(InstanceJoined(instance=HUBER), HUBER.slug, service="offer_handler")
    told = event(offered, str(offered.outsourcing_id), service="offer_handler")
    await turn.take(database, [turn.read(joined), turn.read(told)])
    assert await states(database) == [("pending", 0)]


async def test_for_who_never_comes_nobody_else_is_kept_waiting_for_ever(database: Connection) -> None:
    turn = turn_of_the_notifier()
    completed = APPROVED.model_copy(update={"service": "nobody"})
    told = event(completed, str(completed.outsourcing_id), service="ticket_sync")
    await turn.take(database, [turn.read(told)])
    await replay(turn, database)
    assert await states(database) == []
    await database.execute("UPDATE parked SET parked_at = parked_at - interval '1 minute'")
    await replay(turn, database)
    (letter,) = await claim(database, await now_of(database))
    assert letter.notification.recipient == "nordlicht"
    assert await database.fetchval("SELECT outcome FROM inbox") == "applied"
    assert await database.fetchval("SELECT count(*) FROM parked_subject") == 0


async def test_what_is_leased_is_nobody_elses_until_the_lease_ends(database: Connection) -> None:
    await store.save_notifications(database, told_of(OFFERED))
    now = await now_of(database)
    (first,) = await claim(database, now)
    assert await claim(database, now) == []
    assert await claim(database, now + LEASE - timedelta(seconds=1)) == []
    (again,) = await claim(database, now + LEASE)
    assert (first.attempts, again.attempts) == (1, 2)


async def test_couriers_side_by_side_claim_different_letters(database: Connection, stack: LocalStack) -> None:
    await store.save_notifications(database, told_of(APPROVED))
    url = at(stack.database_admin_url, await database.fetchval("SELECT current_database()"), "notifier")
    async with connection_to(url) as other, database.transaction():
        now = await now_of(database)
        (mine,) = await claim(database, now, at_most=1)
        (theirs,) = await claim(other, now)
        assert mine.notification.id != theirs.notification.id


async def test_only_what_is_due_is_claimed(database: Connection) -> None:
    await store.save_notifications(database, told_of(OFFERED))
    now = await now_of(database)
    (letter,) = await claim(database, now)
    later = now + timedelta(minutes=20)
    await store.mark_settled(database, [settled(letter, "pending", later)], now)
    assert await claim(database, later - timedelta(seconds=1)) == []
    assert len(await claim(database, later)) == 1


async def test_what_is_sent_or_failed_is_done(database: Connection) -> None:
    await store.save_notifications(database, told_of(APPROVED))
    now = await now_of(database)
    sent, failed = await claim(database, now)
    await store.mark_settled(database, [settled(sent, "sent"), settled(failed, "failed")], now)
    assert await claim(database, now + timedelta(days=2)) == []
    rows = await database.fetch("SELECT id, sent_at, failed_at, answer FROM notification")
    by_id = {row["id"]: (row["sent_at"], row["failed_at"], row["answer"]) for row in rows}
    assert by_id[sent.notification.id] == (now, None, "words")
    assert by_id[failed.notification.id] == (None, now, "words")


async def test_whom_was_written_to_and_what_is_forgotten_in_time_and_never_of_what_is_still_to_go_out(
    database: Connection,
) -> None:
    await store.save_notifications(database, told_of(APPROVED))
    now = await now_of(database)
    sent, waiting = await claim(database, now)
    await store.mark_settled(database, [settled(sent, "sent")], now)

    async def forget(after: timedelta) -> int:
        return await store.forget_notifications(database, now + after, older_than=timedelta(days=90), at_most=100)

    assert await forget(timedelta(days=89)) == 0
    assert await forget(timedelta(days=91)) == 1
    assert await forget(timedelta(days=91)) == 0
    rows = await database.fetch("SELECT id, address, facts, answer FROM notification WHERE forgotten_at IS NOT NULL")
    assert [tuple(row) for row in rows] == [(sent.notification.id, None, None, None)]
    assert await store.list_told(database, [waiting.notification.cause]) == [waiting.notification]


async def test_more_is_forgotten_at_a_look_than_is_sent_between_two(
    database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not forgotten in time is kept for longer than was promised, and the more so every day."""
    # Several times what a worker has to be able to send.
    assert poller.FORGOTTEN_AT_ONCE > 3 * LEAST_MAILS_A_SECOND * poller.IDLE_SECONDS
    monkeypatch.setattr(poller, "FORGOTTEN_AT_ONCE", 20)
    await store_pending_letters(database, 21)
    await database.execute(
        """
        UPDATE notification SET state = 'sent', sent_at = now(), next_attempt_at = NULL, attempts = 1, answer = 'kept',
                                created_at = created_at - interval '91 days'
        """
    )
    for left in (1, 0):
        assert await poller.forgetting_after(90).due(database, await now_of(database)) == []
        assert await database.fetchval("SELECT count(*) FROM notification WHERE address IS NOT NULL") == left


async def test_an_attempt_that_did_not_take_place_is_not_counted(database: Connection) -> None:
    await store.save_notifications(database, told_of(OFFERED))
    now = await now_of(database)
    (letter,) = await claim(database, now)
    await store.mark_settled(database, [settled(letter, "pending", now, counts=False)], now)
    assert await states(database) == [("pending", 0)]
    assert len(await claim(database, now)) == 1


async def test_who_lost_its_lease_is_heard_only_where_the_mail_went_out(database: Connection) -> None:
    await store.save_notifications(database, told_of(OFFERED))
    now = await now_of(database)
    (slow,) = await claim(database, now)
    (quick,) = await claim(database, now + LEASE)
    await store.mark_settled(database, [settled(slow, "failed")], now)
    assert await states(database) == [("pending", 2)]
    await store.mark_settled(database, [settled(slow, "sent")], now)
    assert await states(database) == [("sent", 2)]
    await store.mark_settled(database, [settled(quick, "failed")], now)
    assert await states(database) == [("sent", 2)]


@pytest.mark.parametrize(
    "broken",
    [
        "state = 'sent'",
        "state = 'failed', next_attempt_at = NULL, attempts = 1, answer = 'x'",
        "next_attempt_at = NULL",
        "sent_at = now()",
        "state = 'sent', sent_at = now(), next_attempt_at = NULL, answer = 'x'",
        "attempts = -1",
        "kind = 'Other kind'",
        "address = NULL",
        "partner = recipient",
    ],
)
async def test_state_and_times_cannot_contradict_each_other(database: Connection, broken: str) -> None:
    await store.save_notifications(database, told_of(OFFERED))
    with pytest.raises(asyncpg.CheckViolationError):
        await database.execute(f"UPDATE notification SET {broken}")
