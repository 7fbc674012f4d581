"""A gateway as a process of its own on a whole installation, and instances that speak HTTP with it."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from services.console.installation import Installation
from services.console.stack import LocalStack
from services.console.workers import Worker, workers
from services.gateway.handlers import HANDLERS
from shared.contracts.values import Event
from shared.database import Connection
from shared.messaging.directory import Directory
from shared.messaging.letters import Correspondence
from shared.messaging.turn import Turn
from tests import nursery
from tests.acceptance.partners import until
from tests.installations import fresh_installation
from tests.integration.databases import connection_to
from tests.integration.messaging.posting import event

LANGUAGES = {"nordlicht": "de", "alpenwerk": "en", "elbtal": "en", "suedwind": "de"}


class Gateway:
    """The process, its installation, and the tokens of its instances."""

    def __init__(self, installation: Installation, worker: Worker, tokens: dict[str, str]) -> None:
        self.installation = installation
        self.worker = worker
        self.tokens = tokens
        self._turn = Turn(HANDLERS, directory := Directory(), Correspondence("gateway", directory))

    def client(self, slug: str) -> httpx.AsyncClient:
        """An instance that speaks with it."""
        token = {"Authorization": f"Bearer {self.tokens[slug]}"}
        return httpx.AsyncClient(base_url=self.installation.files_url, headers=token, timeout=30)

    def stored(self) -> dict[str, int]:
        """What lies in its store: names and sizes."""
        return {path.name: path.stat().st_size for path in self.installation.files.iterdir() if path.is_file()}

    async def tell(self, fact: Event, subject: str, service: str = "ticket_sync") -> None:
        """What another worker tells it, decided by the service's own table of routes."""
        async with connection_to(self.installation.database_url_of("gateway")) as connection:
            arrival = event(fact, subject, service=service)
            await self._turn.take(connection, [self._turn.read(arrival)])

    async def until_healthy(self) -> None:
        """Wait until it takes and gives files."""
        async with httpx.AsyncClient(timeout=10) as http:

            async def healthy() -> bool:
                try:
                    return (await http.get(f"http://127.0.0.1:{self.installation.gateway_port}/health")).is_success
                except httpx.TransportError:
                    return False

            await until(healthy, 20)


@pytest.fixture(scope="package")
def gateway(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    installed = asyncio.run(fresh_installation(stack))
    tokens = {slug: asyncio.run(_added(installed, slug)) for slug in LANGUAGES}
    environments, logs = {"gateway": installed.environment_of("gateway")}, tmp_path_factory.mktemp("logs")
    with workers(environments, logs, launch=nursery.launch) as [worker]:
        running = Gateway(installed, worker, tokens)
        asyncio.run(running.until_healthy())
        yield running
    assert worker.exit_status == 0, "it drains"
    asyncio.run(installed.remove())


@pytest.fixture
async def nordlicht(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with gateway.client("nordlicht") as client:
        yield client


@pytest.fixture
async def alpenwerk(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with gateway.client("alpenwerk") as client:
        yield client


@pytest.fixture
async def database(gateway: Gateway) -> AsyncIterator[Connection]:
    async with connection_to(gateway.installation.database_url_of("gateway")) as connection:
        yield connection


async def _added(installation: Installation, slug: str) -> str:
    connected = await installation.add_instance(slug, slug.title(), LANGUAGES[slug], f"{slug}@example.com")
    return connected.token
