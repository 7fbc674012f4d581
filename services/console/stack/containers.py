"""Parts of the stack in containers, where a container engine answers."""

import secrets
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
from tenacity import Retrying, retry_if_exception_type, retry_if_result, stop_after_delay, wait_fixed

from services.console.stack.ports import answers, free_port
from services.console.stack.unavailable import Unavailable

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

POSTGRES_IMAGE = "postgres:18"
RABBITMQ_IMAGE = "rabbitmq:4-management"
READY_SECONDS = 120.0
STOP_SECONDS = 20


def engine_answers() -> bool:
    """Whether a container engine can be talked to."""
    try:
        import docker  # noqa: PLC0415 (part of the development packages only)
    except ImportError:
        return False
    try:
        docker.from_env(timeout=5).ping()
    except (docker.errors.DockerException, OSError):
        return False
    return True


class _Container(ABC):
    """One container whose ports stay the same when it is stopped and started."""

    name: str

    def __init__(self, container: "DockerContainer", ports: dict[int, int]) -> None:
        self.ports = ports
        self._container = container
        self._created = False
        # Its own method for this cannot keep a port to this machine; the engine's library below it can.
        published: dict[str, Any] = container.ports
        for inside, outside in ports.items():
            published[f"{inside}/tcp"] = ("127.0.0.1", outside)

    def start(self) -> None:
        """Start it, again if it was stopped, and wait until it answers. Raises Unavailable."""
        if self._created:
            self._container.get_wrapped_container().start()
        else:
            self._create()
        patience = Retrying(
            retry=retry_if_result(lambda ready: not ready) | retry_if_exception_type(httpx.HTTPError),
            wait=wait_fixed(0.2),
            stop=stop_after_delay(READY_SECONDS),
            retry_error_callback=lambda _: False,
        )
        if not patience(self.is_ready):
            raise Unavailable(f"The container of {self.name} does not answer.")

    def _create(self) -> None:
        self._created = True
        try:
            self._container.start()
        except Exception as error:
            # Whatever the engine's library raises: no image, no room, no rights.
            raise Unavailable(f"The container of {self.name} cannot be started: {error}") from error

    def stop(self) -> None:
        """Shut down cleanly."""
        self._container.get_wrapped_container().stop(timeout=STOP_SECONDS)

    def kill(self) -> None:
        """SIGKILL it."""
        self._container.get_wrapped_container().kill()

    def remove(self) -> None:
        """Leave nothing."""
        if self._created:
            self._container.stop()

    def describe(self) -> str:
        where = ", ".join(f"127.0.0.1:{port}" for port in self.ports.values())
        return f"{self.name}: a container of {self._container.image}, at {where}"

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether what runs in it answers."""


class PostgresContainer(_Container):
    """A database server in a container."""

    name = "Postgres"

    def __init__(self, max_connections: int) -> None:
        from testcontainers.core.container import DockerContainer  # noqa: PLC0415

        port, password = free_port(), secrets.token_urlsafe(18)
        self.admin_url = f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
        container = DockerContainer(POSTGRES_IMAGE).with_env("POSTGRES_PASSWORD", password)
        container.with_command(f"postgres -c max_connections={max_connections}")
        super().__init__(container, {5432: port})

    def is_ready(self) -> bool:
        """Whether it takes queries; the image's own set-up listens on no port."""
        probe = "pg_isready --host=127.0.0.1 --username=postgres"
        return self._container.exec(probe).exit_code == 0 and answers("127.0.0.1", self.ports[5432])


class RabbitMQContainer(_Container):
    """A broker in a container."""

    name = "RabbitMQ"

    def __init__(self, user: str, settings: str) -> None:
        from testcontainers.core.container import DockerContainer  # noqa: PLC0415

        password = secrets.token_urlsafe(18)
        ports = {5672: free_port(), 15672: free_port()}
        self.amqp_host = "127.0.0.1"
        self.amqp_port = ports[5672]
        self.admin_url = f"http://{user}:{password}@127.0.0.1:{ports[15672]}/"
        container = DockerContainer(RABBITMQ_IMAGE)
        container.with_env("RABBITMQ_DEFAULT_USER", user).with_env("RABBITMQ_DEFAULT_PASS", password)
        container.with_copy_into_container(settings.encode(), "/etc/rabbitmq/conf.d/90-tandem.conf")
        super().__init__(container, ports)

    def is_ready(self) -> bool:
        """Whether both the broker and its management answer."""
        with suppress(httpx.HTTPError):
            told = httpx.get(f"{self.admin_url}api/overview", timeout=5.0)
            return told.status_code == httpx.codes.OK and answers(self.amqp_host, self.amqp_port)
        return False
