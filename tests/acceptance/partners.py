"""Two partners at the broker with their own users, quick enough to send thousands of commands."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from time import monotonic
from typing import Any
from uuid import UUID

import aio_pika
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage

from services.console.installation import Connected, Installation
from shared.contracts.envelope import CONTENT_TYPE, write
from shared.contracts.offer_handler import (
    AgreementAccept,
    Customer,
    Mode,
    OfferAccept,
    OfferSend,
    PartnerOffer,
    PartnershipAccept,
    PartnershipInvite,
    Terms,
    Ticket,
)
from shared.contracts.ticket_sync import EntryBody, EntryPut, NoteBody, TicketOpened
from shared.contracts.values import Command
from shared.ids import new_id
from shared.messaging import topology

# Of a message's properties those that its sender sets.
PROPERTIES = (
    *("message_id", "type", "user_id", "app_id", "correlation_id", "reply_to", "expiration", "timestamp"),
    *("content_type", "content_encoding", "priority", "delivery_mode", "exchange", "routing_key"),
)
# What one partner has under way to the broker at a time.
MOST_UNCONFIRMED = 200


@dataclass(frozen=True, slots=True)
class Delivered:
    """One fact as a partner got it."""

    envelope: dict[str, Any]
    properties: dict[str, Any]
    # Of the clock that is only for telling how long something took.
    came_at: float

    @property
    def id(self) -> str:
        return str(self.envelope["id"])

    @property
    def kind(self) -> str:
        return str(self.envelope["type"])

    @property
    def data(self) -> dict[str, Any]:
        return dict(self.envelope["data"])


class Partner:
    """One instance: sends commands and keeps every delivery in the order in which it came."""

    def __init__(self, slug: str, exchange: AbstractExchange, connected: Connected) -> None:
        self.slug = slug
        self.connected = connected
        self.deliveries: list[Delivered] = []
        # What is waited for is looked at again and again, among thousands: not each of them every time.
        self._of_kind: defaultdict[str, list[Delivered]] = defaultdict(list)
        self._once: defaultdict[str, dict[str, Delivered]] = defaultdict(dict)
        self._exchange = exchange
        self._room = asyncio.Semaphore(MOST_UNCONFIRMED)

    async def send(self, *commands: Command) -> None:
        """Publish these in this order and wait until the broker has all of them."""
        await asyncio.gather(*(self._send(command) for command in commands))

    async def send_raw(self, body: bytes) -> None:
        """Publish these bytes as the acceptance of an offer, whatever they say."""
        key = topology.command_key(self.slug, OfferAccept.kind, self.slug)
        message = aio_pika.Message(body, user_id=self.slug, content_type=CONTENT_TYPE)
        await self._exchange.publish(message, routing_key=key, timeout=30)

    async def until(self, condition: Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait for something to have been delivered."""
        await until(_async(condition), seconds)

    async def hears(self, noun_verb: str, times: int = 1) -> None:
        """Wait until such deliveries have come, so many and no more."""
        await self.until(lambda: len(self._of_kind[noun_verb]) == times)

    def of_kind(self, noun_verb: str) -> list[Delivered]:
        """All of this kind in the order in which they came, some of them perhaps twice."""
        return list(self._of_kind[noun_verb])

    def once(self, *noun_verbs: str) -> list[Delivered]:
        """Each delivery of these kinds once, kind by kind."""
        return [delivered for noun_verb in noun_verbs for delivered in self._once[noun_verb].values()]

    def has_heard(self, number: int, *noun_verbs: str) -> bool:
        """Whether at least so many deliveries of these kinds have come, each counted once."""
        return sum(len(self._once[noun_verb]) for noun_verb in noun_verbs) >= number

    async def take(self, message: AbstractIncomingMessage) -> None:
        properties = {name: getattr(message, name) for name in PROPERTIES} | dict(message.headers)
        self.deliveries.append(delivered := Delivered(json.loads(message.body), properties, monotonic()))
        noun_verb = topology.noun_verb(delivered.kind)
        self._of_kind[noun_verb].append(delivered)
        self._once[noun_verb][delivered.id] = delivered
        await message.ack()

    async def say(self, id: UUID, command: Command) -> None:
        """Publish this under that id, perhaps not for the first time, and wait until the broker has it."""
        await self._send(command, id)

    def envelope_of(self, command: Command, id: UUID | None = None) -> tuple[str, bytes]:
        """The bytes that say this command under this id, or a fresh one."""
        id, subject = id or new_id(), command.subject_of() or self.slug
        body = write(command, id=id, source=f"/instances/{self.slug}", subject=subject, time=datetime.now(UTC))
        return str(id), body

    async def _send(self, command: Command, id: UUID | None = None) -> None:
        name, body = self.envelope_of(command, id)
        message = aio_pika.Message(
            body,
            message_id=name,
            type=command.kind,
            content_type=CONTENT_TYPE,
            user_id=self.slug,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        key = topology.command_key(self.slug, command.kind, command.subject_of() or self.slug)
        async with self._room:
            await self._exchange.publish(message, routing_key=key, timeout=30)


@asynccontextmanager
async def partner(installation: Installation, slug: str, name: str, *, listens: bool = True) -> AsyncIterator[Partner]:
    """A new instance, connected; one that does not listen leaves its deliveries in its queue."""
    connected = await installation.add_instance(slug, name, "en", f"{slug}@example.com")
    connection = await aio_pika.connect(connected.amqp_url)
    async with connection:
        sending = await connection.channel(on_return_raises=True)
        joined = Partner(slug, await sending.get_exchange(topology.COMMANDS, ensure=False), connected)
        if listens:
            listening = await connection.channel()
            await listening.set_qos(prefetch_count=500)
            await (await listening.get_queue(connected.queue)).consume(joined.take)
        yield joined


@asynccontextmanager
async def lead_and_service(installation: Installation) -> AsyncIterator[tuple[Partner, Partner]]:
    """A lead and a service partner, not yet partners of each other."""
    async with (
        partner(installation, "nordlicht", "Nordlicht IT GmbH") as lead,
        partner(installation, "alpenwerk", "Alpenwerk Systems") as service,
    ):
        yield lead, service


async def become_partners(lead: Partner, *services: Partner) -> list[UUID]:
    """These become service partners of the lead, and have named their organization mapping; their partnerships."""
    ids = [new_id() for _ in services]
    await lead.send(AgreementAccept(actor="lead", version="2026-01"))
    await lead.hears("agreement.accepted")
    for id, service in zip(ids, services, strict=True):
        invitation: dict[str, Any] = {"partner": service.slug, "recipient": f"{service.slug}@example.com"}
        await lead.send(PartnershipInvite(actor="lead", partnership_id=id, **invitation))
        await service.send(PartnershipAccept(actor="service", partnership_id=id, organization="Lead"))
    accepted = {str(id) for id in ids}
    # Who leads here may have heard of other partnerships, in which it serves.
    await lead.until(lambda: accepted <= {told.data["partnership_id"] for told in lead.of_kind("partnership.accepted")})
    return ids


async def outsource(lead: Partner, service: Partner, number: int) -> list[UUID]:
    """So many tickets outsourced, accepted and opened; their ids."""
    outsourcing_ids = await agree(lead, service, number)
    await service.send(*(TicketOpened(actor="service", outsourcing_id=id, number=f"S-{id}") for id in outsourcing_ids))
    await lead.hears("ticket.linked", times=number)
    return outsourcing_ids


async def agree(lead: Partner, service: Partner, number: int) -> list[UUID]:
    """So many tickets outsourced and accepted, and none of them opened; their ids."""
    [partnership_id] = await become_partners(lead, service)
    outsourcing_ids = [new_id() for _ in range(number)]
    answer_by = datetime.now(UTC) + timedelta(days=1)
    await lead.send(*(offer(f"L-{n}", {partnership_id: id}, answer_by) for n, id in enumerate(outsourcing_ids)))
    await service.send(*(OfferAccept(actor="service", outsourcing_id=id) for id in outsourcing_ids))
    await service.hears("ticket.requested", times=number)
    return outsourcing_ids


def notes(outsourcing_ids: Iterable[UUID], number: int) -> list[EntryPut]:
    """So many notes for each of these, the outsourcings taking turns."""
    ids = list(outsourcing_ids)
    return [
        put(id, NoteBody(kind="note", text=f"note {place} of many: the disk was replaced"))
        for place in range(number)
        for id in ids
    ]


def put(outsourcing_id: UUID, body: EntryBody) -> EntryPut:
    """A new entry that both sides are to have."""
    return EntryPut(
        actor="k.sommer",
        outsourcing_id=outsourcing_id,
        entry_id=new_id(),
        version=1,
        visibility="shared",
        author="K. Sommer",
        happened_at=datetime.now(UTC),
        body=body,
    )


def offer(
    number: str, outsourcing_of: dict[UUID, UUID], respond_by: datetime, *, mode: Mode = "all_at_once"
) -> OfferSend:
    """A round of this ticket; each partnership with the id that its outsourcing gets."""
    offers = tuple(PartnerOffer(partnership_id=one, outsourcing_id=id) for one, id in outsourcing_of.items())
    terms = Terms(mode="hourly", currency="EUR", hourly_rate=Decimal("80.00"), respond_by=respond_by)
    ticket = Ticket(number=number, title="Server does not start", customer=Customer(company="Hotel Post"))
    return OfferSend(actor="lead", round_id=new_id(), mode=mode, offers=offers, ticket=ticket, terms=terms)


async def until(condition: Callable[[], Awaitable[Any]], seconds: float = 60.0) -> None:
    """Wait for a condition, looked at again and again, within a bound."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)


def _async(condition: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def asked() -> bool:
        return condition()

    return asked
