"""The peer: the same work as an application of FastStream, as its documentation recommends to write one.

Typed subscriber, dependencies by context, acknowledgement by the framework; one message, one transaction: remember it,
keep the newest version, note what is to go out, commit, publish confirmed, mark it.
"""

import json
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from faststream import AckPolicy, Context, ContextRepo, FastStream, StreamMessage
from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitQueue
from pydantic import BaseModel

from tests.bench.peers import POOL, PREFETCH, SOURCE, TARGET


class Put(BaseModel):
    """What of an entry's command the peer looks at."""

    outsourcing_id: UUID
    entry_id: UUID
    version: int
    body: dict[str, Any]


class Envelope(BaseModel):
    id: UUID
    source: str
    data: Put


Pool = Annotated[asyncpg.Pool, Context("pool")]
Body = Annotated[bytes, Context("message.body")]


@asynccontextmanager
async def lifespan(context: ContextRepo) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["PEER_DATABASE_URL"], min_size=POOL, max_size=POOL) as pool:
        context.set_global("pool", pool)
        yield


async def decoded(message: StreamMessage[Any]) -> Any:
    """The framework takes only application/json for JSON by itself."""
    return json.loads(message.body)


broker = RabbitBroker(
    os.environ["PEER_BROKER_URL"],
    default_channel=Channel(prefetch_count=PREFETCH),
    decoder=decoded,
    log_level=logging.DEBUG,
)
app = FastStream(broker, lifespan=lifespan)
source = RabbitQueue(SOURCE, queue_type=QueueType.QUORUM, durable=True, declare=False)
publisher = broker.publisher(
    RabbitQueue(TARGET, queue_type=QueueType.QUORUM, durable=True, declare=False), persist=True
)


@broker.subscriber(source, ack_policy=AckPolicy.NACK_ON_ERROR)
async def replicate(envelope: Envelope, pool: Pool, body: Body) -> None:
    async with pool.acquire() as connection:
        async with connection.transaction():
            position = await _remembered(connection, envelope, body)
        if position is not None:
            await publisher.publish(body, message_id=str(envelope.id), content_type="application/cloudevents+json")
            await connection.execute("UPDATE peer.outbox SET published_at = now() WHERE position = $1", position)


async def _remembered(connection: asyncpg.Connection, envelope: Envelope, body: bytes) -> int | None:
    """The place in the outbox of what is to go out; None where this message was seen before."""
    put = envelope.data
    new = await connection.fetchval(
        "INSERT INTO peer.inbox (id, source) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING true",
        envelope.id,
        envelope.source,
    )
    if not new:
        return None
    await connection.execute(
        """
        INSERT INTO peer.entry (outsourcing_id, entry_id, version, content) VALUES ($1, $2, $3, $4)
        ON CONFLICT (outsourcing_id, entry_id) DO UPDATE SET version = excluded.version, content = excluded.content
        WHERE entry.version < excluded.version
        """,
        put.outsourcing_id,
        put.entry_id,
        put.version,
        body.decode(),
    )
    position: int = await connection.fetchval(
        "INSERT INTO peer.outbox (message_id, body) VALUES ($1, $2) RETURNING position", envelope.id, body
    )
    return position
