"""`tandem renderings`: issued invoices without files, and an operator's word on them."""

from datetime import UTC, datetime, timedelta

from services.billing.domain import Invoice, Rendering, failed
from services.billing.store import insert_invoices, renderings
from services.console.installation import Installation
from shared.ids import new_id
from tests.integration.console.test_commands import Command
from tests.integration.databases import connection_to
from tests.unit.billing.worked_examples import EXAMPLES


async def test_an_invoice_without_files_is_listed_with_what_went_wrong_and_tried_again_at_once(
    standing: Installation,
) -> None:
    tandem = Command(standing)
    document = EXAMPLES["hours at home"]()
    now = datetime.now(UTC)
    async with connection_to(standing.database_url_of("billing")) as billing:
        await insert_invoices(billing, [Invoice("nordlicht", "rheintal", "RH-{year}-{counter}", 2026, 17, document)])
        await renderings.insert_renderings(billing, [Rendering(document.invoice_id, "/tandem/billing", new_id())])
        later = now + timedelta(minutes=1)
        [due] = await renderings.claim_due_renderings(billing, later, lease=timedelta(minutes=1), at_most=1)
        await renderings.mark_settled(billing, [failed(due, "not stored: TimeoutError", later)], later)
        [waiting] = await tandem.json("renderings")
        told = [waiting[name] for name in ("number", "service", "lead", "attempts", "problem")]
        assert told == ["RH-2026-00017", "rheintal", "nordlicht", 1, "not stored: TimeoutError"]
        assert datetime.fromisoformat(waiting["next_attempt_at"]) > later
        assert "tried again now: 1" in await tandem("renderings", "--retry")
        assert await renderings.claim_due_renderings(billing, later, lease=timedelta(minutes=1), at_most=1)
