"""`tandem migrate`: brings database and broker to what this version needs."""

import asyncio
from pathlib import Path

import services
from services.console.generations import settle_generations
from services.console.settings import AdminSettings, WorkerPasswords
from shared.messaging.broker_admin import broker_admin
from shared.messaging.topology import SERVICES
from shared.migrate import migrate

MIGRATIONS = {service: Path(services.__path__[0]) / service / "migrations" for service in SERVICES}


async def migrate_all(settings: AdminSettings, passwords: WorkerPasswords) -> dict[str, list[str]]:
    """Schema, role and rights of every service, the whole topology, and the users of the workers.

    Tells which migrations were applied, by service. Doing it again changes nothing. Raises psycopg.Error or
    BrokerRefused with what was refused.
    """
    applied = await asyncio.to_thread(migrate_databases, settings.admin_database_url.get_secret_value(), passwords)
    async with broker_admin(settings.admin_broker_url.get_secret_value(), settings.vhost) as broker:
        await broker.prepare()
        await settle_generations(settings.admin_database_url.get_secret_value(), broker, settings.shards)
        for service in SERVICES:
            await broker.admit_worker(service, passwords.of(service))
    return applied


def migrate_databases(url: str, passwords: WorkerPasswords) -> dict[str, list[str]]:
    """Schema, role and rights of every service; tells which migrations were applied, by service."""
    return {service: migrate(url, service, passwords.of(service), MIGRATIONS[service]) for service in SERVICES}
