"""One performance of the play: everything as processes, and all that there was at its end."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.cast import ADDRESSES, LANGUAGES, LEAD, NAMES, SERVICE
from demo.mails import Mail, Mailbox, mailbox
from demo.partners import Partner, partner
from demo.scenario import Stage, play
from demo.timeline import Timeline
from services.console.check import Account, check_all
from services.console.installation import Installation
from services.console.workers import workers
from shared.messaging import topology

QUIET_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that there was at the end."""

    stores: dict[str, dict[str, list[dict[str, Any]]]]
    mails: list[Mail]
    deliveries: dict[str, Counter[str]]
    accounts: list[Account]


@dataclass(frozen=True, slots=True)
class Theatre:
    """Everything that has to stand before the play can begin."""

    installation: Installation
    mailbox: Mailbox
    partners: dict[str, Partner]

    async def perform(self, timeline: Timeline) -> Outcome:
        """Play, wait until everything is quiet, and tell what there is."""
        await play(Stage(self.partners[LEAD], self.partners[SERVICE], self.mailbox, timeline))
        return await self.outcome()

    async def outcome(self) -> Outcome:
        """What there is once nothing is under way any more."""
        accounts = await self.quiet()
        return Outcome(
            stores={slug: await one.store() for slug, one in self.partners.items()},
            mails=list(self.mailbox.mails),
            deliveries={slug: Counter(d["came"] for d in one.deliveries) for slug, one in self.partners.items()},
            accounts=accounts,
        )

    async def quiet(self) -> list[Account]:
        """The accounts of all services once their queues and outboxes are empty. Raises TimeoutError."""
        async with asyncio.timeout(QUIET_SECONDS):
            while True:
                accounts = await check_all(self.installation.settings)
                if not any(account.in_flight or account.unpublished for account in accounts):
                    return accounts
                await asyncio.sleep(0.2)


@asynccontextmanager
async def theatre(installation: Installation, directory: Path, *, replicas: int = 1) -> AsyncIterator[Theatre]:
    """Both partners added and started, a mail server, and all four workers, so many replicas of each."""
    async with AsyncExitStack() as exits:
        box, smtp_port = await exits.enter_async_context(mailbox(directory / "mails"))
        environments = {service: installation.environment_of(service) for service in topology.SERVICES}
        environments["notifier"] |= {
            "TANDEM_SMTP_HOST": "127.0.0.1",
            "TANDEM_SMTP_PORT": str(smtp_port),
            "TANDEM_SMTP_SECURITY": "none",
            "TANDEM_SMTP_SENDER": "Tandem <tandem@tandem.example.com>",
        }
        exits.enter_context(workers(environments, directory / "logs", replicas=replicas))
        partners = {}
        for slug in (LEAD, SERVICE):
            connected = await installation.add_instance(slug, NAMES[slug], LANGUAGES[slug], ADDRESSES[slug])
            partners[slug] = await exits.enter_async_context(partner(slug, connected, directory))
        yield Theatre(installation, box, partners)
