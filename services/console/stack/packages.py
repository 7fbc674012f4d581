"""Packages of the system, the one place where any is installed."""

import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from services.console.stack.unavailable import Unavailable

BROKER_PACKAGE = "rabbitmq-server"
INSTALL_SECONDS = 600
POLICY = Path("/usr/sbin/policy-rc.d")
DO_NOT_START = "#!/bin/sh\nexit 101\n"


def install_broker() -> None:
    """Install RabbitMQ where that is ours to do. Raises Unavailable with the one command that does it otherwise."""
    if shutil.which("apt-get") is None:
        raise Unavailable(_advice())
    if os.geteuid() != 0:
        raise Unavailable(_advice())
    say = Console(stderr=True).print
    say(f"RabbitMQ: installing Debian's package {BROKER_PACKAGE} ...")
    with _without_starting_services():
        _apt_get("update")
        _apt_get("install", "--yes", "--no-install-recommends", BROKER_PACKAGE)
    say(f"RabbitMQ: installed {BROKER_PACKAGE}")


def _advice() -> str:
    if platform.system() == "Darwin":
        command = "brew install rabbitmq"
    elif shutil.which("apt-get"):
        command = f"sudo apt-get install --yes {BROKER_PACKAGE}"
    else:
        command = "install RabbitMQ 3.10 or newer from your system's packages"
    return f"There is no RabbitMQ and no container engine. This helps: {command}"


@contextmanager
def _without_starting_services() -> Iterator[None]:
    """Let the package be installed without starting its own node; a policy already there stays as it is."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text(DO_NOT_START)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def _apt_get(*arguments: str) -> None:
    command = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", *arguments]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
    )
    if done.returncode != 0:
        raise Unavailable(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
