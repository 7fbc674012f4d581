"""Confirmed publishing: many letters with one write, and an outcome for each of them."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import structlog
from aiormq.abc import ChannelFrame
from aiormq.exceptions import DeliveryError, PublishError
from pamqp import frame
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.common import FieldTable
from pamqp.header import ContentHeader

from shared.messaging.broker import BROKER_ERRORS, Channel
from shared.messaging.outbox import Letter

log = structlog.get_logger()

# Confirms come in milliseconds; one that takes this long will not come on this channel.
CONFIRM_SECONDS = 10.0
# One write to the socket; large enough to save system calls, small enough not to copy a large body twice.
WRITE_BYTES = 256 * 1024


class NotTaken(Exception):
    """The broker did not take a message, and said so: no queue for it, or the queue is full."""


class OutcomeUnknown(Exception):
    """Nobody knows whether the broker has the message; it is sent again under the same id, on a new channel."""


Failure: TypeAlias = NotTaken | OutcomeUnknown | None
Landed: TypeAlias = Callable[[int, Failure], None]


async def publish(channel: Channel, letter: Letter, user_id: str) -> None:
    """Publish one letter and wait until the broker has it safely.

    Raises NotTaken when the broker refused or returned it, OutcomeUnknown when nobody can tell.
    """
    failures: list[Failure] = []
    await publish_together(channel, [letter], user_id, lambda _, failure: failures.append(failure))
    if failures[0] is not None:
        raise failures[0]


async def publish_together(channel: Channel, letters: list[Letter], user_id: str, landed: Landed) -> None:
    """Publish letters in this order, and wait until the outcome of each is known.

    `landed` is told of each by its place, as soon as it is known: None when the broker has the letter safely, NotTaken
    when it refused or returned it, OutcomeUnknown when nobody can tell. The client library's own way, one letter a
    call, makes a task, a timer and a system call of each; a worker would spend a third of its time on them.
    """
    writable = list(_writable(channel, letters, user_id, landed))
    confirmations: list[asyncio.Future[object]] = []
    try:
        async with asyncio.timeout(CONFIRM_SECONDS):
            async with channel.lock:
                confirmations = [_confirmation(channel, place, letters[place], landed) for place, _ in writable]
                for payload in _joined(payload for _, payload in writable):
                    await channel.write_queue.put(ChannelFrame(payload, should_close=False))
            if confirmations:
                await asyncio.wait(confirmations)
    except BROKER_ERRORS as error:
        await _give_up(confirmations, error)
        if not confirmations:
            for place, _ in writable:
                landed(place, OutcomeUnknown(type(error).__name__))


def _writable(channel: Channel, letters: list[Letter], user_id: str, landed: Landed) -> Iterator[tuple[int, bytes]]:
    """Each letter as it goes over the wire; one that cannot be written stays here, and its lane stops at it."""
    for place, letter in enumerate(letters):
        try:
            yield place, frames_of(channel, letter, user_id)
        except Exception as error:
            # Another try would say the same: somebody has to look at it.
            log.exception("letter cannot be published", kind=letter.kind, id=str(letter.message_id))
            landed(place, NotTaken(f"cannot be published: {type(error).__name__}"))


def frames_of(channel: Channel, letter: Letter, user_id: str) -> bytes:
    """A letter as it goes over the wire. Raises what the client library raises where it cannot be written."""
    return b"".join(frame.marshal(part, channel.number) for part in _parts(channel, letter, user_id))


def _parts(channel: Channel, letter: Letter, user_id: str) -> Iterator[Basic.Publish | ContentHeader | ContentBody]:
    headers: FieldTable | None = letter.headers
    properties = Basic.Properties(
        content_type="application/cloudevents+json",
        delivery_mode=2,
        message_id=str(letter.message_id),
        message_type=letter.kind or None,
        user_id=user_id,
        headers=headers,
    )
    yield Basic.Publish(exchange=letter.exchange, routing_key=letter.routing_key, mandatory=True)
    yield ContentHeader(body_size=len(letter.body), properties=properties)
    for start in range(0, len(letter.body), channel.max_content_size):
        yield ContentBody(letter.body[start : start + channel.max_content_size])


def _confirmation(channel: Channel, place: int, letter: Letter, landed: Landed) -> asyncio.Future[object]:
    """What the client library completes with the broker's answer to the next letter that is written."""
    channel.delivery_tag += 1
    tag, id = channel.delivery_tag, str(letter.message_id)
    confirmation: asyncio.Future[object] = channel.create_future()
    channel.confirmations[tag] = confirmation
    channel.message_id_delivery_tag[id] = tag

    def land(_: asyncio.Future[object]) -> None:
        if channel.message_id_delivery_tag.get(id) == tag:
            del channel.message_id_delivery_tag[id]
        landed(place, _failure(letter, confirmation))

    confirmation.add_done_callback(land)
    return confirmation


def _failure(letter: Letter, confirmation: asyncio.Future[object]) -> Failure:
    if confirmation.cancelled():
        return OutcomeUnknown("connection declared stuck")
    match confirmation.exception():
        case None:
            return None
        case PublishError():
            return NotTaken(f"no queue takes {letter.exchange} {letter.routing_key}")
        case DeliveryError():
            return NotTaken(f"refused by the broker, the queue of {letter.routing_key} may be full")
        case error:
            return OutcomeUnknown(type(error).__name__)


def _joined(payloads: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in fewer pieces."""
    waiting: list[bytes] = []
    for payload in payloads:
        waiting.append(payload)
        if sum(map(len, waiting)) >= WRITE_BYTES:
            yield b"".join(waiting)
            waiting = []
    if waiting:
        yield b"".join(waiting)


async def _give_up(confirmations: list[asyncio.Future[object]], error: BaseException) -> None:
    for confirmation in confirmations:
        if not confirmation.done():
            confirmation.set_exception(error)
    if confirmations:
        await asyncio.wait(confirmations)
