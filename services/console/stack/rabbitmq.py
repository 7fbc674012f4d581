"""RabbitMQ for the local stack: the one given, a private node of the installed one, or one in a container."""

import os
import secrets
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import httpx

from services.console.stack import containers
from services.console.stack.packages import install_broker
from services.console.stack.ports import answers, free_port
from services.console.stack.processes import kill_all_of, run_server, wait_until_ready
from services.console.stack.unavailable import Unavailable

URL_VARIABLE = "TANDEM_LOCAL_BROKER_URL"
# A dot cannot stand in an instance's name, so this user is never in the way of one.
ADMIN = "tandem.admin"
START_SECONDS = 90.0
STOP_SECONDS = 30.0
# The contract's 1 MiB and a quarter, so that what is a little too long can be answered and not only cut off.
SETTINGS = {
    "max_message_size": "1310720",
    "heartbeat": "30",
    "disk_free_limit.absolute": "50MB",
    "vm_memory_high_watermark.relative": "0.4",
    "raft.wal_max_size_bytes": "67108864",
    "collect_statistics_interval": "1000",
}
# Debian's program on PATH changes to the package's user and directories; this is the one that it calls.
DEBIAN_PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


class RabbitMQ(Protocol):
    """A broker, ours to stop and kill unless it was given; `admin_url` is that of its management API."""

    amqp_host: str
    amqp_port: int
    admin_url: str

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def remove(self) -> None: ...
    def describe(self) -> str: ...


def find_rabbitmq(directory: Path) -> RabbitMQ:
    """The first RabbitMQ to be had: the URL given, the installed one, a container, the system's package."""
    if url := os.environ.get(URL_VARIABLE):
        return GivenRabbitMQ(url)
    if program := installed_program():
        return PrivateRabbitMQ(directory, program)
    if containers.engine_answers():
        return containers.RabbitMQContainer(ADMIN, lines_of(SETTINGS))
    install_broker()
    program = installed_program()
    if program is None:
        raise Unavailable("RabbitMQ was installed, but its program rabbitmq-server is nowhere to be found.")
    return PrivateRabbitMQ(directory, program)


def lines_of(settings: dict[str, str]) -> str:
    """Settings as RabbitMQ reads them."""
    return "".join(f"{name} = {value}\n" for name, value in settings.items())


def installed_program() -> Path | None:
    """The program that starts a node as whoever calls it."""
    if DEBIAN_PROGRAM.exists():
        return DEBIAN_PROGRAM
    on_path = shutil.which("rabbitmq-server")
    return Path(on_path) if on_path else None


class GivenRabbitMQ:
    """A broker that somebody else runs, known by the URL of its management API."""

    def __init__(self, url: str) -> None:
        self.admin_url = url if url.endswith("/") else f"{url}/"
        self.amqp_host = urlsplit(url).hostname or "127.0.0.1"
        self.amqp_port = 5672

    def start(self) -> None:
        """Ask it where it listens. Raises Unavailable."""
        try:
            overview = httpx.get(f"{self.admin_url}api/overview", timeout=5.0).raise_for_status().json()
        except httpx.HTTPError as error:
            raise Unavailable(f"The RabbitMQ of {URL_VARIABLE} does not answer: {error}") from error
        ports = [listener["port"] for listener in overview["listeners"] if listener["protocol"] == "amqp"]
        self.amqp_port = ports[0] if ports else self.amqp_port

    def stop(self) -> None:
        raise Unavailable("A RabbitMQ that was given is not ours to stop.")

    def kill(self) -> None:
        raise Unavailable("A RabbitMQ that was given is not ours to kill.")

    def remove(self) -> None:
        """Leave it as it is."""

    def describe(self) -> str:
        return f"RabbitMQ: given by {URL_VARIABLE}, at {self.amqp_host}:{self.amqp_port}"


