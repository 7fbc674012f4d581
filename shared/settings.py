"""What a worker is told by its environment."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class WorkerSettings(BaseSettings):
    """Settings every worker has; each is read from `TANDEM_<NAME>`. URLs carry passwords and are never logged."""

    model_config = SettingsConfigDict(env_prefix="TANDEM_", frozen=True)

    database_url: SecretStr = Field(description="Postgres, as the role of this service")
    broker_url: SecretStr = Field(description="RabbitMQ (amqp or amqps), as the user of this service")
    shards: int = Field(
        default=1, ge=1, le=256, description="shard queues of each service, as declared by `tandem migrate`"
    )
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    stuck_seconds: float = Field(
        default=15.0, gt=0, description="a rule that computes for so long hangs: the worker says where, and ends"
    )
    drain_seconds: float = Field(
        default=20.0, gt=0, description="how long a stopping worker may take to finish its work"
    )
