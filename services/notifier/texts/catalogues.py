"""Texts by language: one TOML file each, all with the same keys."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError

FOLDER = Path(__file__).parent / "catalogues"
FALLBACK = "en"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All texts of one language."""

    language: str
    texts: dict[str, Any]

    def text(self, path: str, **values: str) -> str:
        """The text at `group.key` with its values filled in. Raises KeyError where the catalogue has a gap."""
        found: Any = self.texts
        for key in path.split("."):
            found = found[key]
        return str(found).format(**values)


def languages() -> list[str]:
    """The languages there are texts in."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@cache
def catalogue_for(language: str) -> Catalogue:
    """The catalogue of a language tag (BCP 47), of its main language, or the English one."""
    known = languages()
    main = language.partition("-")[0].lower()
    chosen = next((one for one in (language, main) if one in known), FALLBACK)
    return Catalogue(chosen, tomllib.loads((FOLDER / f"{chosen}.toml").read_text(encoding="utf-8")))


@cache
def locale_for(language: str) -> Locale:
    """How dates and numbers look to who reads that language; always in the language of the text around them."""
    chosen = catalogue_for(language).language
    try:
        locale = Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale.parse(chosen, sep="-")
    return locale if locale.language == chosen else Locale.parse(chosen, sep="-")
