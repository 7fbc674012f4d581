"""A real SMTP server that answers as a test tells it to."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

OK = "250 2.0.0 kept"
DROP = "drop the connection, the mail is kept"
HANG = "say nothing"
CERTIFICATE = Path(__file__).parent / "localhost.pem"


class MailSink:
    """Keeps what it accepts, after it has thought about it.

    `to_sender`, `to_recipient` and `to_data` are its next answers, in order, then it accepts.
    """

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self.offered = 0
        self.logins: list[bytes] = []
        self.kept: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.to_sender: list[str] = []
        self.to_recipient: list[str] = []
        self.to_data: list[str] = []
        self.thinks_seconds = 0.0

    async def handle_MAIL(  # noqa: N802 the name is the library's
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.to_sender.pop(0) if self.to_sender else OK
        if answer == OK:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return answer

    async def handle_RCPT(  # noqa: N802 the name is the library's
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answer = self.to_recipient.pop(0) if self.to_recipient else OK
        if answer == OK:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.offered += 1
        await asyncio.sleep(self.thinks_seconds)
        answer = self.to_data.pop(0) if self.to_data else OK
        if answer in {OK, DROP}:
            assert isinstance(envelope.content, bytes)
            mail = message_from_bytes(envelope.content, policy=default)
            assert isinstance(mail, EmailMessage)
            self.kept.append(mail)
            self.recipients += envelope.rcpt_tos
        if answer == HANG:
            await asyncio.Event().wait()
        if answer == DROP:
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        return OK if answer == DROP else answer

    def login(self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login)
        return AuthResult(success=data.password == b"correct horse", handled=False)


@asynccontextmanager
async def mail_sink(
    *, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None, logins: bool = False
) -> AsyncIterator[MailSink]:
    """A server on a free port of this machine."""
    sink = MailSink()
    loop = asyncio.get_running_loop()

    def connected() -> SMTP:
        sink.connections += 1
        return SMTP(
            sink,
            loop=loop,
            hostname="mail.example",
            tls_context=starttls,
            require_starttls=starttls is not None,
            auth_required=logins,
            auth_require_tls=tls is None,
            authenticator=sink.login,
        )

    server = await loop.create_server(connected, "127.0.0.1", 0, ssl=tls)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()


@asynccontextmanager
async def closed_door(greeting: str) -> AsyncIterator[int]:
    """A port of this machine where everybody is greeted so, and left."""

    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{greeting}\r\n".encode())
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def encryption() -> ssl.SSLContext:
    """What a server shows that has a certificate nobody vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context
