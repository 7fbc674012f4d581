"""The whole local stack: found, started together, told about, and gone at the end."""

import asyncio
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from services.console.stack.directory import make_directory, remove_directory, remove_leftovers
from services.console.stack.postgres import Postgres, find_postgres
from services.console.stack.processes import MARK
from services.console.stack.rabbitmq import RabbitMQ, find_rabbitmq


class LocalStack:
    """Postgres and RabbitMQ on this machine for as long as the context is open.

    `fsync=False` trades safety at a power cut for speed, for tests. A server that was given by URL is used and left
    alone; the others run in a directory of their own and leave nothing behind, and what an earlier stack left that
    died without a chance to clean up is removed first. Entering raises Unavailable when a part cannot be had.
    """

    def __init__(self, *, fsync: bool = True) -> None:
        self.fsync = fsync
        self.directory: Path | None = None
        self.leftovers: list[Path] = []
        self.postgres: Postgres
        self.rabbitmq: RabbitMQ

    @property
    def database_admin_url(self) -> str:
        """A superuser's URL, to the database `postgres`."""
        return self.postgres.admin_url

    @property
    def broker_amqp_host(self) -> str:
        return self.rabbitmq.amqp_host

    @property
    def broker_amqp_port(self) -> int:
        return self.rabbitmq.amqp_port

    @property
    def broker_admin_url(self) -> str:
        """The management API, with an administrator's name and password, ending in a slash."""
        return self.rabbitmq.admin_url

    @property
    def mark(self) -> dict[str, str]:
        """What a process carries in its environment that is to end with this stack, also after a crash."""
        return {} if self.directory is None else {MARK: str(self.directory)}

    def folder(self, name: str) -> Path:
        """A place for something else that goes with the stack. Raises RuntimeError where it was not started."""
        if self.directory is None:
            raise RuntimeError("the stack was not started")
        return self.directory / name

    def describe(self) -> list[str]:
        """What was found and where, a line each."""
        removed = [f"removed what a crashed run left in {path}" for path in self.leftovers]
        return [*removed, self.postgres.describe(), self.rabbitmq.describe()]

    def start(self) -> None:
        """Find both servers and start them side by side; when one fails, neither stays."""
        self.leftovers = remove_leftovers()
        self.directory = make_directory()
        try:
            self.postgres = find_postgres(self.directory, fsync=self.fsync)
            self.rabbitmq = find_rabbitmq(self.directory)
            with ThreadPoolExecutor() as together:
                starts = [together.submit(self.postgres.start), together.submit(self.rabbitmq.start)]
            for started in starts:
                started.result()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop what was started and remove every trace of it; harmless when nothing runs."""
        for name in ("rabbitmq", "postgres"):
            if server := self.__dict__.get(name):
                server.remove()
        if self.directory is not None:
            remove_directory(self.directory)
            self.directory = None

    def __enter__(self) -> Self:
        _let_sigterm_unwind()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)


def _let_sigterm_unwind() -> None:
    """Make SIGTERM leave through the context's end, unless the program has its own idea of that signal."""
    ours_to_set = threading.current_thread() is threading.main_thread()
    if ours_to_set and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _exit_on)


def _exit_on(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)
