"""What the offer_handler worker is told by its environment."""

from shared.settings import WorkerSettings


class Settings(WorkerSettings):
    """Nothing beyond what every worker is told."""
