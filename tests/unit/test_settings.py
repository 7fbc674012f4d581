"""Settings that are missing or wrong are all named at once, and no value of theirs is."""

from socket import gethostname

import pytest

from shared.settings import WorkerSettings, read_settings


def test_all_that_is_missing_or_wrong_is_named_at_once_and_no_value_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TANDEM_DATABASE_URL", raising=False)
    monkeypatch.setenv("TANDEM_BROKER_URL", "amqp://user:secret@broker/")
    monkeypatch.setenv("TANDEM_DRAIN_SECONDS", "many-secret")
    with pytest.raises(SystemExit) as ended:
        read_settings(WorkerSettings)
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert "TANDEM_DATABASE_URL: Field required" in said and "TANDEM_DRAIN_SECONDS" in said
    assert "TANDEM_BROKER_URL" not in said and "secret" not in said


def test_settings_that_are_complete_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TANDEM_DATABASE_URL", "postgresql://role:secret@database/tandem")
    monkeypatch.setenv("TANDEM_BROKER_URL", "amqp://user:secret@broker/")
    settings = read_settings(WorkerSettings)
    assert settings.replica == gethostname()
    assert "secret" not in repr(settings)
