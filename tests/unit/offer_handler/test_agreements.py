"""The outsourcing agreement by the pure rules: which version is accepted, and what needs it."""

from datetime import timedelta

import pytest

from services.offer_handler.domain.agreements import Agreement, CurrentVersion, refuses_sending
from shared.contracts.offer_handler import AgreementAccepted
from shared.contracts.problems import describe
from shared.ids import new_id
from shared.messaging.outcomes import Changed, Refused
from tests.unit.offer_handler.offering import LEAD, NOW, STRANGER, VERSION, Play, agree, invite, partners, send

NEWER = "2027-01"


def test_the_version_in_force_is_accepted_once_and_who_asks_again_is_told_the_same() -> None:
    play = Play()
    assert isinstance(play.say(LEAD, agree()), Changed)
    play.now += timedelta(days=1)
    assert isinstance(play.say(LEAD, agree().model_copy(update={"actor": "m.huber"})), Changed)
    assert play.all_of(Agreement) == [Agreement(LEAD, VERSION, "k.sommer", NOW)]
    first, second = play.told_to(LEAD)
    assert first == second == AgreementAccepted(version=VERSION, accepted_at=NOW)


@pytest.mark.parametrize("version", ["2025-01", NEWER])
def test_a_version_that_is_not_in_force_is_refused_and_the_one_in_force_is_named(version: str) -> None:
    refused = Play().say(LEAD, agree(version))
    assert isinstance(refused, Refused) and refused.problem == "agreement/not-current"
    assert describe(refused.problem, "en", refused.details)[1] == f"Read version {VERSION} and accept that one."


def test_a_newer_version_is_accepted_before_the_next_invitation_and_the_next_send() -> None:
    play = partners()
    play.keep(CurrentVersion(NEWER))
    assert play.say(LEAD, send()) == play.say(LEAD, invite(STRANGER, new_id()))
    refused = play.say(LEAD, send())
    assert isinstance(refused, Refused) and refused.problem == "agreement/outdated"
    said = describe(refused.problem, "de", refused.details)[1]
    assert f"Angenommen ist die Fassung {VERSION}; nehmen Sie die Fassung {NEWER} an" in said
    play.now += timedelta(days=1)
    assert isinstance(play.say(LEAD, agree(NEWER)), Changed)
    assert isinstance(play.say(LEAD, invite(STRANGER, new_id())), Changed)
    assert isinstance(play.say(LEAD, send(respond_by=play.now + timedelta(hours=1))), Changed)


@pytest.mark.parametrize(
    ("accepted", "problem"), [(None, "agreement/missing"), ("2025-01", "agreement/outdated"), (VERSION, None)]
)
def test_who_sends_has_accepted_the_version_in_force(accepted: str | None, problem: str | None) -> None:
    agreement = None if accepted is None else Agreement(LEAD, accepted, "k.sommer", NOW)
    refused = refuses_sending(agreement, CurrentVersion(VERSION))
    assert (refused.problem if refused else None) == problem
