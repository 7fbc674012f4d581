"""The mail server of the play: takes every e-mail and keeps it as a file."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

WAIT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail as it arrived."""

    to: str
    subject: str
    message_id: str
    language: str
    text: str

    @property
    def heading(self) -> str:
        """What has happened, which stands in the first line; all of a ticket have one subject."""
        return self.text.partition("\n")[0].strip()


class Mailbox:
    """All e-mails of the play, each in a file of its own."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.mails: list[Mail] = []
        self._directory = directory
        self._came = asyncio.Condition()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        message = message_from_bytes(content, policy=policy.default)
        body = message.get_body(("plain",))
        mail = Mail(
            to=envelope.rcpt_tos[0],
            subject=str(message["Subject"]),
            message_id=str(message["Message-ID"]),
            language=str(message["Content-Language"] or ""),
            text="" if body is None else str(body.get_content()),
        )
        (self._directory / f"{len(self.mails) + 1:02d} {mail.to}.eml").write_bytes(content)
        async with self._came:
            self.mails.append(mail)
            self._came.notify_all()
        return "250 taken"

    async def gets(self, number: int) -> None:
        """Wait until so many e-mails have come. Raises TimeoutError."""
        async with asyncio.timeout(WAIT_SECONDS), self._came:
            await self._came.wait_for(lambda: len(self.mails) >= number)

    async def gets_one(self, to: str, about: str) -> None:
        """Wait until an e-mail to this address has that in its subject. Raises TimeoutError."""
        async with asyncio.timeout(WAIT_SECONDS), self._came:
            await self._came.wait_for(lambda: any(m.to == to and about in m.subject for m in self.mails))


@asynccontextmanager
async def mailbox(directory: Path) -> AsyncIterator[tuple[Mailbox, int]]:
    """A mail server on a free port of this machine; the box and the port."""
    box = Mailbox(directory)
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(box, enable_SMTPUTF8=True), "127.0.0.1", 0)
    async with server:
        yield box, server.sockets[0].getsockname()[1]
