"""`tandem notifications`: who was told what, what became of it, and telling it again."""

from typing import Any

from services.console import notifications
from services.console.installation import Installation
from services.console.notifications import Filter
from services.notifier import store
from tests.integration.console.test_commands import Command
from tests.integration.databases import connection_to
from tests.unit.notifier.letters import APPROVED, OUTSOURCING_ID, told_of


async def test_e_mails_are_listed_by_what_is_asked_for_shown_and_sent_again(installation: Installation) -> None:
    lead, service = told_of(APPROVED)
    async with connection_to(installation.database_url_of("notifier")) as notifier:
        await store.save_notifications(notifier, [lead, service])
        await notifier.execute(
            "UPDATE notification SET state = 'failed', failed_at = now(), next_attempt_at = NULL, attempts = 1,"
            " answer = '550 no such user' WHERE id = $1",
            lead.id,
        )
    async with connection_to(installation.database_url) as operator:

        async def listed(**wanted: Any) -> list[Any]:
            rows = await notifications.list_notifications(operator, Filter(**wanted))
            return sorted(row["id"] for row in rows)

        assert await listed(subject_id=OUTSOURCING_ID) == sorted([lead.id, service.id])
        assert await listed(instance="nordlicht") == await listed(state="failed") == [lead.id]
        assert await listed(address="Service@Alpenwerk.example") == [service.id]
        found = await notifications.find_notification(operator, lead.id)
        assert found is not None and found["facts"]["own_number"] == "NL-20417"
        assert not await notifications.resend(operator, OUTSOURCING_ID)
    tandem = Command(installation)
    assert "sent again" in await tandem("notifications", "resend", str(lead.id))
    told = await tandem.json("notifications", "list", "--state", "pending")
    assert {one["recipient"] for one in told} == {"nordlicht", "alpenwerk"}
    assert all("facts" not in one for one in told)
