"""What stands in an e-mail: subject, what happened, what is expected until when, the facts, and longer passages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from services.notifier.domain.delivery import Letter
from services.notifier.domain.notifications import LINE_CHARACTERS, PASSAGE_CHARACTERS, Facts, Line
from services.notifier.texts.answers import AnswerLink
from shared.catalogues import Catalogue, Catalogues
from shared.contracts.offer_handler import OverCap, Terms
from shared.formats import Formats
from shared.legible import one_line, passage

CATALOGUES = Catalogues(Path(__file__).parent / "catalogues")

# A ticket has no second number yet: the lead's is the one it began with.
BEFORE_ACCEPTANCE = {"offered", "reminded", "expired", "declined", "cancelled"}
# What somebody did, where it is not the end of the work.
DEEDS = {
    "accepted": "accepted",
    "unopened": "accepted",
    "invitation_accepted": "accepted",
    "returned": "returned",
    "asked": "asked",
    "answered": "answered",
}
# What a text is called, by what it is told with.
TEXTS = {"submitted": "summary", "asked": "question", "answered": "answer"}
SUBJECT_CHARACTERS = 150


@dataclass(frozen=True, slots=True)
class Content:
    """One e-mail in words; plain text throughout, the layouts escape it."""

    language: str
    subject: str
    heading: str
    intro: str
    expected_label: str
    expected: str
    until_label: str
    until: str | None
    buttons: tuple[tuple[str, AnswerLink], ...]
    facts: tuple[tuple[str, str], ...]
    passages: tuple[tuple[str, str], ...]
    lines_label: str
    lines: tuple[str, ...]
    footer: str


def content_of(letter: Letter, links: Sequence[AnswerLink] = ()) -> Content:
    """The letter in its reader's language, with the links by which it is answered."""
    return _Writer(letter, links).content()


def _shortened(text: str, characters: int, ending: str = "…") -> str:
    return text if len(text) <= characters else text[: characters - 1].rstrip() + ending


