"""What a button can say for whom, how often, and until when; and what is known of what came of it: rules alone."""

from datetime import timedelta
from typing import Any

import pytest

from services.gateway.domain.questions import ButtonPressed, Question, State
from services.gateway.handlers import HANDLERS
from shared.contracts.offer_handler import (
    InvitationDeclined,
    InvitationLapsed,
    InvitationRevoked,
    InvitationSent,
    OfferAccept,
    OfferDecline,
    OutsourcingCancelled,
    OutsourcingDeclined,
    OutsourcingExpired,
    PartnershipAccept,
)
from shared.messaging.outcomes import Say, Unchanged
from tests.unit.memory import Memory
from tests.unit.notifier.happenings import (
    ACCEPTED,
    NOW,
    OFFERED,
    OUTSOURCING_ID,
    PARTNERSHIP_ID,
)

ADDRESS = "jo@alpenwerk.example"
HUBER = "sub-0123456789abcdef"
INVITED: dict[str, Any] = {
    "partnership_id": PARTNERSHIP_ID,
    "lead": "nordlicht",
    "service": HUBER,
    "recipient": "office@huber.example",
    "language": "de",
}
INVITATION = InvitationSent(**INVITED, note="Hallo", lapses_at=NOW + timedelta(days=30), by_email=True)
ENDED: dict[str, Any] = {
    "outsourcing_id": OUTSOURCING_ID,
    "lead": "nordlicht",
    "service": "alpenwerk",
    "ticket_number": "NL-20417",
    "title": "Druckserver",
}


class Questions(Memory):
    """All that the gateway was told of, and what it said."""

    def __init__(self) -> None:
        super().__init__(HANDLERS, NOW)

    def hear(self, fact: Any) -> Any:
        return self.say("tandem/offer_handler", fact)

    def press(self, **said: Any) -> Any:
        told = {"about": "offer", "id": OUTSOURCING_ID, "answer": "accept", "instance": "alpenwerk"}
        return self.say("tandem/gateway", ButtonPressed(**{**told, "address": ADDRESS, "organization": "N", **said}))

    @property
    def said(self) -> list[Any]:
        return [tell.data for tell in self.told if isinstance(tell, Say)]

    @property
    def question(self) -> Question:
        [question] = self.all_of(Question)
        assert isinstance(question, Question)
        return question


@pytest.fixture
def offered() -> Questions:
    questions = Questions()
    questions.hear(OFFERED)
    return questions


@pytest.fixture
def invited() -> Questions:
    questions = Questions()
    questions.hear(INVITATION)
    return questions


def test_a_button_accepts_an_offer_once_however_often_it_is_pressed_and_by_whomever(offered: Questions) -> None:
    offered.press()
    for again in ({}, {"answer": "decline"}, {"address": "kim@alpenwerk.example"}):
        assert offered.press(**again) == Unchanged()
    told: dict[str, Any] = {
        "actor": ADDRESS,
        "on_behalf_of": "alpenwerk",
        "outsourcing_id": OUTSOURCING_ID,
        "organization": "N",
    }
    assert offered.said == [OfferAccept(**told)]
    assert (offered.question.state, offered.question.answered_by) == (State.SENT, ADDRESS)


def test_a_button_declines_an_offer_with_a_reason(offered: Questions) -> None:
    offered.press(answer="decline", organization=None, reason="Urlaub")
    told: dict[str, Any] = {
        "actor": ADDRESS,
        "on_behalf_of": "alpenwerk",
        "outsourcing_id": OUTSOURCING_ID,
        "reason": "Urlaub",
    }
    assert offered.said == [OfferDecline(**told)]


@pytest.mark.parametrize(
    "said", [{"organization": None}, {"instance": "elbtal"}, {"id": PARTNERSHIP_ID}, {"about": "partnership"}]
)
def test_a_button_says_nothing_without_what_is_needed_nor_of_what_is_another_s(
    offered: Questions, said: dict[str, Any]
) -> None:
    assert offered.press(**said) == Unchanged()
    assert offered.said == []


def test_a_button_says_nothing_any_more_when_the_time_is_over(offered: Questions) -> None:
    offered.now = OFFERED.terms.respond_by
    assert offered.press() == Unchanged()


@pytest.mark.parametrize(
    ("fact", "state"),
    [
        (ACCEPTED, State.ACCEPTED),
        (OutsourcingDeclined(**ENDED, reason="Urlaub"), State.DECLINED),
        (OutsourcingCancelled(**ENDED, reason="secret"), State.CANCELLED),
        (OutsourcingExpired(**ENDED), State.EXPIRED),
    ],
)
def test_what_became_of_an_offer_is_known_and_what_was_asked_is_forgotten(
    offered: Questions, fact: Any, state: State
) -> None:
    offered.hear(fact)
    question = offered.question
    assert (question.state, question.details) == (state, None)
    assert (question.answered_by == "Jo Marti") == (state is State.ACCEPTED)
    assert offered.press() == Unchanged() == offered.hear(OFFERED) == offered.hear(ACCEPTED)
    assert "Sommer" not in repr(question) and "secret" not in repr(question)


def test_a_company_without_an_instance_answers_its_invitation_with_its_name(invited: Questions) -> None:
    pressed = {"about": "partnership", "id": PARTNERSHIP_ID, "instance": HUBER, "organization": None}
    assert invited.press(**pressed, address="office@huber.example") == Unchanged(), "the name is missing"
    assert invited.press(**pressed, address=ADDRESS, name="Elektro Huber") == Unchanged(), "sent to another"
    invited.press(**pressed, address="office@huber.example", name="Elektro Huber")
    assert invited.said == [
        PartnershipAccept(
            actor="office@huber.example", on_behalf_of=HUBER, partnership_id=PARTNERSHIP_ID, name="Elektro Huber"
        )
    ]


def test_who_has_an_instance_cannot_be_answered_for_by_whomever_the_lead_wrote_to() -> None:
    questions = Questions()
    assert questions.hear(INVITATION.model_copy(update={"by_email": False, "service": "alpenwerk"})) == Unchanged()


def test_an_invitation_that_is_sent_again_asks_whom_it_is_sent_to_now(invited: Questions) -> None:
    later = INVITATION.lapses_at + timedelta(days=9)
    invited.hear(INVITATION.model_copy(update={"recipient": "chef@huber.example", "lapses_at": later}))
    assert invited.question.ends_at == later
    assert not invited.question.is_put_to(HUBER, "office@huber.example")
    assert invited.question.is_put_to(HUBER, "chef@huber.example")


@pytest.mark.parametrize(
    ("fact", "state"),
    [
        (InvitationDeclined(**INVITED), State.DECLINED),
        (InvitationRevoked(**INVITED), State.CANCELLED),
        (InvitationLapsed(**INVITED), State.EXPIRED),
    ],
)
def test_what_became_of_an_invitation_is_known(invited: Questions, fact: Any, state: State) -> None:
    invited.hear(fact)
    assert (invited.question.state, invited.question.details) == (state, None)
    assert invited.hear(INVITATION) == Unchanged()


def test_of_what_was_never_asked_nothing_is_kept() -> None:
    questions = Questions()
    assert questions.hear(ACCEPTED) == Unchanged() == questions.hear(OutsourcingExpired(**ENDED))
    assert questions.all_of(Question) == []
