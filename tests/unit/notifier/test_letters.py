"""E-mails as their readers see them: every kind in every language, and nothing that a reader must not see."""

import re
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from itertools import cycle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifier.domain.delivery import Letter
from services.notifier.domain.notifications import PASSAGE_CHARACTERS
from services.notifier.domain.work import MOST_LINES
from services.notifier.texts import content_of, mail_of, message_id_of
from services.notifier.texts.letters import CATALOGUES, SUBJECT_CHARACTERS
from tests.unit.notifier.approve import APPROVED, HEADERS, copies
from tests.unit.notifier.expected import EXPECTED
from tests.unit.notifier.happenings import (
    ACCEPTED,
    CUSTOMER,
    IDS,
    INVITED,
    INVITEE,
    INVOICED,
    OFFERED,
    PARTNERSHIP_ID,
    PDF,
    REJECTED,
    SNAPSHOT,
    SUBMITTED,
    TICKET,
    UNOPENED,
)
from tests.unit.notifier.happenings import (
    APPROVED as COMPLETED,
)
from tests.unit.notifier.letters import (
    ANSWERS,
    LANGUAGES,
    NAMES,
    SAMPLES,
    SENDER,
    even,
    html_of,
    letter_to,
    plain_of,
    sample,
)

every_sample = pytest.mark.parametrize("name", SAMPLES)
every_language = pytest.mark.parametrize("language", LANGUAGES)
# Whatever of an e-mail's facts is text, but for what names a kind, a state, a currency or an address.
FREE_TEXTS = [
    *("title", "own_number", "partner_number", "description", "priority", "place", "skill", "by", "reason", "text"),
    *("invoice_number", "cancels_number"),
]
ALL_HEADERS = [*HEADERS[:-1], "MIME-Version", "Content-Type", "Content-Language"]


def test_every_mail_is_as_approved() -> None:
    """Where a change is meant: `.venv/bin/python -m tests.unit.notifier.approve`, and read what git shows."""
    approved = {path.name: path.read_text(encoding="utf-8") for path in APPROVED.iterdir()}
    assert copies() == approved


def test_every_letter_of_the_catalogues_has_a_sample_and_what_is_expected_of_it() -> None:
    told = [letter_to(recipient, event, "en").notification for recipient, event in SAMPLES.values()]
    letters = CATALOGUES.catalogue_for("en").texts["letters"]
    assert {(one.kind, one.role) for one in told} == {(kind, role) for kind in letters for role in letters[kind]}
    assert set(EXPECTED) == {(name, language) for name in SAMPLES for language in ("de", "en")}


@pytest.mark.parametrize(("name", "language"), EXPECTED)
def test_both_parts_say_what_the_reader_needs(name: str, language: str) -> None:
    mail = sample(name, language)
    plain, shown = even(plain_of(mail)), even(_Shown.in_(html_of(mail)))
    for fact in EXPECTED[name, language]:
        assert fact in plain
        assert fact.rpartition(": ")[2] in shown
    about_partnership = name.startswith("invit")
    titles = ("Druckserver neu aufsetzen <Filiale Süd> & testen", "Monitor tauschen")
    assert about_partnership or any(title in plain for title in titles)


@every_sample
@every_language
def test_no_mail_names_the_customer_an_id_or_somebody_else(name: str, language: str) -> None:
    mail = sample(name, language)
    headers = "\n".join(str(mail[header]) for header in HEADERS)
    everything = f"{headers}\n{plain_of(mail)}\n{html_of(mail)}"
    customer = [one for one in CUSTOMER.model_dump().values() if one]
    for forbidden in (*customer, "Bäckerei", *map(str, IDS), "K-1001"):
        assert forbidden not in everything
    # Slugs are for machines; the addresses of these two happen to be made of theirs.
    assert not re.search(r"(?<!@)\b(nordlicht|alpenwerk)\b", everything)


@every_sample
@every_language
def test_a_number_is_that_of_the_reader(name: str, language: str) -> None:
    mail = sample(name, language)
    own = f"{CATALOGUES.catalogue_for(language).text('labels.own_number')}: "
    numbers = [line.removeprefix(own) for line in plain_of(mail).splitlines() if line.startswith(own)]
    to_lead = "nordlicht" in mail["To"]
    unnumbered = {
        "offered",
        "offered-briefly",
        "reminded",
        "expired-service",
        "cancelled",
        "unopened-service",
        "forced-unstarted-service",
    }
    has_none = name.removesuffix("-by-mail-only") in unnumbered or name.startswith("invit")
    assert numbers == ([] if has_none else ["NL-20417" if to_lead else "AW-7731"])


@every_sample
def test_a_mail_says_that_a_machine_sent_it_and_keeps_its_id(name: str) -> None:
    first, again = sample(name, "de"), sample(name, "de")
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Message-ID"] == again["Message-ID"]
    assert first["Date"] == again["Date"]
    assert list(first) == ALL_HEADERS


