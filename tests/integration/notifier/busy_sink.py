"""A real SMTP server as a process of its own: of each mail it says to whom it came and under which id.

`python -m tests.integration.notifier.busy_sink --fails-every 5` fails with one attempt in five, each time another way.
"""

import argparse
import asyncio
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from time import monotonic

from aiosmtpd.smtp import SMTP, Envelope, Session

OK = "250 2.0.0 kept"
LATER = "451 4.7.1 greylisted"
BUSY = "452 4.3.1 no room just now"
CLOSING = "421 4.3.2 closing"
LOST = "the connection is lost before the mail has come"
UNANSWERED = "the mail is kept, and the connection is lost before the answer"
FAULTS = (LATER, BUSY, CLOSING, LOST, UNANSWERED)
MESSAGE_ID = re.compile(rb"^Message-ID: <([^@>]+)@", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Kept:
    """One mail that the server took; it may not have been able to say so."""

    at: float
    recipient: str
    id: str
    answered: bool


class Sink:
    """What was taken so far, in its order."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.kept: list[Kept] = []

    async def has_kept(self, number: int, seconds: float = 60.0) -> None:
        """Wait until so many mails came, those that came twice counted once."""
        async with asyncio.timeout(seconds):
            while len({one.id for one in self.kept}) < number:
                await asyncio.sleep(0.02)


@asynccontextmanager
async def busy_sink(*, fails_every: int = 0) -> AsyncIterator[Sink]:
    """Such a server, and what it took."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__, "--fails-every", str(fails_every)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    output = process.stdout
    sink = Sink(int(await output.readline()))

    async def listen() -> None:
        async for line in output:
            at, recipient, id, answered = line.decode().split()
            sink.kept.append(Kept(float(at), recipient, id, answered == "answered"))

    listening = asyncio.create_task(listen())
    try:
        yield sink
    finally:
        process.kill()
        await process.wait()
        await listening


class _Handler:
    """Answers one connection; fails in turns with every so-manieth attempt of all, at the recipient or at the mail."""

    def __init__(self, attempts: Iterator[int], fails_every: int) -> None:
        self._attempts = attempts
        self._fails_every = fails_every
        self._fault: str | None = None

    async def handle_RCPT(  # noqa: N802 the name is the library's
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        number, place = divmod(next(self._attempts), self._fails_every) if self._fails_every else (0, 1)
        self._fault = FAULTS[number % len(FAULTS)] if place == 0 else None
        if self._fault == LOST:
            _lose(server)
        if self._fault == LATER:
            return LATER
        envelope.rcpt_tos.append(address)
        return OK

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self._fault in {BUSY, CLOSING}:
            return str(self._fault)
        content = envelope.content
        found = MESSAGE_ID.search(content if isinstance(content, bytes) else b"")
        answer = "lost" if self._fault == UNANSWERED else "answered"
        print(monotonic(), envelope.rcpt_tos[0], found[1].decode() if found else "none", answer, flush=True)
        if self._fault == UNANSWERED:
            _lose(server)
        return OK


def _lose(server: SMTP) -> None:
    assert isinstance(server.transport, asyncio.WriteTransport)
    server.transport.abort()


async def _serve(fails_every: int) -> None:
    loop, attempts = asyncio.get_running_loop(), count(1)

    def connected() -> SMTP:
        return SMTP(_Handler(attempts, fails_every), loop=loop, hostname="mail.example")

    server = await loop.create_server(connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    # It ends with whoever started it, however that ended.
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fails-every", type=int, default=0)
    asyncio.run(_serve(parser.parse_args().fails_every))
