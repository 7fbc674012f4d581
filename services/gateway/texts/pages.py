"""What stands on a page: what is asked until when, or what became of it, in the reader's words and habits."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

from services.gateway.domain.questions import Question, State
from shared.catalogues import Catalogue, Catalogues
from shared.contracts.offer_handler import OfferedTicket, Terms
from shared.formats import Formats
from shared.legible import one_line, passage
from shared.links import Link

CATALOGUES = Catalogues(Path(__file__).parent / "catalogues")
# As the contract has them.
MOST_CHARACTERS = {"organization": 100, "name": 100, "reason": 2_000}


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to be said with an answer; `error` says what is wrong with what was typed."""

    name: str
    label: str
    hint: str
    value: str
    error: str | None
    needed: bool
    most_characters: int

    @property
    def is_long(self) -> bool:
        return self.name == "reason"


@dataclass(frozen=True, slots=True)
class Page:
    """One page in words; plain text throughout, the layout escapes it. Without a button there is nothing to press."""

    language: str
    heading: str
    intro: str
    footer: str
    until_label: str = ""
    until: str | None = None
    button: str | None = None
    declines: bool = False
    again: str | None = None
    fields: tuple[Field, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    passages: tuple[tuple[str, str], ...] = ()


def question_page(
    link: Link,
    question: Question,
    lead_name: str,
    typed: Mapping[str, str] | None = None,
    wrong: Collection[str] = (),
) -> Page:
    """What is asked, with the button of the link's one answer; what was typed already stands there again."""
    writer = _Writer(link, question, lead_name)
    return writer.question(typed, wrong)


def outcome_page(link: Link, question: Question, lead_name: str) -> Page:
    """What became of the question, without anything else about it."""
    return _Writer(link, question, lead_name).outcome()


def plain_page(which: Literal["unknown", "later", "unreadable"], language: str) -> Page:
    """A page that knows of no question."""
    catalogue = CATALOGUES.catalogue_for(language)
    return Page(
        language=catalogue.language,
        heading=catalogue.text(f"plain.{which}.heading"),
        intro=catalogue.text(f"plain.{which}.intro"),
        footer=catalogue.text("words.footer"),
    )


class _Writer:
    """Writes one page about one question."""

    def __init__(self, link: Link, question: Question, lead_name: str) -> None:
        self._question = question
        self._about, self._answer = link.purpose.split(".")
        self._catalogue: Catalogue = CATALOGUES.catalogue_for(link.language)
        self._formats = Formats.of(CATALOGUES.locale_for(link.language), link.time_zone)
        self._names = {
            "partner": one_line(lead_name),
            "by": one_line(question.answered_by or ""),
            "at": self._formats.instant(question.answered_at) if question.answered_at else "",
        }

    def question(self, typed: Mapping[str, str] | None, wrong: Collection[str]) -> Page:
        asked = f"questions.{self._about}.{self._answer}"
        details = self._question.details
        return Page(
            language=self._catalogue.language,
            heading=self._word(f"{asked}.heading"),
            intro=self._word(f"{asked}.intro"),
            footer=self._word("words.footer"),
            until_label=self._word("words.until"),
            until=self._formats.instant(self._question.ends_at),
            button=self._word(f"{asked}.button"),
            declines=self._answer == "decline",
            fields=tuple(self._fields(typed, wrong)),
            facts=tuple((self._word(f"labels.{name}"), one_line(value)) for name, value in self._facts() if value),
            passages=tuple(self._passages(details.note if details else "")),
        )

    def outcome(self) -> Page:
        state = self._question.state
        said = {State.OPEN: "expired", State.SENT: f"sent_{self._question.answer}"}.get(state, state.value)
        title = one_line(self._question.title)
        return Page(
            language=self._catalogue.language,
            heading=self._word(f"outcomes.{self._about}.{said}.heading"),
            intro=self._word(f"outcomes.{self._about}.{said}.intro"),
            footer=self._word("words.footer"),
            again=self._word("words.again") if state is State.SENT else None,
            facts=((self._word("labels.title"), title),) if title else (),
        )

    def _fields(self, typed: Mapping[str, str] | None, wrong: Collection[str]) -> Iterator[Field]:
        needed = self._question.needs("decline" if self._answer == "decline" else "accept")
        for name in (*needed, *(("reason",) if self._answer == "decline" else ())):
            # The lead's own name is what most would call it.
            usual = self._names["partner"][: MOST_CHARACTERS[name]] if name == "organization" else ""
            yield Field(
                name=name,
                label=self._word(f"fields.{name}.label"),
                hint=self._word(f"fields.{name}.hint"),
                value=usual if typed is None else typed.get(name, ""),
                error=self._word(f"fields.{name}.error") if name in wrong else None,
                needed=name in needed,
                most_characters=MOST_CHARACTERS[name],
            )

    def _facts(self) -> Iterator[tuple[str, str | None]]:
        """In the order in which they are read; those that are not known are left out."""
        details = self._question.details
        yield "partner", self._names["partner"]
        if details and details.ticket:
            yield from self._ticket(details.ticket)
        if details and details.terms:
            yield from self._terms(details.terms)

    def _ticket(self, ticket: OfferedTicket) -> Iterator[tuple[str, str | None]]:
        yield "title", ticket.title
        yield "number", ticket.number
        yield "priority", ticket.priority
        yield "place", ticket.place
        yield "skill", ticket.skill
        yield "due_at", self._instant(ticket.due_at)

    def _terms(self, terms: Terms) -> Iterator[tuple[str, str | None]]:
        yield "complete_by", self._instant(terms.complete_by)
        yield "hourly_rate", self._money(terms.hourly_rate, terms.currency)
        yield "flat_fee", self._money(terms.flat_fee, terms.currency)
        yield (
            "authorized_hours",
            None if terms.authorized_hours is None else self._formats.hours(terms.authorized_hours),
        )
        yield "authorized_charges", self._money(terms.authorized_charges, terms.currency)
        yield "authorized_total", self._money(terms.authorized_total, terms.currency)
        yield "over_cap", self._word(f"over_cap.{terms.over_cap}") if terms.is_capped else None
        yield "rounding", self._formats.minutes(terms.rounding_minutes) if terms.rounding_minutes else None

    def _passages(self, note: str) -> Iterator[tuple[str, str]]:
        details = self._question.details
        description = details.ticket.description if details and details.ticket else ""
        instructions = details.terms.instructions if details and details.terms else ""
        for label, text in (("note", note), ("description", description), ("instructions", instructions)):
            if readable := passage(text):
                yield self._word(f"labels.{label}"), readable

    def _money(self, amount: Decimal | None, currency: str) -> str | None:
        return None if amount is None else self._formats.money(amount, currency)

    def _instant(self, at: datetime | None) -> str | None:
        return self._formats.instant(at) if at else None

    def _word(self, path: str) -> str:
        return self._catalogue.text(path, **self._names)
