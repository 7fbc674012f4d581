"""`tandem notifications`: who was told what, what became of it, and telling it again."""

from datetime import datetime, timedelta
from typing import Any

from services.console import notifications
from services.console.installation import Installation
from services.console.notifications import Filter
from services.notifier import store
from services.notifier.domain.delivery import Result, settle
from shared.ids import new_id
from tests.integration.conftest import ConnectionTo
from tests.integration.console.test_commands import Command
from tests.unit.notifier.happenings import (
    APPROVED,
    OUTSOURCING_ID,
)
from tests.unit.notifier.letters import told_of


async def test_e_mails_are_listed_by_what_is_asked_for_shown_and_sent_again(service_connection: ConnectionTo) -> None:
    notifier = await service_connection("notifier")
    lead, service = told_of(APPROVED)
    await store.save_notifications(notifier, [lead, service])
    await notifier.execute(
        "UPDATE notification SET state = 'failed', failed_at = now(), next_attempt_at = NULL, attempts = 1,"
        " answer = '550 no such user' WHERE id = $1",
        lead.id,
    )

    async def listed(**wanted: Any) -> list[Any]:
        rows = await notifications.list_notifications(notifier, Filter(**wanted))
        assert all("facts" not in row for row in rows)
        return sorted(row["id"] for row in rows)

    assert await listed(subject_id=OUTSOURCING_ID) == sorted([lead.id, service.id])
    assert await listed(instance="nordlicht") == await listed(state="failed") == [lead.id]
    assert await listed(address="Service@Alpenwerk.example") == [service.id]
    found = await notifications.find_notification(notifier, lead.id)
    assert found is not None and found["facts"]["own_number"] == "NL-20417"
    assert await notifications.resend(notifier, lead.id)
    assert await listed(state="pending") == sorted([lead.id, service.id])
    assert not await notifications.resend(notifier, OUTSOURCING_ID)


async def test_what_goes_out_while_it_is_told_again_has_gone_out(service_connection: ConnectionTo) -> None:
    notifier = await service_connection("notifier")
    await store.save_notifications(notifier, told_of(APPROVED)[:1])
    now: datetime = await notifier.fetchval("SELECT clock_timestamp()")
    [letter] = await store.claim_due_letters(notifier, now, lease=timedelta(minutes=5), at_most=1)
    assert await notifications.resend(notifier, letter.notification.id)
    await store.mark_settled(notifier, [settle(Result(letter, "accepted", "250 kept"), now)], now)
    assert tuple(await notifier.fetchrow("SELECT state, attempts FROM notification")) == ("sent", 1)


async def test_an_operator_is_told_where_there_is_no_such_e_mail(standing: Installation) -> None:
    assert "no such e-mail" in await Command(standing)("notifications", "resend", str(new_id()), expect=1)
