"""RabbitMQ: connections with limits on every wait, confirmed publishing, and what went wrong in words we can act on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias, cast

import aio_pika
import aiormq
import structlog
from aiormq.abc import AbstractChannel, DeliveredMessage
from aiormq.exceptions import AMQPError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential
from yarl import URL

from shared.messaging.arrivals import Arrival

log = structlog.get_logger()

CONNECT_SECONDS = 5.0
# The broker ends a connection that says nothing within three times this: what a frozen worker has in hand is back in
# its queue by the time its leases run out.
HEARTBEAT_SECONDS = 2
CLOSE_SECONDS = 3.0

Channel: TypeAlias = aiormq.Channel

BROKER_ERRORS = (AMQPError, OSError, TimeoutError, RuntimeError)


class Lost(Exception):
    """The connection, the channel or the consumer is gone; a new one is needed."""


def user_of(url: str) -> str:
    """The broker user that a URL logs in as."""
    return URL(url).user or "guest"


@asynccontextmanager
async def channel_of(url: str, name: str) -> AsyncIterator[Channel]:
    """A connection of its own with one channel that confirms and returns; patiently made, closed at the end."""
    connection = await _connect_patiently(url, name)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            pool_channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            channel = cast(Channel, await pool_channel.get_underlay_channel())
        yield channel
    finally:
        await _close(connection)


async def _close(connection: aio_pika.abc.AbstractConnection) -> None:
    """Close it, or leave it to its fate where the broker does not answer."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await connection.close()
    except BROKER_ERRORS:
        pass
    except asyncio.CancelledError:
        _raise_if_meant_for_us()


def _raise_if_meant_for_us() -> None:
    """Raise the cancellation on if somebody cancelled this task.

    aiormq cancels what waits on a connection that it declares stuck, though nobody cancelled the task.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _connect_patiently(url: str, name: str) -> aio_pika.abc.AbstractConnection:
    def say_so(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.warning("no connection yet", connection=name, attempt=state.attempt_number, reason=type(error).__name__)

    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(BROKER_ERRORS),
        wait=wait_random_exponential(multiplier=0.2, max=3.0),
        before_sleep=say_so,
    ):
        with attempt:
            return await aio_pika.connect(
                URL(url).update_query(heartbeat=HEARTBEAT_SECONDS),
                timeout=CONNECT_SECONDS,
                client_properties={"connection_name": name},
            )
    raise AssertionError("tenacity either returns or raises")


def arrival_of(message: DeliveredMessage) -> Arrival:
    """A delivery as the runtime reads it."""
    properties = message.header.properties
    # On a first delivery the count would be what the sender wrote there.
    returns = (properties.headers or {}).get("x-delivery-count", 0) if message.redelivered else 0
    return Arrival(
        body=message.body,
        user_id=properties.user_id,
        exchange=message.exchange or "",
        routing_key="".join(letter for letter in message.routing_key or "" if letter.isprintable()),
        returns=returns if isinstance(returns, int) else 0,
        delivery_tag=message.delivery_tag or 0,
    )


async def look_into(channel: AbstractChannel, queue: str) -> tuple[int, int]:
    """How many messages wait in a queue, and how many consumers it has. Raises Lost when the queue is gone."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            declared = await channel.queue_declare(queue, passive=True)
    except BROKER_ERRORS as error:
        raise Lost(f"cannot see queue {queue}: {error!r}") from error
    return declared.message_count or 0, declared.consumer_count or 0
