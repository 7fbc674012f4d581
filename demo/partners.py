"""The two partners as the play sees them: processes that are told what to do and say what came to them."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

from services.console.installation import Connected

SCHEMAS = Path(__file__).parents[1] / "docs" / "contract" / "schemas"
START_SECONDS = 20.0
WAIT_SECONDS = 20.0
STOP_SECONDS = 10.0
# A store with all its entries in one line.
LONGEST_LINE = 16 * 1024 * 1024

Row = dict[str, Any]


class PartnerFailed(Exception):
    """A partner's process ended, or what it was to get did not come in time."""


class Partner:
    """One partner's process; `deliveries` is all that came to it, in order."""

    def __init__(self, slug: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.slug = slug
        self.deliveries: list[Row] = []
        self._process = process
        self._told, self._said = _pipes_of(process)
        self._numbers = count()
        self._log = log
        self._answers: dict[int, asyncio.Future[Row]] = {}
        self._ready = asyncio.Event()
        self._came = asyncio.Condition()

    async def send(self, noun_verb: str, subject: str, **data: Any) -> None:
        """Have it publish a command."""
        await self._tell({"do": "send", "kind": f"tandem.{noun_verb}.v1", "subject": subject, "data": data})

    async def do(self, what: str, **how: Any) -> None:
        """Have its people do something in their own ticket system."""
        await self._tell({"do": what, **how})

    async def store(self) -> dict[str, list[Row]]:
        """All that it knows."""
        stored: dict[str, list[Row]] = (await self._tell({"do": "store"}))["store"]
        return stored

    async def gets(self, noun_verb: str, where: Callable[[Row], bool] = lambda _: True, times: int = 1) -> Row:
        """Wait until such a delivery has come so many times; the last of them. Raises PartnerFailed."""
        kind = f"tandem.{noun_verb}.v1"

        def matching() -> list[Row]:
            return [one["data"] for one in self.deliveries if one["came"] == kind and where(one["data"])]

        try:
            async with asyncio.timeout(WAIT_SECONDS), self._came:
                await self._came.wait_for(lambda: len(matching()) >= times)
        except TimeoutError:
            refused = [one["data"] for one in self.deliveries if one["came"] == "tandem.command.rejected.v1"]
            last = f"; the last refusal: {refused[-1]['type']} ({refused[-1]['detail']})" if refused else ""
            raise PartnerFailed(f"{self.slug} did not get {noun_verb} within {WAIT_SECONDS:.0f} s{last}") from None
        return dict(matching()[-1])

    async def listen(self) -> None:
        """Hear what the process says until it ends."""
        while line := await self._said.readline():
            said = json.loads(line)
            if "answer" in said:
                self._answers.pop(said["answer"]).set_result(said)
            elif "came" in said:
                async with self._came:
                    self.deliveries.append(said)
                    self._came.notify_all()
            else:
                self._ready.set()
        for waiting in self._answers.values():
            waiting.set_exception(PartnerFailed(f"{self.slug} ended: see {self._log}"))
        self._ready.set()

    async def until_ready(self) -> None:
        async with asyncio.timeout(START_SECONDS):
            await self._ready.wait()
        if self._process.returncode is not None:
            raise PartnerFailed(f"{self.slug} did not start: see {self._log}")

    async def stop(self) -> None:
        """End it by ending its standard input."""
        self._told.close()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _tell(self, wish: Row) -> Row:
        number = next(self._numbers)
        answer: asyncio.Future[Row] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        try:
            self._told.write(json.dumps({**wish, "wish": number}).encode() + b"\n")
            await self._told.drain()
            async with asyncio.timeout(WAIT_SECONDS):
                return await answer
        except ConnectionError:
            raise PartnerFailed(f"{self.slug} ended: see {self._log}") from None
        except TimeoutError:
            raise PartnerFailed(f"{self.slug} did not {wish['do']} within {WAIT_SECONDS:.0f} s") from None


def _pipes_of(process: asyncio.subprocess.Process) -> tuple[asyncio.StreamWriter, asyncio.StreamReader]:
    if process.stdin is None or process.stdout is None:
        raise PartnerFailed("a partner is spoken with by its standard input and output")
    return process.stdin, process.stdout


def environment_of(slug: str, connected: Connected, directory: Path) -> dict[str, str]:
    """All that a partner's process is told: nothing of ours but the broker, its queue, the gateway and the schemas."""
    return {
        "PATH": os.environ["PATH"],
        "INSTANCE_SLUG": slug,
        "INSTANCE_AMQP_URL": connected.amqp_url,
        "INSTANCE_QUEUE": connected.queue,
        "INSTANCE_FILES_URL": connected.files_url,
        "INSTANCE_FILES_TOKEN": connected.token,
        "INSTANCE_STORE": str(directory / f"{slug}.sqlite"),
        "INSTANCE_SCHEMAS": str(SCHEMAS),
    }


@asynccontextmanager
async def partner(slug: str, connected: Connected, directory: Path) -> AsyncIterator[Partner]:
    """A partner's process with its own store, told nothing but how to reach Tandem; ended at the end."""
    log = directory / f"{slug}.log"
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "demo.instance"),
            env=environment_of(slug, connected, directory),
            cwd=SCHEMAS.parents[2],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            limit=LONGEST_LINE,
            start_new_session=True,
        )
    started = Partner(slug, process, log)
    listening = asyncio.create_task(started.listen())
    try:
        await started.until_ready()
        yield started
    finally:
        await started.stop()
        await listening
