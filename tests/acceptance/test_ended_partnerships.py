"""A partnership that is ended by force while work is under way, across the services: what both sides are told."""

from datetime import UTC, datetime, timedelta

from services.console.check import check_all
from services.console.installation import Installation
from shared.contracts.offer_handler import OfferAccept, PartnershipEnd
from shared.contracts.ticket_sync import TicketOpened
from shared.ids import new_id
from tests.acceptance.conftest import StartWorkers
from tests.acceptance.partners import become_partners, lead_and_service, offer, until
from tests.integration.databases import connection_to

REASON = "We part ways at the end of the month."


async def test_a_partnership_ended_by_force_ends_offers_and_work_with_notice_to_both_sides(
    installation: Installation, start: StartWorkers
) -> None:
    offered, accepted, opened = new_id(), new_id(), new_id()
    async with (
        lead_and_service(installation) as (lead, service),
        connection_to(installation.database_url) as database,
    ):
        with start("offer_handler", "ticket_sync"):
            [id] = await become_partners(lead, service)
            answer_by = datetime.now(UTC) + timedelta(hours=1)
            await lead.send(*(offer(f"L-{one}", {id: one}, answer_by) for one in (offered, accepted, opened)))
            await service.send(*(OfferAccept(actor="service", outsourcing_id=one) for one in (accepted, opened)))
            await service.hears("ticket.requested", times=2)
            await service.send(TicketOpened(actor="service", outsourcing_id=opened, number="S-1"))
            await lead.hears("ticket.linked")

            await lead.send(PartnershipEnd(actor="lead", partnership_id=id, reason=REASON))
            await lead.hears("command.rejected")
            [refused] = lead.of_kind("command.rejected")
            assert (refused.data["type"], refused.data["state"]) == ("partnership/work-under-way", "active")
            assert service.of_kind("partnership.ended") == [], "what was refused has ended nothing"

            await lead.send(PartnershipEnd(actor="lead", partnership_id=id, reason=REASON, force=True))
            for side in (lead, service):
                await side.hears("completion.forced", times=2)
                [ended] = side.of_kind("partnership.ended")
                assert (ended.data["forced"], ended.data["reason"]) == (True, REASON)
                [cancelled] = side.of_kind("offer.cancelled")
                assert cancelled.data["outsourcing_id"] == str(offered)
                forced = {one.data["outsourcing_id"]: one.data for one in side.of_kind("completion.forced")}
                assert forced.keys() == {str(accepted), str(opened)}
                assert {(one["cause"], one["reason"]) for one in forced.values()} == {("partnership_ended", REASON)}
                assert forced[str(accepted)]["not_billed"] == "not_begun"
                assert forced[str(opened)]["not_billed"] is None
            # The offer handler hears of it in turn, and both tickets are free.
            closed = "SELECT bool_and(standing = 'closed') FROM offer_handler.round"
            await until(lambda: database.fetchval(closed))
            states = await database.fetch("SELECT outsourcing_id, state FROM offer_handler.outsourcing")
            assert {row["outsourcing_id"]: row["state"] for row in states} == {
                offered: "cancelled",
                accepted: "completed",
                opened: "completed",
            }
    assert all(account.balanced for account in await check_all(installation.settings))
