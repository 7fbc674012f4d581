"""One performance of the play: everything as processes, and all that there was at its end."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from demo.acts import Stage
from demo.cast import ADDRESSES, LANGUAGES, LEAD, NAMES, OTHER, SERVICE
from demo.mails import Mail, Mailbox, mailbox
from demo.partners import Partner, partner
from demo.queues import Queues, is_shard, queues_of
from demo.scenario import play
from demo.timeline import Timeline
from services.console.check import Account, check_all
from services.console.installation import Installation
from services.console.workers import Launch, launch, workers
from shared.messaging import topology

QUIET_SECONDS = 20.0
# Longer than any worker pauses between two looks at its own work.
STEADY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that there was at the end."""

    stores: dict[str, dict[str, list[dict[str, Any]]]]
    mails: list[Mail]
    deliveries: dict[str, Counter[str]]
    accounts: list[Account]
    queues: dict[str, int]


@dataclass(frozen=True, slots=True)
class Look:
    """What can be seen at one moment of all that may still be under way."""

    accounts: list[Account]
    queues: dict[str, int]
    mails: int
    deliveries: int

    @property
    def is_busy(self) -> bool:
        to_partners = (count for name, count in self.queues.items() if name.startswith("instance."))
        return any(to_partners) or any(account.in_flight or account.unpublished for account in self.accounts)


@dataclass(frozen=True, slots=True)
class Theatre:
    """Everything that has to stand before the play can begin."""

    installation: Installation
    mailbox: Mailbox
    partners: dict[str, Partner]
    queues: Queues
    directory: Path

    async def perform(self, timeline: Timeline) -> Outcome:
        """Play, wait until everything is quiet, and tell what there is."""
        lead, service, other = (self.partners[slug] for slug in (LEAD, SERVICE, OTHER))
        await play(Stage(lead, service, other, self.mailbox, timeline, self.directory))
        return await self.outcome()

    async def outcome(self) -> Outcome:
        """What there is once nothing is under way any more."""
        look = await self.quiet()
        return Outcome(
            stores={slug: await one.store() for slug, one in self.partners.items()},
            mails=list(self.mailbox.mails),
            deliveries={slug: Counter(d["came"] for d in one.deliveries) for slug, one in self.partners.items()},
            accounts=look.accounts,
            queues=look.queues,
        )

    async def quiet(self) -> Look:
        """The last look, once nothing has moved for a while, or time is up."""
        last, since = await self._look(), perf_counter()
        ends = since + QUIET_SECONDS
        while perf_counter() < min(since + STEADY_SECONDS, ends):
            await asyncio.sleep(0.2)
            look = await self._look()
            if look.is_busy or look != last:
                last, since = look, perf_counter()
        return last

    async def _look(self) -> Look:
        counts = await self.queues.counts()
        accounts = await check_all(self.installation.settings)
        return Look(
            accounts=[replace(account, in_flight=_waiting_for(account.service, counts)) for account in accounts],
            queues={name: count for name, count in counts.items() if not is_shard(name)},
            mails=len(self.mailbox.mails),
            deliveries=sum(len(one.deliveries) for one in self.partners.values()),
        )


def _waiting_for(service: str, counts: dict[str, int]) -> int:
    """What is in the service's shard queues now; the account's own number is the management's, of seconds ago."""
    return sum(count for name, count in counts.items() if is_shard(name) and name.startswith(f"{service}."))


@asynccontextmanager
async def theatre(
    installation: Installation, directory: Path, *, replicas: int = 1, launch: Launch = launch
) -> AsyncIterator[Theatre]:
    """All partners added and started, a mail server, and all workers, so many replicas of each.

    The gateway is one: two could not listen on the same port of the same machine.
    """
    async with AsyncExitStack() as exits:
        box, smtp_port = await exits.enter_async_context(mailbox(directory / "mails"))
        environments = {service: installation.environment_of(service) for service in topology.SERVICES}
        gateway = {topology.GATEWAY: environments.pop(topology.GATEWAY)}
        environments["notifier"] |= {
            "TANDEM_SMTP_HOST": "127.0.0.1",
            "TANDEM_SMTP_PORT": str(smtp_port),
            "TANDEM_SMTP_SECURITY": "none",
            "TANDEM_SMTP_SENDER": "Tandem <tandem@tandem.example.com>",
        }
        exits.enter_context(workers(environments, directory / "logs", replicas=replicas, launch=launch))
        exits.enter_context(workers(gateway, directory / "logs", launch=launch))
        partners = {}
        for slug in NAMES:
            connected = await installation.add_instance(slug, NAMES[slug], LANGUAGES[slug], ADDRESSES[slug])
            partners[slug] = await exits.enter_async_context(partner(slug, connected, directory))
        queues = await exits.enter_async_context(queues_of(installation))
        yield Theatre(installation, box, partners, queues, directory)
