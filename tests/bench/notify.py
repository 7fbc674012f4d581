"""`make bench-notify`: e-mails a second from event to accepted, memory with many pending, an offer's delay."""

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from statistics import median
from time import monotonic
from typing import Any

import aio_pika
import psutil
from rich.console import Console

from services.console.installation import Installation, install
from services.console.stack import LocalStack
from services.console.workers import Worker, workers
from shared.contracts.envelope import CONTENT_TYPE
from shared.contracts.ticket_sync import OutsourcingAsked
from shared.database import Connection
from shared.ids import new_id
from shared.messaging import topology
from tests.acceptance.partners import Partner, become_partners, lead_and_service, offer
from tests.bench.bars import (
    LEAST_MAILS_A_SECOND,
    MOST_MEMORY_FOR_PENDING_MIB,
    MOST_SECONDS_TO_AN_OFFER,
    MOST_WORKER_MEMORY_MIB,
)
from tests.bench.results import LOGS, Bar, keep
from tests.integration.databases import at, connection_to
from tests.integration.messaging.posting import event
from tests.integration.notifier.busy_sink import Sink, busy_sink
from tests.integration.notifier.many_letters import store_pending_letters

# The first ones come while the worker is still starting; they say nothing about how fast it is.
COUNTED_FROM = 0.05
FEW_PENDING = 1_000
# So many go out while the worker's memory is looked at, of few and of many alike.
SENT_MEANWHILE = 1_000
OFFERS = 10
# Between two offers, so that each finds everybody idle.
PAUSE_SECONDS = 0.7
MOST_SECONDS = 300.0

say = Console(highlight=False).print


async def main(mails: int, pending: int, rounds: int) -> None:
    """Measure each of the three once a round, tell it, and store it all."""
    with LocalStack() as stack:
        for line in stack.describe():
            say(line)
        installation = await install(stack, name="bench")
        LOGS.mkdir(parents=True, exist_ok=True)
        notifier_url = at(installation.database_url, installation.name, "notifier")
        async with (
            lead_and_service(installation) as (lead, service),
            connection_to(notifier_url) as notifier,
        ):
            with workers({"offer_handler": installation.environment_of("offer_handler")}, LOGS):
                [partnership_id] = await become_partners(lead, service)
                async with busy_sink() as sink:
                    with _notifier(installation, sink):
                        # The invitation and its acceptance.
                        await sink.has_kept(2)
                figures = []
                for number in range(1, rounds + 1):
                    one = {
                        "mails_per_second": await _rate(installation, notifier, mails),
                        **await _seconds_to_an_offer(installation, notifier, lead, partnership_id),
                        "few_pending_memory_mib": await _memory_with(FEW_PENDING, installation, notifier),
                        "many_pending_memory_mib": await _memory_with(pending, installation, notifier),
                    }
                    say(f"round {number}: " + ", ".join(f"{name} {value:.2f}" for name, value in one.items()))
                    figures.append(one)
    _tell(mails, pending, figures)


async def _rate(installation: Installation, notifier: Connection, mails: int) -> float:
    """E-mails a second, from events that wait in the notifier's queues until the mail server has taken each."""
    await _forget_all(notifier)
    await _publish_questions(installation, mails)
    async with busy_sink() as sink:
        with _notifier(installation, sink):
            await sink.has_kept(mails, MOST_SECONDS)
        came = sorted(one.at for one in sink.kept)
    assert len(came) == mails, "each came once"
    first = int(mails * COUNTED_FROM)
    return (mails - first - 1) / (came[-1] - came[first])


async def _publish_questions(installation: Installation, mails: int) -> None:
    """So many questions, each on a ticket of its own, as ticket_sync tells of them."""
    url = installation.amqp_url_of(topology.worker_user("ticket_sync"), installation.passwords.of("ticket_sync"))
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel(on_return_raises=True)
        exchange = await channel.get_exchange(topology.EVENTS, ensure=False)
        for number in range(mails):
            asked = _question(number)
            fact = event(asked, str(asked.outsourcing_id), service="ticket_sync")
            message = aio_pika.Message(fact.body, content_type=CONTENT_TYPE, user_id=fact.user_id)
            await exchange.publish(message, routing_key=fact.routing_key, timeout=30)


