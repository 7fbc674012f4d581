"""`tandem up` and `tandem down`, as a developer runs them."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from services.console.stack.directory import remove_leftovers
from services.console.stack.processes import processes_of

# Each looks for what crashed stacks have left: not for two processes at the same time.
pytestmark = pytest.mark.xdist_group("leftovers")
UP_SECONDS = 60.0
READY = b"Ctrl-C ends it all."


@asynccontextmanager
async def up(directory: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, Path]]:
    """`tandem up` in this directory, once it says that all is there; and the directory of its stack."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.console", "up"),
        cwd=directory,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "COLUMNS": "500"},
        preexec_fn=hear_ctrl_c,
    )
    assert process.stdout is not None
    stack: list[Path] = []
    async with asyncio.timeout(UP_SECONDS):
        while READY not in (line := await process.stdout.readline()):
            assert line, "it ended before all was there"
            if b"embedded, at" in line:
                stack.append(Path(line.decode().rsplit(" in ", 1)[1].strip()).parent)
    try:
        yield process, stack[0]
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def hear_ctrl_c() -> None:
    """As in a terminal: a shell tells its background jobs to ignore it, and these tests may be one."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def tandem(directory: Path, command: str) -> str:
    """Another command in another terminal, as `tandem up` says to run it."""
    process = await asyncio.create_subprocess_shell(
        f". var/up/environment; {sys.executable} -m services.console {command}",
        cwd=directory,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return said.decode()


def nothing_left_of(stack: Path, processes: list[psutil.Process]) -> bool:
    return not stack.exists() and not any(_runs(process) for process in processes)


def _runs(process: psutil.Process) -> bool:
    """A process that has ended and that nobody has asked about yet does not run."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_everything_is_there_once_commands_work_beside_it_and_down_leaves_nothing(tmp_path: Path) -> None:
    async with up(tmp_path) as (process, stack):
        processes = psutil.Process(process.pid).children(recursive=True)
        assert (tmp_path / "var/up/environment").stat().st_mode & 0o077 == 0, "it has passwords in it"
        assert "nordlicht" in await tandem(
            tmp_path, "instance add nordlicht --name Nordlicht --language de --email info@example.com"
        )
        assert "balanced" in await tandem(tmp_path, "check")
        again = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.console", "up"), cwd=tmp_path, stderr=asyncio.subprocess.PIPE
        )
        _, complained = await again.communicate()
        assert again.returncode == 1 and b"it is up already" in complained
        assert "stopped" in await tandem(tmp_path, "down")
        await process.wait()
        assert nothing_left_of(stack, processes)


async def test_ctrl_c_ends_it_all(tmp_path: Path) -> None:
    async with up(tmp_path) as (process, stack):
        processes = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(UP_SECONDS):
            await process.wait()
        assert nothing_left_of(stack, processes)


async def test_what_a_crash_leaves_running_is_removed_by_the_next_start(tmp_path: Path) -> None:
    async with up(tmp_path) as (process, stack):
        processes = processes_of(stack)
        assert any("services.ticket_sync" in one.cmdline() for one in processes)
        assert {"postgres", "beam.smp", "epmd"} <= {one.name() for one in processes}
        process.kill()
        async with asyncio.timeout(UP_SECONDS):
            while stack not in remove_leftovers():
                await asyncio.sleep(0.05)  # until it is gone for the system too
        assert nothing_left_of(stack, processes)
