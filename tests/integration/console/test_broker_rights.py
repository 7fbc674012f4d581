"""What an instance and a worker may do at the broker, tried with their real users."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from aiormq.exceptions import AMQPError, ChannelAccessRefused, ChannelNotFoundEntity, ChannelPreconditionFailed

from services.console.installation import Connected, Installation
from shared.messaging import topology

SUBJECT = "0193a5f0-0000-7000-8000-000000000001"


@pytest.fixture(scope="module")
def nordlicht(standing: Installation) -> Connected:
    return asyncio.run(standing.add_instance("nordlicht", "Nordlicht IT GmbH", "de", "nordlicht@example.com"))


@pytest.fixture(scope="module")
def nord(standing: Installation) -> Connected:
    return asyncio.run(standing.add_instance("nord", "Nord Systeme", "de", "nord@example.com"))


async def test_an_instance_publishes_in_its_own_name(nordlicht: Connected) -> None:
    await _publish(nordlicht, topology.COMMANDS, _key("nordlicht"), user="nordlicht")


@pytest.mark.parametrize("slug", ["alpenwerk", "nord", "nordlichter", "tandem"])
async def test_an_instance_cannot_publish_in_another_name(nordlicht: Connected, slug: str) -> None:
    with pytest.raises(ChannelAccessRefused):
        await _publish(nordlicht, topology.COMMANDS, _key(slug), user="nordlicht")


async def test_a_name_that_another_begins_with_opens_nothing(nord: Connected) -> None:
    with pytest.raises(ChannelAccessRefused):
        await _publish(nord, topology.COMMANDS, _key("nordlicht"), user="nord")


async def test_an_instance_cannot_claim_another_user(nordlicht: Connected) -> None:
    with pytest.raises(ChannelPreconditionFailed):
        await _publish(nordlicht, topology.COMMANDS, _key("nordlicht"), user="alpenwerk")


@pytest.mark.parametrize(
    "exchange", [topology.EVENTS, topology.DELIVERIES, topology.DEAD, topology.UNROUTED, "ticket_sync.in", ""]
)
async def test_an_instance_cannot_publish_anywhere_else(nordlicht: Connected, exchange: str) -> None:
    with pytest.raises(ChannelAccessRefused):
        await _publish(nordlicht, exchange, "alpenwerk", user="nordlicht")


async def test_an_instance_reads_its_own_queue_only(nordlicht: Connected, nord: Connected) -> None:
    async with _channel(nordlicht) as channel:
        own = await channel.get_queue(nordlicht.queue)
        assert await own.get(fail=False) is None
    for foreign in (nord.queue, "ticket_sync.shard.1.0", "ticket_sync.dead"):
        async with _channel(nordlicht) as channel:
            with pytest.raises(ChannelAccessRefused):
                await (await channel.get_queue(foreign, ensure=False)).get(fail=False)


async def test_an_instance_cannot_ask_for_another_s_queue_without_its_secret(
    nordlicht: Connected, nord: Connected
) -> None:
    assert len(nord.queue.removeprefix("instance.nord.")) == 32
    async with _channel(nordlicht) as channel:
        with pytest.raises(ChannelNotFoundEntity):
            await channel.get_queue("instance.nord")


async def test_an_instance_declares_and_binds_nothing(nordlicht: Connected) -> None:
    async with _channel(nordlicht) as channel:
        with pytest.raises(ChannelAccessRefused):
            await channel.declare_queue("mine", durable=True)
    async with _channel(nordlicht) as channel:
        queue = await channel.get_queue(nordlicht.queue)
        with pytest.raises(ChannelAccessRefused):
            await queue.bind(topology.DELIVERIES, "alpenwerk")


async def test_a_worker_publishes_its_own_facts_only(standing: Installation) -> None:
    worker = _worker(standing, "ticket_sync")
    user = topology.worker_user("ticket_sync")
    await _publish(worker, topology.EVENTS, "outsourcing.completed.00", user=user)
    for exchange, key in (
        (topology.EVENTS, "outsourcing.accepted.00"),
        (topology.DEAD, "billing"),
        (topology.COMMANDS, _key("nordlicht")),
        ("billing.in", "outsourcing.completed.00"),
    ):
        with pytest.raises(ChannelAccessRefused):
            await _publish(worker, exchange, key, user=user)


@pytest.mark.parametrize("said", topology.SERVICES[topology.GATEWAY].says)
async def test_the_gateway_says_what_a_button_can(standing: Installation, said: str) -> None:
    await _publish(_gateway(standing), topology.COMMANDS, f"tandem.{said}.7f", user="tandem.gateway")


@pytest.mark.parametrize(
    ("exchange", "key"),
    [
        (topology.COMMANDS, "tandem.offer.cancel.7f"),
        (topology.COMMANDS, "tandem.offer.send.7f"),
        (topology.COMMANDS, "tandem.partnership.invite.7f"),
        (topology.COMMANDS, "tandem.offer.accept.7f.more"),
        (topology.COMMANDS, "tandem.offer.accept.zz"),
        (topology.COMMANDS, "tandem.offer.accepted.7f"),
        (topology.COMMANDS, "nordlicht.offer.accept.7f"),
        (topology.COMMANDS, "tandem.gateway.offer.accept.7f"),
        (topology.EVENTS, "deadline.passed.7f"),
        (topology.EVENTS, "file.cited.7f"),
        (topology.DELIVERIES, "nordlicht"),
        (topology.DEAD, "offer_handler"),
        ("offer_handler.in", "tandem.offer.accept.7f"),
        ("", "offer_handler.shard.1.0"),
    ],
)
async def test_the_gateway_says_nothing_else_and_nowhere_else(standing: Installation, exchange: str, key: str) -> None:
    with pytest.raises(ChannelAccessRefused):
        await _publish(_gateway(standing), exchange, key, user="tandem.gateway")


async def test_the_gateway_reads_what_is_its_own_declares_nothing_and_is_nobody_else(
    standing: Installation, nordlicht: Connected
) -> None:
    for queue in (nordlicht.queue, "offer_handler.shard.1.0", "offer_handler.dead"):
        async with _channel(_gateway(standing)) as channel:
            with pytest.raises(ChannelAccessRefused):
                await (await channel.get_queue(queue, ensure=False)).get(fail=False)
    async with _channel(_gateway(standing)) as channel:
        with pytest.raises(ChannelAccessRefused):
            await channel.declare_queue("mine", durable=True)
    for other in ("nordlicht", "tandem.offer_handler"):
        with pytest.raises(ChannelPreconditionFailed):
            await _publish(_gateway(standing), topology.COMMANDS, "tandem.offer.accept.7f", user=other)


async def test_an_instance_and_a_worker_cannot_speak_as_the_gateway(
    standing: Installation, nordlicht: Connected
) -> None:
    for connected, user in ((nordlicht, "nordlicht"), (_worker(standing, "offer_handler"), "tandem.offer_handler")):
        with pytest.raises(ChannelAccessRefused):
            await _publish(connected, topology.COMMANDS, "tandem.offer.accept.7f", user=user)


async def test_a_wrong_password_opens_nothing(standing: Installation) -> None:
    with pytest.raises(AMQPError):
        await aio_pika.connect(standing.amqp_url_of("tandem.billing", "guessed"))


def _key(slug: str) -> str:
    return topology.command_key(slug, "tandem.entry.put.v1", SUBJECT)


def _worker(installation: Installation, service: str) -> Connected:
    url = installation.amqp_url_of(topology.worker_user(service), installation.passwords.of(service))
    return Connected(url, topology.shard_queue(service, 1, 0), files_url="", token="")


def _gateway(installation: Installation) -> Connected:
    return _worker(installation, topology.GATEWAY)


@asynccontextmanager
async def _channel(connected: Connected) -> AsyncIterator[AbstractChannel]:
    connection = await aio_pika.connect(connected.amqp_url)
    async with connection:
        yield await connection.channel(on_return_raises=True)


async def _publish(connected: Connected, exchange: str, key: str, *, user: str) -> None:
    async with _channel(connected) as channel:
        to = await channel.get_exchange(exchange, ensure=False) if exchange else channel.default_exchange
        await to.publish(aio_pika.Message(b"{}", user_id=user), routing_key=key, timeout=10)
