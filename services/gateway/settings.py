"""What the gateway worker is told by its environment."""

from typing import Annotated

from pydantic import Field, StringConstraints

from shared.settings import LinkSettings


class Settings(LinkSettings):
    """Where it listens, where files are kept, and for how long."""

    http_host: str = Field(
        default="127.0.0.1", min_length=1, description="other machines reach it through a proxy that ends TLS"
    )
    http_port: int = Field(default=8080, ge=1, le=65535)
    files_store_url: Annotated[str, StringConstraints(pattern=r"^(file:///|s3://|gs://|az://).")] = Field(
        default="file:///var/lib/tandem/files", description="a local folder, or a bucket with a prefix in it"
    )
    files_retention_days: int = Field(
        default=30,
        ge=0,
        description="how long content stays after the last entry let it go: as long as a backup of the database is"
        " kept, so that one that is restored finds its files",
    )
