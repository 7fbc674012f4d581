"""What the billing worker is told by its environment."""

import os

from pydantic import Field

from shared.settings import FileSettings

FEW_CORES = 2


class Settings(FileSettings):
    """Where invoices are kept, and what making them may cost; rates and numbers are the instances' own."""

    rendering_processes: int = Field(
        # Another core stays with the worker.
        default_factory=lambda: 1 if (os.cpu_count() or 1) <= FEW_CORES else 2,
        ge=1,
        le=64,
        description="how many invoices are set into pages at once, each in a process of its own",
    )
