"""The client at the receiving side, a process of its own: reads every entry and says when each came."""

import argparse
import asyncio
import json
import sys
from time import monotonic

import orjson
import uvloop
from aiormq.abc import DeliveredMessage

from shared.messaging.broker import channel_of
from tests.bench.peers import PREFETCH

# Acknowledged together, as a quick client does.
ACKNOWLEDGED_AT_ONCE = 100


async def read(url: str, queue: str, number: int, *, parse: bool) -> dict[str, float]:
    """Read until so many different messages have come; when each came, by its id or by what it says."""
    came: dict[str, float] = {}
    enough = asyncio.Event()
    unacknowledged = 0
    async with channel_of(url, "bench reader") as channel:

        async def take(message: DeliveredMessage) -> None:
            nonlocal unacknowledged
            key = _entry(message.body) if parse else str(message.header.properties.message_id)
            if not came:
                print("the first came", flush=True)
            came.setdefault(key, monotonic())
            unacknowledged += 1
            if unacknowledged == ACKNOWLEDGED_AT_ONCE or len(came) == number:
                unacknowledged = 0
                await channel.basic_ack(message.delivery_tag or 0, multiple=True)
            if len(came) == number:
                enough.set()

        await channel.basic_qos(prefetch_count=PREFETCH)
        await channel.basic_consume(queue, take)
        print("reading", flush=True)
        await enough.wait()
    return came


def _entry(body: bytes) -> str:
    data = orjson.loads(body)["data"]
    return f"{data['entry_id']} {data['version']}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("queue")
    parser.add_argument("number", type=int)
    parser.add_argument("--parse", action="store_true")
    asked = parser.parse_args()
    arrivals = uvloop.run(read(asked.url, asked.queue, asked.number, parse=asked.parse))
    json.dump(arrivals, sys.stdout)
