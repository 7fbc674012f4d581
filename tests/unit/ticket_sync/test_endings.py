"""How it ends without an approval: who may end it when, what everybody is told, and that nothing happens afterwards."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from services.ticket_sync.domain.entries import Travel
from shared.contracts.ticket_sync import (
    EntryKeptLocal,
    OutsourcingHandedBack,
    OutsourcingReturn,
    OutsourcingReturned,
    TicketNoted,
)
from shared.contracts.values import Payload
from shared.messaging.outcomes import Changed, Refused
from tests.unit.ticket_sync.outsourcing import (
    CHARGE,
    EVERY_COMMAND,
    LEAD,
    NOTE,
    NOW,
    OUTSOURCING,
    SERVICE,
    TIME,
    Outsourcing,
    approved,
    awaiting_approval,
    give_back,
    in_progress,
    just_accepted,
    put,
    returned,
)

Begin = Callable[[], Outsourcing]
EVERY_END: dict[str, Begin] = {"outsourcing/completed": approved, "outsourcing/returned": returned}


@pytest.mark.parametrize("problem", EVERY_END)
@pytest.mark.parametrize("message", EVERY_COMMAND, ids=lambda message: message.kind)
def test_after_an_end_every_command_is_refused_with_that_end(problem: str, message: Payload) -> None:
    for sender in (LEAD, SERVICE):
        outsourcing = EVERY_END[problem]()
        assert outsourcing.send(sender, message) == Refused(problem, state=outsourcing.link.state)


def test_a_return_says_why_on_both_tickets_and_what_was_worked_until_then() -> None:
    outsourcing = in_progress()
    for owner, body in ((SERVICE, TIME), (SERVICE, CHARGE), (SERVICE, NOTE), (LEAD, TIME), (LEAD, CHARGE)):
        outsourcing.send(owner, put(body))
    outsourcing.send(SERVICE, put(TIME, visibility="internal"))
    outsourcing.told.clear()
    assert isinstance(outsourcing.send(SERVICE, give_back()), Changed)
    known: dict[str, Any] = {
        "reason": give_back().reason,
        "returned_by": "l.gruber",
        "returned_at": NOW,
        "entries": 2,
        "hours": Decimal("1.5"),
        "charge_total": Decimal("1.01"),
        "currency": "EUR",
    }
    facts = [
        OutsourcingReturned(outsourcing_id=OUTSOURCING, **known),
        TicketNoted(
            outsourcing_id=OUTSOURCING, reason="outsourcing_returned", text=give_back().reason, state="returned"
        ),
    ]
    assert outsourcing.heard_by(LEAD) == facts == outsourcing.heard_by(SERVICE)
    (published,) = outsourcing.published()
    assert published == OutsourcingHandedBack(
        outsourcing_id=OUTSOURCING,
        lead=LEAD,
        service=SERVICE,
        lead_number="T-1",
        service_number="A-7",
        title="Switch drops its uplink",
        **known,
    )
    assert (outsourcing.link.state, outsourcing.link.returned_at) == ("returned", NOW)


def test_what_waited_for_a_ticket_stays_with_its_owners_when_it_is_returned() -> None:
    outsourcing = just_accepted()
    from_lead, from_service = put(NOTE), put(TIME)
    outsourcing.send(LEAD, from_lead)
    outsourcing.send(SERVICE, from_service)
    assert isinstance(outsourcing.send(SERVICE, give_back()), Changed)
    for owner, entry in ((LEAD, from_lead), (SERVICE, from_service)):
        told, noted, kept = outsourcing.heard_by(owner)
        assert isinstance(told, OutsourcingReturned) and told.hours == Decimal("1.5")
        assert isinstance(noted, TicketNoted)
        assert kept == EntryKeptLocal(outsourcing_id=OUTSOURCING, entry_id=entry.entry_id, version=1, state="returned")
        assert outsourcing.entry(entry.entry_id).travel is Travel.KEPT_LOCAL
    (published,) = outsourcing.published()
    assert isinstance(published, OutsourcingHandedBack) and published.service_number is None


def test_submitted_work_is_not_returned_before_the_submission_is_taken_back() -> None:
    decision = awaiting_approval().send(SERVICE, give_back())
    assert isinstance(decision, Refused)
    assert (decision.problem, decision.state) == ("outsourcing/not-returnable", "awaiting_approval")
    assert "completion.withdraw" in decision.allowed


def test_who_returns_a_ticket_says_why() -> None:
    for reason in ({}, {"reason": None}, {"reason": " "}):
        with pytest.raises(ValidationError):
            OutsourcingReturn.model_validate({"actor": "l.gruber", "outsourcing_id": str(OUTSOURCING), **reason})
