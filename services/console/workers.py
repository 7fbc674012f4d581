"""Workers as processes of this machine: started with their environment, watched, drained or killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

# A worker drains for 20 s at the longest; after a little more it is killed.
STOP_SECONDS = 25.0


class Process(Protocol):
    """A process that was started, as `subprocess` has it."""

    pid: int

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


# The module to run, its whole environment, and where what it says goes.
Launch = Callable[[str, Mapping[str, str], IO[bytes]], Process]


def launch(module: str, environment: Mapping[str, str], log: IO[bytes]) -> Process:
    """Run a module, in a session of its own so that a Ctrl-C meant for us does not reach it first."""
    return subprocess.Popen(
        [sys.executable, "-m", module],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


class Worker:
    """One worker process; what it says goes to a file of its own."""

    def __init__(self, service: str, environment: Mapping[str, str], log: Path, launch: Launch = launch) -> None:
        self.service = service
        self.log = log
        self._environment = environment
        self._launch = launch
        self._process: Process | None = None

    @property
    def pid(self) -> int:
        """Raises RuntimeError where it was never started."""
        if self._process is None:
            raise RuntimeError(f"{self.service} was not started")
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """None while it runs."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start it; again, where it ran before."""
        with self.log.open("ab") as log:
            environment = {**_surroundings(), **self._environment}
            self._process = self._launch(f"services.{self.service}", environment, log)

    def terminate(self) -> None:
        """Ask it to drain and end."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait(self) -> int:
        """Wait for its end and tell its exit status; one that does not end in time is killed."""
        if self._process is None:
            return 0
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGKILL

    def kill(self) -> None:
        """SIGKILL it, wherever it is in its work."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextmanager
def workers(
    environments: Mapping[str, Mapping[str, str]], logs: Path, *, replicas: int = 1, launch: Launch = launch
) -> Iterator[list[Worker]]:
    """So many replicas of each of these services, by service; all are drained at the end."""
    logs.mkdir(parents=True, exist_ok=True)
    running = [
        Worker(
            service,
            {**environment, "TANDEM_REPLICA": f"{service}-{replica}"},
            logs / f"{service}-{replica}.log",
            launch,
        )
        for service, environment in environments.items()
        for replica in range(1, replicas + 1)
    ]
    try:
        for worker in running:
            worker.start()
        yield running
    finally:
        for worker in running:
            worker.terminate()
        for worker in running:
            worker.wait()


def _surroundings() -> dict[str, str]:
    """Our environment without any setting of Tandem: a worker is told only what is meant for it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TANDEM_")}
