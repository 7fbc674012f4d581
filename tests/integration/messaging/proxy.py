"""A way to the broker that can be cut off or fall silent, as networks do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

# The first bytes of channel.open (AMQP 0-9-1: class 20, method 10).
CHANNEL_OPEN = b"\x00\x14\x00\x0a"


class Proxy:
    """Passes everything on, until it is `silent`, or cuts a connection off at the bytes it is told."""

    def __init__(self, url: str) -> None:
        self.silent = False
        self.cut_off_at: bytes | None = None
        self.cut_off = 0
        self._parts = urlsplit(url)
        self._port = 0

    @property
    def url(self) -> str:
        """The same URL, by way of here."""
        user = self._parts.netloc.rsplit("@", 1)[0]
        return urlunsplit(self._parts._replace(netloc=f"{user}@127.0.0.1:{self._port}"))

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Proxy"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            there = await asyncio.open_connection(self._parts.hostname, self._parts.port)
            await asyncio.gather(
                self._pass_on(reader, there[1], back=writer), self._pass_on(there[0], writer, back=there[1])
            )

    async def _pass_on(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, back: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                if self.silent:
                    continue
                if self.cut_off_at is not None and self.cut_off_at in data:
                    self.cut_off += 1
                    sink.transport.abort()
                    back.transport.abort()
                    return
                sink.write(data)
                await sink.drain()
        if not self.silent:
            sink.close()
