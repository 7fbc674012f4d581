"""The instances a service knows: to whom it may tell something, and in which language."""

from collections.abc import Iterable

from shared.database import Connection


class Directory:
    """Slugs and languages, remembered from this service's own `instance` table."""

    def __init__(self) -> None:
        self._languages: dict[str, str] = {}

    def knows(self, slug: str) -> bool:
        return slug in self._languages

    def language_of(self, slug: str) -> str:
        return self._languages.get(slug, "en")

    async def look_up(self, connection: Connection, slugs: Iterable[str]) -> None:
        """Ask for those that are not known yet; who is not there stays unknown and is asked for again next time."""
        unknown = sorted({slug for slug in slugs if slug not in self._languages})
        if unknown:
            rows = await connection.fetch("SELECT slug, language FROM instance WHERE slug = ANY ($1::text[])", unknown)
            self._languages |= {row["slug"]: row["language"] for row in rows}
