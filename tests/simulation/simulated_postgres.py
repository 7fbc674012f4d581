"""A real Postgres whose clock is the simulation's, asked one statement at a time.

Statements run for real and are waited for on the spot, so that a history is the same each time it is played; only one
that waits for a lock of another transaction is left waiting, until somebody commits or rolls back.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar, cast

import asyncpg

from shared.database import Connection
from tests.integration.databases import clone_of, connection_to, make_template, migrations_of
from tests.simulation.simulated_process import PROCESS, Process

T = TypeVar("T")

# Before Postgres' own functions in the search path, so that the service's statements find these.
CLOCK = """
CREATE SCHEMA simulated;
CREATE FUNCTION simulated.clock_timestamp() RETURNS timestamptz STABLE LANGUAGE sql
    AS $$ SELECT current_setting('simulated.now')::timestamptz $$;
CREATE FUNCTION simulated.now() RETURNS timestamptz STABLE LANGUAGE sql AS $$ SELECT simulated.clock_timestamp() $$;
"""
ASKS_THE_CLOCK = re.compile(r"\b(clock_timestamp|now) ?\(\)")
# No statement here takes as long, unless it waits for a lock; then Postgres is asked whether it does.
PATIENCE_SECONDS = 0.005


class _Turning(Protocol):
    """What every loop of asyncio's own can do, and its interface does not name: turn once."""

    def _run_once(self) -> None: ...


@dataclass(slots=True, eq=False)
class Waiting:
    """A statement that waits for a lock of another transaction."""

    statement: asyncio.Future[Any]
    backend: int
    over: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Postgres:
    """One database. `clock` tells what time it is there."""

    def __init__(self, url: str, search_path: str) -> None:
        self.clock: Callable[[], datetime] = lambda: datetime.min.replace(tzinfo=UTC)
        self.refuses: Callable[[str, tuple[Any, ...]], bool] = lambda _, __: False
        self._url = url
        self._settings = {"search_path": search_path}
        self._loop = asyncio.new_event_loop()
        self._idle: list[Connection] = []
        self._waiting: list[Waiting] = []
        self._lines: dict[Line, None] = {}
        self._observer = self._connect()

    def close(self) -> None:
        for connection in (self._observer, *self._idle):
            self.now(connection.close())
        self._loop.close()

    def now(self, work: Coroutine[Any, Any, T]) -> T:
        """What this brings, waited for on the spot, whoever else has something to do."""
        task = self._loop.create_task(work)
        self._look(task, until=None)
        return task.result()

    def ask(self, query: str, *arguments: Any) -> list[Any]:
        """Ask something about the database, beside everybody else."""
        return cast(list[Any], self.now(self._observer.fetch(query, *arguments)))

    async def connect(self, _: str) -> "Line":
        """A connection for the process in whose name this is called."""
        process = PROCESS.get()
        assert process is not None
        await process.takes_its_time()
        line = Line(self, self._idle.pop() if self._idle else self._connect(), process)
        process.at_its_end.append(line.terminate)
        self._lines[line] = None
        return line

    def hang_up(self) -> None:
        """The history is over: who ended in an orderly way holds connections that the next one needs."""
        for line in list(self._lines):
            line.terminate()

    async def run(self, connection: Connection, work: Coroutine[Any, Any, T]) -> T:
        """One statement; it may have to wait until others end their transactions."""
        task = self._loop.create_task(work)
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        waiting = Waiting(task, connection.get_server_pid())
        if not self._ends_or_waits(waiting):
            self._waiting.append(waiting)
            await waiting.over
        return task.result()

    def transaction_ended(self) -> None:
        """Those that waited for it go on, in the order in which they came."""
        for waiting in list(self._waiting):
            if self._ends_or_waits(waiting):
                self._waiting.remove(waiting)
                if not waiting.over.done():
                    waiting.over.set_result(None)

    def take_back(self, line: "Line", connection: Connection) -> None:
        """The other end of the connection is gone: what was under way is rolled back."""
        del self._lines[line]
        backend = connection.get_server_pid()
        if any(waiting.backend == backend for waiting in self._waiting):
            self._waiting = [waiting for waiting in self._waiting if waiting.backend != backend]
            self.ask("SELECT pg_terminate_backend($1, 5000)", backend)
            connection.terminate()
        else:
            self.now(connection.execute("ROLLBACK"))
            self._idle.append(connection)
        self.transaction_ended()

    def _connect(self) -> Connection:
        return self.now(asyncpg.connect(self._url, server_settings=self._settings))

    def _ends_or_waits(self, waiting: Waiting) -> bool:
        """Whether the statement has ended; if not, it waits for a lock."""
        while not waiting.statement.done():
            self._look(waiting.statement, until=self._loop.time() + PATIENCE_SECONDS)
            if not waiting.statement.done() and self.ask("SELECT pg_blocking_pids($1) <> '{}'", waiting.backend)[0][0]:
                return False
        return True

    def _look(self, task: asyncio.Future[Any], until: float | None) -> None:
        """Let the connections' own loop turn, in the middle of the simulation's."""
        simulation = asyncio._get_running_loop()
        asyncio._set_running_loop(self._loop)
        timer = None if until is None else self._loop.call_at(until, lambda: None)
        try:
            while not task.done() and (until is None or self._loop.time() < until):
                cast(_Turning, self._loop)._run_once()
        finally:
            if timer is not None:
                timer.cancel()
            asyncio._set_running_loop(simulation)


