"""A migration that is cut off, wherever it is: run again, everything is there once."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import psycopg
import pytest

from services.console.stack import LocalStack
from shared.database import Connection
from shared.migrate import migrate
from tests.integration.databases import clone_of, connection_to

RUN = """
import sys
from pathlib import Path
import orjson
from shared.migrate import migrate
sys.stdout.buffer.write(orjson.dumps(migrate(sys.argv[1], "cutoff", "secret", Path(sys.argv[2]))))
"""
EVERYTHING = ["0001_runtime", "0001_first", "0002_second"]
# What the second migration has to wait for, so that it is cut off in the middle; and the note of what was applied.
IN_THE_MIDDLE, BEFORE_ITS_NOTE = "cutoff.first", "cutoff._yoyo_migration"


@pytest.fixture
async def url(stack: LocalStack) -> AsyncIterator[str]:
    """An empty database."""
    async with clone_of(stack.database_admin_url, "template1", "cutoff") as url:
        yield url.partition("?")[0]


@pytest.fixture
async def database(url: str) -> AsyncIterator[Connection]:
    async with connection_to(url) as connection:
        yield connection


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    first = "CREATE TABLE first (id integer PRIMARY KEY); INSERT INTO first VALUES (1);"
    second = "CREATE TABLE second (id integer); INSERT INTO second VALUES (1); INSERT INTO first VALUES (2);"
    (tmp_path / "0001_first.sql").write_text(first)
    (tmp_path / "0002_second.sql").write_text(f"-- depends: 0001_first\n{second}")
    return tmp_path


async def run(url: str, migrations: Path) -> Process:
    """One run, in a process of its own."""
    return await asyncio.create_subprocess_exec(sys.executable, "-c", RUN, url, str(migrations), stdout=PIPE)


async def applied_by(process: Process) -> list[str]:
    told, _ = await process.communicate()
    assert process.returncode == 0
    return list(orjson.loads(told))


async def waits(database: Connection) -> int:
    """The connection that waits for what the test holds."""
    waiting = """
        SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = database AND datname = current_database()
        WHERE locktype = 'relation' AND NOT granted
    """
    async with asyncio.timeout(10):
        while (pid := await database.fetchval(waiting)) is None:
            await asyncio.sleep(0.02)
    return int(pid)


async def is_there_once(database: Connection, url: str, migrations: Path) -> None:
    """All of it, by one more run."""
    await asyncio.to_thread(migrate, url, "cutoff", "secret", migrations)
    assert [row[0] for row in await database.fetch("SELECT id FROM cutoff.first ORDER BY id")] == [1, 2]
    assert await database.fetchval("SELECT count(*) FROM cutoff.second") == 1
    noted = await database.fetch("SELECT migration_id FROM cutoff._yoyo_migration")
    assert Counter(row[0] for row in noted) == Counter(EVERYTHING)
    assert await database.fetchval("SELECT count(*) FROM cutoff.yoyo_lock") == 0


@pytest.mark.parametrize("held", [IN_THE_MIDDLE, BEFORE_ITS_NOTE])
async def test_a_run_that_is_killed_is_made_up_for_by_the_next(
    url: str, database: Connection, migrations: Path, held: str
) -> None:
    await _apply_the_first(url, migrations)
    async with database.transaction():
        await database.execute(f"LOCK TABLE {held} IN EXCLUSIVE MODE")
        process = await run(url, migrations)
        await waits(database)
        process.kill()
        await process.wait()
    await is_there_once(database, url, migrations)


async def test_a_run_whose_session_is_ended_says_so_and_is_made_up_for_by_the_next(
    url: str, database: Connection, migrations: Path
) -> None:
    await _apply_the_first(url, migrations)
    async with database.transaction():
        await database.execute(f"LOCK TABLE {IN_THE_MIDDLE} IN EXCLUSIVE MODE")
        running = asyncio.create_task(asyncio.to_thread(migrate, url, "cutoff", "secret", migrations))
        await database.execute("SELECT pg_terminate_backend($1)", await waits(database))
        with pytest.raises(psycopg.Error):
            await running
    await is_there_once(database, url, migrations)


async def test_a_run_that_was_killed_while_the_library_held_its_own_lock_keeps_nobody_out(
    url: str, database: Connection, migrations: Path
) -> None:
    await _apply_the_first(url, migrations)
    await database.execute("INSERT INTO cutoff.yoyo_lock VALUES (1, now(), 1)")
    async with asyncio.timeout(5):
        await is_there_once(database, url, migrations)


async def test_of_two_runs_at_once_each_migration_is_applied_by_one(
    url: str, database: Connection, migrations: Path
) -> None:
    runs = [await run(url, migrations) for _ in range(2)]
    applied = await asyncio.gather(*map(applied_by, runs))
    assert Counter(name for names in applied for name in names) == Counter(EVERYTHING)
    await is_there_once(database, url, migrations)


async def _apply_the_first(url: str, migrations: Path) -> None:
    """All but the second."""
    second = migrations / "0002_second.sql"
    hidden = second.rename(second.with_suffix(".later"))
    await asyncio.to_thread(migrate, url, "cutoff", "secret", migrations)
    hidden.rename(second)
