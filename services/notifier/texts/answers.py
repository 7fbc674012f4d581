"""The links by which a reader answers, for the letters that ask something."""

from collections.abc import Iterator
from dataclasses import dataclass

from services.notifier.domain.delivery import Letter
from shared.links import PATH, Keys, Link, Purpose

ASKED_BY_OFFERS: tuple[Purpose, Purpose] = ("offer.accept", "offer.decline")
ASKED_BY_INVITATIONS: tuple[Purpose, Purpose] = ("partnership.accept", "partnership.decline")


@dataclass(frozen=True, slots=True)
class AnswerLink:
    """Where one answer is given: `answer` is `accept` or `decline`."""

    answer: str
    url: str


@dataclass(frozen=True, slots=True)
class Answers:
    """Writes links; the same letter has the same ones on every attempt."""

    keys: Keys
    public_url: str

    def of(self, letter: Letter) -> tuple[AnswerLink, ...]:
        """One link for each answer that the letter asks for; none where it asks for none, or not by a link."""
        return tuple(self._links(letter))

    def _links(self, letter: Letter) -> Iterator[AnswerLink]:
        told = letter.notification
        if told.facts.until is None:
            return
        for purpose in _purposes_of(letter):
            link = Link(
                purpose=purpose,
                id=told.subject_id,
                instance=told.recipient,
                address=told.reader.address,
                language=told.reader.language,
                time_zone=told.reader.time_zone,
                until=told.facts.until,
            )
            yield AnswerLink(purpose.partition(".")[2], self.public_url.rstrip("/") + PATH + self.keys.token_of(link))


def _purposes_of(letter: Letter) -> tuple[Purpose, ...]:
    """Whoever has an instance answers an invitation there: the lead alone says where an invitation goes."""
    told = letter.notification
    match told.kind:
        case "offered" | "reminded":
            return ASKED_BY_OFFERS
        case "invited" if told.facts.by_link:
            return ASKED_BY_INVITATIONS
        case _:
            return ()
