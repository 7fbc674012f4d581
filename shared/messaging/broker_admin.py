"""What an administrator of the broker does: declare the topology, and give every user its least rights."""

import re
import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from shared.contracts.values import RESERVED_SLUG
from shared.messaging import topology

# Importing some two thousand bindings is the longest call there is.
CALL_SECONDS = 60.0
# A broker that has just been started answers its ports before it answers requests.
PATIENCE_SECONDS = 30.0
SECRET_BYTES = 16

NOTHING = "^$"
TOPIC_EXCHANGES = (topology.COMMANDS, topology.EVENTS, topology.DEAD)


class BrokerRefused(Exception):
    """The broker's management API did not do what was asked; the message says what and why."""


class BrokerAdmin:
    """One virtual host of a broker, through its management API."""

    def __init__(self, http: httpx.AsyncClient, vhost: str) -> None:
        self._http = http
        self._vhost = quote(vhost, safe="")

    async def prepare(self) -> None:
        """Make the virtual host where it is missing."""
        await self._call("PUT", f"vhosts/{self._vhost}")

    async def declare(self, generation: int, shards: int) -> None:
        """Make all that must be there; what is there stays, but that messages now go to this generation."""
        await self._call("POST", f"definitions/{self._vhost}", topology.declarations(generation, shards))
        await self._call("POST", f"definitions/{self._vhost}", topology.switch_to(generation))

    async def close_generation(self, service: str, generation: int) -> None:
        """Let nothing come into the shard queues of a generation any more; what is in them stays."""
        for exchange in (topology.buckets_exchange, topology.odd_exchange):
            await self._call("DELETE", f"exchanges/{self._vhost}/{exchange(service, generation)}")

    async def remove_generation(self, service: str, generation: int) -> None:
        """Remove the shard queues of a generation with all that is in them."""
        for queue in await self.list_queues():
            if topology.generation_of(queue["name"]) == (service, generation):
                await self._call("DELETE", f"queues/{self._vhost}/{queue['name']}")

    async def admit_worker(self, service: str, password: str) -> None:
        """A worker reads its own queues and publishes its facts, its answers and its dead letters; it declares nothing.

        One that takes no commands has nobody to answer; one that speaks for instances publishes those few commands.
        """
        interest = topology.SERVICES[service]
        keys = {
            topology.EVENTS: _keys(interest.publishes),
            topology.COMMANDS: _keys(f"{RESERVED_SLUG}.{command}" for command in interest.says),
            topology.DEAD: f"^{re.escape(service)}$",
        }
        topics = {exchange: allowed for exchange, allowed in keys.items() if allowed != NOTHING}
        written = (*topics, topology.DELIVERIES) if interest.commands else topics
        await self._admit(
            topology.worker_user(service),
            password,
            write=f"^({'|'.join(map(re.escape, written))})$",
            read=rf"^{re.escape(service)}\.(shard\.[0-9]+\.[0-9]+|dead)$",
            topics=topics,
        )

    async def admit_instance(self, slug: str, password: str) -> str:
        """An instance publishes commands in its own name and reads its own queue, whose name is the answer.

        A queue left by an attempt that was cut off is removed first: nobody was told its name.
        """
        for queue in await self._call("GET", f"queues/{self._vhost}?columns=name"):
            if queue["name"].startswith(topology.instance_queue(slug, "")):
                await self._call("DELETE", f"queues/{self._vhost}/{quote(queue['name'], safe='')}")
        queue_name = topology.instance_queue(slug, secrets.token_hex(SECRET_BYTES))
        await self._admit(
            slug,
            password,
            write=f"^{re.escape(topology.COMMANDS)}$",
            read=f"^{re.escape(queue_name)}$",
            topics={topology.COMMANDS: rf"^{re.escape(slug)}\."},
        )
        await self._call("POST", f"definitions/{self._vhost}", topology.declaration_of_instance(slug, queue_name))
        return queue_name

    async def list_queues(self) -> list[dict[str, Any]]:
        """Name, messages and consumers of every queue, as of the broker's last count."""
        queues: list[dict[str, Any]] = await self._call(
            "GET", f"queues/{self._vhost}?columns=name,messages,messages_unacknowledged,consumers"
        )
        return queues

    async def remove(self) -> None:
        """Remove the whole virtual host with all that is in it."""
        await self._call("DELETE", f"vhosts/{self._vhost}")

    async def _admit(self, user: str, password: str, *, write: str, read: str, topics: dict[str, str]) -> None:
        rights = f"{self._vhost}/{quote(user, safe='')}"
        await self._call("PUT", f"users/{quote(user, safe='')}", {"password": password, "tags": ""})
        await self._call("PUT", f"permissions/{rights}", {"configure": NOTHING, "write": write, "read": read})
        # An exchange without topic permissions allows every key: each is named.
        for exchange in TOPIC_EXCHANGES:
            keys = {"exchange": exchange, "write": topics.get(exchange, NOTHING), "read": NOTHING}
            await self._call("PUT", f"topic-permissions/{rights}", keys)

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(httpx.TransportError),
            wait=wait_random_exponential(multiplier=0.1, max=2.0),
            stop=stop_after_delay(PATIENCE_SECONDS),
            reraise=True,
        ):
            with attempt:
                answer = await self._http.request(method, f"api/{path}", json=body)
                is_gone_already = method == "DELETE" and answer.status_code == httpx.codes.NOT_FOUND
                if answer.is_error and not is_gone_already:
                    said = f"{answer.status_code} to {method} {path}: {answer.text[:500]}"
                    raise BrokerRefused(f"the broker answered {said}")
                return answer.json() if answer.content else None
        raise AssertionError("tenacity either returns or raises")


def _keys(facts: Iterable[str]) -> str:
    """The routing keys of these facts or commands, whatever they are about."""
    named = "|".join(map(re.escape, facts))
    return rf"^({named})\.[0-9a-f]{{2}}$" if named else NOTHING


@asynccontextmanager
async def broker_admin(url: str, vhost: str) -> AsyncIterator[BrokerAdmin]:
    """The administrator's view of a virtual host; `url` is that of the management API with name and password.

    Raises BrokerRefused when the API does not answer.
    """
    try:
        async with httpx.AsyncClient(base_url=url, timeout=CALL_SECONDS) as http:
            yield BrokerAdmin(http, vhost)
    except httpx.TransportError as error:
        raise BrokerRefused(f"the broker's management API does not answer: {error}") from error
