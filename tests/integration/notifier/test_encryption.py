"""Whom the courier shows letters and passwords to: nobody whose certificate is not vouched for."""

import pytest

from shared.database import Connection
from tests.integration.notifier.rounds import SettingsFor, intend, round_of, states
from tests.integration.notifier.smtp_server import CERTIFICATE, encryption, mail_sink


async def test_encrypted_with_a_login(database: Connection, settings_for: SettingsFor) -> None:
    secret = {"smtp_user": "tandem", "smtp_password": "correct horse", "smtp_ca_file": CERTIFICATE}
    await intend(database)
    async with mail_sink(starttls=encryption(), logins=True) as sink:
        await round_of(database, settings_for(sink.port, smtp_security="starttls", **secret))
    await intend(database)
    async with mail_sink(tls=encryption(), logins=True) as other:
        await round_of(database, settings_for(other.port, smtp_security="tls", **secret))
    assert {state for state, _, _ in await states(database)} == {"sent"}
    assert sink.logins == other.logins == [b"tandem"]


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_nobody_vouches_for_gets_no_mail_and_no_password(
    database: Connection, settings_for: SettingsFor, security: str
) -> None:
    await intend(database)
    async with mail_sink(**{security: encryption()}, logins=True) as sink:
        secret = {"smtp_user": "tandem", "smtp_password": "correct horse"}
        await round_of(database, settings_for(sink.port, smtp_security=security, **secret))
    assert sink.logins == [] and sink.offered == 0
    assert [state for state, _, _ in await states(database)] == ["pending"]


async def test_a_server_without_encryption_gets_no_mail(database: Connection, settings_for: SettingsFor) -> None:
    await intend(database)
    async with mail_sink() as sink:
        await round_of(database, settings_for(sink.port, smtp_security="starttls"))
    assert sink.offered == 0
    assert [state for state, _, _ in await states(database)] == ["pending"]


async def test_a_wrong_password_is_our_trouble_not_the_mails(database: Connection, settings_for: SettingsFor) -> None:
    await intend(database)
    async with mail_sink(starttls=encryption(), logins=True) as sink:
        secret = {"smtp_user": "tandem", "smtp_password": "wrong", "smtp_ca_file": CERTIFICATE}
        await round_of(database, settings_for(sink.port, smtp_security="starttls", **secret))
    assert await states(database) == [("pending", 1, "not reached: SMTPAuthenticationError 535")]
