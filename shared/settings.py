"""What a worker is told by its environment."""

import sys
from socket import gethostname
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.links import Keys

Settings = TypeVar("Settings", bound=BaseSettings)


def read_settings(kind: type[Settings]) -> Settings:
    """The settings in the environment; where some are missing or wrong, says which and ends with exit status 2."""
    try:
        return kind()
    except ValidationError as wrong:
        # What was given instead is not told: it may be a password.
        needed = (f"  {_variable(error['loc'])}: {error['msg']}" for error in wrong.errors())
        sys.stderr.write("\n".join(["tandem: settings in the environment are missing or wrong:", *needed, ""]))
        sys.exit(2)


def _variable(path: tuple[int | str, ...]) -> str:
    return "TANDEM_" + "_".join(map(str, path)).upper() if path else "together"


class WorkerSettings(BaseSettings):
    """Settings every worker has; each is read from `TANDEM_<NAME>`. URLs carry passwords and are never logged."""

    model_config = SettingsConfigDict(env_prefix="TANDEM_", frozen=True)

    database_url: SecretStr = Field(description="Postgres, as the role of this service")
    broker_url: SecretStr = Field(description="RabbitMQ (amqp or amqps), as the user of this service")
    replica: str = Field(
        default_factory=gethostname,
        min_length=1,
        description="what this replica is called, after a restart too: it takes up at once what it held before",
    )
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    stuck_seconds: float = Field(
        default=15.0, gt=0, description="a rule that computes for so long hangs: the worker says where, and ends"
    )
    drain_seconds: float = Field(
        default=20.0, gt=0, description="how long a stopping worker may take to finish its work"
    )


def _can_sign(keys: SecretStr) -> SecretStr:
    Keys.of(keys.get_secret_value())
    return keys


class LinkSettings(WorkerSettings):
    """What who writes links in e-mails, and who reads them, must agree on."""

    link_keys: Annotated[SecretStr, AfterValidator(_can_sign)] = Field(
        description="what signs links in e-mails; several separated by commas, of which the first signs"
    )

    @property
    def keys(self) -> Keys:
        return Keys.of(self.link_keys.get_secret_value())


class FileSettings(WorkerSettings):
    """What the workers that keep files must agree on."""

    files_store_url: Annotated[str, StringConstraints(pattern=r"^(file:///|s3://|gs://|az://).")] = Field(
        default="file:///var/lib/tandem/files", description="a local folder, or a bucket with a prefix in it"
    )

    @property
    def invoices_store_url(self) -> str:
        """Where issued invoices lie, apart from what instances bring: nothing there is ever removed."""
        return f"{self.files_store_url.rstrip('/')}/invoices"
