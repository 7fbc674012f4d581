"""What the billing worker is told by its environment."""

from shared.settings import WorkerSettings


class Settings(WorkerSettings):
    """Nothing but what every worker is told: rates and numbers are the instances' own."""
