"""One partner's instance as a process of its own: a plain AMQP client that knows of Tandem only its schemas.

It is told by its environment who it is (INSTANCE_SLUG), where the broker is (INSTANCE_AMQP_URL), which queue is its own
(INSTANCE_QUEUE), where files go and come from (INSTANCE_FILES_URL, INSTANCE_FILES_TOKEN), and where its ticket store
(INSTANCE_STORE) and the schemas (INSTANCE_SCHEMAS) are. People tell it what to do by a JSON object a line on standard
input; what it did and what came stands on standard output, likewise.
"""

import asyncio
import hashlib
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any

import aio_pika
import httpx
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from uuid_utils import uuid7

from demo.ticket_store import TicketStore, now

CONTENT_TYPE = "application/cloudevents+json"
COMMANDS = "tandem.commands"
DIGEST = "tandem.sync.digest.v1"
FILED = "tandem.invoice.filed.v1"
CENT = Decimal("0.01")
# A store with all its entries in one line.
LONGEST_LINE = 16 * 1024 * 1024

# Word of a file can be behind its message, and Tandem can be busy: these are asked again, for so long.
NOT_NOW = (httpx.codes.NOT_FOUND, httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)
FILE_SECONDS = 30.0
AGAIN_SECONDS = 0.2
CHUNK_BYTES = 1024 * 1024

Row = dict[str, Any]


class Files:
    """What is too large for a message: brought to Tandem and read from it, and kept in a folder under its digest."""

    def __init__(self, http: httpx.AsyncClient, folder: Path) -> None:
        self._http = http
        self._folder = folder
        folder.mkdir(exist_ok=True)

    def keep(self, path: Path) -> Row:
        """Have a file of one's own at hand; what an entry says of it."""
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        shutil.copyfile(path, self._folder / sha256)
        return {"size": path.stat().st_size, "sha256": sha256}

    async def bring(self, body: Row) -> bool:
        """Upload a file that an entry cites, also when it was uploaded before; says whether it is at hand."""
        path = self._folder / body["sha256"]
        if not path.exists():
            return False
        headers = {"Content-Type": body["media_type"], "Content-Length": str(body["size"])}

        async def put() -> bool:
            return _is_served(await self._http.put(path.name, content=_chunks_of(path), headers=headers))

        await _until(put)
        return True

    async def fetch(self, where: str, body: Row) -> bool:
        """Keep the file that is there; says whether it is whole, for what an entry cites may be withdrawn meanwhile."""
        path = self._folder / body["sha256"]
        if path.exists():
            return True
        coming = path.with_suffix(f".{uuid7()}")

        async def get() -> bool:
            async with self._http.stream("GET", where) as answer:
                # Until Tandem's word of a new version is through, it gives the file of the one before.
                if served := _is_served(answer) and answer.headers["ETag"] == f'"{path.name}"':
                    with coming.open("wb") as file:
                        async for chunk in answer.aiter_bytes():
                            file.write(chunk)
                return served

        with suppress(TimeoutError):
            await _until(get)
            with coming.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() == path.name:
                    coming.replace(path)
                    return True
        coming.unlink(missing_ok=True)
        return False

    def lose(self) -> None:
        """Forget all files, as a fault would have it."""
        for path in self._folder.iterdir():
            path.unlink()