def _question(number: int) -> OutsourcingAsked:
    return OutsourcingAsked(
        outsourcing_id=new_id(),
        lead="nordlicht",
        service="alpenwerk",
        lead_number=f"NL-{number}",
        service_number=f"AW-{number}",
        title="Druckserver neu aufsetzen",
        sender="alpenwerk" if number % 2 else "nordlicht",
        text="Ist der Server schon erreichbar?\nDer Kunde fragt danach.",
        by="Jo Marti",
        at=datetime.now(UTC),
        state="in_progress",
    )


async def _seconds_to_an_offer(
    installation: Installation, notifier: Connection, lead: Partner, partnership_id: Any
) -> dict[str, float]:
    """From the moment an offer is sent until the mail server has its e-mail, with nothing else to do."""
    await _forget_all(notifier)
    took = []
    async with busy_sink() as sink:
        with _notifier(installation, sink):
            # Until the first one is through, the worker is starting.
            await lead.send(_offer(partnership_id))
            await sink.has_kept(1)
            for number in range(2, OFFERS + 2):
                await asyncio.sleep(PAUSE_SECONDS)
                sent = monotonic()
                await lead.send(_offer(partnership_id))
                await sink.has_kept(number)
                took.append(sink.kept[-1].at - sent)
    return {"median_seconds_to_an_offer": median(took), "most_seconds_to_an_offer": max(took)}


def _offer(partnership_id: Any) -> Any:
    return offer(str(new_id()), {partnership_id: new_id()}, datetime.now(UTC) + timedelta(days=1))


async def _memory_with(pending: int, installation: Installation, notifier: Connection) -> float:
    """The most memory of the worker while it sends some of so many e-mails that are due, in MiB."""
    await _forget_all(notifier)
    await store_pending_letters(notifier, pending)
    most = 0.0
    async with busy_sink() as sink:
        with _notifier(installation, sink) as worker:
            process = psutil.Process(worker.pid)
            async with asyncio.timeout(MOST_SECONDS):
                while len(sink.kept) < SENT_MEANWHILE:
                    most = max(most, process.memory_info().rss / 2**20)
                    await asyncio.sleep(0.05)
    return most


async def _forget_all(notifier: Connection) -> None:
    """What is pending now belongs to nobody any more."""
    await notifier.execute("TRUNCATE notification")


@contextmanager
def _notifier(installation: Installation, sink: Sink) -> Iterator[Worker]:
    """The worker, with that mail server."""
    environment = {f"TANDEM_{name.upper()}": value for name, value in _mail_server(sink).items()}
    with workers({"notifier": installation.environment_of("notifier") | environment}, LOGS) as [worker]:
        yield worker


def _mail_server(sink: Sink) -> dict[str, str]:
    return {
        "smtp_host": "127.0.0.1",
        "smtp_port": str(sink.port),
        "smtp_security": "none",
        "smtp_sender": "Tandem <tandem@example.com>",
    }


def _tell(mails: int, pending: int, rounds: list[dict[str, float]]) -> None:
    grown = [one["many_pending_memory_mib"] - one["few_pending_memory_mib"] for one in rounds]
    bars = {
        "mails_per_second": Bar(min(one["mails_per_second"] for one in rounds), at_least=LEAST_MAILS_A_SECOND),
        "most_seconds_to_an_offer": Bar(
            max(one["most_seconds_to_an_offer"] for one in rounds), at_most=MOST_SECONDS_TO_AN_OFFER
        ),
        "memory_for_pending_mib": Bar(max(grown), at_most=MOST_MEMORY_FOR_PENDING_MIB),
        "worker_memory_mib": Bar(max(one["many_pending_memory_mib"] for one in rounds), at_most=MOST_WORKER_MEMORY_MIB),
    }
    settings = {"mails": mails, "pending": pending, "few_pending": FEW_PENDING, "offers": OFFERS}
    say(f"kept in {keep('notify', settings, rounds, bars)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mails", type=int, default=5_000)
    parser.add_argument("--pending", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    asyncio.run(main(asked.mails, asked.pending, asked.rounds))
