"""`tandem instance`: who takes part, and what each needs to connect."""

import secrets
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from services.console.settings import AdminSettings, DatabaseSettings
from services.gateway.domain.files import hash_of
from shared.contracts.gateway import FileLimits
from shared.contracts.offer_handler import Instance
from shared.database import Connection
from shared.messaging import topology
from shared.messaging.broker_admin import broker_admin

# Files come to the one by upload and to the other in messages.
LIMITING = ("gateway", "ticket_sync")


class InstanceKnown(Exception):
    """There is an instance with this slug already."""


class InstanceUnknown(Exception):
    """There is no instance with this slug, or it has no installation."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"there is no instance {slug} with an installation; `tandem instance list` shows all")


@dataclass(frozen=True, slots=True)
class Credentials:
    """All that an integrator needs to connect; told once and stored nowhere."""

    user: str
    password: str
    vhost: str
    queue: str
    token: str
    exchange: str = topology.COMMANDS


@dataclass(frozen=True, slots=True)
class Listed:
    """An instance as operators see it."""

    slug: str
    name: str
    language: str
    email: str
    kind: str
    added_at: datetime


async def add_instance(settings: AdminSettings, instance: Instance) -> Credentials:
    """Give an instance its user, its queue and its place in every service. Raises InstanceKnown, BrokerRefused."""
    connection = await asyncpg.connect(settings.admin_database_url.get_secret_value(), timeout=5)
    try:
        await _refuse_known(connection, instance)
        password, token = secrets.token_urlsafe(24), new_token(instance.slug)
        # The queue comes first: from the moment an instance is known, what is delivered to it must have a place.
        async with broker_admin(settings.admin_broker_url.get_secret_value(), settings.vhost) as broker:
            queue = await broker.admit_instance(instance.slug, password)
        await _record(connection, instance, token)
    finally:
        await connection.close()
    return Credentials(instance.slug, password, settings.vhost, queue, token)


async def add_portal_instance(settings: DatabaseSettings, instance: Instance) -> None:
    """Give a company without an installation its place in every service; it has no user. Raises InstanceKnown."""
    connection = await asyncpg.connect(settings.admin_database_url.get_secret_value(), timeout=5)
    try:
        await _refuse_known(connection, instance)
        await _record(connection, instance)
    finally:
        await connection.close()


async def _refuse_known(connection: Connection, instance: Instance) -> None:
    if await connection.fetchval("SELECT EXISTS (SELECT FROM offer_handler.instance WHERE slug = $1)", instance.slug):
        raise InstanceKnown(f"{instance.slug} is there already; `tandem instance list` shows all")


async def _record(connection: Connection, instance: Instance, token: str | None = None) -> None:
    async with connection.transaction():
        for service in topology.SERVICES:
            await connection.execute(
                f"INSERT INTO {service}.instance (slug, name, language, email, kind) VALUES ($1, $2, $3, $4, $5)",
                *(instance.slug, instance.name, instance.language, instance.email, instance.kind),
            )
        if token is not None:
            await connection.execute(
                "INSERT INTO gateway.access (instance, token_hash) VALUES ($1, $2)", instance.slug, hash_of(token)
            )


async def replace_token(connection: Connection, slug: str) -> str:
    """Give an instance another token; the one it had opens nothing any more. Raises InstanceUnknown."""
    token = new_token(slug)
    status = await connection.execute(
        "UPDATE gateway.access SET token_hash = $2 WHERE instance = $1", slug, hash_of(token)
    )
    if status != "UPDATE 1":
        raise InstanceUnknown(slug)
    return token


async def limit_files(connection: Connection, slug: str, limits: FileLimits) -> None:
    """From now on an instance may send these files and no others. Raises InstanceUnknown."""
    try:
        async with connection.transaction():
            for service in LIMITING:
                await connection.execute(
                    f"""
                    INSERT INTO {service}.file_limits (instance, largest_bytes, refused_types) VALUES ($1, $2, $3)
                    ON CONFLICT (instance) DO UPDATE SET largest_bytes = $2, refused_types = $3
                    """,
                    *(slug, limits.largest_bytes, limits.refused_types),
                )
    except asyncpg.ForeignKeyViolationError:
        raise InstanceUnknown(slug) from None


def new_token(slug: str) -> str:
    """A token that nobody can guess, and that tells the gateway whose it claims to be."""
    return f"{slug}.{secrets.token_urlsafe(32)}"


async def list_instances(url: str) -> list[Listed]:
    """Every instance, by slug."""
    connection = await asyncpg.connect(url, timeout=5)
    try:
        rows = await connection.fetch(
            "SELECT slug, name, language, email, kind, added_at FROM offer_handler.instance ORDER BY slug"
        )
        return [Listed(**dict(row)) for row in rows]
    finally:
        await connection.close()
