"""A file in, a file out, for instances with a token."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from urllib.parse import quote

import structlog
from pydantic import TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from services.gateway import store
from services.gateway.domain.files import Access, CitedFile, FileReceived
from services.gateway.settings import MEBIBYTE
from shared.contracts.ticket_sync import LARGEST_INLINE_BYTES
from shared.contracts.values import MediaType, Sha256
from shared.messaging.intake import Intake, NotTakenIn
from shared.messaging.outcomes import Refused
from shared.objects import ObjectStore, WrongDigest

log = structlog.get_logger()

# A whole transfer: 100 MiB at 175 KiB a second. One that brings nothing meanwhile is cut off much earlier.
TRANSFER_SECONDS = 600.0
SILENT_SECONDS = 30.0
# What a transfer may take up is set aside for longer than it lasts, in case the worker dies with it.
SET_ASIDE = timedelta(seconds=TRANSFER_SECONDS + 60)
# What is smaller may stand in the message itself; so counted, the number of files is bounded with their size.
LEAST_COUNTED_BYTES = LARGEST_INLINE_BYTES
# Each upload holds up to 10 MiB in memory; and nobody takes all places.
MOST_TRANSFERS = 16
MOST_TRANSFERS_OF_ONE = 4

UNKNOWN_TYPE = "application/octet-stream"
# Whatever its type, it is a file to be kept, and nothing that a browser is to show or to guess at.
HARMLESS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "no-store",
}
# Who asks without a valid token is nobody whose language is known.
NOBODY_S_LANGUAGE = "en"

Endpoint = Callable[[Request, Access], Awaitable[Response]]

_sha256: TypeAdapter[str] = TypeAdapter(Sha256)
_media_type: TypeAdapter[str] = TypeAdapter(MediaType)


class NotServed(Exception):
    """What was asked for is not done; the answer says why, in the language of who asked."""

    def __init__(self, problem: Refused, language: str) -> None:
        super().__init__(problem.problem)
        self.problem = problem
        self.language = language


def file_routes(intake: Intake, objects: ObjectStore, invoices: ObjectStore, most_uncited_bytes: int) -> list[Route]:
    """Where files are brought and read, and those of invoices read."""
    admitted = partial(_Admitted, intake, Counter())
    take = partial(_take_file, intake, objects, most_uncited_bytes)
    read = Route("/files/{outsourcing_id:uuid}/{entry_id:uuid}", admitted(partial(_give_file, intake, objects)))
    invoice = Route("/files/invoices/{invoice_id:uuid}/{format}", admitted(partial(_give_invoice, intake, invoices)))
    for one in (read, invoice):
        # Without the HEAD that comes along: it would read all of a file in order to show none of it.
        one.methods = {"GET"}
    return [Route("/files/{sha256}", admitted(take), methods=["PUT"]), read, invoice]


class _Admitted:
    """Lets an instance in by its token, for so many transfers at once, and for so long."""

    def __init__(self, intake: Intake, under_way: Counter[str], endpoint: Endpoint) -> None:
        self._intake = intake
        self._under_way = under_way
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        access = await self._access_of(request)
        with self._one_more_transfer(access):
            try:
                async with asyncio.timeout(TRANSFER_SECONDS):
                    response = await self._endpoint(request, access)
                    await response(scope, receive, send)
            except TimeoutError as slow:
                raise NotServed(Refused("file/too-slow"), access.language) from slow
        log.info("served", instance=access.instance, method=request.method)

    async def _access_of(self, request: Request) -> Access:
        """What the token opens, which begins with the name of its instance."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        access = await self._intake.ask(partial(store.find_access, instance=token.partition(".")[0]))
        if access is None or scheme.lower() != "bearer" or not access.opens_with(token):
            raise NotServed(Refused("file/unauthorized"), NOBODY_S_LANGUAGE)
        return access

    @contextmanager
    def _one_more_transfer(self, access: Access) -> Iterator[None]:
        under_way = self._under_way
        if under_way.total() >= MOST_TRANSFERS or under_way[access.instance] >= MOST_TRANSFERS_OF_ONE:
            raise NotServed(Refused("file/busy"), access.language)
        under_way[access.instance] += 1
        try:
            yield
        finally:
            under_way[access.instance] -= 1


