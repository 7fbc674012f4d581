"""Logs: what went wrong is told without the words of an error, which may quote what was being worked on."""

from shared.logs import without_words


def test_an_error_is_told_by_its_place_and_kind_and_by_what_led_to_it() -> None:
    told, quoted, nobody = "", "Hotel Post", dict[str, str]()
    try:
        try:
            nobody[quoted]
        except KeyError as missing:
            raise ValueError(quoted) from missing
    except ValueError as error:
        told = without_words((type(error), error, error.__traceback__))
    assert quoted not in told
    assert "builtins.KeyError" in told and told.endswith("builtins.ValueError")
    assert told.count(__file__) == 2, "both places are named"
