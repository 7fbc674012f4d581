"""The mail server: one connection for a bag of letters, and a plain verdict on each; and the store of invoices."""

import asyncio
import ssl
import unicodedata
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

import aiosmtplib

from services.notifier.domain.delivery import Verdict
from services.notifier.domain.notifications import Attached
from services.notifier.settings import Settings, address_of
from shared.objects import ObjectStore

# For each answer of the server but the one to a whole mail, and for a connection.
ANSWER_SECONDS = 10.0
CONNECT_SECONDS = 30.0
# A server that looks through what it was given answers late (RFC 5321, section 4.5.3.2.6), and who does not wait for it
# sends the mail again. Longer than this hardly any takes, and all of a mail has to fit into a lease.
WHOLE_MAIL_ANSWER_SECONDS = 120.0
MAIL_SECONDS = 150.0
FIRST_CODE = 200
FOR_GOOD = 5
# What a mail carries is small, and read from nearby.
READ_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of handing a mail over, with the server's code where it gave one."""

    verdict: Verdict
    words: str
    code: int | None = None


class Unreachable(Exception):
    """The server cannot be reached, does not let us in, or is not who it should be; says nothing about any mail."""


def trusted_by(settings: Settings) -> ssl.SSLContext | None:
    """Whose certificates are believed; None where nothing is encrypted."""
    return None if settings.smtp_security == "none" else ssl.create_default_context(cafile=settings.smtp_ca_file)


class _Waiting(aiosmtplib.SMTP):
    """Waits longer for the answer to a whole mail than for any other."""

    async def data(self, message: str | bytes, /, **_: Any) -> aiosmtplib.SMTPResponse:
        return await super().data(message, timeout=WHOLE_MAIL_ANSWER_SECONDS)


class MailServer:
    """A mail server as the settings name it. Not for two bags at once: each takes its own."""

    def __init__(self, settings: Settings, trusted: ssl.SSLContext | None) -> None:
        self._sender = address_of(settings.smtp_sender)
        password = settings.smtp_password
        self._connection = _Waiting(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_user,
            password=password.get_secret_value() if password else None,
            local_hostname=self._sender.domain,
            timeout=ANSWER_SECONDS,
            use_tls=settings.smtp_security == "tls",
            start_tls=settings.smtp_security == "starttls",
            tls_context=trusted,
        )

    async def hand_over(self, mail: EmailMessage, recipient: str) -> Answer:
        """Offer one mail to the server and take its word on it. Raises Unreachable where it cannot be asked."""
        await self._be_connected()
        try:
            async with asyncio.timeout(MAIL_SECONDS):
                _, words = await self._connection.send_message(
                    mail, sender=self._sender.addr_spec, recipients=[recipient]
                )
        except aiosmtplib.SMTPRecipientsRefused as refused:
            return self._said(refused.recipients[0])
        except aiosmtplib.SMTPResponseException as answered:
            return self._said(answered)
        except aiosmtplib.SMTPNotSupported as lacking:
            return Answer("refused", _printable(lacking.message))
        except Exception as lost:  # noqa: BLE001 whatever it is, it is this mail's, and the others' results stand
            self.hang_up()
            return Answer("trouble", f"no answer: {type(lost).__name__}")
        return Answer("accepted", _printable(words) or "accepted", 250)

    async def leave(self) -> None:
        """Say goodbye where the server still listens, and close the connection in any case."""
        if self._connection.is_connected:
            try:
                await self._connection.quit()
            except Exception:  # noqa: BLE001 what was said of the mails stands, however we part
                self.hang_up()

    def hang_up(self) -> None:
        """Close the connection without a word: who knows what it would still say."""
        self._connection.close()

    def _said(self, answer: aiosmtplib.SMTPResponseException) -> Answer:
        """What begins with 5 is for good, everything else may pass (RFC 5321, section 4.2.1)."""
        if answer.code < FIRST_CODE:
            # Who knows to which mail what it says next would belong.
            self.hang_up()
            return Answer("trouble", "no answer: not one that can be read")
        verdict: Verdict = "refused" if answer.code // 100 == FOR_GOOD else "trouble"
        return Answer(verdict, f"{answer.code} {_printable(answer.message)}", answer.code)

    async def _be_connected(self) -> None:
        if self._connection.is_connected:
            return
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._connection.connect()
        except Exception as failed:  # the server's, the network's or the library's: nothing is known of any mail
            self.hang_up()
            code = f" {failed.code}" if isinstance(failed, aiosmtplib.SMTPResponseException) else ""
            raise Unreachable(f"not reached: {type(failed).__name__}{code}") from failed


class Invoices:
    """Issued invoices as they lie in the object store; they are only read."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._store: ObjectStore | None = None

    async def read(self, file: Attached) -> bytes:
        """The file as it was issued. Raises what the store raises, and Damaged where it is not that any more."""
        # Not before it is needed: where no invoice was issued yet there may be no such folder.
        self._store = self._store or ObjectStore(self._url)
        async with asyncio.timeout(READ_SECONDS):
            return b"".join([chunk async for chunk in await self._store.open(file.sha256)])


def _printable(words: str) -> str:
    """The server's words without anything that a row or a terminal would stumble over."""
    return " ".join("".join(" " if unicodedata.category(one)[0] == "C" else one for one in words).split())[:900]
