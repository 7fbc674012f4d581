"""E-mails in the language of their reader: catalogues that say the same; dates, numbers and plurals as it has them."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from services.notifier.texts import content_of, letters
from services.notifier.texts.letters import CATALOGUES
from shared.catalogues import Catalogues
from shared.formats import Formats
from tests.unit.notifier.happenings import NEWS, REJECTED
from tests.unit.notifier.letters import SAMPLES, even, letter_to, plain_of, sample

FOLDER = Path(letters.__file__).parent / "catalogues"


@pytest.mark.parametrize("language", CATALOGUES.languages)
def test_every_catalogue_has_the_same_texts_and_places_for_values(language: str) -> None:
    assert _places(CATALOGUES.catalogue_for(language).texts) == _places(CATALOGUES.catalogue_for("en").texts)


def test_a_further_language_is_one_file_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Polish, which counts in ways of its own, in the words of English but for two."""
    english = FOLDER / "en.toml"
    polish = english.read_text(encoding="utf-8").replace(
        'other = "{count} changes"', 'few = "{count} zmiany"\nmany = "{count} zmian"\nother = "{count} zmiany"'
    )
    shutil.copy(english, tmp_path)
    (tmp_path / "pl.toml").write_text(polish, encoding="utf-8")
    monkeypatch.setattr(letters, "CATALOGUES", Catalogues(tmp_path))
    mails = {name: sample(name, "pl-PL") for name in SAMPLES}
    assert {mail["Content-Language"] for mail in mails.values()} == {"pl"}
    assert "Until: środa, 25 listopada 2026, 17:00" in even(plain_of(mails["offered"]))
    letter = letter_to("nordlicht", NEWS, "pl")

    def counted(changes: int) -> str:
        facts = replace(letter.notification.facts, line_count=changes)
        heading = content_of(replace(letter, notification=replace(letter.notification, facts=facts))).heading
        return heading.split(" by")[0]

    assert [counted(number) for number in (1, 2, 6, 22)] == ["1 change", "2 zmiany", "6 zmian", "22 zmiany"]
    # What it does not count in its own way takes the usual form.
    assert "… and 17 more lines" in plain_of(mails["entries-lead"])


def test_a_language_that_is_not_there_reads_english() -> None:
    assert CATALOGUES.catalogue_for("de-AT").language == "de"
    assert CATALOGUES.catalogue_for("pt-BR").language == "en"
    assert str(CATALOGUES.locale_for("de-AT")) == "de_AT"
    assert str(CATALOGUES.locale_for("pt-BR")) == "en"
    assert str(CATALOGUES.locale_for("en-nonsense")) == "en"
    assert content_of(letter_to("alpenwerk", REJECTED, "xx")).heading == "Nordlicht IT GmbH rejected your submission"


def test_numbers_lose_no_digits_and_gain_none() -> None:
    german = Formats.of(CATALOGUES.locale_for("de"))
    assert even(german.money(Decimal("0.0875"), "EUR")) == "0,0875 €"
    assert even(german.money(Decimal("100.0000"), "EUR")) == "100,00 €"
    assert even(german.money(Decimal(1500), "JPY")) == "1.500 ¥"
    assert even(german.hours(Decimal("1.0000"))) == "1 Stunde"
    assert even(german.hours(Decimal("10.0"))) == "10 Stunden"
    summer = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    assert even(german.instant(summer)) == "Donnerstag, 2. Juli 2026, 00:30 MESZ"


def test_times_are_those_of_the_reader_s_zone() -> None:
    letter = letter_to("alpenwerk", REJECTED, "en")
    reader = replace(letter.notification.reader, time_zone="America/New_York")
    there = replace(letter, notification=replace(letter.notification, reader=reader))
    assert even(content_of(there).until or "") == "Tuesday, December 1, 2026, 12:00 PM EST"


def _places(texts: dict[str, Any], path: str = "") -> dict[str, set[str]]:
    """Each text's path with the names of the values it takes."""
    if "other" in texts:
        # A language has as many forms as it counts in, and the usual one.
        return _places({path: texts["other"]})
    found: dict[str, set[str]] = {}
    for key, value in texts.items():
        if isinstance(value, dict):
            found |= _places(value, f"{path}{key}.")
        else:
            found[f"{path}{key}"] = {field for _, field, _, _ in Formatter().parse(value) if field}
    return found
