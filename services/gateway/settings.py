"""What the gateway worker is told by its environment."""

from pydantic import Field

from shared.contracts.values import LARGEST_FILE_BYTES
from shared.settings import FileSettings, LinkSettings

MEBIBYTE = 1024 * 1024


class Settings(LinkSettings, FileSettings):
    """Where it listens, and how long files are kept."""

    http_host: str = Field(
        default="127.0.0.1", min_length=1, description="other machines reach it through a proxy that ends TLS"
    )
    http_port: int = Field(default=8080, ge=1, le=65535)
    files_retention_days: int = Field(
        default=30,
        ge=0,
        description="how long content stays after the last entry let it go: as long as a backup of the database is"
        " kept, so that one that is restored finds its files",
    )
    files_uncited_mib: int = Field(
        default=1024,
        ge=LARGEST_FILE_BYTES // MEBIBYTE,
        description="how much an instance may have uploaded that no entry of its own cites yet: ten of the largest"
        " files on their way, and no store that one instance can fill",
    )

    @property
    def most_uncited_bytes(self) -> int:
        return self.files_uncited_mib * MEBIBYTE
