"""A company without an instance: invited by e-mail, joins by a button, and takes an offer, between real processes."""

import re
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest

from services.console.check import check_all
from services.console.installation import Installation
from services.console.workers import workers
from shared.contracts.offer_handler import AgreementAccept, PartnershipInvite
from shared.ids import new_id
from shared.messaging import topology
from tests import nursery
from tests.acceptance.partners import offer, partner, until
from tests.integration.databases import connection_to
from tests.integration.notifier.smtp_server import MailSink, mail_sink
from tests.unit.notifier.letters import plain_of

RECIPIENT = "office@huber.example"


async def links_to(sink: MailSink, subject: str) -> list[str]:
    """Where the buttons of the mail lead that its recipient has got under this subject: accept, and decline."""

    def found() -> list[EmailMessage]:
        return [mail for mail in sink.kept if mail["To"] == RECIPIENT and subject in mail["Subject"]]

    async def has_come() -> bool:
        return bool(found())

    await until(has_come)
    return re.findall(r"http://\S+", plain_of(found()[0]))


async def press_until(browser: httpx.AsyncClient, link: str, told: str, **typed: str) -> None:
    """Press a button as impatient people do, again and again, until the page says that."""

    async def is_told() -> bool:
        return told in (await browser.post(link, data=typed)).text

    await until(is_told)


@pytest.mark.slow
async def test_who_was_invited_by_e_mail_joins_and_takes_an_offer_by_buttons_alone(
    installation: Installation, tmp_path: Path
) -> None:
    environments = {service: installation.environment_of(service) for service in topology.SERVICES}
    partnership_id, outsourcing_id = new_id(), new_id()
    async with (
        partner(installation, "nordlicht", "Nordlicht IT GmbH") as lead,
        mail_sink() as sink,
        connection_to(installation.database_url) as database,
        httpx.AsyncClient(timeout=30, follow_redirects=True) as browser,
    ):
        environments["notifier"] |= {
            "TANDEM_SMTP_HOST": "127.0.0.1",
            "TANDEM_SMTP_PORT": str(sink.port),
            "TANDEM_SMTP_SECURITY": "none",
            "TANDEM_SMTP_SENDER": "Tandem <tandem@example.com>",
        }
        with workers(environments, tmp_path, launch=nursery.launch):
            await lead.send(AgreementAccept(actor="lead", version="2026-01"))
            await lead.hears("agreement.accepted")
            await lead.send(PartnershipInvite(actor="lead", partnership_id=partnership_id, recipient=RECIPIENT))
            await lead.hears("partnership.invited")
            slug = lead.of_kind("partnership.invited")[0].data["service"]
            join, refuse = await links_to(sink, "Invitation")
            await press_until(browser, join, "The invitation is accepted", name="Elektro Huber")
            await lead.hears("partnership.accepted")
            assert "The invitation is accepted" in (await browser.post(refuse)).text, "what was decided first counts"
            respond_by = datetime.now(UTC) + timedelta(hours=1)
            await lead.send(offer("L-1", {partnership_id: outsourcing_id}, respond_by))
            await lead.hears("offer.sent")
            accept, decline = await links_to(sink, "L-1: ")
            for link in (decline, accept, decline):
                await browser.get(link)  # as a scanner does
            await press_until(browser, accept, f"Accepted by {RECIPIENT}", organization="Nordlicht")
            await lead.hears("offer.accepted")
            assert lead.of_kind("offer.accepted")[0].data["accepted_by"] == RECIPIENT
            assert "The offer is accepted" in (await browser.get(decline)).text

            async def all_of_it_is_known() -> bool:
                kinds = [
                    await database.fetchval(f"SELECT kind FROM {service}.instance WHERE slug = $1", slug)
                    for service in topology.SERVICES
                ]
                told = await database.fetch("SELECT kind, recipient, address FROM notifier.notification ORDER BY kind")
                letters = [tuple(row) for row in told]
                wanted = [
                    ("accepted", "nordlicht", "nordlicht@example.com"),
                    ("invitation_accepted", "nordlicht", "nordlicht@example.com"),
                    ("invited", slug, RECIPIENT),
                    ("offered", slug, RECIPIENT),
                ]
                return kinds == ["portal"] * len(topology.SERVICES) and letters == wanted

            await until(all_of_it_is_known)
    assert all(account.balanced for account in await check_all(installation.settings))
