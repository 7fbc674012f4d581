"""`tandem instance`: who takes part, and what each needs to connect."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import asyncpg
from pydantic import BaseModel, ConfigDict

from services.console.settings import AdminSettings
from shared.contracts.values import Email, Language, ShortText, Slug
from shared.messaging import topology
from shared.messaging.broker_admin import broker_admin


class InstanceKnown(Exception):
    """There is an instance with this slug already."""


class Instance(BaseModel):
    """One company's installation; who has none of its own is reached by e-mail only (`portal`)."""

    model_config = ConfigDict(frozen=True)

    slug: Slug
    name: ShortText
    language: Language
    email: Email
    kind: Literal["psa", "portal"] = "psa"


@dataclass(frozen=True, slots=True)
class Credentials:
    """All that an integrator needs to connect; told once and stored nowhere."""

    user: str
    password: str
    vhost: str
    queue: str
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
        if await connection.fetchval(
            "SELECT EXISTS (SELECT FROM offer_handler.instance WHERE slug = $1)", instance.slug
        ):
            raise InstanceKnown(f"{instance.slug} is there already; `tandem instance list` shows all")
        password = secrets.token_urlsafe(24)
        # The queue comes first: from the moment an instance is known, what is delivered to it must have a place.
        async with broker_admin(settings.admin_broker_url.get_secret_value(), settings.vhost) as broker:
            queue = await broker.admit_instance(instance.slug, password)
        async with connection.transaction():
            for service in topology.SERVICES:
                await connection.execute(
                    f"INSERT INTO {service}.instance (slug, name, language, email, kind) VALUES ($1, $2, $3, $4, $5)",
                    *(instance.slug, instance.name, instance.language, instance.email, instance.kind),
                )
    finally:
        await connection.close()
    return Credentials(instance.slug, password, settings.vhost, queue)


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
