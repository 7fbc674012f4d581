"""What the ticket_sync worker is told by its environment."""

from pydantic import Field

from shared.settings import WorkerSettings


class Settings(WorkerSettings):
    """How often both sides are told what they should hold."""

    digest_hours: float = Field(default=24.0, gt=0, description="from one digest of an open ticket to the next")
