"""What the billing worker is told by its environment."""

from pydantic import Field

from shared.settings import FileSettings


class Settings(FileSettings):
    """Where invoices are kept, and what making them may cost; rates and numbers are the instances' own."""

    rendering_processes: int = Field(
        default=2, ge=1, le=64, description="how many invoices are set into pages at once, each in a process of its own"
    )
