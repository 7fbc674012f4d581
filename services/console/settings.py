"""What the administrator's commands are told by their environment."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class DatabaseSettings(BaseSettings):
    """Postgres, for commands that only look at or mend what is stored."""

    model_config = SettingsConfigDict(env_prefix="TANDEM_", frozen=True)

    admin_database_url: SecretStr = Field(description="Postgres, the database of Tandem, as a role that may do all")


class AdminSettings(DatabaseSettings):
    """Postgres and RabbitMQ as seen by who may change all of it; each is read from `TANDEM_<NAME>`."""

    admin_broker_url: SecretStr = Field(description="RabbitMQ's management API (http or https), as an administrator")
    vhost: str = Field(default="/", min_length=1)
    shards: int | None = Field(
        default=None,
        ge=1,
        le=256,
        description="shard queues of each service; as many as there are unless set, at first 1",
    )


class WorkerPasswords(BaseSettings):
    """The password of each worker, at the database as at the broker; read from `TANDEM_<SERVICE>_PASSWORD`."""

    model_config = SettingsConfigDict(env_prefix="TANDEM_", frozen=True)

    offer_handler_password: SecretStr
    ticket_sync_password: SecretStr
    notifier_password: SecretStr
    billing_password: SecretStr
    gateway_password: SecretStr

    def of(self, service: str) -> str:
        password: SecretStr = getattr(self, f"{service}_password")
        return password.get_secret_value()
