"""What three partners of a round receive, and what the workers log of it: nothing that leads to each other."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any
from uuid import UUID

from demo.mails import Mail, mailbox
from services.console.installation import Installation
from services.console.workers import workers
from shared.contracts.offer_handler import Customer, Mode, OfferAccept, OfferDecline, OfferSend, Ticket
from shared.contracts.ticket_sync import TicketOpened
from shared.ids import new_id
from tests import nursery
from tests.acceptance.partners import Delivered, Partner, become_partners, notes, offer, partner

NAMES = {"alpenwerk": "Alpenwerk Systems", "rheintal": "Rheintal Service AG", "ostsee": "Ostsee IT"}
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# What every message from Tandem says, and what the lead is called: nothing of it is about a round or a partner.
VOCABULARY = {
    *("1.0", "application/json", "application/cloudevents+json", "/tandem/offer_handler", "nordlicht"),
    *("tandem.deliveries", "tandem.offer_handler", "2", "0", "None", "True", "False", "[]", "{}", "utf-8"),
    *("offered", "accepted", "declined", "cancelled", "Lead", "service", ""),
}
TICKET = Ticket(
    number="NL-4711",
    title="Switch drops its uplink",
    description="Since Monday, in the cellar",
    customer=Customer(
        company="Hotel Post", contact="Ines Hofer", email="ines@example.com", phone="+43 512 0000", address="Dorf 1"
    ),
)
# To each partner an invitation and two offers, to the one who lost a round that it was taken back; and to the lead what
# became of three invitations and of five offers that were answered.
MAILS = 3 * 3 + 1 + 3 + 5
WORDS = re.compile(r"tandem\.[a-z-]+\.[a-z-]+\.v1|[a-z]+/[a-z-]+|offer\.[a-z]+")


async def test_three_partners_of_a_round_have_nothing_in_common_but_the_ticket_s_text_and_the_terms(
    installation: Installation, tmp_path: Path
) -> None:
    async with _companies(installation) as (lead, partners), mailbox(tmp_path / "mails") as (box, smtp_port):
        with workers(_environments(installation, smtp_port), tmp_path, launch=nursery.launch):
            partnerships = await become_partners(lead, *partners)
            ended = [len(one.deliveries) for one in partners]
            rounds = [_round(partnerships, f"NL-{mode}", mode) for mode in ("all_at_once", "one_after_another")]
            for sending in rounds:
                await lead.send(sending)
                await _play_the_round(partners, [one.outsourcing_id for one in sending.offers], sending.mode)
            await box.gets(MAILS)
        received = {one.slug: one.deliveries[start:] for one, start in zip(partners, ended, strict=True)}
        public = {leaf for sending in rounds for part in (sending.ticket, sending.terms) for leaf in _told_in(part)}
        for one, other in combinations(partners, 2):
            shared = _leaves_of(received[one.slug]) & _leaves_of(received[other.slug])
            unexplained = {leaf for leaf in shared - public - VOCABULARY if not WORDS.fullmatch(leaf)}
            assert {leaf for leaf in unexplained if not _is_a_problem_s_text(leaf, received[one.slug])} == set()
            mails = [[mail for mail in box.mails if mail.to.startswith(side.slug)] for side in (one, other)]
            assert len(mails[0]) >= 2 and len(mails[1]) >= 2
            assert _ids_of(mails[0]).isdisjoint(_ids_of(mails[1]))
        for slug, deliveries in received.items():
            said = " ".join(str(one.envelope | one.properties) for one in deliveries)
            said += " ".join(mail.subject + mail.text for mail in box.mails if mail.to.startswith(slug))
            for partner_slug, name in NAMES.items():
                assert partner_slug == slug or (partner_slug not in said and name not in said)
            assert "Hotel Post" not in said, "the customer is not disclosed to who has only been asked"


async def test_no_line_of_a_log_tells_one_partner_of_another_or_what_the_work_is_about(
    installation: Installation, tmp_path: Path
) -> None:
    async with _companies(installation) as (lead, partners), mailbox(tmp_path / "mails") as (box, smtp_port):
        first, second, third = partners
        environments = _environments(installation, smtp_port) | {
            service: installation.environment_of(service) for service in ("ticket_sync", "billing")
        }
        for environment in environments.values():
            environment["TANDEM_LOG_LEVEL"] = "debug"
        with workers(environments, tmp_path / "logs", launch=nursery.launch):
            partnerships = await become_partners(lead, *partners)
            sending = _round(partnerships, "NL-4711", "all_at_once")
            sending = sending.model_copy(update={"ticket": TICKET})
            await lead.send(sending)
            await _play_the_round(partners, [one.outsourcing_id for one in sending.offers], "all_at_once")
            await second.hears("ticket.requested")
            id = sending.offers[1].outsourcing_id
            await second.send(TicketOpened(actor="service", outsourcing_id=id, number="S-1"), *notes([id], 1))
            # What is refused, what cannot be read, and who speaks for another, is logged at once.
            await third.send(OfferAccept(actor="service", outsourcing_id=id))
            await first.send_raw(second.envelope_of(OfferDecline(actor="service", outsourcing_id=id))[1])
            await first.send_raw(b"Ines Hofer cannot be read")
            await lead.hears("entry.replicated")
            await first.until(lambda: len(first.of_kind("command.rejected")) >= 2)
            await box.gets(len(partners) + 1)
    names = {**NAMES, "nordlicht": "Nordlicht IT GmbH"}
    texts = [*_told_in(TICKET), "the disk was replaced", "Lead"]
    lines = [line for log in (tmp_path / "logs").glob("*.log") for line in log.read_text().splitlines()]
    events = {json.loads(line)["event"] for line in lines}
    assert events >= {"starting", "consuming", "refused", "forged message", "unreadable message", "mail offered"}
    for line in lines:
        assert sum(slug in line or name in line for slug, name in names.items()) <= 1, line
        assert not any(text in line for text in texts if len(text) > 1), line
        assert not re.search(r"[\w.]@[\w.]", line), line


@asynccontextmanager
async def _companies(installation: Installation) -> AsyncIterator[tuple[Partner, tuple[Partner, Partner, Partner]]]:
    """The lead, and the three that it asks."""
    async with (
        partner(installation, "nordlicht", "Nordlicht IT GmbH") as lead,
        partner(installation, "alpenwerk", NAMES["alpenwerk"]) as first,
        partner(installation, "rheintal", NAMES["rheintal"]) as second,
        partner(installation, "ostsee", NAMES["ostsee"]) as third,
    ):
        yield lead, (first, second, third)


async def _play_the_round(partners: tuple[Partner, ...], ids: list[UUID], mode: Mode) -> None:
    """The first declines. Of all at once the second accepts and the third has lost; else the third accepts."""
    asked = dict(zip(ids, partners, strict=True))
    first, second, third = ids
    if mode == "all_at_once":
        for id in ids:
            await _gets(asked[id], "offer.received", id)
        await asked[first].send(OfferDecline(actor="service", outsourcing_id=first))
        await asked[second].send(OfferAccept(actor="service", outsourcing_id=second))
        await _gets(asked[third], "offer.cancelled", third)
    else:
        for id in (first, second):
            await _gets(asked[id], "offer.received", id)
            await asked[id].send(OfferDecline(actor="service", outsourcing_id=id))
        await _gets(asked[third], "offer.received", third)
        await asked[third].send(OfferAccept(actor="service", outsourcing_id=third))
        await _gets(asked[third], "offer.accepted", third)
    for id, who in asked.items():
        await _accept_in_vain(who, id)


async def _accept_in_vain(who: Partner, id: UUID) -> None:
    refused = len(who.of_kind("command.rejected"))
    await who.send(OfferAccept(actor="service", outsourcing_id=id))
    await who.until(lambda: len(who.of_kind("command.rejected")) > refused)


async def _gets(who: Partner, noun_verb: str, id: UUID) -> None:
    await who.until(lambda: any(one.data["outsourcing_id"] == str(id) for one in who.of_kind(noun_verb)))


def _round(partnerships: list[UUID], number: str, mode: Mode) -> OfferSend:
    respond_by = datetime.now(UTC) + timedelta(hours=1)
    return offer(number, {one: new_id() for one in partnerships}, respond_by, mode=mode)


def _environments(installation: Installation, smtp_port: int) -> dict[str, dict[str, str]]:
    mail = {
        "TANDEM_SMTP_HOST": "127.0.0.1",
        "TANDEM_SMTP_PORT": str(smtp_port),
        "TANDEM_SMTP_SECURITY": "none",
        "TANDEM_SMTP_SENDER": "Tandem <tandem@example.com>",
    }
    return {
        "offer_handler": installation.environment_of("offer_handler"),
        "notifier": installation.environment_of("notifier") | mail,
    }


def _leaves_of(deliveries: list[Delivered]) -> set[str]:
    return {leaf for one in deliveries for part in (one.envelope, one.properties) for leaf in _leaves(part)}


def _told_in(part: Any) -> Iterator[str]:
    return _leaves(part.model_dump(mode="json"))


def _leaves(value: Any) -> Iterator[str]:
    """Every single value in it, as text."""
    if isinstance(value, dict):
        for member in value.values():
            yield from _leaves(member)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _leaves(member)
    else:
        yield str(value)


def _is_a_problem_s_text(leaf: str, deliveries: list[Delivered]) -> bool:
    """Title, detail and status of a refusal follow from its slug and the state."""
    refusals = [one.data for one in deliveries if one.kind == "tandem.command.rejected.v1"]
    return any(leaf in (one["title"], one["detail"], str(one["status"])) for one in refusals)


def _ids_of(mails: list[Mail]) -> set[str]:
    return {id for mail in mails for id in ID.findall(f"{mail.message_id} {mail.subject} {mail.text}")}
