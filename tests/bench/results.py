"""How a benchmark keeps its figures: with the machine, the settings, every round, and whether each bar is met."""

import json
import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

DIRECTORY = Path("var/bench")
LOGS = DIRECTORY / "logs"


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure and what it must reach, or must not pass."""

    value: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def ok(self) -> bool:
        return (self.at_least is None or self.value >= self.at_least) and (
            self.at_most is None or self.value <= self.at_most
        )

    def as_json(self) -> dict[str, Any]:
        bar = self.at_least if self.at_least is not None else self.at_most
        return {"value": round(self.value, 4), "bar": bar, "ok": self.ok}


def keep(name: str, settings: dict[str, Any], rounds: list[dict[str, Any]], bars: dict[str, Bar]) -> Path:
    """Write the figures of one run; where they are."""
    machine = {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "python": platform.python_version(),
    }
    told = {
        "at": datetime.now(UTC).isoformat(),
        "machine": machine,
        "settings": settings,
        "rounds": rounds,
        "bars": {bar: figure.as_json() for bar, figure in bars.items()},
    }
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    path = DIRECTORY / f"{name}.json"
    path.write_text(json.dumps(told, indent=2))
    return path
