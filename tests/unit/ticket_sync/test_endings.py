"""How it ends without an approval: who may end it when, what everybody is told, and that nothing happens afterwards."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from services.ticket_sync.domain import snapshots
from services.ticket_sync.domain.entries import Travel
from shared.contracts.ticket_sync import (
    ChargeBody,
    CompletionForced,
    EntryKeptLocal,
    EntryReplicated,
    OutsourcingCompleted,
    OutsourcingHandedBack,
    OutsourcingReturn,
    OutsourcingReturned,
    TicketNoted,
    TimeBody,
)
from shared.contracts.values import Delivery, Payload
from shared.messaging.outcomes import Changed, NotYet, Refused, Unchanged
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
    abandoned,
    accepted,
    approved,
    awaiting,
    awaiting_approval,
    force,
    forced,
    give_back,
    in_progress,
    just_accepted,
    kinds,
    put,
    reject,
    returned,
    submit,
)

Begin = Callable[[], Outsourcing]


@pytest.mark.parametrize(
    ("end", "refused"),
    [
        (approved, Refused("outsourcing/completed", state="completed", allowed=("sync.request",))),
        (forced, Refused("outsourcing/completed", state="completed", allowed=("sync.request",))),
        (returned, Refused("outsourcing/returned", state="returned", allowed=("sync.request",))),
    ],
)
@pytest.mark.parametrize("message", EVERY_COMMAND, ids=lambda message: message.kind)
def test_after_an_end_every_command_is_refused_with_that_end(end: Begin, refused: Refused, message: Payload) -> None:
    for sender in (LEAD, SERVICE):
        assert end().say(sender, message) == refused


def test_a_return_says_why_on_both_tickets_and_what_was_worked_until_then() -> None:
    outsourcing = in_progress()
    for owner, body in ((SERVICE, TIME), (SERVICE, CHARGE), (SERVICE, NOTE), (LEAD, TIME), (LEAD, CHARGE)):
        outsourcing.say(owner, put(body))
    outsourcing.say(SERVICE, put(TIME, visibility="internal"))
    outsourcing.told.clear()
    assert isinstance(outsourcing.say(SERVICE, give_back()), Changed)
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
        organization=accepted().organization,
        terms=accepted().terms,
        snapshot=published.snapshot,
        **known,
    )
    assert published.snapshot.entries == 2 and published.snapshot.hours == Decimal("1.5")
    assert (outsourcing.link.state, outsourcing.link.returned_at) == ("returned", NOW)


def test_what_waited_for_a_ticket_stays_with_its_owners_when_it_is_returned() -> None:
    outsourcing = just_accepted()
    from_lead, from_service = put(NOTE), put(TIME)
    outsourcing.say(LEAD, from_lead)
    outsourcing.say(SERVICE, from_service)
    assert isinstance(outsourcing.say(SERVICE, give_back()), Changed)
    for owner, entry in ((LEAD, from_lead), (SERVICE, from_service)):
        told, noted, kept = outsourcing.heard_by(owner)
        assert isinstance(told, OutsourcingReturned) and told.hours == Decimal("1.5")
        assert isinstance(noted, TicketNoted)
        assert kept == EntryKeptLocal(outsourcing_id=OUTSOURCING, entry_id=entry.entry_id, version=1, state="returned")
        assert outsourcing.entry(entry.entry_id).travel is Travel.KEPT_LOCAL
    (published,) = outsourcing.published()
    assert isinstance(published, OutsourcingHandedBack) and published.service_number is None


def test_submitted_work_is_not_returned_before_the_submission_is_taken_back() -> None:
    decision = awaiting_approval().say(SERVICE, give_back())
    assert isinstance(decision, Refused)
    assert (decision.problem, decision.state) == ("outsourcing/not-returnable", "awaiting_approval")
    assert "completion.withdraw" in decision.allowed


def test_who_returns_a_ticket_says_why() -> None:
    for reason in ({}, {"reason": None}, {"reason": " "}):
        with pytest.raises(ValidationError):
            OutsourcingReturn.model_validate({"actor": "l.gruber", "outsourcing_id": str(OUTSOURCING), **reason})


def ended(
    outsourcing: Outsourcing, sender: str, data: Payload
) -> tuple[CompletionForced, OutsourcingCompleted, list[Delivery], list[Delivery]]:
    """What both sides and the other services are told of an end by force, and what else each side is told."""
    outsourcing.told.clear()
    assert isinstance(outsourcing.say(sender, data), Changed)
    (published,) = outsourcing.published()
    for_lead, for_service = outsourcing.heard_by(LEAD), outsourcing.heard_by(SERVICE)
    told, noted = for_lead[:2]
    assert for_service[:2] == [told, noted]
    assert isinstance(told, CompletionForced) and isinstance(published, OutsourcingCompleted)
    assert noted == TicketNoted(
        outsourcing_id=OUTSOURCING, reason="completion_forced", text=told.reason or "", state="completed"
    )
    assert (published.snapshot, published.forced) == (told.snapshot, True)
    return told, published, for_lead[2:], for_service[2:]


def test_a_force_on_work_in_progress_bills_the_work_as_it_is() -> None:
    outsourcing = in_progress()
    time, charge = put(TIME), put(CHARGE)
    for owner, entry in ((SERVICE, time), (SERVICE, charge), (SERVICE, put(NOTE)), (LEAD, put(TIME))):
        outsourcing.say(owner, entry)
    told, published, for_lead, for_service = ended(outsourcing, LEAD, force())
    assert told.snapshot is not None and told.not_billed is None
    assert [one.entry_id for one in told.snapshot.time] == [time.entry_id]
    assert [one.entry_id for one in told.snapshot.charges] == [charge.entry_id]
    assert (told.snapshot.hours, told.snapshot.charge_total) == (Decimal("1.5"), Decimal("1.01"))
    assert told.snapshot.time[0].text == TIME.text
    assert (told.cause, told.reason, told.forced_at) == ("ticket_completed", "The customer has moved out.", NOW)
    assert (published.completed_by, published.completed_at, published.terms) == ("k.sommer", NOW, accepted().terms)
    assert (outsourcing.link.state, outsourcing.link.snapshot_id) == ("completed", told.snapshot.snapshot_id)
    (summed,) = for_lead
    assert isinstance(summed, EntryReplicated) and isinstance(summed.body, ChargeBody)
    assert (summed.body.quantity, summed.body.billable) == (Decimal("1.5"), False)
    assert for_service == []


def test_a_force_on_submitted_work_bills_the_submission_and_nothing_that_came_later() -> None:
    outsourcing = in_progress()
    outsourcing.say(SERVICE, put(TIME))
    outsourcing.say(SERVICE, submit(1, "1.5"))
    submitted = awaiting(outsourcing)
    later = put(TIME)
    outsourcing.say(SERVICE, later)
    told, _, for_lead, for_service = ended(outsourcing, LEAD, force())
    assert told.snapshot is not None
    assert (told.snapshot.snapshot_id, told.snapshot.summary) == (submitted, "Done.")
    assert told.snapshot.hours == Decimal("1.5")
    assert kinds(for_lead) == [EntryReplicated]
    assert for_service == [
        EntryKeptLocal(outsourcing_id=OUTSOURCING, entry_id=later.entry_id, version=1, state="completed")
    ]


def test_a_submission_that_was_rejected_is_not_what_a_force_bills() -> None:
    outsourcing = awaiting_approval()
    rejected = awaiting(outsourcing)
    outsourcing.say(LEAD, reject())
    outsourcing.say(SERVICE, put(TIME))
    told, *_ = ended(outsourcing, LEAD, force())
    assert told.snapshot is not None and told.snapshot.snapshot_id != rejected
    assert told.snapshot.hours == Decimal("1.5")


def test_a_force_before_the_work_has_begun_bills_nothing_and_that_is_said() -> None:
    outsourcing = just_accepted()
    waiting = put(TIME)
    outsourcing.say(SERVICE, waiting)
    told, published, for_lead, for_service = ended(outsourcing, LEAD, force())
    assert (told.snapshot, told.not_billed, published.service_number) == (None, "not_begun", None)
    assert for_lead == []
    assert for_service == [
        EntryKeptLocal(outsourcing_id=OUTSOURCING, entry_id=waiting.entry_id, version=1, state="completed")
    ]
    assert (outsourcing.link.state, outsourcing.link.opened_at) == ("completed", None)


def test_work_that_does_not_fit_into_a_message_is_billed_without_its_texts() -> None:
    outsourcing = in_progress()
    long = TimeBody(kind="time", hours=Decimal(1), work_on=TIME.work_on, text="x" * 50_000)
    for _ in range(11):
        outsourcing.say(SERVICE, put(long))
    assert outsourcing.problem_of(SERVICE, submit(11, "11")) == "completion/too-large"
    told, *_ = ended(outsourcing, LEAD, force())
    assert told.snapshot is not None
    assert [(one.hours, one.author, one.text) for one in told.snapshot.time] == [(Decimal(1), "L. Gruber", "")] * 11
    assert told.snapshot.hours == Decimal(11)


@pytest.mark.parametrize(("limit", "value"), [("LARGEST_SNAPSHOT_BYTES", 100), ("MOST_HOURS", Decimal(1))])
def test_no_work_is_too_large_to_be_ended(monkeypatch: pytest.MonkeyPatch, limit: str, value: object) -> None:
    monkeypatch.setattr(snapshots, limit, value)
    outsourcing = in_progress()
    outsourcing.say(SERVICE, put(TIME))
    told, _, for_lead, for_service = ended(outsourcing, LEAD, force())
    assert (told.snapshot, told.not_billed) == (None, "too_large")
    assert (outsourcing.link.state, for_lead, for_service) == ("completed", [], [])


def test_a_lead_need_not_say_why_it_ends_the_work() -> None:
    told, *_ = ended(in_progress(), LEAD, force(reason=None))
    assert told.reason is None


@pytest.mark.parametrize("begin", [just_accepted, in_progress, awaiting_approval])
def test_work_of_a_partnership_that_was_ended_ends_as_by_force(begin: Begin) -> None:
    by_lead, by_partnership = begin(), begin()
    for outsourcing in (by_lead, by_partnership):
        outsourcing.say(SERVICE, put(TIME, id=OUTSOURCING))
    forced, _, *more = ended(by_lead, LEAD, force())
    told, published, *more_told = ended(by_partnership, "tandem/offer_handler", abandoned())
    assert (told.cause, told.reason, published.completed_by) == ("partnership_ended", "The contract ends.", "m.huber")
    assert (told.not_billed, _billed(told), more_told) == (forced.not_billed, _billed(forced), more)
    assert by_partnership.link.state == by_lead.link.state == "completed"


def test_of_what_is_not_known_yet_the_end_waits() -> None:
    assert Outsourcing().say("tandem/offer_handler", abandoned()) == NotYet("outsourcing/unknown")


@pytest.mark.parametrize("end", [approved, forced, returned])
def test_what_has_ended_is_not_abandoned(end: Begin) -> None:
    assert end().say("tandem/offer_handler", abandoned()) == Unchanged()


def _billed(told: CompletionForced) -> object:
    return told.snapshot and told.snapshot.model_dump(exclude={"snapshot_id"})
