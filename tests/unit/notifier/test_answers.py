"""The links in letters: one for each answer that is asked for, for who reads the letter, and no others."""

import re

import pytest

from shared.contracts.values import Event
from shared.links import PATH, Link
from tests.unit.notifier.happenings import (
    INVITED,
    INVITED_BY_LINK,
    OFFERED,
    OUTSOURCING_ID,
    PARTNERSHIP_ID,
    REMINDED,
)
from tests.unit.notifier.letters import (
    ANSWERS,
    SAMPLES,
    html_of,
    letter_to,
    plain_of,
    sample,
)

ASKING = {"offered", "offered-briefly", "offered-by-mail-only", "reminded", "invited-by-link"}


def links_in(text: str) -> list[Link]:
    tokens = re.findall(re.escape("https://tandem.example" + PATH) + r"([A-Za-z0-9._-]+)", text)
    found = [ANSWERS.keys.link_of(token) for token in tokens]
    return [link for link in found if link]


@pytest.mark.parametrize("event", [OFFERED, REMINDED, INVITED_BY_LINK])
def test_a_letter_that_asks_has_a_link_for_each_answer_bound_to_its_reader(event: Event) -> None:
    letter = letter_to("alpenwerk", event, "de")
    told = letter.notification
    accept, decline = (ANSWERS.keys.link_of(one.url.rpartition("/")[2]) for one in ANSWERS.of(letter))
    assert accept and decline
    about, id = ("partnership", PARTNERSHIP_ID) if event == INVITED_BY_LINK else ("offer", OUTSOURCING_ID)
    assert (accept.purpose, decline.purpose) == (f"{about}.accept", f"{about}.decline")
    for link in (accept, decline):
        assert (link.id, link.instance, link.address) == (id, "alpenwerk", told.reader.address)
        assert (link.language, link.time_zone, link.until) == ("de", told.reader.time_zone, told.facts.until)


@pytest.mark.parametrize("name", SAMPLES)
def test_both_parts_of_a_mail_have_the_same_links_where_it_asks_and_none_elsewhere(name: str) -> None:
    mail = sample(name, "en")
    assert links_in(plain_of(mail)) == links_in(html_of(mail))
    assert len(links_in(plain_of(mail))) == (2 if name in ASKING else 0)


def test_the_same_letter_has_the_same_links_on_every_attempt() -> None:
    letter = letter_to("alpenwerk", OFFERED, "en")
    assert ANSWERS.of(letter) == ANSWERS.of(letter)


def test_who_has_an_instance_answers_an_invitation_there() -> None:
    assert ANSWERS.of(letter_to("alpenwerk", INVITED, "en")) == ()
