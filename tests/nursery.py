"""Processes for the tests, forked from one that has imported everything: a start takes milliseconds, not a second.

Each is a process like any other: with an environment, a session, signals and an exit status of its own, and it can be
killed. That a command line finds its module is shown where `tandem up` starts the workers.
"""

import asyncio
import ctypes
import gc
import importlib
import json
import os
import random
import runpy
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from tempfile import TemporaryFile
from typing import IO, Any

from shared.messaging.topology import SERVICES

MODULES = (*(f"services.{service}" for service in SERVICES), "services.console", "tests.integration.messaging.worker")
# An environment and a command line are a few KiB.
LONGEST_ORDER = 256 * 1024
LONGEST_RUN_SECONDS = 60.0
# From <sys/prctl.h>: the signal that comes when the parent ends.
PR_SET_PDEATHSIG = 1


class Process:
    """One that was forked; a pipe tells its number, and its exit status as soon as it has one."""

    def __init__(self, news: int) -> None:
        self._news = os.fdopen(news, "rb", buffering=0)
        self.pid = int(self._news.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit status, or None while it runs."""
        return self._status_within(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status. Raises TimeoutExpired where it has none in time, in seconds."""
        if (status := self._status_within(timeout)) is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        return status

    async def ended(self) -> int:
        """Its exit status, once it has one, while others go on."""
        while (status := self.poll()) is None:
            await asyncio.sleep(0.01)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _status_within(self, seconds: float | None) -> int | None:
        if self.returncode is None and select.select([self._news], [], [], seconds)[0]:
            self.returncode = int(self._news.readline())
            self._news.close()
        return self.returncode


def launch(module: str, environment: Mapping[str, str], log: IO[bytes], *arguments: str) -> Process:
    """Run a module with these arguments, in this environment alone; what it says goes to the log."""
    return _order([module, *arguments], environment, log.fileno(), log.fileno())


def run(module: str, environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module to its end: its exit status, and what it said and complained about. Raises TimeoutExpired."""
    with TemporaryFile("w+") as said, TemporaryFile("w+") as complained:
        status = _order([module, *arguments], environment, said.fileno(), complained.fileno()).wait(LONGEST_RUN_SECONDS)
        for file in (said, complained):
            file.seek(0)
        return subprocess.CompletedProcess([module, *arguments], status, said.read(), complained.read())


def _order(command: list[str], environment: Mapping[str, str], output: int, errors: int) -> Process:
    news, to_news = os.pipe()
    try:
        order = json.dumps({"command": command, "environment": dict(environment)}).encode()
        socket.send_fds(_nursery(), [order], [output, errors, to_news])
    finally:
        os.close(to_news)
    return Process(news)


@cache
def _nursery() -> socket.socket:
    """Where orders go; who takes them ends when this process does."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    subprocess.Popen([sys.executable, "-m", "tests.nursery"], stdin=its.fileno(), start_new_session=True)
    its.close()
    return ours


def _serve() -> None:
    """Fork whatever is ordered, until nobody can order any more."""
    for module in MODULES:
        name = module if module.startswith("tests") else f"{module}.__main__"
        importlib.import_module(name)
        # It is run under its own name later, as if for the first time.
        del sys.modules[name]
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    orders = socket.socket(fileno=0)
    while True:
        order, files, *_ = socket.recv_fds(orders, LONGEST_ORDER, 3)
        if not order:
            return None
        if os.fork() == 0:
            orders.detach()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return _attend(json.loads(order), files)
        for file in files:
            os.close(file)


def _attend(order: dict[str, Any], files: list[int]) -> None:
    """Fork what was ordered, and tell how it ends: only a parent hears of that."""
    output, errors, news = files
    _end_with_parent()
    child = os.fork()
    if child == 0:
        _end_with_parent()
        os.close(news)
        return _become(order, output, errors)
    os.write(news, f"{child}\n".encode())
    _, status = os.waitpid(child, 0)
    os.write(news, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _end_with_parent() -> None:
    """However the tests end, none of their processes goes on working for nobody."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _become(order: dict[str, Any], output: int, errors: int) -> None:
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for file, place in ((nothing, 0), (output, 1), (errors, 2)):
        os.dup2(file, place)
    os.closerange(3, max(nothing, output, errors) + 1)
    os.environ.clear()
    os.environ.update(order["environment"])
    random.seed()
    module, *sys.argv[1:] = order["command"]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _serve()
