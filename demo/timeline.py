"""What happens, as it happens: a line a step, live where there is a terminal."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter

from rich.console import Console
from rich.markup import escape

COLOURS = {"nordlicht": "cyan", "alpenwerk": "green", "rheintal": "yellow", "Tandem": "magenta"}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the play and how it went."""

    who: str
    what: str
    outcome: str
    duration_ms: float


class Timeline:
    """Tells every step when it begins and when it has come about."""

    def __init__(self, console: Console) -> None:
        self.steps: list[Step] = []
        self._console = console
        self._began = perf_counter()

    def chapter(self, title: str) -> None:
        """What the next steps are about."""
        self._console.print(f"\n[bold]{escape(title)}[/bold]")

    @asynccontextmanager
    async def step(self, who: str, what: str) -> AsyncIterator[None]:
        """One step, from the wish to its last effect."""
        began = perf_counter()
        outcome = "failed"
        with self._console.status(f"{who} {what} …"):
            try:
                yield
                outcome = "done"
            finally:
                duration_ms = (perf_counter() - began) * 1000
                self.steps.append(Step(who, what, outcome, round(duration_ms, 1)))
                self._tell(self.steps[-1])

    def _tell(self, step: Step) -> None:
        at = perf_counter() - self._began
        mark = "[green]✓[/green]" if step.outcome == "done" else "[red]✗[/red]"
        colour = COLOURS.get(step.who, "white")
        self._console.print(
            f"{at:6.2f} s  {mark} [{colour}]{step.who:9}[/{colour}] {escape(step.what)}"
            f" [dim]{step.duration_ms:.0f} ms[/dim]",
            soft_wrap=True,
        )