async def _take_file(
    intake: Intake, objects: ObjectStore, most_uncited_bytes: int, request: Request, access: Access
) -> Response:
    """Store a file under its digest. It is read in full and answered alike, whether the content is known or not."""
    sha256, media_type = _digest_of(request), _media_type_of(request)
    size = int(request.headers.get("Content-Length", access.limits.largest_bytes))
    if refused := access.refuses(media_type, size):
        raise NotServed(refused, access.language)
    async with _room_for(intake, access, sha256, size, most_uncited_bytes):
        if not await intake.ask(partial(store.announce_file, sha256=sha256)):
            raise NotServed(Refused("file/busy"), access.language)
        try:
            size = await objects.put(sha256, _content_of(request, access))
        except WrongDigest:
            raise NotServed(Refused("file/wrong-digest"), access.language) from None
        received = FileReceived(instance=access.instance, sha256=sha256, size=size, media_type=media_type)
        await intake.take(received, subject=sha256)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@asynccontextmanager
async def _room_for(
    intake: Intake, access: Access, sha256: str, size: int, most_uncited_bytes: int
) -> AsyncIterator[None]:
    """Set so much aside while it comes; an instance brings no more than it cites, but for a certain amount."""
    begin = partial(
        store.begin_transfer,
        instance=access.instance,
        sha256=sha256,
        size=size,
        at_most=most_uncited_bytes,
        least=LEAST_COUNTED_BYTES,
        lasts=SET_ASIDE,
    )
    transfer = await intake.ask(begin)
    if transfer is None:
        limit = f"{most_uncited_bytes // MEBIBYTE} MiB"
        raise NotServed(Refused("file/too-many-uncited", limit=limit), access.language)
    try:
        yield
    finally:
        # A database that is away at this moment counts it until its time is over.
        with suppress(NotTakenIn):
            await intake.ask(partial(store.end_transfer, id=transfer))


async def _give_file(intake: Intake, objects: ObjectStore, request: Request, access: Access) -> Response:
    """What the instance finds under an entry; what is not there and what is not its own is not found alike."""
    found = await intake.ask(partial(store.find_citation, reader=access.instance, **request.path_params))
    if found is None:
        raise NotServed(Refused("file/unknown"), access.language)
    return StreamingResponse(await objects.open(found.sha256), headers=_headers_of(found))


async def _give_invoice(intake: Intake, invoices: ObjectStore, request: Request, access: Access) -> Response:
    """A file of an invoice to one of its two parties; what there is none of and what is not its own look alike."""
    found = await intake.ask(partial(store.find_issued, reader=access.instance, **request.path_params))
    if found is None:
        raise NotServed(Refused("file/unknown"), access.language)
    return StreamingResponse(await invoices.open(found.sha256), headers=_headers_of(found))


async def _content_of(request: Request, access: Access) -> AsyncIterator[bytes]:
    """The body as it comes, as long as it comes and is not too large."""
    size, body = 0, request.stream()
    while True:
        async with asyncio.timeout(SILENT_SECONDS):
            chunk = await anext(body, None)
        if chunk is None:
            return
        size += len(chunk)
        if refused := access.refuses_size(size):
            raise NotServed(refused, access.language)
        yield chunk


def _digest_of(request: Request) -> str:
    try:
        return _sha256.validate_python(request.path_params["sha256"])
    except ValidationError:
        raise HTTPException(HTTPStatus.NOT_FOUND) from None


def _media_type_of(request: Request) -> str:
    told = request.headers.get("Content-Type", UNKNOWN_TYPE).partition(";")[0].strip().lower()
    try:
        return _media_type.validate_python(told)
    except ValidationError:
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE) from None


def _headers_of(file: CitedFile) -> dict[str, str]:
    return {
        **HARMLESS,
        "Content-Type": file.media_type,
        "Content-Length": str(file.size),
        "ETag": f'"{file.sha256}"',
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
    }
