"""Processes of private servers: each carries its stack's directory in its environment, by which it is found again."""

import os
import pwd
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from services.console.stack.unavailable import Unavailable

# What belongs to a stack carries its directory under this name, servers and workers alike.
MARK = "TANDEM_STACK_DIRECTORY"
LOG_TAIL_CHARACTERS = 3_000
KILL_SECONDS = 10.0


def run_server(
    command: Sequence[str],
    *,
    directory: Path,
    log: Path,
    environment: Mapping[str, str] | None = None,
    user: str | None = None,
) -> "subprocess.Popen[bytes]":
    """Start a server in a session of its own, so that a Ctrl-C meant for us does not reach it first."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            cwd=directory,
            env={**os.environ, **(environment or {}), MARK: str(directory)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=user,
            group=None if user is None else _group_of(user),
            extra_groups=None if user is None else [],
        )


def wait_until_ready(
    what: str, process: "subprocess.Popen[bytes]", ready: Callable[[], bool], *, log: Path, seconds: float
) -> None:
    """Wait until a server answers. Raises Unavailable with the end of its log when it died or took too long."""
    patience = Retrying(
        retry=retry_if_result(lambda done: not done),
        wait=wait_fixed(0.05),
        stop=stop_after_delay(seconds),
        retry_error_callback=lambda _: False,
    )
    if not patience(lambda: process.poll() is not None or ready()) or process.poll() is not None:
        tail = log.read_text(errors="replace")[-LOG_TAIL_CHARACTERS:] if log.exists() else ""
        raise Unavailable(f"{what} did not start (exit status {process.poll()}):\n{tail}")


def kill_tree(process: "subprocess.Popen[bytes]") -> None:
    """SIGKILL a server and all that it started, and wait until none of them is left."""
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(process.pid)
        _kill([root, *root.children(recursive=True)])
    process.wait(KILL_SECONDS)


def kill_all_of(directory: Path) -> None:
    """SIGKILL every process that belongs to a stack's directory, daemons included."""
    _kill(processes_of(directory))


def processes_of(directory: Path) -> list[psutil.Process]:
    """The processes that belong to a stack's directory."""
    return [process for process in psutil.process_iter() if _belongs_to(process, directory)]


def _belongs_to(process: psutil.Process, directory: Path) -> bool:
    try:
        # Postgres writes its title over its environment; its arguments then still name the directory.
        if process.name() == "postgres":
            return _runs(process) and str(directory) in " ".join(process.cmdline())
        return _runs(process) and Path(process.environ().get(MARK, "/")).is_relative_to(directory)
    except (psutil.Error, OSError):
        return False


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    patience = Retrying(
        retry=retry_if_result(bool), wait=wait_fixed(0.02), stop=stop_after_delay(KILL_SECONDS), reraise=True
    )
    patience(lambda: [process for process in processes if _runs(process)])


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _group_of(user: str) -> int:
    return pwd.getpwnam(user).pw_gid
