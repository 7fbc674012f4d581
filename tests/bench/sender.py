"""The client at the sending side: what it sends is written beforehand, so that its time goes to those it measures."""

import asyncio
from time import monotonic

from aiormq.abc import ChannelFrame

from shared.messaging.broker import Channel

# From the last one handed over on.
LONGEST_CONFIRMATION_SECONDS = 60.0


async def send(channel: Channel, frames: dict[str, bytes], per_second: float) -> dict[str, float]:
    """Publish these at that rate, in their order; when each was handed to the broker, by its name.

    Raises what the client library raises where the broker does not take one, and TimeoutError where it does not say.
    """
    sent: dict[str, float] = {}
    confirmations: list[asyncio.Future[object]] = []
    began = monotonic()
    for place, (name, frame) in enumerate(frames.items()):
        await asyncio.sleep(max(0.0, began + place / per_second - monotonic()))
        channel.delivery_tag += 1
        confirmations.append(confirmation := asyncio.get_running_loop().create_future())
        channel.confirmations[channel.delivery_tag] = confirmation
        sent[name] = monotonic()
        # Without a task, a timer and a wait of its own for each.
        await channel.write_queue.put(ChannelFrame(frame, should_close=False))
    async with asyncio.timeout(LONGEST_CONFIRMATION_SECONDS):
        await asyncio.gather(*confirmations)
    return sent