@contextmanager
def postgres_of(admin_url: str, service: str, slugs: tuple[str, ...]) -> Iterator[Postgres]:
    """A fresh database with the tables of a service and these instances, dropped at the end."""
    with asyncio.Runner() as outside:
        template = outside.run(make_template(admin_url, service, migrations_of(service)))
        clone = clone_of(admin_url, template, service)
        url = outside.run(clone.__aenter__())
        outside.run(_prepare(url, slugs))
        postgres = Postgres(url, f"simulated, {service}, pg_catalog")
        try:
            yield postgres
        finally:
            postgres.close()
            outside.run(clone.__aexit__(None, None, None))


async def _prepare(url: str, slugs: tuple[str, ...]) -> None:
    async with connection_to(url) as connection:
        await connection.execute(CLOCK)
        await connection.executemany(
            """
            INSERT INTO instance (slug, name, language, email, kind)
            VALUES ($1, $1, 'en', $1 || '@example.com', 'psa') ON CONFLICT (slug) DO NOTHING
            """,
            [(slug,) for slug in slugs],
        )


class Line:
    """What a process holds as its connection."""

    def __init__(self, postgres: Postgres, connection: Connection, process: Process) -> None:
        self._postgres = postgres
        self._connection = connection
        self._process = process
        self._closed = False
        self._in_transaction = False

    def is_closed(self) -> bool:
        return self._closed

    def terminate(self) -> None:
        if not self._closed:
            self._closed = True
            self._process.at_its_end.remove(self.terminate)
            self._postgres.take_back(self, self._connection)

    async def fetch(self, query: str, *arguments: Any) -> Any:
        return await self._run(query, arguments, self._connection.fetch)

    async def fetchrow(self, query: str, *arguments: Any) -> Any:
        return await self._run(query, arguments, self._connection.fetchrow)

    async def fetchval(self, query: str, *arguments: Any) -> Any:
        return await self._run(query, arguments, self._connection.fetchval)

    async def execute(self, query: str, *arguments: Any) -> Any:
        return await self._run(query, arguments, self._connection.execute)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        await self.execute("BEGIN")
        self._in_transaction = True
        try:
            yield
        except BaseException:
            self._in_transaction = False
            if not self._closed:
                await self.execute("ROLLBACK")
            raise
        self._in_transaction = False
        await self.execute("COMMIT")

    async def _run(self, query: str, arguments: tuple[Any, ...], call: Callable[..., Awaitable[Any]]) -> Any:
        ends = query == "COMMIT" or not (self._in_transaction or query == "BEGIN")
        await self._process.takes_its_time()
        await self._process.comes_to("before a commit" if ends else "before a statement")
        self._fail_if_lost()
        if self._postgres.refuses(query, arguments):
            raise asyncpg.CheckViolationError("this message is refused")
        result = await self._postgres.run(self._connection, self._asked(self._postgres.clock(), query, arguments, call))
        if ends or query == "ROLLBACK":
            self._postgres.transaction_ended()
        if ends:
            await self._process.comes_to("after a commit")
        self._fail_if_lost()
        await self._process.takes_its_time()
        return result

    async def _asked(
        self, now: datetime, query: str, arguments: tuple[Any, ...], call: Callable[..., Awaitable[Any]]
    ) -> Any:
        if ASKS_THE_CLOCK.search(query):
            await self._connection.execute(f"SET simulated.now = '{now.isoformat()}'")
        return await call(query, *arguments)

    def _fail_if_lost(self) -> None:
        if self._closed:
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
        if self._process.loses_its_database():
            self.terminate()
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
