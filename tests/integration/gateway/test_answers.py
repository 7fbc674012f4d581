"""Links in e-mails over real HTTP: pages that change nothing, buttons that act once, and what a second look tells."""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.gateway.poller import FORGETTING, REMEMBERED_FOR
from services.gateway.web.answers import LARGEST_FORM_BYTES
from shared.contracts.offer_handler import (
    InvitationSent,
    OfferedTicket,
    OutsourcingAccepted,
    OutsourcingCancelled,
    OutsourcingOffered,
    Terms,
    Ticket,
)
from shared.database import Connection
from shared.ids import new_id
from shared.links import PATH, Keys, Link, Purpose
from shared.messaging import topology
from tests.integration.gateway.conftest import Gateway

ADDRESS = "jo@alpenwerk.example"
HUBER = "sub-0123456789abcdef"
TITLE = 'Druckserver <Süd> & "Nord"\u202e'
SCANNERS: tuple[dict[str, str], ...] = (
    {},
    {"User-Agent": "Mozilla/5.0 (compatible; LinkScanner/2.0)", "Range": "bytes=0-10"},
    {"X-HTTP-Method-Override": "POST", "X-Method": "POST", "Purpose": "prefetch", "Sec-Purpose": "prefetch"},
    {"Cookie": "a=b", "Origin": "https://elsewhere.example", "Referer": "https://elsewhere.example/?answer=accept"},
    {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded", "If-None-Match": "*"},
)


class Reader:
    """Who has got an e-mail: a browser, and the links in it."""

    def __init__(self, gateway: Gateway, database: Connection) -> None:
        self.http = httpx.AsyncClient(base_url=gateway.installation.public_url, timeout=30, follow_redirects=True)
        self.keys = Keys.of(gateway.installation.link_keys)
        self.gateway = gateway
        self.database = database

    async def offered(self, *, minutes: float = 60, **more: Any) -> UUID:
        """An offer that the offer handler tells of; its outsourcing."""
        id = new_id()
        terms = Terms(
            mode="flat",
            currency="EUR",
            flat_fee=Decimal(100),
            respond_by=datetime.now(UTC) + timedelta(minutes=minutes),
        )
        told: dict[str, Any] = {"lead": "nordlicht", "service": "alpenwerk", "needs_organization": True, **more}
        ticket = OfferedTicket(number="NL-1", title=TITLE, description="<script>alert(1)</script>")
        await self.gateway.tell(OutsourcingOffered(outsourcing_id=id, ticket=ticket, terms=terms, **told), str(id))
        return id

    def path(self, id: UUID, purpose: Purpose = "offer.accept", *, minutes: float = 60, **more: Any) -> str:
        """The address of the page of a link."""
        until = datetime.now(UTC) + timedelta(minutes=minutes)
        told: dict[str, Any] = {"instance": "alpenwerk", "address": ADDRESS, "language": "en", **more}
        return PATH + self.keys.token_of(Link(purpose=purpose, id=id, time_zone="Europe/Berlin", until=until, **told))

    async def said(self, id: UUID) -> list[dict[str, Any]]:
        """The commands that were said of it, with their data."""
        rows = await self.database.fetch(
            "SELECT exchange, routing_key, body FROM outbox WHERE subject = $1 ORDER BY position", str(id)
        )
        assert all(row["exchange"] == topology.COMMANDS for row in rows)
        bodies = [json.loads(row["body"]) for row in rows]
        assert all(body["source"] == "/tandem/gateway" for body in bodies)
        keys = [topology.command_key("tandem", body["type"], str(id)) for body in bodies]
        assert keys == [row["routing_key"] for row in rows]
        return [body["data"] for body in bodies]


@pytest.fixture
async def reader(gateway: Gateway, database: Connection) -> Any:
    one = Reader(gateway, database)
    async with one.http:
        yield one


def heading_of(answer: httpx.Response) -> str:
    found = re.search("<h1>(.*?)</h1>", answer.text)
    assert found
    return found[1]


async def test_a_scanner_that_opens_every_link_changes_nothing(reader: Reader) -> None:
    id = await reader.offered()
    before = await reader.database.fetchrow("SELECT * FROM question WHERE id = $1", id)
    inbox = await reader.database.fetchval("SELECT count(*) FROM inbox")
    purposes: tuple[Purpose, ...] = ("offer.accept", "offer.decline")
    for path in [reader.path(id, purpose) for purpose in purposes]:
        for headers in (*SCANNERS, *SCANNERS):
            for method in ("GET", "HEAD"):
                answer = await reader.http.request(method, path, headers=headers, params={"organization": "x"})
                assert answer.status_code == 200
                assert "set-cookie" not in answer.headers
        for method in ("PUT", "DELETE", "OPTIONS", "PATCH"):
            assert (await reader.http.request(method, path)).status_code == 405
    assert await reader.database.fetchrow("SELECT * FROM question WHERE id = $1", id) == before
    assert await reader.database.fetchval("SELECT count(*) FROM inbox") == inbox
    assert await reader.said(id) == []


async def test_a_page_shows_what_is_asked_escaped_and_takes_nothing_from_elsewhere(reader: Reader) -> None:
    answer = await reader.http.get(reader.path(await reader.offered(), language="de"))
    assert "Angebot von Nordlicht annehmen?" in answer.text and answer.headers["Content-Language"] == "de"
    assert "Druckserver &lt;Süd&gt; &amp; &#34;Nord&#34;</dd>" in answer.text
    assert "&lt;script&gt;" in answer.text and "<script" not in answer.text
    assert re.findall(r'(?:src|href|action)="([^"]*)"', answer.text) == []
    assert "100,00\xa0€" in answer.text and 'name="organization"' in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert answer.headers.items() >= {
        ("referrer-policy", "no-referrer"),
        ("x-robots-tag", "noindex, nofollow, noarchive"),
        ("cache-control", "no-store"),
    }


async def test_the_button_accepts_once_and_a_second_use_tells_what_was_decided(reader: Reader) -> None:
    id = await reader.offered()
    path, other = reader.path(id), reader.path(id, "offer.decline")
    first = await reader.http.post(path, data={"organization": " K-1001 Nordlicht "})
    assert [one.status_code for one in first.history] == [303]
    assert heading_of(first) == "Your acceptance is on its way"
    assert [heading_of(await reader.http.post(one)) for one in (path, other)] == [heading_of(first)] * 2
    [command] = await reader.said(id)
    assert command.items() >= {
        ("actor", ADDRESS),
        ("on_behalf_of", "alpenwerk"),
        ("outsourcing_id", str(id)),
        ("organization", "K-1001 Nordlicht"),
    }
    question = await reader.database.fetchval("SELECT details FROM question WHERE id = $1", id)
    offer = json.loads(question)
    accepted = OutsourcingAccepted(
        outsourcing_id=id,
        partnership_id=new_id(),
        lead="nordlicht",
        service="alpenwerk",
        ticket=Ticket(**offer["ticket"]),
        terms=Terms(**offer["terms"]),
        organization="K",
        accepted_at=datetime.now(UTC),
        accepted_by=ADDRESS,
    )
    await reader.gateway.tell(accepted, str(id))
    for one in (path, other):
        for answer in (await reader.http.get(one), await reader.http.post(one, data={"organization": "x"})):
            assert heading_of(answer) == "The offer is accepted" and f"Accepted by {ADDRESS}" in answer.text
            assert "<button" not in answer.text and "alert" not in answer.text
    assert len(await reader.said(id)) == 1


async def test_what_was_taken_back_says_so_and_no_more(reader: Reader) -> None:
    id = await reader.offered()
    told: dict[str, Any] = {"lead": "nordlicht", "service": "alpenwerk", "ticket_number": "NL-1", "title": "T"}
    await reader.gateway.tell(OutsourcingCancelled(outsourcing_id=id, reason="found another", **told), str(id))
    answer = await reader.http.get(reader.path(id))
    assert heading_of(answer) == "The offer was taken back" and "another" not in answer.text


async def test_a_refusal_needs_no_more_than_its_button_and_may_give_a_reason(reader: Reader) -> None:
    id, other = await reader.offered(), await reader.offered()
    await reader.http.post(reader.path(id, "offer.decline"))
    await reader.http.post(reader.path(other, "offer.decline"), data={"reason": "Urlaub\r\nbis Mai"})
    assert [(await reader.said(one))[0].get("reason") for one in (id, other)] == [None, "Urlaub\r\nbis Mai"]


@pytest.mark.parametrize(
    "typed", [{}, {"organization": " "}, {"organization": "x" * 101}, {"organization": "a\nb"}, {"organization": "\0"}]
)
async def test_an_acceptance_without_its_organization_is_asked_again(reader: Reader, typed: dict[str, str]) -> None:
    id = await reader.offered()
    answer = await reader.http.post(reader.path(id), data=typed)
    assert answer.status_code == 422 and 'role="alert"' in answer.text
    assert await reader.said(id) == []


async def test_where_the_organization_is_known_it_is_not_asked(reader: Reader) -> None:
    id = await reader.offered(needs_organization=False)
    assert 'name="organization"' not in (await reader.http.get(reader.path(id))).text
    await reader.http.post(reader.path(id))
    assert [one.get("organization") for one in await reader.said(id)] == [None]


async def test_what_is_no_answer_is_not_read_to_its_end(reader: Reader) -> None:
    id = await reader.offered()
    for content in (b"x" * (LARGEST_FORM_BYTES + 1), b"a=b&" * 50, b"\xff\xfe"):
        assert (await reader.http.post(reader.path(id), content=content)).status_code == 400
    assert await reader.said(id) == []


async def test_after_its_end_a_link_shows_that_it_is_over_and_its_button_says_nothing(reader: Reader) -> None:
    id, late = await reader.offered(), await reader.offered(minutes=-1)
    for path in (reader.path(id, minutes=-0.1), reader.path(late)):
        for answer in (await reader.http.get(path), await reader.http.post(path, data={"organization": "x"})):
            assert heading_of(answer) == "The time to answer is over"
    assert await reader.said(id) == [] == await reader.said(late)


async def test_whatever_is_wrong_with_a_link_is_answered_alike(reader: Reader) -> None:
    id = await reader.offered()
    path = reader.path(id)
    foreign = reader.path(id, instance="elbtal")
    forgotten = reader.path(new_id(), minutes=-1)
    answers = []
    for wrong in (path[:-1], path + "A", PATH + "x", PATH + "x" * 5000, PATH + "%00", foreign, forgotten):
        answers += [await reader.http.get(wrong), await reader.http.post(wrong, data={"organization": "x"})]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert await reader.said(id) == []
    german = await reader.http.get(PATH + "x", headers={"Accept-Language": "de-AT,de;q=0.9"})
    assert heading_of(german) == "Dieser Link gilt nicht"


async def test_a_link_that_is_quicker_than_what_it_is_about_says_to_come_again(reader: Reader) -> None:
    answer = await reader.http.get(reader.path(new_id()))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


async def test_an_invitation_is_answered_by_who_it_was_sent_to(reader: Reader) -> None:
    id = new_id()
    sent = InvitationSent(
        partnership_id=id,
        lead="nordlicht",
        service=HUBER,
        recipient="office@huber.example",
        language="de",
        note="Guten Tag",
        lapses_at=datetime.now(UTC) + timedelta(days=30),
        by_email=True,
    )
    await reader.gateway.tell(sent, str(id))
    told: dict[str, Any] = {"instance": HUBER, "language": "de"}
    path = reader.path(id, "partnership.accept", address="office@huber.example", **told)
    assert (await reader.http.get(reader.path(id, "partnership.accept", **told))).status_code == 404
    assert "Guten Tag" in (await reader.http.get(path)).text
    assert (await reader.http.post(path)).status_code == 422
    answer = await reader.http.post(path, data={"name": "Elektro Huber"})
    assert heading_of(answer) == "Ihre Zusage ist unterwegs"
    [command] = await reader.said(id)
    assert (command["name"], command["on_behalf_of"]) == ("Elektro Huber", HUBER)


async def test_no_link_and_no_address_is_in_the_log(gateway: Gateway, reader: Reader) -> None:
    id = await reader.offered()
    path = reader.path(id)
    await reader.http.get(path)
    await reader.http.post(path, data={"organization": "K-4711"})
    log = gateway.worker.log.read_text()
    assert "answered by a link" in log
    assert not any(secret in log for secret in (path.removeprefix(PATH), ADDRESS, "K-4711", PATH))


async def test_long_after_its_end_a_question_is_forgotten(reader: Reader) -> None:
    kept, gone = await reader.offered(), await reader.offered()
    ended = datetime.now(UTC) - REMEMBERED_FOR - timedelta(days=1)
    await reader.database.execute("UPDATE question SET ends_at = $2 WHERE id = $1", gone, ended)
    assert await FORGETTING.due(reader.database, datetime.now(UTC)) == []
    found = await reader.database.fetch("SELECT id FROM question WHERE id = ANY ($1)", [kept, gone])
    assert [row["id"] for row in found] == [kept]
