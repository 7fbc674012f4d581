"""The server: all that is served, what is said where something is not, and how long anybody may take to ask."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import Any

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from services.gateway import store
from services.gateway.settings import Settings
from services.gateway.web.answers import answer_route
from services.gateway.web.files import NotServed, file_routes
from shared.contracts.problems import describe
from shared.links import Keys
from shared.messaging.intake import Intake, NotTakenIn
from shared.messaging.outcomes import Refused
from shared.objects import ObjectStore

log = structlog.get_logger()

# Connections that ask for nothing, or not completely, are closed after this; and one is not kept open for longer.
ASKING_SECONDS = 5
MOST_CONNECTIONS = 256
# A token is the largest thing in a head.
LARGEST_HEAD_BYTES = 16 * 1024
# Transfers under way when the worker is told to stop may end until then; what is cut off is brought again.
DRAIN_SECONDS = 10

# What stands beside an answer of this status, and of a problem that says more than that.
BESIDE: dict[int | str, dict[str, str]] = {
    # What was uploaded is cited in a moment, or is not about to be.
    "file/too-many-uncited": {"Retry-After": "60"},
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.TOO_MANY_REQUESTS: {"Retry-After": "1"},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "5"},
    # The server hangs up after what it did not expect.
    HTTPStatus.INTERNAL_SERVER_ERROR: {"Connection": "close"},
}


def application(
    intake: Intake, objects: ObjectStore, invoices: ObjectStore, keys: Keys, most_uncited_bytes: int
) -> Starlette:
    """All that is served."""
    return Starlette(
        routes=[
            *file_routes(intake, objects, invoices, most_uncited_bytes),
            answer_route(intake, keys),
            Route("/health", partial(_tell_health, intake)),
        ],
        exception_handlers=dict.fromkeys(
            (NotServed, NotTakenIn, ClientDisconnect, HTTPException, Exception), _say_why_not
        ),
    )


async def _tell_health(intake: Intake, _: Request) -> Response:
    """Whether files can be taken and given."""
    await intake.ask(store.find_now)
    return JSONResponse({"status": "ok"})


async def _say_why_not(_: Request, error: Exception) -> Response:
    """Problem details (RFC 9457): with a slug of the contract, or only with what the status says."""
    match error:
        case NotServed(problem=Refused(problem=slug, details=details), language=language):
            log.info("not served", problem=slug)
            title, detail, status = describe(slug, language, details)
            return _problem(status, slug, title=title, detail=detail)
        case ClientDisconnect():
            log.info("cut off by who sent it")
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        case HTTPException(status_code=status):
            return _problem(status)
        case NotTakenIn():
            return _problem(HTTPStatus.SERVICE_UNAVAILABLE)
        case _:
            return _problem(HTTPStatus.INTERNAL_SERVER_ERROR)


def _problem(status: int, slug: str = "about:blank", **told: str) -> Response:
    content = {"type": slug, "title": HTTPStatus(status).phrase, **told, "status": status}
    headers = BESIDE.get(slug) or BESIDE.get(status)
    return JSONResponse(content, status, headers=headers, media_type="application/problem+json")


class HttpDoor:
    """The gateway's way in beside the broker."""

    def __init__(self, settings: Settings, objects: ObjectStore, invoices: ObjectStore) -> None:
        self._settings = settings
        self._objects = objects
        self._invoices = invoices

    async def run(self, intake: Intake, stopping: asyncio.Event) -> None:
        """Serve until told to stop; what is under way then has a little time to end."""
        server = _Server(
            uvicorn.Config(
                application(
                    intake, self._objects, self._invoices, self._settings.keys, self._settings.most_uncited_bytes
                ),
                host=self._settings.http_host,
                port=self._settings.http_port,
                http=_ImpatientProtocol,
                loop="none",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                limit_concurrency=MOST_CONNECTIONS,
                h11_max_incomplete_event_size=LARGEST_HEAD_BYTES,
                timeout_keep_alive=ASKING_SECONDS,
                timeout_graceful_shutdown=DRAIN_SECONDS,
            )
        )
        serving = asyncio.create_task(server.serve())
        await asyncio.wait([serving, asyncio.create_task(stopping.wait())], return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    """Leaves signals to the worker, which says when to stop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _ImpatientProtocol(H11Protocol):
    """Closes a connection on which nothing is asked for in time, also where a question begins and never ends."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        # Unlike in the server's own protocol the clock runs on until the head of a request is complete.
        self.conn.receive_data(data)
        self.handle_events()