class PrivateRabbitMQ:
    """A node of our own beside whatever else runs here: own ports, own name server, own cookie, own directory."""

    def __init__(self, directory: Path, program: Path) -> None:
        self.directory = directory / "rabbitmq"
        self.log = self.directory / "console.log"
        self.program = program
        self.password = secrets.token_urlsafe(18)
        self.amqp_host = "127.0.0.1"
        self.amqp_port, self.admin_port, self.metrics_port, self.node_port, self.names_port = _free_ports(5)
        self.admin_url = f"http://{ADMIN}:{self.password}@127.0.0.1:{self.admin_port}/"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start on the same ports and data as before. Raises Unavailable."""
        if not self.directory.exists():
            self._write_settings()
        self._process = run_server(
            [str(self.program)], directory=self.directory, log=self.log, environment=self._environment()
        )
        wait_until_ready("RabbitMQ", self._process, self._is_ready, log=self.log, seconds=START_SECONDS)

    def stop(self) -> None:
        """Shut down cleanly."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(STOP_SECONDS)
        self.kill()

    def kill(self) -> None:
        """SIGKILL the node, as a power cut would, and the name server that it started with it."""
        kill_all_of(self.directory)
        if self._process is not None:
            self._process.wait(STOP_SECONDS)
            self._process = None

    def remove(self) -> None:
        """Stop at once and leave nothing."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def describe(self) -> str:
        return (
            f"RabbitMQ {self._version()}: a private node of {self.program}, at 127.0.0.1:{self.amqp_port}, "
            f"management at 127.0.0.1:{self.admin_port}, in {self.directory}"
        )

    def _write_settings(self) -> None:
        self.directory.mkdir(mode=0o700)
        settings = {
            **SETTINGS,
            "listeners.tcp.1": f"127.0.0.1:{self.amqp_port}",
            "management.tcp.ip": "127.0.0.1",
            "management.tcp.port": str(self.admin_port),
            "prometheus.tcp.ip": "127.0.0.1",
            "prometheus.tcp.port": str(self.metrics_port),
            "default_user": ADMIN,
            "default_pass": self.password,
            "default_user_tags.administrator": "true",
            "log.console": "true",
            "log.console.level": "warning",
            "log.file": "false",
        }
        (self.directory / "rabbitmq.conf").write_text(lines_of(settings))
        (self.directory / "enabled_plugins").write_text("[rabbitmq_management,rabbitmq_prometheus].\n")

    def _environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.directory),
            # An address, which needs no name service: a bare machine may not even know localhost.
            "RABBITMQ_NODENAME": f"tandem-{self.amqp_port}@127.0.0.1",
            "RABBITMQ_USE_LONGNAME": "true",
            "RABBITMQ_MNESIA_BASE": str(self.directory / "data"),
            "RABBITMQ_LOG_BASE": str(self.directory / "log"),
            "RABBITMQ_CONFIG_FILE": str(self.directory / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(self.directory / "rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.directory / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(self.directory / "pid"),
            "RABBITMQ_DIST_PORT": str(self.node_port),
            "ERL_EPMD_PORT": str(self.names_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_CRASH_DUMP_SECONDS": "0",
            # Busy waiting buys nothing on a machine that is shared with the workers and the database. A queue in which
            # nothing happens is counted as often as one in which much does.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} -rabbit quorum_tick_interval 1000"
                " +sbwt none +sbwtdcpu none +sbwtdio none"
            ),
            # Without it the script stays between us and the node, and a signal meant for the node ends there.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def _is_ready(self) -> bool:
        if not answers(self.amqp_host, self.amqp_port):
            return False
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.admin_url}api/overview", timeout=5.0).status_code == httpx.codes.OK
        return False

    def _version(self) -> str:
        return str(httpx.get(f"{self.admin_url}api/overview", timeout=5.0).json()["rabbitmq_version"])


def _free_ports(count: int) -> list[int]:
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return list(ports)
