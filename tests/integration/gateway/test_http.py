"""Files over real HTTP, against the gateway's own process and its store in a folder."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from services.console.instances import limit_files, replace_token
from services.gateway.web.files import MOST_TRANSFERS_OF_ONE
from services.gateway.web.server import ASKING_SECONDS, LARGEST_HEAD_BYTES
from shared.contracts.billing import InvoiceFile, InvoiceRendered
from shared.contracts.gateway import FileLimits
from shared.contracts.ticket_sync import FileCited, FileReleased
from shared.contracts.values import LARGEST_FILE_BYTES
from shared.database import Connection
from shared.ids import new_id
from tests.acceptance.partners import until
from tests.integration.databases import connection_to
from tests.integration.gateway.conftest import Gateway

MEBIBYTE = 1024 * 1024
# Two parts on their way to the store, what is read at once, and as much again for the allocator.
MOST_GROWTH_BYTES = 32 * MEBIBYTE
PLAN = b"rack 3: switch 1, switch 2, patch panel\n" * 20_000


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def fresh(size: int = 1000) -> bytes:
    """Content that no other test has."""
    return (str(new_id()).encode() * (size // 36 + 1))[:size]


def cited(reader: str, content: bytes, entry_id: UUID, outsourcing_id: UUID, **more: Any) -> FileCited:
    told: dict[str, Any] = {"name": "plan.txt", "media_type": "text/plain", "version": 1, **more}
    return FileCited(
        outsourcing_id=outsourcing_id,
        entry_id=entry_id,
        reader=reader,
        sha256=digest_of(content),
        size=len(content),
        **told,
    )


async def put(client: httpx.AsyncClient, content: bytes, **headers: str) -> httpx.Response:
    return await client.put(digest_of(content), content=content, headers=httpx.Headers(headers, encoding="utf-8"))


def problem_of(answer: httpx.Response) -> str:
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    return str(answer.json()["type"])


async def test_a_file_goes_in_and_each_side_reads_it_under_its_entry(
    gateway: Gateway, nordlicht: httpx.AsyncClient, alpenwerk: httpx.AsyncClient, database: Connection
) -> None:
    outsourcing_id, entry_id = new_id(), new_id()
    answer = await put(nordlicht, PLAN, **{"Content-Type": "Text/Plain; charset=utf-8"})
    assert (answer.status_code, answer.content) == (204, b"")
    [told] = await database.fetch("SELECT body FROM outbox WHERE subject = $1", digest_of(PLAN))
    assert json.loads(told["body"])["data"].items() >= {
        ("instance", "nordlicht"),
        ("sha256", digest_of(PLAN)),
        ("size", len(PLAN)),
        ("media_type", "text/plain"),
    }
    for reader in ("nordlicht", "alpenwerk"):
        fact = cited(reader, PLAN, entry_id, outsourcing_id, name="Plan »Süd« 100%.txt")
        await gateway.tell(fact, digest_of(PLAN))
    for client in (nordlicht, alpenwerk):
        found = await client.get(f"{outsourcing_id}/{entry_id}")
        assert (found.status_code, found.content) == (200, PLAN)
        assert found.headers.items() >= {
            ("content-type", "text/plain"),
            ("content-length", str(len(PLAN))),
            ("etag", f'"{digest_of(PLAN)}"'),
            ("content-disposition", "attachment; filename*=UTF-8''Plan%20%C2%BBS%C3%BCd%C2%AB%20100%25.txt"),
            ("x-content-type-options", "nosniff"),
        }


async def test_what_is_not_there_and_what_is_not_one_s_own_look_alike(
    gateway: Gateway, nordlicht: httpx.AsyncClient, alpenwerk: httpx.AsyncClient
) -> None:
    content, outsourcing_id, entry_id, gone_id = fresh(), new_id(), new_id(), new_id()
    await put(nordlicht, content)
    await gateway.tell(cited("nordlicht", content, entry_id, outsourcing_id), digest_of(content))
    await gateway.tell(cited("alpenwerk", content, gone_id, outsourcing_id), digest_of(content))
    released = FileReleased(outsourcing_id=outsourcing_id, entry_id=gone_id, reader="alpenwerk", version=2)
    await gateway.tell(released, str(outsourcing_id))
    assert (await nordlicht.get(f"{outsourcing_id}/{entry_id}")).content == content
    foreign = (f"{outsourcing_id}/{entry_id}", f"{outsourcing_id}/{gone_id}", f"{new_id()}/{new_id()}")
    answers = [await alpenwerk.get(path) for path in foreign]
    assert {problem_of(answer) for answer in answers} == {"file/unknown"}
    assert len({answer.content for answer in answers}) == 1
    assert (await alpenwerk.get(digest_of(content))).status_code == 405, "nobody reads by digest"


async def test_the_files_of_an_invoice_are_read_by_its_two_parties_and_by_nobody_else(
    gateway: Gateway, nordlicht: httpx.AsyncClient, alpenwerk: httpx.AsyncClient, elbtal: httpx.AsyncClient
) -> None:
    content = fresh()
    in_store = gateway.installation.files / "invoices" / digest_of(content)
    in_store.write_bytes(content)
    file = InvoiceFile(
        format="pdf", name="AW 7.pdf", media_type="application/pdf", size=len(content), sha256=digest_of(content)
    )
    rendered = InvoiceRendered(
        invoice_id=new_id(),
        number="AW 7",
        lead="nordlicht",
        service="alpenwerk",
        document="invoice",
        issued_on=date(2026, 12, 1),
        due_on=date(2026, 12, 31),
        currency="EUR",
        net_total=Decimal(100),
        tax_total=Decimal(0),
        total=Decimal(100),
        files=(file,),
        rendered_at=datetime.now(UTC),
    )
    here = f"invoices/{rendered.invoice_id}/pdf"
    assert problem_of(await nordlicht.get(here)) == "file/unknown"
    for _ in range(2):
        await gateway.tell(rendered, str(rendered.invoice_id), service="billing")
    for party in (nordlicht, alpenwerk):
        answer = await party.get(here)
        assert (answer.status_code, answer.content) == (200, content)
        assert answer.headers["Content-Type"] == "application/pdf"
        assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''AW%207.pdf"
    refused = [await elbtal.get(here), await nordlicht.get(f"invoices/{rendered.invoice_id}/xml")]
    refused.append(await nordlicht.get(f"invoices/{new_id()}/pdf"))
    assert [problem_of(answer) for answer in refused] == ["file/unknown"] * 3
    in_store.write_bytes(b"x" + content[1:])
    with pytest.raises(httpx.RemoteProtocolError):
        await nordlicht.get(here)


@pytest.mark.parametrize(
    "path",
    [
        "../health",
        "0" * 63,
        "A" * 64,
        "..%2F..%2Fetc%2Fpasswd",
        "%2e%2e/" + "0" * 64,
        f"{'0' * 64}%00",
        f"{'0' * 64}%23",
        "",
    ],
)
async def test_nothing_but_a_digest_names_a_file(gateway: Gateway, nordlicht: httpx.AsyncClient, path: str) -> None:
    before = gateway.stored()
    answer = await nordlicht.put(httpx.URL(f"{gateway.installation.files_url}/{path}"), content=b"x")
    assert answer.status_code in (404, 405) and problem_of(answer) == "about:blank"
    assert gateway.stored() == before


async def test_only_a_valid_token_opens(gateway: Gateway, nordlicht: httpx.AsyncClient) -> None:
    content, token = fresh(), gateway.tokens["nordlicht"]
    wrong = ["", "Bearer", f"Basic {token}", f"Bearer {token}x", f"Bearer {token[:-1]}", "Bearer nobody.x"]
    wrong += [f"Bearer alpenwerk.{token.partition('.')[2]}", "Bearer nordlicht.", "Bearer é"]
    answers = [await put(nordlicht, content, Authorization=one) for one in wrong]
    answers += [await nordlicht.get(f"{new_id()}/{new_id()}", headers={"Authorization": "Bearer x"})]
    assert {problem_of(answer) for answer in answers} == {"file/unauthorized"}
    assert {answer.headers["WWW-Authenticate"] for answer in answers} == {"Bearer"}
    assert len({answer.content for answer in answers}) == 1
    assert digest_of(content) not in gateway.stored()


async def test_another_token_takes_the_place_of_the_one_before(gateway: Gateway) -> None:
    async with connection_to(gateway.installation.database_url) as operator:
        token = await replace_token(operator, "elbtal")
        stored = await operator.fetchval("SELECT token_hash FROM gateway.access WHERE instance = 'elbtal'")
    assert token.encode() not in stored
    async with gateway.client("elbtal") as elbtal:
        assert problem_of(await put(elbtal, fresh())) == "file/unauthorized"
        gateway.tokens["elbtal"] = token
        assert (await put(elbtal, fresh(), Authorization=f"Bearer {token}")).status_code == 204


async def test_a_worker_gives_no_tokens_and_sets_no_limits(database: Connection) -> None:
    for statement in (
        "INSERT INTO access VALUES ('nordlicht', '\\x00')",
        "INSERT INTO file_limits VALUES ('nordlicht', 5, '{}')",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await database.execute(statement)
    assert await database.execute("UPDATE access SET token_hash = $1", bytes(32)) == "UPDATE 0"
    assert await database.execute("DELETE FROM access") == "DELETE 0"


async def test_content_with_another_digest_is_refused_and_nothing_is_kept(
    gateway: Gateway, nordlicht: httpx.AsyncClient, database: Connection
) -> None:
    told, sent = fresh(), fresh(3_000_000)
    answer = await nordlicht.put(digest_of(told), content=sent)
    assert problem_of(answer) == "file/wrong-digest" and answer.json()["title"].startswith("Der Inhalt hat")
    assert not gateway.stored().keys() & {digest_of(told), digest_of(sent)}
    assert not await database.fetchval("SELECT EXISTS (SELECT FROM upload WHERE sha256 = $1)", digest_of(told))


@pytest.fixture
async def elbtal(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    """An instance that may send files of 1 MiB, and none that is zipped."""
    async with connection_to(gateway.installation.database_url) as operator:
        limits = FileLimits(largest_bytes=MEBIBYTE, refused_types=("application/zip",))
        await limit_files(operator, "elbtal", limits)
    async with gateway.client("elbtal") as client:
        yield client


async def test_a_file_that_is_too_large_is_refused_whether_that_is_told_or_found_out(
    gateway: Gateway, elbtal: httpx.AsyncClient
) -> None:
    content = fresh(MEBIBYTE + 1)

    async def in_pieces() -> AsyncIterator[bytes]:
        yield content[:MEBIBYTE]
        yield content[MEBIBYTE:]

    for sent in (content, in_pieces()):
        answer = await elbtal.put(digest_of(content), content=sent)
        assert problem_of(answer) == "file/too-large" and "at most 1 MiB" in answer.json()["detail"]
    assert digest_of(content) not in gateway.stored()
    assert (await put(elbtal, fresh(MEBIBYTE))).status_code == 204


@pytest.mark.parametrize(
    ("media_type", "status"),
    [("application/zip", 415), ("Application/ZIP; q=1", 415), ("zip", 415), ("application/x-msdownload", 204)],
)
async def test_a_type_that_the_instance_may_not_send_is_refused(
    elbtal: httpx.AsyncClient, media_type: str, status: int
) -> None:
    assert (await put(elbtal, fresh(10), **{"Content-Type": media_type})).status_code == status


async def test_a_type_that_nobody_sends_is_refused(nordlicht: httpx.AsyncClient) -> None:
    answer = await put(nordlicht, fresh(), **{"Content-Type": "application/x-msdownload"})
    assert (
        problem_of(answer) == "file/type-refused" and "application/x-msdownload dürfen Sie" in answer.json()["detail"]
    )


async def test_many_who_bring_the_same_at_once_are_answered_alike_and_it_is_stored_once(
    gateway: Gateway, nordlicht: httpx.AsyncClient, alpenwerk: httpx.AsyncClient, database: Connection
) -> None:
    content = fresh(2_000_000)
    clients = [nordlicht, alpenwerk] * MOST_TRANSFERS_OF_ONE
    answers = await asyncio.gather(*(put(client, content) for client in clients))
    answers += [await put(nordlicht, content)]
    assert {(answer.status_code, answer.content, *answer.headers.keys()) for answer in answers} == {(204, b"", "date")}
    assert [name for name in gateway.stored() if name.startswith(digest_of(content))] == [digest_of(content)]
    kept_by = await database.fetchval("SELECT kept_by FROM file WHERE sha256 = $1", digest_of(content))
    assert kept_by == 2


async def test_who_stops_in_the_middle_leaves_nothing(gateway: Gateway, database: Connection) -> None:
    content = fresh(3_000_000)
    async with half_sent(gateway, "nordlicht", content):
        await until(lambda: is_on_its_way(gateway, content))
    await until(lambda: nothing_is_left(gateway, content))
    assert not await database.fetchval("SELECT EXISTS (SELECT FROM upload WHERE sha256 = $1)", digest_of(content))
    async with gateway.client("nordlicht") as again:
        assert (await put(again, content)).status_code == 204


async def test_nobody_takes_all_places(
    gateway: Gateway, nordlicht: httpx.AsyncClient, alpenwerk: httpx.AsyncClient
) -> None:
    async with AsyncExitStack() as sending:
        for _ in range(MOST_TRANSFERS_OF_ONE):
            content = fresh(3_000_000)
            await sending.enter_async_context(half_sent(gateway, "nordlicht", content))
            await until(partial(is_on_its_way, gateway, content))
        answer = await put(nordlicht, fresh())
        assert problem_of(answer) == "file/busy" and answer.headers["Retry-After"] == "1"
        assert (await put(alpenwerk, fresh())).status_code == 204

    async def there_is_room_again() -> bool:
        return (await put(nordlicht, fresh())).status_code == 204

    await until(there_is_room_again)


async def test_what_the_store_has_damaged_is_given_to_nobody_as_if_it_were_whole(
    gateway: Gateway, nordlicht: httpx.AsyncClient
) -> None:
    for content in (fresh(2_000_000), fresh(10)):
        outsourcing_id, entry_id = new_id(), new_id()
        await put(nordlicht, content)
        await gateway.tell(cited("nordlicht", content, entry_id, outsourcing_id), digest_of(content))
        path = gateway.installation.files / digest_of(content)
        path.write_bytes(b"X" + content[1:])
        with pytest.raises(httpx.RemoteProtocolError):
            await nordlicht.get(f"{outsourcing_id}/{entry_id}")
        path.unlink()
        assert problem_of(await nordlicht.get(f"{outsourcing_id}/{entry_id}")) == "about:blank"


async def test_a_hundred_mebibytes_go_in_and_out_in_flat_memory(gateway: Gateway, nordlicht: httpx.AsyncClient) -> None:
    piece = fresh(MEBIBYTE)
    digest = hashlib.sha256(piece * 100).hexdigest()

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield piece

    before = memory_of(gateway, "VmRSS")
    answer = await nordlicht.put(digest, content=pieces(), headers={"Content-Length": str(LARGEST_FILE_BYTES)})
    assert answer.status_code == 204
    outsourcing_id, entry_id = new_id(), new_id()
    whole = {"sha256": digest, "size": LARGEST_FILE_BYTES}
    await gateway.tell(cited("nordlicht", piece, entry_id, outsourcing_id).model_copy(update=whole), digest)
    read = hashlib.sha256()
    async with nordlicht.stream("GET", f"{outsourcing_id}/{entry_id}") as given:
        async for chunk in given.aiter_bytes():
            read.update(chunk)
    assert read.hexdigest() == digest
    assert memory_of(gateway, "VmHWM") - before < MOST_GROWTH_BYTES


def memory_of(gateway: Gateway, which: str) -> int:
    """What the process has in memory (VmRSS), or the most that it ever had (VmHWM), in bytes; see proc(5)."""
    status = Path(f"/proc/{gateway.worker.pid}/status").read_text()
    [kibibytes] = [line.split()[1] for line in status.splitlines() if line.startswith(f"{which}:")]
    return int(kibibytes) * 1024


async def test_who_asks_for_nothing_or_for_too_much_is_hung_up_on(gateway: Gateway) -> None:
    async def told(begin: bytes, drip: bytes = b"") -> bytes:
        """All that is said to who sends this, and a little more every now and then."""
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.installation.gateway_port)
        said = b""
        with suppress(ConnectionError):
            writer.write(begin)
            async with asyncio.timeout(2 * ASKING_SECONDS):
                while not reader.at_eof():
                    writer.write(drip)
                    with suppress(TimeoutError):
                        said += await asyncio.wait_for(reader.read(1000), 0.5)
        writer.close()
        return said

    silent, slow, large = await asyncio.gather(
        told(b""),
        told(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ", drip=b"x"),
        told(b"GET /" + b"x" * LARGEST_HEAD_BYTES),
    )
    assert silent == slow == b"" and large.startswith(b"HTTP/1.1 400")


async def test_it_says_whether_it_is_well_and_logs_nothing_personal(gateway: Gateway) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.installation.gateway_port}") as anybody:
        assert (await anybody.get("/health")).json() == {"status": "ok"}
        assert problem_of(await anybody.get("/elsewhere")) == "about:blank"
    log = gateway.worker.log.read_text()
    assert '"event": "served"' in log
    for secret in (*gateway.tokens.values(), "plan.txt", "127.0.0.1", digest_of(PLAN)):
        assert secret not in log


@asynccontextmanager
async def half_sent(gateway: Gateway, slug: str, content: bytes) -> AsyncIterator[None]:
    """An upload of which half has been sent, and that is given up at the end."""
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.installation.gateway_port)
    head = (
        f"PUT /files/{digest_of(content)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.tokens[slug]}\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    writer.write(head.encode() + content[: len(content) // 2])
    await writer.drain()
    yield
    writer.close()


async def is_on_its_way(gateway: Gateway, content: bytes) -> bool:
    return any(name.startswith(f"{digest_of(content)}#") for name in gateway.stored())


async def nothing_is_left(gateway: Gateway, content: bytes) -> bool:
    return not any(name.startswith(digest_of(content)) for name in gateway.stored())