class Instance:
    """One partner: its people's wishes go out as commands, and deliveries go into its store."""

    def __init__(self, slug: str, store: TicketStore, exchange: AbstractExchange, files: Files, schemas: Path) -> None:
        self._slug = slug
        self._store = store
        self._files = files
        self._exchange = exchange
        self._schemas = schemas
        self._telling = asyncio.Lock()
        self._wishes = {
            "send": self._send_command,
            "open": self._open_own_ticket,
            "put": self._put,
            "remove": self._remove,
            "submit": self._submit,
            "approve": self._approve,
            "ask": self._ask,
            "lose": self._lose,
            "store": self._tell_store,
        }

    async def take(self, message: AbstractIncomingMessage) -> None:
        """Store a delivery, then acknowledge it; a ticket that is asked for is opened and told of at once."""
        envelope = json.loads(message.body)
        try:
            self._validator(envelope["type"]).validate(envelope)
        except (ValidationError, FileNotFoundError) as unfit:
            reason = unfit.message if isinstance(unfit, ValidationError) else "no schema of this kind"
            print(f"{envelope['type']} {envelope['id']} is unfit: {reason}", file=sys.stderr, flush=True)
            self._store.note_unfit(envelope["id"], envelope["type"], reason)
            await message.ack()
            return
        await self._fetch_file(envelope)
        is_new = self._store.take(envelope)
        await self._tell_of_tickets()
        if is_new and envelope["type"] == DIGEST:
            await self._compare(envelope["data"])
        await message.ack()
        if is_new:
            say({"came": envelope["type"], "subject": envelope["subject"], "data": envelope["data"]})

    async def do(self, wish: Row) -> Row:
        """What people of this partner want. Raises KeyError where nobody knows how to do it."""
        return await self._wishes[wish["do"]](wish)

    async def _send_command(self, wish: Row) -> Row:
        return await self._send(wish["kind"], wish["subject"], wish["data"])

    async def _open_own_ticket(self, wish: Row) -> Row:
        self._store.open_ticket(wish["outsourcing_id"], wish["number"], wish["title"], wish["description"])
        return {}

    async def _tell_store(self, _: Row) -> Row:
        return {"store": self._store.everything()}

    async def _tell_of_tickets(self) -> None:
        """Tell of every ticket that was opened on request; where that was cut short, by the same command again."""
        async with self._telling:
            for ticket in self._store.untold_tickets():
                id = ticket["outsourcing_id"]
                data = {"actor": "dispatcher", "outsourcing_id": id, "number": ticket["number"]}
                await self._send("tandem.ticket.opened.v1", id, data, command_id=ticket["untold"])

    async def _fetch_file(self, envelope: Row) -> None:
        """Keep the file of a copy before the copy itself, where it did not come in the message; and an invoice's."""
        data = envelope["data"]
        body = data.get("body", {})
        if _is_by_digest(body):
            whole = await self._files.fetch(f"{data['outsourcing_id']}/{data['entry_id']}", body)
            self._store.note_file(body["sha256"], body["size"], whole=whole)
        if envelope["type"] == FILED:
            for file in data["files"]:
                whole = await self._files.fetch(f"invoices/{data['invoice_id']}/{file['format']}", file)
                self._store.note_invoice_file(data["number"], file["format"], file["sha256"], whole=whole)

    async def _put(self, wish: Row) -> Row:
        """An entry; the file of an attachment may be at a `path`. Where the line is down, Tandem is told nothing."""
        id, body = wish["outsourcing_id"], wish["body"]
        if "path" in wish:
            body = {**body, **self._files.keep(Path(wish["path"]))}
        self._store.write_entry(id, wish["entry_id"], wish["visibility"], wish["author"], body)
        return {} if wish.get("line_is_down") else await self._tell_entry(id, wish["entry_id"])

    async def _remove(self, wish: Row) -> Row:
        id, entry_id = wish["outsourcing_id"], wish["entry_id"]
        self._store.write_entry(id, entry_id, "shared", wish["author"], None)
        return await self._tell_entry(id, entry_id)

    async def _tell_entry(self, id: str, entry_id: str) -> Row:
        """One's own entry as it stands, after its file where that is too large for a message; or that it is removed."""
        entry = self._store.own_entry(id, entry_id)
        if entry is None:
            return {}
        named = {"actor": entry["author"], "outsourcing_id": id, "entry_id": entry_id}
        if entry["removed"]:
            return await self._send("tandem.entry.remove.v1", id, {**named, "version": entry["version"]})
        if _is_by_digest(entry["body"]) and not await self._files.bring(entry["body"]):
            return await self._remove({**named, "author": entry["author"]})
        data = {name: entry[name] for name in ("version", "visibility", "author", "happened_at", "body")}
        return await self._send("tandem.entry.put.v1", id, {**named, **data})

    async def _lose(self, wish: Row) -> Row:
        self._store.fall_back(wish["outsourcing_id"])
        self._files.lose()
        return {}

    async def _ask(self, wish: Row) -> Row:
        """Say what this partner's store holds of a ticket; Tandem tells it what it lacks."""
        id = wish["outsourcing_id"]
        own, copies = map(inventory, self._store.held(id))
        held = {"own": own, "copies": copies, "severed": self._store.severed(id)}
        return await self._send("tandem.sync.request.v1", id, {"actor": self._slug, "outsourcing_id": id, **held})

    async def _compare(self, digest: Row) -> None:
        """Ask about a digest that is not that of the store; of an answer, do what concerns one's own entries.

        What was removed is so here too, and what is older here than in Tandem is put again above it; what is wanted is
        told as it stands. What is lost altogether is removed: nobody here could answer for it.
        """
        id, told = digest["outsourcing_id"], (digest["own"], digest["copies"])
        if digest["to_follow"] == 0 and all(one["versions"] is None for one in told):
            here = map(inventory, self._store.held(id))
            differs = any(one["sha256"] != there["sha256"] for one, there in zip(here, told, strict=True))
            if differs or digest["severed"] != len(self._store.severed(id)):
                await self._ask(digest)
            return
        for one in digest["removed"]:
            self._store.remove_again(id, one["entry_id"], one["version"])
        for one in digest["own"]["versions"] or []:
            if self._store.own_entry(id, one["entry_id"]) is None:
                named = {"actor": self._slug, "outsourcing_id": id, "entry_id": one["entry_id"]}
                await self._send("tandem.entry.remove.v1", id, {**named, "version": one["version"] + 1})
            elif self._store.overtake(id, one["entry_id"], one["version"]):
                await self._tell_entry(id, one["entry_id"])
        for entry_id in digest["wanted"]:
            await self._tell_entry(id, entry_id)

    async def _submit(self, wish: Row) -> Row:
        """The work as this partner's own store has it; Tandem refuses the submission where it has other work."""
        work = self._store.own_work(wish["outsourcing_id"])
        hours = sum((Decimal(body["hours"]) for body in work if body["kind"] == "time"), Decimal(0))
        charges = (Decimal(b["quantity"]) * Decimal(b["unit_price"]) for b in work if b["kind"] == "charge")
        total = sum((charge.quantize(CENT, ROUND_HALF_UP) for charge in charges), Decimal(0))
        data = {
            "actor": wish["actor"],
            "outsourcing_id": wish["outsourcing_id"],
            "summary": wish["summary"],
            "deductions": wish["deductions"],
            "entries": len(work),
            "hours": str(hours),
            "charge_total": str(total),
        }
        return await self._send("tandem.completion.submit.v1", wish["outsourcing_id"], data)

    async def _approve(self, wish: Row) -> Row:
        id = wish["outsourcing_id"]
        data = {"actor": wish["actor"], "outsourcing_id": id, "snapshot_id": self._store.snapshot_id(id)}
        return await self._send("tandem.completion.approve.v1", id, data)

    async def _send(self, kind: str, subject: str, data: Row, *, command_id: str | None = None) -> Row:
        """Publish a command and wait until the broker has it."""
        id = command_id or str(uuid7())
        envelope = {
            "specversion": "1.0",
            "id": id,
            "source": f"/instances/{self._slug}",
            "type": kind,
            "subject": subject,
            "time": now(),
            "datacontenttype": "application/json",
            "data": data,
        }
        self._validator(kind).validate(envelope)
        message = aio_pika.Message(
            json.dumps(envelope).encode(),
            message_id=id,
            type=kind,
            content_type=CONTENT_TYPE,
            user_id=self._slug,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        noun, verb = kind.split(".")[1:3]
        bucket = hashlib.sha256(subject.encode()).hexdigest()[:2]
        await self._exchange.publish(message, routing_key=f"{self._slug}.{noun}.{verb}.{bucket}", timeout=10)
        self._store.note_sent(id, kind, subject)
        return {"sent": id}

    @cache  # noqa: B019 - there is one instance in the process
    def _validator(self, kind: str) -> Draft202012Validator:
        schema = json.loads((self._schemas / f"{kind}.json").read_text())
        return Draft202012Validator(schema, format_checker=FormatChecker())


def inventory(held: dict[str, int]) -> Row:
    """Entries at their versions, with the digest by which two such lists are compared."""
    lines = "".join(f"{id}:{version}\n" for id, version in sorted(held.items()))
    return {
        "entries": len(held),
        "sha256": hashlib.sha256(lines.encode()).hexdigest(),
        "versions": [{"entry_id": id, "version": version} for id, version in held.items()],
    }


def _is_by_digest(body: Row) -> bool:
    """Whether it is an attachment whose file did not come, or does not go, in the message."""
    return body.get("kind") == "attachment" and body.get("content") is None


def _is_served(answer: httpx.Response) -> bool:
    """Whether it was done, or is to be asked again. Raises HTTPStatusError where asking again is of no use."""
    if answer.status_code in NOT_NOW:
        return False
    answer.raise_for_status()
    return True


async def _until(served: Callable[[], Awaitable[bool]]) -> None:
    """Ask until it is served, also where a connection breaks or there is none."""
    async with asyncio.timeout(FILE_SECONDS):
        while True:
            with suppress(httpx.TransportError):
                if await served():
                    return
            await asyncio.sleep(AGAIN_SECONDS)


async def _chunks_of(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def say(what: Row) -> None:
    print(json.dumps(what), flush=True)


async def main() -> None:
    """Consume and obey until standard input ends."""
    slug = os.environ["INSTANCE_SLUG"]
    store_path = Path(os.environ["INSTANCE_STORE"])
    store = TicketStore(store_path, slug)
    connection = await aio_pika.connect_robust(os.environ["INSTANCE_AMQP_URL"])
    token = {"Authorization": f"Bearer {os.environ['INSTANCE_FILES_TOKEN']}"}
    files_url = os.environ["INSTANCE_FILES_URL"]
    async with connection, httpx.AsyncClient(base_url=files_url, headers=token, timeout=FILE_SECONDS) as http:
        sending = await connection.channel(on_return_raises=True)
        listening = await connection.channel()
        await listening.set_qos(prefetch_count=50)
        exchange = await sending.get_exchange(COMMANDS, ensure=False)
        files = Files(http, store_path.with_suffix(".files"))
        instance = Instance(slug, store, exchange, files, Path(os.environ["INSTANCE_SCHEMAS"]))
        queue = await listening.get_queue(os.environ["INSTANCE_QUEUE"])
        await queue.consume(instance.take)
        wishes = asyncio.StreamReader(limit=LONGEST_LINE)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(wishes), sys.stdin)
        say({"ready": slug})
        while line := await wishes.readline():
            wish = json.loads(line)
            say({"answer": wish["wish"], **await instance.do(wish)})


if __name__ == "__main__":
    asyncio.run(main())
