"""The peer: the same client library and messages, consumed, published with confirm and acknowledged; no more."""

import asyncio
import os
import signal

import aio_pika
import uvloop
from aio_pika.abc import AbstractIncomingMessage

from tests.bench.peers import PREFETCH, SOURCE, TARGET


async def bridge(url: str) -> None:
    """Carry everything from one queue into another until SIGTERM."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    consuming, publishing = await aio_pika.connect(url), await aio_pika.connect(url)
    async with consuming, publishing:
        channel = await consuming.channel()
        await channel.set_qos(prefetch_count=PREFETCH)
        out = (await publishing.channel(on_return_raises=True)).default_exchange

        async def carry(message: AbstractIncomingMessage) -> None:
            copy = aio_pika.Message(
                message.body, message_id=message.message_id, delivery_mode=aio_pika.DeliveryMode.PERSISTENT
            )
            await out.publish(copy, routing_key=TARGET)
            await message.ack()

        await (await channel.get_queue(SOURCE, ensure=False)).consume(carry)
        await stopping.wait()


if __name__ == "__main__":
    uvloop.run(bridge(os.environ["PEER_BROKER_URL"]))