class _Writer:
    """Writes one letter with its reader's words and habits."""

    def __init__(self, letter: Letter, links: Sequence[AnswerLink]) -> None:
        self._links = links
        self._told = letter.notification
        self._facts: Facts = letter.notification.facts
        language = letter.notification.reader.language
        self._catalogue: Catalogue = CATALOGUES.catalogue_for(language)
        self._formats = Formats.of(CATALOGUES.locale_for(language), letter.notification.reader.time_zone)
        self._said_instead = _said_instead(letter)
        self._names = {
            "partner": one_line(_partner_of(letter)),
            "reader": one_line(_reader_of(letter)),
            "invitee": one_line(self._facts.invitee or ""),
            "ticket": one_line(": ".join(filter(None, (self._number_of_lead(), self._facts.title)))),
            "number": one_line(self._facts.invoice_number or ""),
            "percent": self._formats.percent(self._facts.percent or 0),
        }
        self._names["changes"] = self._counted("changes", self._facts.line_count)

    def content(self) -> Content:
        return Content(
            language=self._catalogue.language,
            subject=_shortened(one_line(self._subject()), SUBJECT_CHARACTERS),
            heading=self._sentence("heading"),
            intro=self._sentence("intro"),
            expected_label=self._word("words.expected"),
            expected=self._expected(),
            until_label=self._word("words.until"),
            until=self._until(),
            buttons=tuple((self._sentence(link.answer), link) for link in self._links),
            facts=tuple((self._word(f"labels.{label}"), one_line(value)) for label, value in self._lines() if value),
            passages=tuple(self._passages()),
            lines_label=self._word("labels.lines"),
            lines=tuple(self._listed()),
            footer=self._word("words.footer"),
        )

    def _subject(self) -> str:
        """The same for a whole thread: many mail programs begin a new one where it changes."""
        about = "invitation" if self._facts.invitee else self._told.kind
        other = () if self._facts.title else (f"subjects.{about}.{self._told.role}",)
        return self._word(*other, "subjects.ticket")

    def _number_of_lead(self) -> str | None:
        """The ticket's first number, and the only one that both sides know from the offer on."""
        return self._facts.own_number if self._told.role == "lead" else self._facts.partner_number

    def _expected(self) -> str:
        if not self._facts.billed:
            return self._word("words.expected_unbilled")
        return self._sentence("expected_by_link" if self._links else "expected")

    def _sentence(self, key: str) -> str:
        return self._word(f"letters.{self._told.kind}.{self._told.role}.{key}")

    def _counted(self, what: str, count: int) -> str:
        """So many of it, in the form of the plural that the language has for the number (CLDR), or in its usual one."""
        form = self._formats.plural(count)
        return self._word(f"plurals.{what}.{form}", f"plurals.{what}.other", count=self._formats.number(count))

    def _word(self, *places: str, **more: str) -> str:
        """The text at the first of these places that there is; what is said instead of it goes before."""
        instead = [f"{self._said_instead}.{place}" for place in places] if self._said_instead else []
        return self._catalogue.text(*instead, *places, **self._names, **more)

    def _until(self) -> str | None:
        """Until when the reader is to act; None where nothing is asked of it."""
        if self._facts.until:
            return self._formats.instant(self._facts.until)
        if self._facts.due_on and self._told.role == "lead":
            return self._formats.day(self._facts.due_on)
        return self._word("words.no_date") if self._told.kind == "rejected" else None

    def _lines(self) -> Iterator[tuple[str, str | None]]:
        """The facts in the order in which they are read; those that are not known are left out."""
        facts = self._facts
        yield "title", facts.title
        yield "own_number", facts.own_number
        unaccepted = self._told.kind in BEFORE_ACCEPTANCE
        yield "original_number" if unaccepted else "partner_number", facts.partner_number
        yield "partner", self._names["partner"]
        yield "invitee", facts.invitee if self._told.kind == "invitation_accepted" else None
        yield "state", self._word(f"states.{facts.state or self._told.kind}")
        deed = DEEDS.get(self._told.kind, "completed")
        yield f"{deed}_by", facts.by
        yield f"{deed}_at", self._instant(facts.at)
        yield "waiting", self._formats.hours(Decimal(facts.waiting_hours)) if facts.waiting_hours else None
        yield "late", self._formats.duration(facts.late_by_seconds) if facts.late_by_seconds else None
        yield "priority", facts.priority
        yield "place", facts.place
        yield "skill", facts.skill
        yield "due_at", self._instant(facts.due_at)
        yield "complete_by", self._instant(facts.complete_by)
        if facts.terms:
            yield from self._terms(facts.terms)
        yield from self._cap()
        yield from self._invoice()
        yield from self._work()

    def _cap(self) -> Iterator[tuple[str, str | None]]:
        """How far the work has come against what is authorized, and what becomes of more."""
        facts = self._facts
        if facts.cap is None or facts.authorized is None or facts.reached is None:
            return
        yield f"authorized_{facts.cap}", self._amount(facts.authorized)
        yield "reached", self._amount(facts.reached)
        if facts.over_cap:
            yield "over_cap", self._over_cap(facts.over_cap)

    def _invoice(self) -> Iterator[tuple[str, str | None]]:
        facts = self._facts
        yield "invoice_number", facts.invoice_number
        yield "cancels_number", facts.cancels_number
        yield "issued_on", self._formats.day(facts.issued_on) if facts.issued_on else None
        yield "total", None if facts.total is None else self._amount(facts.total)
        yield "due_on", self._formats.day(facts.due_on) if facts.due_on else None
        if facts.file:
            where = "attached" if facts.file.fits else "not_attached"
            yield "file", self._word(f"words.{where}", file=one_line(facts.file.name))

    def _amount(self, amount: Decimal) -> str:
        """Money, or hours where there is no currency."""
        currency = self._facts.currency
        return self._formats.money(amount, currency) if currency else self._formats.hours(amount)

    def _terms(self, terms: Terms) -> Iterator[tuple[str, str | None]]:
        def money_or_none(label: str) -> str | None:
            amount = getattr(terms, label)
            return None if amount is None else self._formats.money(amount, terms.currency)

        yield "hourly_rate", money_or_none("hourly_rate")
        yield "flat_fee", money_or_none("flat_fee")
        yield "authorized_hours", self._hours(terms)
        yield "authorized_charges", money_or_none("authorized_charges")
        yield "authorized_total", money_or_none("authorized_total")
        if terms.is_capped:
            yield "over_cap", self._over_cap(terms.over_cap)
        yield "rounding", self._formats.minutes(terms.rounding_minutes) if terms.rounding_minutes else None

    def _over_cap(self, over_cap: OverCap) -> str:
        """What becomes of work over the cap; the word that it may need is the lead's, whoever reads."""
        return self._word(f"over_cap.{self._told.role}.{over_cap}")

    def _hours(self, terms: Terms) -> str | None:
        return None if terms.authorized_hours is None else self._formats.hours(terms.authorized_hours)

    def _work(self) -> Iterator[tuple[str, str | None]]:
        """What was submitted; a sum of deductions only where there are any."""
        facts = self._facts
        if facts.hours is None or facts.charge_total is None or facts.currency is None:
            return
        yield "hours", self._formats.hours(facts.hours)
        yield "charge_total", self._formats.money(facts.charge_total, facts.currency)
        if facts.deduction_total:
            yield "deduction_total", self._formats.money(facts.deduction_total, facts.currency)

    def _passages(self) -> Iterator[tuple[str, str]]:
        ending = f"…\n{self._word('words.shortened')}"
        instructions = self._facts.terms.instructions if self._facts.terms else ""
        for label, text in (
            ("reason", self._facts.reason),
            (TEXTS.get(self._told.kind, "text"), self._facts.text),
            ("description", self._facts.description),
            ("instructions", instructions),
        ):
            if readable := passage(text):
                yield self._word(f"labels.{label}"), _shortened(readable, PASSAGE_CHARACTERS, ending)

    def _listed(self) -> Iterator[str]:
        """The lines, each on one, and how many more there are."""
        for line in self._facts.lines:
            yield _shortened(one_line(" · ".join(self._parts(line))), LINE_CHARACTERS)
        if more := self._facts.line_count - len(self._facts.lines):
            yield self._counted("more", more)

    def _parts(self, line: Line) -> Iterator[str]:
        if line.deed:
            yield self._word(f"deeds.{line.deed}")
        if line.on:
            yield self._formats.day(line.on)
        yield self._word(f"entries.{line.what}")
        if line.hours is not None:
            yield self._formats.hours(line.hours)
        if line.amount is not None and self._facts.currency:
            yield self._formats.money(line.amount, self._facts.currency)
        for text in (line.by, line.text):
            if text:
                yield text

    def _instant(self, at: datetime | None) -> str | None:
        return self._formats.instant(at) if at else None


def _partner_of(letter: Letter) -> str:
    """Who is invited may not be there, and the lead is not to learn whether it is before it has accepted."""
    told = letter.notification
    if told.role == "lead" and told.facts.invitee and told.kind != "invitation_accepted":
        return told.facts.invitee
    return letter.partner_name


def _said_instead(letter: Letter) -> str | None:
    """Where the texts stand that hold for a service partner without a system of its own; None where it has one."""
    if letter.service_has_system:
        return None
    return "without_system" if letter.notification.role == "service" else "partner_without_system"


def _reader_of(letter: Letter) -> str:
    """The company that reads, or the bare address of an invitation, which says nothing of who is behind it."""
    invitee = letter.notification.facts.invitee if letter.is_invitation else None
    return invitee or letter.recipient_name
