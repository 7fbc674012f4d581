"""A ticket that is outsourced on from company to company, and one that lost its data, as it really runs."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest

from services.console import sync
from services.console.check import check_all
from services.console.installation import Installation
from shared.contracts.offer_handler import OfferAccept
from shared.contracts.ticket_sync import EntryReplicated, EntryWithdrawn, Inventory, SyncRequest, TicketOpened
from shared.contracts.values import Command
from shared.database import Connection
from shared.ids import new_id
from shared.messaging import topology
from tests.acceptance.conftest import StartWorkers
from tests.acceptance.partners import (
    Delivered,
    Partner,
    become_partners,
    lead_and_service,
    notes,
    offer,
    outsource,
    partner,
    until,
)
from tests.integration.databases import connection_to
from tests.unit.ticket_sync.passing_on import NaiveAdapter, chain_of

SLUGS = ["nordlicht", "alpenwerk", "elbtal", "rheintal"]
TOLD: dict[str, type[EntryReplicated | EntryWithdrawn]] = {
    "entry.replicated": EntryReplicated,
    "entry.withdrawn": EntryWithdrawn,
}
LOST = 250


class Company:
    """One of the chain: its adapter, which passes on whatever comes, and what of it has gone through."""

    def __init__(self, partner: Partner, adapter: NaiveAdapter) -> None:
        self.partner, self.adapter = partner, adapter
        self.said = self.heard = self._taken = 0

    async def write(self, id: UUID, version: int, text: str | None) -> None:
        await self._say(self.adapter.write(id, version, text))

    async def pass_on(self) -> None:
        """What came since the last time."""
        new = self.partner.deliveries[self._taken :]
        self._taken += len(new)
        for one in new:
            if kind := TOLD.get(topology.noun_verb(one.kind)):
                self.heard += 1
                await self._say(self.adapter.take(kind.model_validate(one.data)))

    async def _say(self, commands: Sequence[Command]) -> None:
        self.said += len(commands)
        await self.partner.send(*commands)


@asynccontextmanager
async def chain(installation: Installation) -> AsyncIterator[list[Company]]:
    """Each outsources the ticket that it was given on to the next."""
    async with AsyncExitStack() as stack:
        partners = [await stack.enter_async_context(partner(installation, slug, f"{slug} GmbH")) for slug in SLUGS]
        # From the last on, so that each hears first of the partnership in which it is the lead.
        partnerships = [await become_partners(*pair) for pair in reversed(list(pairwise(partners)))]
        ids: list[UUID] = []
        for (lead, service), [partnership_id] in zip(pairwise(partners), reversed(partnerships), strict=True):
            id, answer_by = new_id(), datetime.now(UTC) + timedelta(days=1)
            sending = offer(f"T-{lead.slug}", {partnership_id: id}, answer_by)
            await lead.send(sending.model_copy(update={"derived_from": ids[-1] if ids else None}))
            await _hears(service, "offer.received")
            await service.send(OfferAccept(actor="service", outsourcing_id=id))
            await service.send(TicketOpened(actor="service", outsourcing_id=id, number=f"S-{service.slug}"))
            await _hears(service, "ticket.linked")
            ids.append(id)
        yield [Company(one, adapter) for one, adapter in zip(partners, chain_of(SLUGS, ids), strict=True)]


async def all_passed_on(companies: list[Company], database: Connection) -> None:
    """Until nothing of it is under way, and nobody has anything more to say."""

    async def settled() -> bool:
        for one in companies:
            await one.pass_on()
        said, told = sum(one.said for one in companies), sum(one.heard for one in companies)
        counted = await database.fetchrow(
            """
            SELECT (SELECT count(*) FROM ticket_sync.inbox WHERE kind LIKE 'tandem.entry.%') AS decided,
                   (SELECT count(*) FROM ticket_sync.outbox WHERE kind LIKE 'tandem.entry.%') AS told
            """
        )
        return tuple(counted) == (said, told)

    await until(settled)


@pytest.mark.parametrize("installation", [{"shards": 2}], indirect=True)
async def test_in_a_chain_of_four_every_change_arrives_everywhere_once(
    installation: Installation, start: StartWorkers
) -> None:
    with start("offer_handler", "ticket_sync"):
        async with chain(installation) as companies, connection_to(installation.database_url) as database:
            ids = [new_id() for _ in companies]
            for version, word in enumerate(("first", "second", None), 1):
                for place, one in enumerate(companies):
                    await one.write(ids[place], version, word and f"{word} of {place}")
                await all_passed_on(companies, database)
            for place, one in enumerate(companies):
                others = [other for other in range(len(SLUGS)) if other != place]
                told_once = [f"{word} of {other}" for other in others for word in ("first", "second")]
                assert Counter(text for _, text in one.adapter.arrived) == Counter([*told_once, None, None, None])
                heard = " ".join(f"{one.envelope}" for one in one.partner.deliveries)
                assert not [slug for far, slug in enumerate(SLUGS) if abs(far - place) > 1 and slug in heard]
            changes = 3 * len(companies)
            assert sum(one.said for one in companies) == changes * 2 * (len(companies) - 1)
            assert all(account.balanced for account in await check_all(installation.settings))
            assert (await sync.verify(database)).wrong == ()


async def test_who_lost_all_copies_asks_for_them_and_an_operator_may_have_them_told_again(
    installation: Installation, start: StartWorkers
) -> None:
    with start("offer_handler", "ticket_sync"):
        async with (
            lead_and_service(installation) as (lead, service),
            connection_to(installation.database_url) as database,
        ):
            [id] = await outsource(lead, service, 1)
            await lead.send(*notes([id], LOST))
            await service.hears("entry.replicated", times=LOST)
            first = [_told(one) for one in service.of_kind("entry.replicated")]
            none = Inventory.of({}, listed=True)
            await service.send(SyncRequest(actor="adapter", outsourcing_id=id, own=none, copies=none))
            await service.hears("entry.replicated", times=2 * LOST)
            [digest] = service.of_kind("sync.digest")
            assert (digest.data["copies"]["entries"], digest.data["to_follow"]) == (LOST, LOST)
            assert await sync.order_repair(database, id, "alpenwerk")
            await service.hears("entry.replicated", times=3 * LOST)
            again = [_told(one) for one in service.of_kind("entry.replicated")[LOST:]]
            assert Counter(again) == Counter(2 * first)
            await until(lambda: _all_right(database))
        assert all(account.balanced for account in await check_all(installation.settings))


async def _hears(partner: Partner, noun_verb: str) -> None:
    await partner.until(lambda: bool(partner.of_kind(noun_verb)))


def _told(one: Delivered) -> str:
    return json.dumps(one.data)


async def _all_right(database: Connection) -> bool:
    verdict = await sync.verify(database)
    return verdict.copies == LOST and not verdict.wrong
