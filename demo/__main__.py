"""`make demo`: one outsourced ticket's whole life between two partners, on real servers."""

import asyncio
import shutil
import signal
import sys
from pathlib import Path
from time import perf_counter

from rich.console import Console

from demo import report
from demo.partners import PartnerFailed
from demo.performance import theatre
from demo.timeline import Timeline
from services.console.installation import install
from services.console.stack import LocalStack, Unavailable

DIRECTORY = Path("var/demo")


async def run(console: Console) -> int:
    """Set the stage, play, compare, and clean up; 0 only if all is as the expectation says."""
    began = perf_counter()
    timeline = Timeline(console)
    async with LocalStack() as stack:
        for line in stack.describe():
            console.print(line, highlight=False, soft_wrap=True)
        installation = await install(stack)
        async with theatre(installation, DIRECTORY) as stage:
            try:
                outcome = await stage.perform(timeline)
            except (PartnerFailed, TimeoutError) as failed:
                report.write_failure(DIRECTORY, timeline, failed, perf_counter() - began)
                raise
    seconds = perf_counter() - began
    found = report.faults_of(outcome)
    report.write(DIRECTORY, timeline, outcome, found, seconds)
    report.show(console, DIRECTORY, outcome, found, seconds)
    return 1 if found else 0


async def _until_stopped(console: Console) -> int:
    """The same, cut short in an orderly way by Ctrl-C and SIGTERM."""
    playing = asyncio.create_task(run(console))
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, playing.cancel)
    return await playing


def main() -> int:
    console = Console()
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    DIRECTORY.mkdir(parents=True)
    try:
        return asyncio.run(_until_stopped(console))
    except asyncio.CancelledError:
        console.print("stopped; nothing is left running")
        return 130
    except (PartnerFailed, TimeoutError, Unavailable) as failed:
        console.print(f"[red]{str(failed) or 'something took too long'}[/red]", highlight=False)
        console.print(f"What each process said stands in {DIRECTORY}/", highlight=False)
        return 1


if __name__ == "__main__":
    sys.exit(main())