def test_all_mails_of_one_outsourcing_to_one_reader_are_one_thread_and_those_to_others_are_not() -> None:
    def thread(recipient: str, event: Any) -> tuple[str, str, str]:
        mail = mail_of(letter_to(recipient, event, "en"), SENDER)
        return mail["References"], mail["In-Reply-To"], mail["Message-ID"]

    threads = [thread("alpenwerk", event) for event in (OFFERED, REJECTED, COMPLETED)]
    assert len({references for references, _, _ in threads}) == 1
    assert all(references == parent != own for references, parent, own in threads)
    assert thread("nordlicht", COMPLETED)[0] != threads[0][0]
    elsewhere = OFFERED.model_copy(update={"outsourcing_id": PARTNERSHIP_ID})
    assert thread("alpenwerk", elsewhere)[0] != threads[0][0]


@every_language
def test_a_thread_has_one_subject(language: str) -> None:
    subjects: dict[str, set[str]] = {}
    for name in SAMPLES:
        mail = sample(name, language)
        if name != "offered-briefly":  # another ticket under the same id
            subjects.setdefault(mail["References"], set()).add(mail["Subject"])
    assert [len(found) for found in subjects.values()] == [1] * 4
    assert f"NL-20417: {TICKET.title} (Alpenwerk Systems)" in {one for found in subjects.values() for one in found}


def test_invoices_for_several_tickets_are_named_by_their_numbers() -> None:
    several = INVOICED.model_copy(update={"outsourcing_id": None, "title": None, "lead_number": None})
    assert content_of(letter_to("alpenwerk", several, "en")).subject == "Invoice AW-2026-00001 to Nordlicht IT GmbH"


@every_language
@pytest.mark.parametrize("name", [name for name, (recipient, _) in SAMPLES.items() if recipient == "alpenwerk"])
def test_who_has_no_system_is_not_told_to_use_one(name: str, language: str) -> None:
    recipient, event = SAMPLES[name]
    letter = letter_to(recipient, event, language)
    facts = replace(letter.notification.facts, by_link=letter.is_invitation, description="d" * (PASSAGE_CHARACTERS + 1))
    told = replace(letter.notification, facts=facts)
    huber = replace(letter, notification=told, by_mail_only=True, recipient_name="Elektro Huber")
    mail = mail_of(huber, SENDER, ANSWERS.of(huber))
    own = re.compile(
        r"\bsystem|\b(in your|ihrem|open a|kein) ticket\b|come with your acceptance|mit der Annahme", re.IGNORECASE
    )
    assert own.findall(plain_of(mail) + _Shown.in_(html_of(mail))) == []


def test_the_lead_of_who_has_no_system_is_not_told_that_it_has_one() -> None:
    for event in (ACCEPTED, UNOPENED):
        letter = replace(letter_to("nordlicht", event, "en"), by_mail_only=True)
        assert "Alpenwerk Systems has no system of its own" in content_of(letter).intro


def test_an_invitation_reads_the_same_whether_or_not_there_is_such_a_company() -> None:
    letter = letter_to("alpenwerk", INVITED, "en")
    assert content_of(replace(letter, by_mail_only=True, recipient_name="sub-1")) == content_of(letter)


@pytest.mark.parametrize("name", ["invoiced-lead", "credited-lead"])
def test_the_lead_has_the_file_with_its_invoice(name: str) -> None:
    mail = message_from_bytes(sample(name, "de").as_bytes(), policy=default)
    assert isinstance(mail, EmailMessage)
    (file,) = mail.iter_attachments()
    assert (file.get_content(), file.get_content_type()) == (PDF, "application/pdf")
    number = {"invoiced-lead": 1, "credited-lead": 2}[name]
    assert file.get_filename() == f"AW-2026-0000{number}.pdf"


@pytest.mark.parametrize("name", ["invoiced-lead-too-large", "invoiced-service", "offered"])
def test_nothing_else_is_attached_to_a_mail(name: str) -> None:
    assert list(sample(name, "de").iter_attachments()) == []


def test_the_lead_learns_of_who_was_invited_only_what_it_said_itself() -> None:
    for name in ("invitation-declined", "invitation-lapsed-lead"):
        mail = sample(name, "en")
        assert NAMES["alpenwerk"] not in f"{mail['Subject']}{plain_of(mail)}{html_of(mail)}"
    for name in ("invited", "invitation-revoked", "invitation-lapsed-service"):
        mail = sample(name, "en")
        assert mail["To"] == INVITEE
        assert NAMES["alpenwerk"] not in f"{mail['Subject']}{plain_of(mail)}{html_of(mail)}"


