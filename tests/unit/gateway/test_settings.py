"""Where files may be kept, and what is taken for such a place."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.gateway.settings import Settings
from shared.objects import ObjectStore

ENOUGH: dict[str, Any] = {
    "database_url": "postgresql://db.example/tandem",
    "broker_url": "amqp://broker.example/",
    "link_keys": "k" * 32,
}


def test_files_are_kept_in_a_folder_and_served_to_this_machine_unless_said_otherwise() -> None:
    settings = Settings(**ENOUGH)
    assert (settings.files_store_url, settings.files_retention_days) == ("file:///var/lib/tandem/files", 30)
    assert (settings.http_host, settings.http_port) == ("127.0.0.1", 8080)


@pytest.mark.parametrize("url", ["s3://bucket/tandem/files", "gs://bucket", "az://container/files"])
def test_files_may_be_kept_in_a_bucket(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "tandem")
    ObjectStore(Settings(**ENOUGH, files_store_url=url).files_store_url)


@pytest.mark.parametrize(
    "wrong",
    [
        {"files_store_url": "/var/lib/tandem"},
        {"files_store_url": "file:///"},
        {"files_store_url": "http://files.example/"},
        {"files_store_url": "memory:///"},
        {"files_retention_days": -1},
        {"files_uncited_mib": 99},
        {"http_port": 0},
        {"http_host": ""},
    ],
)
def test_what_cannot_work_is_refused_at_the_start(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings(**ENOUGH | wrong)
