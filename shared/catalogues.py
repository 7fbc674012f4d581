"""Texts by language: one TOML file each in a folder, all with the same keys."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError

FALLBACK = "en"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All texts of one language."""

    language: str
    texts: dict[str, Any]

    def text(self, *places: str, **values: str) -> str:
        """The text at the first of these places, such as `group.key`, that there is, with its values filled in.

        Raises KeyError where the catalogue has a gap.
        """
        for place in places:
            found = self._at(place)
            if isinstance(found, str):
                return found.format(**values)
        raise KeyError(places[-1])

    def _at(self, place: str) -> Any:
        found: Any = self.texts
        for key in place.split("."):
            found = found.get(key) if isinstance(found, dict) else None
        return found


class Catalogues:
    """The catalogues in a folder; a further language is one file more, named after its code."""

    def __init__(self, folder: Path) -> None:
        self._catalogues = {
            path.stem: Catalogue(path.stem, tomllib.loads(path.read_text(encoding="utf-8")))
            for path in sorted(folder.glob("*.toml"))
        }

    @property
    def languages(self) -> list[str]:
        """The languages there are texts in."""
        return list(self._catalogues)

    def catalogue_for(self, language: str) -> Catalogue:
        """The catalogue of a language tag (BCP 47), of its main language, or the English one."""
        main = language.partition("-")[0].lower()
        return self._catalogues.get(language) or self._catalogues.get(main) or self._catalogues[FALLBACK]

    def locale_for(self, language: str) -> Locale:
        """How dates and numbers look to who reads that language; always in the language of the text around them."""
        chosen = self.catalogue_for(language).language
        try:
            locale = Locale.parse(language, sep="-")
        except (UnknownLocaleError, ValueError):
            return Locale.parse(chosen, sep="-")
        return locale if locale.language == chosen else Locale.parse(chosen, sep="-")
