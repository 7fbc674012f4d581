"""What a problem is made of."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: title and detail by language; `{names}` in a detail are filled from what the rule knows."""

    status: int
    title: dict[str, str]
    detail: dict[str, str]


def problem(status: int, *, en: tuple[str, str], de: tuple[str, str]) -> Problem:
    """A problem by its status and, for each language, its title and detail."""
    return Problem(status, {"en": en[0], "de": de[0]}, {"en": en[1], "de": de[1]})
