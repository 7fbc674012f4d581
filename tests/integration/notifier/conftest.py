"""What tests of the notifier stand on: its own database, and settings for a server on this machine."""

from collections.abc import Callable
from typing import Any

import pytest

from services.notifier.settings import Settings
from shared.database import Connection
from tests.integration.conftest import ConnectionTo


@pytest.fixture
async def database(service_connection: ConnectionTo) -> Connection:
    return await service_connection("notifier")


@pytest.fixture
def settings_for() -> Callable[..., Settings]:
    def settings(port: int, **more: Any) -> Settings:
        given: dict[str, Any] = {
            "database_url": "postgresql://unused.example/",
            "broker_url": "amqp://unused.example/",
            "link_keys": "k" * 32,
            "public_url": "https://tandem.example",
            "smtp_host": "127.0.0.1",
            "smtp_port": port,
            "smtp_security": "none",
            "smtp_sender": "Tandem <tandem@tandem.example>",
        }
        return Settings(**given | more)

    return settings