def test_lines_that_are_not_listed_are_counted() -> None:
    def lines(count: int) -> str:
        snapshot = SNAPSHOT.model_copy(update={"time": SNAPSHOT.time[:1] * count, "charges": ()})
        event = SUBMITTED.model_copy(update={"snapshot": snapshot})
        return plain_of(mail_of(letter_to("nordlicht", event, "de"), SENDER))

    assert lines(MOST_LINES).count("Zeiteintrag") == MOST_LINES
    assert "weitere" not in lines(MOST_LINES)
    assert "- … und 1 weitere Zeile\n" in lines(MOST_LINES + 1)
    assert "- … und 1.980 weitere Zeilen\n" in lines(MOST_LINES + 1980)


def test_long_texts_are_cut_and_the_reader_is_told_so() -> None:
    letter = letter_to("alpenwerk", REJECTED, "en")
    facts = replace(letter.notification.facts, description="a" * 50_000, title="t" * 500)
    mail = mail_of(replace(letter, notification=replace(letter.notification, facts=facts)), SENDER)
    assert len(mail["Subject"]) <= SUBJECT_CHARACTERS
    assert "(shortened; the whole text is in your own system)" in plain_of(mail)
    assert len(plain_of(mail)) < PASSAGE_CHARACTERS + 2_000


nasty = st.one_of(
    st.text(max_size=80),
    st.text('aü <>=?_ .,:\t"@', max_size=200),
    st.sampled_from(
        [
            "x\r\nBcc: thief@example.org",
            "x\nSubject: other\n\nbody",
            "</td></tr></table><script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "{partner} {0} {words} {{ 7*7 }} {% raw %}",
            "=?utf-8?q?=0D=0ABcc:_thief@example.org?=",
            "=??Q?=0D0",
            "==??utf-8?b?DQpCY2M6IHg=?=",
            "a\u2028b\u2029c\x85d\x0be\x00f\u202eg\ud800h",
            "Nordlicht\u202e moc.elpmaxe",
            "\r\n.\r\nMAIL FROM:<thief@example.org>\r\n",
        ]
    ),
)


@given(st.sampled_from(list(SAMPLES)), st.lists(nasty, min_size=1, max_size=6), st.booleans())
@settings(max_examples=200)
def test_nothing_that_others_write_becomes_a_header_or_markup(name: str, texts: list[str], by_mail_only: bool) -> None:
    recipient, event = SAMPLES[name]
    plain = letter_to(recipient, event, "en")
    given_in_turn = cycle(texts)
    letter = replace(
        _written_by_others(plain, given_in_turn),
        partner_name=next(given_in_turn),
        recipient_name=next(given_in_turn),
        by_mail_only=by_mail_only,
    )
    file = letter.notification.facts.file
    sent = mail_of(letter, SENDER, ANSWERS.of(letter), PDF if file and file.fits else None).as_bytes()
    mail = message_from_bytes(sent, policy=default)
    assert isinstance(mail, EmailMessage)
    assert list(mail) == ALL_HEADERS
    assert [one.addr_spec for one in mail["To"].addresses] == [letter.notification.reader.address]
    assert [part.get_content_type() for part in mail.walk()] == PARTS[name]
    assert mail["Message-ID"] == message_id_of(letter, SENDER)
    assert mail["Subject"] == content_of(letter).subject.replace("=?", "= ?")
    assert _Shown.tags_in(html_of(mail)) <= TAGS
    assert "\u202e" not in str(mail["Subject"]) + plain_of(mail) + html_of(mail)


def _written_by_others(letter: Letter, texts: Iterator[str]) -> Letter:
    """The letter with one of these texts wherever the other side, or an instance, writes what it likes."""
    facts = letter.notification.facts
    written: dict[str, Any] = {name: next(texts) for name in FREE_TEXTS if getattr(facts, name) is not None}
    changed = replace(
        facts,
        **written,
        terms=facts.terms and facts.terms.model_copy(update={"instructions": next(texts)}),
        file=facts.file and replace(facts.file, name=next(texts)),
        lines=tuple(replace(line, by=next(texts), text=next(texts)) for line in facts.lines),
    )
    return replace(letter, notification=replace(letter.notification, facts=changed))


class _Shown(HTMLParser):
    """What a browser makes of a page: its text, and its tags with the names of their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.tags: set[tuple[str, tuple[str, ...]]] = set()

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add((tag, tuple(name for name, _ in attrs)))

    @classmethod
    def in_(cls, html: str) -> str:
        page = cls()
        page.feed(html)
        return page.text

    @classmethod
    def tags_in(cls, html: str) -> set[tuple[str, tuple[str, ...]]]:
        page = cls()
        page.feed(html)
        return page.tags


HARMLESS = {name: sample(name, "en") for name in SAMPLES}
PARTS = {name: [part.get_content_type() for part in mail.walk()] for name, mail in HARMLESS.items()}
# Those of all letters together: what one shows, another may come to show by what is put into it.
TAGS = set[tuple[str, tuple[str, ...]]]().union(*(_Shown.tags_in(html_of(mail)) for mail in HARMLESS.values()))
