"""Work that was approved, told to billing as ticket_sync tells it: by that service's own user at the broker."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import aio_pika

from services.console.installation import Installation
from shared.contracts.billing import BillingSettingsChange
from shared.contracts.envelope import CONTENT_TYPE
from shared.ids import new_id
from shared.messaging import topology
from tests.integration.messaging.posting import event
from tests.unit.billing.work import completed, terms, time

Approve = Callable[[], Awaitable[UUID]]


@asynccontextmanager
async def approvals(installation: Installation, lines: int) -> AsyncIterator[Approve]:
    """What approves one more outsourcing with so many time entries, and tells its id once the broker has it."""
    url = installation.amqp_url_of(topology.worker_user("ticket_sync"), installation.passwords.of("ticket_sync"))
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel(on_return_raises=True)
        exchange = await channel.get_exchange(topology.EVENTS, ensure=False)

        async def approve() -> UUID:
            id = new_id()
            work = (time("1.75") for _ in range(lines))
            fact = event(completed(terms(), *work, outsourcing_id=id), str(id), service="ticket_sync")
            message = aio_pika.Message(fact.body, content_type=CONTENT_TYPE, user_id=fact.user_id)
            await exchange.publish(message, routing_key=fact.routing_key, timeout=30)
            return id

        yield approve


def party(country: str, vat_id: str) -> BillingSettingsChange:
    """What one of two parties says of itself for invoices."""
    given = {"actor": "m.huber", "legal_name": "Systems GmbH", "address": ["Hauptplatz 1"], "country": country}
    return BillingSettingsChange.model_validate({**given, "vat_id": vat_id, "tax_rate": "20"})


LEAD_PARTY = party("DE", "DE136695976")
SERVICE_PARTY = party("AT", "ATU13585627")
