"""Links in e-mails: what was signed is read again, and nothing else is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.links import LONGEST_TOKEN, PURPOSES, Keys, Link

OLD, NEW, FOREIGN = "old" * 11, "new" * 11, "foreign" * 5
KEYS = Keys.of(NEW)
LINK = Link(
    purpose="offer.accept",
    id=UUID("0193fe00-0000-7000-8000-000000000001"),
    instance="alpenwerk",
    address="jo@alpenwerk.example",
    language="de-CH",
    time_zone="Europe/Zurich",
    until=datetime(2026, 11, 25, 16, 0, tzinfo=UTC),
)
TOKEN = KEYS.token_of(LINK)
LINKS = st.builds(
    Link,
    purpose=st.sampled_from(PURPOSES),
    id=st.uuids(),
    instance=st.from_regex(r"[a-z][a-z0-9-]{1,30}", fullmatch=True),
    address=st.from_regex(r"[!-9?A-Z_a-z]{1,64}@[A-Za-z0-9.-]{1,189}", fullmatch=True),
    language=st.sampled_from(["de", "en", "de-AT", "x" * 35]),
    time_zone=st.sampled_from(["Europe/Berlin", "America/Argentina/ComodRivadavia"]),
    until=st.datetimes(datetime(2026, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
        lambda at: at.replace(microsecond=0)
    ),
)


@given(LINKS)
def test_what_was_signed_is_read_again(link: Link) -> None:
    token = KEYS.token_of(link)
    assert KEYS.link_of(token) == link
    assert len(token) <= LONGEST_TOKEN and token.replace(".", "").replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("place", range(len(TOKEN)))
def test_a_token_with_any_character_changed_is_none(place: int) -> None:
    for other in "AQgw9_-.":
        changed = TOKEN[:place] + other + TOKEN[place + 1 :]
        assert changed == TOKEN or KEYS.link_of(changed) is None


@given(st.text() | st.binary().map(lambda some: some.hex()))
def test_nothing_that_was_not_signed_is_a_link(text: str) -> None:
    for token in (text, TOKEN + text, text + TOKEN, TOKEN.partition(".")[0] + "." + text):
        assert token == TOKEN or KEYS.link_of(token) is None


@given(LINKS, LINKS)
def test_the_signature_of_one_link_is_not_that_of_another(one: Link, other: Link) -> None:
    """Neither of another purpose, nor recipient, nor end."""
    for changed in (
        replace(one, purpose=other.purpose),
        replace(one, id=other.id),
        replace(one, instance=other.instance),
        replace(one, address=other.address),
        replace(one, until=one.until + timedelta(seconds=1)),
    ):
        told, signed = KEYS.token_of(changed), KEYS.token_of(one)
        mixed = told.rpartition(".")[0] + "." + signed.rpartition(".")[2]
        assert changed == one or KEYS.link_of(mixed) is None


def test_another_key_opens_nothing() -> None:
    assert Keys.of(FOREIGN).link_of(TOKEN) is None


def test_keys_are_changed_without_a_link_that_is_under_way_being_lost() -> None:
    """First the new one is added behind, then it signs, then the old one goes."""
    old = Keys.of(OLD)
    learning, changed, done = Keys.of(f"{OLD}, {NEW}"), Keys.of(f"{NEW},{OLD}"), Keys.of(NEW)
    assert learning.token_of(LINK) == old.token_of(LINK)
    assert changed.token_of(LINK) == done.token_of(LINK)
    assert {keys.link_of(old.token_of(LINK)) for keys in (learning, changed)} == {LINK}
    assert {keys.link_of(done.token_of(LINK)) for keys in (learning, changed)} == {LINK}
    assert done.link_of(old.token_of(LINK)) is None


def test_a_link_ends_no_earlier_than_it_says() -> None:
    split = replace(LINK, until=LINK.until + timedelta(microseconds=1))
    assert KEYS.link_of(KEYS.token_of(split)) == replace(LINK, until=LINK.until + timedelta(seconds=1))


@pytest.mark.parametrize("keys", ["", "short", f"{NEW},", f"{NEW},short", " " * 40])
def test_a_key_that_could_be_guessed_is_refused(keys: str) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Keys.of(keys)
