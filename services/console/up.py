"""`tandem up` and `tandem down`: broker, database, mail catcher and all workers on this machine."""

import asyncio
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from rich.console import Console

from services.console.installation import Installation, install
from services.console.stack import LocalStack
from services.console.stack.ports import free_port
from services.console.workers import Worker, workers
from shared.messaging import topology

DIRECTORY = Path("var/up")
OWNER = DIRECTORY / "pid"
ENVIRONMENT = DIRECTORY / "environment"
MAILS = DIRECTORY / "mails"
LOOK_SECONDS = 1.0
# Stack and workers each have less than this to end.
DOWN_SECONDS = 90.0


class AlreadyUp(Exception):
    """Another `tandem up` runs out of this directory."""


def up(shards: int) -> None:
    """Everything in the foreground until Ctrl-C or SIGTERM; a worker that ends is started again.

    What is stored is gone with it. Raises AlreadyUp, and Unavailable when broker or database cannot be had.
    """
    console = Console(highlight=False)
    with _ownership(), LocalStack() as stack:
        for line in stack.describe():
            console.print(line)
        installation = asyncio.run(install(stack, shards=shards))
        _write_environment(installation)
        with (
            mail_catcher(MAILS, stack) as smtp_port,
            workers(_environments(installation, smtp_port), DIRECTORY) as running,
        ):
            console.print(f"Workers: {', '.join(worker.service for worker in running)}; they log to {DIRECTORY}/")
            console.print(f"E-mails: kept in {MAILS}/")
            console.print(f"Files: {installation.files_url}")
            console.print(f"Queues: {_without_password(stack.broker_admin_url)} (name and password in {ENVIRONMENT})")
            console.print(
                f"Commands in another terminal: [bold]. {ENVIRONMENT} && .venv/bin/tandem instance add …[/bold]"
            )
            console.print("Ctrl-C ends it all.")
            _watch(running, console.print)


def down() -> bool:
    """End what `up` started, wherever it runs, and wait for it; says whether there was anything."""
    process = _owner()
    if process is None:
        return False
    process.terminate()
    process.wait(DOWN_SECONDS)
    return True


@contextmanager
def mail_catcher(directory: Path, stack: LocalStack) -> Iterator[int]:
    """A mail server that keeps what it gets in a maildir; yields its port."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [sys.executable, "-m", "aiosmtpd", "-n", "-l", f"127.0.0.1:{port}"]
    with subprocess.Popen(
        [*command, "-c", "aiosmtpd.handlers.Mailbox", str(directory.resolve())],
        env={**os.environ, **stack.mark},
        start_new_session=True,
    ) as process:
        try:
            yield port
        finally:
            process.terminate()


def _environments(installation: Installation, smtp_port: int) -> dict[str, dict[str, str]]:
    environments = {service: installation.environment_of(service) for service in topology.SERVICES}
    environments["notifier"] |= {
        "TANDEM_SMTP_HOST": "127.0.0.1",
        "TANDEM_SMTP_PORT": str(smtp_port),
        "TANDEM_SMTP_SECURITY": "none",
        "TANDEM_SMTP_SENDER": "Tandem <tandem@example.com>",
    }
    return environments


def _watch(running: list[Worker], say: Callable[[str], None]) -> None:
    try:
        while not threading.Event().wait(LOOK_SECONDS):
            for worker in running:
                if worker.exit_status is not None:
                    say(f"{worker.service} ended with {worker.exit_status}: see {worker.log}; started again")
                    worker.start()
    except KeyboardInterrupt:
        say("Draining the workers …")


@contextmanager
def _ownership() -> Iterator[None]:
    if _owner() is not None:
        raise AlreadyUp("it is up already; `tandem down` ends it")
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    OWNER.write_text(str(os.getpid()))
    try:
        yield
    finally:
        OWNER.unlink(missing_ok=True)
        ENVIRONMENT.unlink(missing_ok=True)


def _owner() -> psutil.Process | None:
    """The process that runs `tandem up` here; None where its number is stale."""
    try:
        process = psutil.Process(int(OWNER.read_text()))
        return process if "up" in process.cmdline() else None
    except (FileNotFoundError, ValueError, psutil.Error):
        return None


def _write_environment(installation: Installation) -> None:
    """What commands in another terminal need; with passwords, so for nobody else's eyes."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in installation.administrator_environment().items()]
    ENVIRONMENT.touch(mode=0o600)
    ENVIRONMENT.write_text("\n".join(lines) + "\n")


def _without_password(url: str) -> str:
    scheme, rest = url.split("://", 1)
    return f"{scheme}://{rest.rsplit('@', 1)[-1]}"
