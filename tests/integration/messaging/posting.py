"""How the tests write what instances and workers send."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

from shared.contracts.envelope import write
from shared.contracts.values import Payload
from shared.ids import new_id
from shared.messaging import topology
from shared.messaging.arrivals import Arrival
from shared.messaging.outbox import Letter


def command(
    data: Payload,
    subject: str,
    *,
    sender: str = "nordlicht",
    id: UUID | None = None,
    correlation: str | None = None,
) -> Arrival:
    """A command of an instance as it comes out of a queue."""
    body = write(
        data,
        id=id or new_id(),
        source=f"/instances/{sender}",
        subject=subject,
        time=datetime.now(UTC),
        correlation_id=correlation,
    )
    key = topology.command_key(sender, data.kind, subject)
    return Arrival(body, sender, topology.COMMANDS, key, returns=0, delivery_tag=0)


def by_button(data: Payload, subject: str, *, id: UUID | None = None) -> Arrival:
    """A command that the gateway passes on, as it comes out of a queue."""
    body = write(data, id=id or new_id(), source="/tandem/gateway", subject=subject, time=datetime.now(UTC))
    key = topology.command_key("tandem", data.kind, subject)
    return Arrival(body, "tandem.gateway", topology.COMMANDS, key, returns=0, delivery_tag=0)


def event(data: Payload, subject: str, *, service: str = "probe", id: UUID | None = None) -> Arrival:
    """A fact of a worker as it comes out of a queue."""
    body = write(data, id=id or new_id(), source=f"/tandem/{service}", subject=subject, time=datetime.now(UTC))
    key = topology.event_key(data.kind, subject)
    return Arrival(body, f"tandem.{service}", topology.EVENTS, key, returns=0, delivery_tag=0)


def as_letter(arrival: Arrival) -> Letter:
    """The same, to be published."""
    id = new_id()
    return Letter(id, "", arrival.exchange, arrival.routing_key, "", "", arrival.body, id, "")


@asynccontextmanager
async def again_and_again(send: Callable[[], Awaitable[None]], pause_seconds: float) -> AsyncIterator[None]:
    """Traffic for as long as the context is open; at its end what was begun to be sent is with the broker."""
    enough = asyncio.Event()

    async def flow() -> None:
        while not enough.is_set():
            await send()
            await asyncio.sleep(pause_seconds)

    flowing = asyncio.create_task(flow())
    try:
        yield
    finally:
        enough.set()
        await flowing
