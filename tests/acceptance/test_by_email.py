"""A company without an instance: invited by e-mail, joins by a button, and takes an offer, between real processes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aio_pika
import pytest
from aio_pika.abc import AbstractExchange

from services.console.check import check_all
from services.console.installation import Installation
from services.console.workers import workers
from shared.contracts.envelope import write
from shared.contracts.offer_handler import AgreementAccept, OfferAccept, PartnershipAccept, PartnershipInvite
from shared.contracts.values import OnBehalf
from shared.ids import new_id
from shared.messaging import topology
from tests.acceptance.partners import offer, partner, until
from tests.integration.databases import connection_to

RECIPIENT = "office@huber.example"
NOBODY_LISTENS = {
    "TANDEM_SMTP_HOST": "127.0.0.1",
    "TANDEM_SMTP_PORT": "9",
    "TANDEM_SMTP_SECURITY": "none",
    "TANDEM_SMTP_SENDER": "Tandem <tandem@example.com>",
}


@asynccontextmanager
async def gateway(installation: Installation) -> AsyncIterator[AbstractExchange]:
    """The commands' exchange as the gateway reaches it."""
    password = installation.passwords.of(topology.GATEWAY)
    user = topology.worker_user(topology.GATEWAY)
    connection = await aio_pika.connect(installation.amqp_url_of(user, password))
    async with connection:
        channel = await connection.channel(on_return_raises=True)
        yield await channel.get_exchange(topology.COMMANDS, ensure=False)


async def press(exchange: AbstractExchange, command: OnBehalf) -> None:
    subject = command.subject_of() or ""
    body = write(command, id=new_id(), source="/tandem/gateway", subject=subject, time=datetime.now(UTC))
    message = aio_pika.Message(body, user_id=topology.worker_user(topology.GATEWAY))
    await exchange.publish(message, routing_key=topology.command_key("tandem", command.kind, subject), timeout=10)


@pytest.mark.slow
async def test_who_was_invited_by_e_mail_is_known_to_every_service_and_is_written_to(
    installation: Installation, tmp_path: Path
) -> None:
    environments = {service: installation.environment_of(service) for service in topology.SERVICES}
    environments["notifier"] |= NOBODY_LISTENS
    partnership_id, outsourcing_id = new_id(), new_id()
    async with (
        partner(installation, "nordlicht", "Nordlicht IT GmbH") as lead,
        gateway(installation) as buttons,
        connection_to(installation.database_url) as database,
    ):
        with workers(environments, tmp_path):
            await lead.send(AgreementAccept(actor="lead", version="2026-01"))
            await lead.hears("agreement.accepted")
            await lead.send(PartnershipInvite(actor="lead", partnership_id=partnership_id, recipient=RECIPIENT))
            await lead.hears("partnership.invited")
            slug = lead.of_kind("partnership.invited")[0].data["service"]
            joining = PartnershipAccept(
                actor=RECIPIENT,
                on_behalf_of=slug,
                partnership_id=partnership_id,
                organization="Nordlicht",
                name="Elektro Huber",
            )
            await press(buttons, joining)
            await lead.hears("partnership.accepted")
            respond_by = datetime.now(UTC) + timedelta(hours=1)
            await lead.send(offer("L-1", {partnership_id: outsourcing_id}, respond_by))
            await lead.hears("offer.sent")
            await press(buttons, OfferAccept(actor=RECIPIENT, on_behalf_of=slug, outsourcing_id=outsourcing_id))
            await lead.hears("offer.accepted")

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
