"""What the notifier takes for a mail server, and what it does not."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.notifier.settings import Settings, address_of

ENOUGH: dict[str, Any] = {
    "database_url": "postgresql://db.example/tandem",
    "broker_url": "amqp://broker.example/",
    "link_keys": "k" * 32,
    "public_url": "https://tandem.example",
    "smtp_host": "mail.example",
    "smtp_sender": "Tandem <tandem@tandem.example>",
}


def test_connections_are_encrypted_unless_said_otherwise() -> None:
    settings = Settings(**ENOUGH)
    assert (settings.smtp_security, settings.smtp_port) == ("starttls", 587)


@pytest.mark.parametrize(
    "wrong",
    [
        {"smtp_user": "tandem"},
        {"smtp_password": "secret"},
        {"smtp_user": "tandem", "smtp_password": "secret", "smtp_security": "none"},
        {"smtp_security": "maybe"},
        {"smtp_port": 0},
        {"smtp_ca_file": "/nowhere/ca.pem"},
        {"smtp_sender": "nobody"},
        {"smtp_sender": "Tandem <tandem@tandem.example>\r\nBcc: thief@example.org"},
        {"smtp_sender": "Tandem <tandem@tändem.example>"},
        {"smtp_sender": "tändem@tandem.example"},
        {"smtp_sender": "Tandem <tandem..x@tandem.example>"},
        {"smtp_sender": ""},
        {"link_keys": "short"},
        {"public_url": "tandem.example"},
        {"public_url": "https://user@tandem.example"},
        {"public_url": "https://tandem.example/?x=1"},
    ],
)
def test_what_cannot_work_is_refused_at_the_start(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings(**ENOUGH | wrong)


def test_a_password_does_not_show() -> None:
    settings = Settings(**ENOUGH | {"smtp_user": "tandem", "smtp_password": "hunter2"})
    assert "hunter2" not in repr(settings)


def test_a_sender_may_have_a_name() -> None:
    assert address_of("Tandem <tandem@tandem.example>").display_name == "Tandem"
    assert address_of("tandem@tandem.example").addr_spec == "tandem@tandem.example"
    assert address_of("Tändem <tandem@xn--tndem-gra.example>").display_name == "Tändem"
