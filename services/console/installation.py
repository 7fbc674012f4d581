"""A whole Tandem on this machine's own servers: its database, its virtual host, its workers' environment."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
from pydantic import SecretStr

from services.console.instances import Credentials, add_instance
from services.console.migrating import migrate_all
from services.console.settings import AdminSettings, WorkerPasswords
from services.console.stack import LocalStack
from services.console.stack.ports import free_port
from shared.contracts.offer_handler import Instance
from shared.messaging import topology
from shared.messaging.broker_admin import broker_admin
from shared.migrate import role_of


@dataclass(frozen=True, slots=True)
class Connected:
    """How an instance that was added here connects."""

    amqp_url: str
    queue: str
    files_url: str
    token: str


@dataclass(frozen=True, slots=True)
class Installation:
    """One database and one virtual host of a local stack, both called `name`."""

    stack: LocalStack
    name: str
    settings: AdminSettings
    passwords: WorkerPasswords
    gateway_port: int

    @property
    def database_url(self) -> str:
        """The database of this installation, as who may do all."""
        return self.settings.admin_database_url.get_secret_value()

    def environment_of(self, service: str) -> dict[str, str]:
        """What a worker must be told to work here."""
        password = self.passwords.of(service)
        files = {"TANDEM_FILES_STORE_URL": self.files.as_uri()}
        own = {
            "notifier": {"TANDEM_LINK_KEYS": self.link_keys, "TANDEM_PUBLIC_URL": self.public_url, **files},
            "billing": files,
            "gateway": {
                "TANDEM_LINK_KEYS": self.link_keys,
                "TANDEM_HTTP_PORT": str(self.gateway_port),
                **files,
            },
        }
        return {
            "TANDEM_DATABASE_URL": self.database_url_of(service),
            "TANDEM_BROKER_URL": self.amqp_url_of(topology.worker_user(service), password),
            **own.get(service, {}),
            **self.stack.mark,
        }

    @property
    def link_keys(self) -> str:
        """What signs the links in its e-mails."""
        return hashlib.sha256(f"{self.database_url}|links".encode()).hexdigest()

    @property
    def public_url(self) -> str:
        """Where the gateway is reached."""
        return f"http://127.0.0.1:{self.gateway_port}"

    @property
    def files(self) -> Path:
        """The folder in which the gateway keeps content."""
        return self.stack.folder(f"files-{self.name}")

    @property
    def files_url(self) -> str:
        """Where instances bring and read files."""
        return f"{self.public_url}/files"

    def database_url_of(self, service: str) -> str:
        parts = urlsplit(self.database_url)
        at = parts.netloc.rsplit("@", 1)[-1]
        return urlunsplit(parts._replace(netloc=f"{role_of(service)}:{self.passwords.of(service)}@{at}"))

    def amqp_url_of(self, user: str, password: str) -> str:
        at = f"{self.stack.broker_amqp_host}:{self.stack.broker_amqp_port}"
        return f"amqp://{user}:{quote(password, safe='')}@{at}/{quote(self.name, safe='')}"

    def administrator_environment(self) -> dict[str, str]:
        """What the console's commands must be told to work here."""
        return {
            "TANDEM_ADMIN_DATABASE_URL": self.database_url,
            "TANDEM_ADMIN_BROKER_URL": self.settings.admin_broker_url.get_secret_value(),
            "TANDEM_VHOST": self.name,
        }

    async def add_instance(self, slug: str, name: str, language: str, email: str) -> Connected:
        """Add an instance; the answer is what its own process needs."""
        instance = Instance(slug=slug, name=name, language=language, email=email)
        credentials: Credentials = await add_instance(self.settings, instance)
        amqp_url = self.amqp_url_of(credentials.user, credentials.password)
        return Connected(amqp_url, credentials.queue, self.files_url, credentials.token)

    async def remove(self) -> None:
        """Remove database, virtual host and files; the workers must have ended."""
        shutil.rmtree(self.files, ignore_errors=True)
        async with broker_admin(self.settings.admin_broker_url.get_secret_value(), self.name) as broker:
            await broker.remove()
        await _on_server(self.stack, f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')


async def install(stack: LocalStack, *, name: str = "tandem", shards: int | None = None) -> Installation:
    """Make a database and a virtual host of this name where they are missing, and bring both up to date."""
    if not await _on_server(stack, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name):
        await _on_server(stack, f'CREATE DATABASE "{name}"')
    database_url = urlunsplit(urlsplit(stack.database_admin_url)._replace(path=f"/{name}"))
    settings = AdminSettings(
        admin_database_url=SecretStr(database_url),
        admin_broker_url=SecretStr(stack.broker_admin_url),
        vhost=name,
        shards=shards,
    )
    passwords = passwords_on(stack)
    await migrate_all(settings, passwords)
    return Installation(stack, name, settings, passwords, gateway_port=free_port())


def passwords_on(stack: LocalStack) -> WorkerPasswords:
    """Roles and users belong to the whole server: installations side by side must agree on their passwords."""
    return WorkerPasswords.model_validate(
        {
            f"{name}_password": hashlib.sha256(f"{stack.broker_admin_url}|{name}".encode()).hexdigest()
            for name in topology.SERVICES
        }
    )


async def _on_server(stack: LocalStack, statement: str, *arguments: str) -> object:
    connection = await asyncpg.connect(stack.database_admin_url, timeout=10)
    try:
        return await connection.fetchval(statement, *arguments)
    finally:
        await connection.close()
