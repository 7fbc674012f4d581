"""From the acceptance to the approval: who may do what when, and what everybody is told."""

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ticket_sync.domain import snapshots
from services.ticket_sync.domain.entries import Travel
from services.ticket_sync.domain.snapshots import MOST_HOURS, Work
from shared.contracts.ticket_sync import (
    ChargeBody,
    CompletionApproved,
    CompletionRejected,
    CompletionSubmitted,
    CompletionWithdrawn,
    EntryKeptLocal,
    EntryReleased,
    EntryReplicated,
    OutsourcingCompleted,
    OutsourcingHandedBack,
    OutsourcingRejected,
    OutsourcingSubmitted,
    OutsourcingWithdrawn,
    TicketLinked,
    TicketNoted,
    TicketRequested,
    TimeBody,
)
from shared.contracts.values import Payload
from shared.ids import new_id
from shared.messaging.outcomes import Changed, FieldError, NotYet, Refused, Unchanged
from tests.unit.ticket_sync.outsourcing import (
    CHARGE,
    COMPLETE_BY,
    EVERY_COMMAND,
    LEAD,
    NOTE,
    NOW,
    OUTSOURCING,
    SERVICE,
    STRANGER,
    TIME,
    WITHDRAW,
    Outsourcing,
    accepted,
    approve,
    approved,
    awaiting,
    awaiting_approval,
    force,
    forced,
    give_back,
    in_progress,
    just_accepted,
    kinds,
    opened,
    put,
    reject,
    remove,
    returned,
    submit,
)


def test_acceptance_asks_the_service_partner_alone_for_a_ticket_with_all_it_needs() -> None:
    outsourcing = Outsourcing(("tandem/offer_handler", accepted()))
    (requested,) = outsourcing.heard_by(SERVICE)
    assert isinstance(requested, TicketRequested)
    assert requested.ticket.customer is not None and requested.ticket.customer.company == "Hansen KG"
    assert (requested.organization, requested.accepted_by) == ("Nordlicht IT GmbH", "l.gruber")
    assert outsourcing.told == [] and outsourcing.link.state == "accepted"


def test_what_is_accepted_is_not_accepted_again() -> None:
    outsourcing = in_progress()
    assert outsourcing.say("tandem/offer_handler", accepted()) == Unchanged()
    assert outsourcing.link.state == "in_progress"


def test_each_side_learns_the_others_number() -> None:
    outsourcing = just_accepted()
    outsourcing.say(SERVICE, opened("A-7"))
    (for_lead,), (for_service,) = outsourcing.heard_by(LEAD), outsourcing.heard_by(SERVICE)
    assert for_lead == TicketLinked(
        outsourcing_id=OUTSOURCING, partner=SERVICE, partner_number="A-7", partner_link="https://psa.example/A-7"
    )
    assert for_service == TicketLinked(outsourcing_id=OUTSOURCING, partner=LEAD, partner_number="T-1")


def test_a_ticket_is_opened_once_and_who_says_so_again_is_told_the_same() -> None:
    outsourcing = just_accepted()
    outsourcing.say(SERVICE, opened("A-7"))
    link, (told,) = outsourcing.link, outsourcing.heard_by(SERVICE)
    outsourcing.told.clear()
    assert isinstance(outsourcing.say(SERVICE, opened("A-7")), Changed)
    assert outsourcing.link == link
    assert outsourcing.heard_by(SERVICE) == [told] and outsourcing.told == [], "the lead knows it already"
    assert outsourcing.problem_of(SERVICE, opened("A-8")) == "outsourcing/wrong-state"


@pytest.mark.parametrize("message", EVERY_COMMAND, ids=lambda message: message.kind)
def test_a_stranger_is_answered_as_if_there_were_nothing(message: Payload) -> None:
    for begin in (just_accepted, in_progress, awaiting_approval, approved, forced, returned):
        assert begin().say(STRANGER, message) == Outsourcing().say(LEAD, message) == NotYet("outsourcing/unknown")


@pytest.mark.parametrize(
    ("begin", "sender", "message", "role"),
    [
        (just_accepted, LEAD, opened(), "service"),
        (in_progress, LEAD, submit(), "service"),
        (in_progress, LEAD, give_back(), "service"),
        (just_accepted, SERVICE, force(), "lead"),
        (in_progress, SERVICE, force(), "lead"),
        (awaiting_approval, SERVICE, force(), "lead"),
        (awaiting_approval, LEAD, WITHDRAW, "service"),
        (awaiting_approval, SERVICE, reject(), "lead"),
        (awaiting_approval, SERVICE, approve(new_id()), "lead"),
    ],
)
def test_each_side_has_its_own_say(begin: object, sender: str, message: Payload, role: str) -> None:
    assert callable(begin)
    outsourcing = begin()
    decision = outsourcing.say(sender, message)
    assert decision == Refused("outsourcing/not-yours", state=outsourcing.link.state, role=role)


@pytest.mark.parametrize(
    ("begin", "sender", "message", "allowed"),
    [
        (just_accepted, SERVICE, submit(), "ticket.opened"),
        (awaiting_approval, SERVICE, submit(), "completion.approve"),
        (in_progress, SERVICE, WITHDRAW, "completion.submit"),
        (in_progress, LEAD, reject(), "completion.submit"),
        (in_progress, LEAD, approve(new_id()), "completion.submit"),
    ],
)
def test_in_the_wrong_state_it_is_said_what_is_allowed(
    begin: object, sender: str, message: Payload, allowed: str
) -> None:
    assert callable(begin)
    decision = begin().say(sender, message)
    assert isinstance(decision, Refused) and decision.problem == "outsourcing/wrong-state"
    assert allowed in decision.allowed


def test_a_submission_fixes_the_service_partners_shared_time_and_charges_and_nothing_else() -> None:
    outsourcing = in_progress()
    time, charge, gone = put(TIME, version=4), put(CHARGE), put(TIME)
    for message in (time, charge, gone, put(NOTE), put(TIME, visibility="internal"), remove(gone.entry_id, 2)):
        outsourcing.say(SERVICE, message)
    for message in (put(TIME), put(CHARGE)):
        outsourcing.say(LEAD, message)
    outsourcing.told.clear()
    assert isinstance(outsourcing.say(SERVICE, submit(2, "1.5", "1.01")), Changed)
    (for_lead,), (for_service,) = outsourcing.heard_by(LEAD), outsourcing.heard_by(SERVICE)
    (published,) = outsourcing.published()
    assert isinstance(for_lead, CompletionSubmitted) and for_lead == for_service
    snapshot = for_lead.snapshot
    assert [(one.entry_id, one.version, one.hours) for one in snapshot.time] == [(time.entry_id, 4, Decimal("1.5"))]
    assert [(one.entry_id, one.amount, one.billable) for one in snapshot.charges] == [
        (charge.entry_id, Decimal("1.01"), False)
    ]
    assert (snapshot.hours, snapshot.charge_total, snapshot.currency) == (Decimal("1.5"), Decimal("1.01"), "EUR")
    assert isinstance(published, OutsourcingSubmitted) and published.snapshot == snapshot
    assert (published.lead_number, published.service_number) == ("T-1", "A-7")
    assert outsourcing.link.snapshot_id == snapshot.snapshot_id


AMOUNTS = st.tuples(st.decimals(0, 9999, places=4), st.decimals(0, 9999, places=4))


@pytest.mark.parametrize(("currency", "minor_unit"), [("EUR", "0.01"), ("JPY", "1"), ("CHF", "0.01")])
@given(hours=st.lists(st.decimals(0, 24, places=2), max_size=4), charges=st.lists(AMOUNTS, max_size=4))
def test_what_is_submitted_adds_up(
    currency: str, minor_unit: str, hours: list[Decimal], charges: list[tuple[Decimal, Decimal]]
) -> None:
    outsourcing = Outsourcing(("tandem/offer_handler", accepted(currency=currency)), (SERVICE, opened()))
    for one in hours:
        outsourcing.say(SERVICE, put(TimeBody(kind="time", hours=one, work_on=TIME.work_on)))
    for quantity, unit_price in charges:
        body = ChargeBody(kind="charge", name="x", quantity=quantity, unit_price=unit_price, currency=currency)
        outsourcing.say(SERVICE, put(body))
    expected = sum(
        ((quantity * price).quantize(Decimal(minor_unit), ROUND_HALF_UP) for quantity, price in charges), Decimal(0)
    )
    believed = submit(len(hours) + len(charges), f"{sum(hours, Decimal(0)):f}", f"{expected:f}")
    assert isinstance(outsourcing.say(SERVICE, believed), Changed)


@pytest.mark.parametrize(
    ("believed", "wrong"),
    [
        (submit(2, "1.5", "1.01"), "/data/entries"),
        (submit(1, "1.4", "0"), "/data/hours"),
        (submit(1, "1.5", "0.01"), "/data/charge_total"),
    ],
)
def test_who_is_out_of_step_is_told_what_is_known_here(believed: Payload, wrong: str) -> None:
    outsourcing = in_progress()
    outsourcing.say(SERVICE, put(TIME))
    decision = outsourcing.say(SERVICE, believed)
    assert isinstance(decision, Refused) and decision.problem == "completion/out-of-step"
    assert wrong in [error.pointer for error in decision.errors]
    assert decision.details == {"known_entries": 1, "known_hours": "1.5", "known_charges": "0.00 EUR"}
    assert outsourcing.link.state == "in_progress"


def test_what_is_in_step_is_not_called_wrong() -> None:
    decision = in_progress().say(SERVICE, submit(0, "0", "7"))
    assert isinstance(decision, Refused)
    assert decision.errors == (FieldError("/data/charge_total", "7 is said, 0.00 is known here"),)


def test_a_submission_fits_into_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "LARGEST_SNAPSHOT_BYTES", 500)
    outsourcing = in_progress()
    long = TimeBody(kind="time", hours=Decimal(1), work_on=TIME.work_on, text="x" * 500)
    outsourcing.say(SERVICE, put(long))
    assert outsourcing.problem_of(SERVICE, submit(1, "1")) == "completion/too-large"


def test_work_that_was_read_without_its_texts_is_not_submitted_but_can_be_ended_without_them() -> None:
    outsourcing = in_progress()
    outsourcing.say(SERVICE, put(TIME))
    outsourcing.keep(Work(OUTSOURCING, (), shortened=True))
    assert outsourcing.problem_of(SERVICE, submit(1, "1")) == "completion/out-of-step"
    assert outsourcing.problem_of(SERVICE, submit(1, "1.5")) == "completion/too-large"
    assert isinstance(outsourcing.say(SERVICE, give_back()), Changed)
    told = next(fact for fact in outsourcing.published() if isinstance(fact, OutsourcingHandedBack))
    assert told.snapshot is not None and [one.text for one in told.snapshot.time] == [""]


@pytest.mark.parametrize(("sender", "said"), [(SERVICE, submit(0, "0")), (SERVICE, give_back()), (LEAD, force())])
def test_what_speaks_of_more_work_than_a_turn_can_read_is_tried_again(sender: str, said: Payload) -> None:
    outsourcing = in_progress()
    outsourcing.keep(Work(OUTSOURCING, None, shortened=False))
    assert outsourcing.say(sender, said) == NotYet("completion/too-much-at-once", state="in_progress")


def test_more_hours_than_a_charge_can_tell_are_not_submitted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Decimal(999_999) == MOST_HOURS
    monkeypatch.setattr(snapshots, "MOST_HOURS", Decimal(1))
    outsourcing = in_progress()
    outsourcing.say(SERVICE, put(TIME))
    assert outsourcing.problem_of(SERVICE, submit(1, "1.5")) == "completion/too-large"


def test_a_rejection_says_why_on_both_tickets_and_releases_what_was_held() -> None:
    outsourcing = awaiting_approval()
    outsourcing.say(SERVICE, put(TIME))
    outsourcing.told.clear()
    assert isinstance(outsourcing.say(LEAD, reject()), Changed)
    for_lead, for_service = outsourcing.heard_by(LEAD), outsourcing.heard_by(SERVICE)
    assert kinds(for_lead) == [CompletionRejected, TicketNoted, EntryReplicated]
    assert kinds(for_service) == [CompletionRejected, TicketNoted, EntryReleased]
    assert (
        for_lead[1]
        == for_service[1]
        == TicketNoted(
            outsourcing_id=OUTSOURCING, reason="submission_rejected", text="It dropped again.", state="in_progress"
        )
    )
    (published,) = outsourcing.published()
    assert isinstance(published, OutsourcingRejected)
    assert (published.reason, published.complete_by) == ("It dropped again.", COMPLETE_BY)
    assert (outsourcing.link.state, outsourcing.link.snapshot_id) == ("in_progress", None)


def test_a_withdrawal_does_the_same_without_a_reason() -> None:
    outsourcing = awaiting_approval()
    outsourcing.say(LEAD, put(NOTE))
    outsourcing.told.clear()
    assert isinstance(outsourcing.say(SERVICE, WITHDRAW), Changed)
    assert kinds(outsourcing.heard_by(LEAD)) == [CompletionWithdrawn, TicketNoted, EntryReleased]
    assert kinds(outsourcing.heard_by(SERVICE)) == [CompletionWithdrawn, TicketNoted, EntryReplicated]
    assert [type(one) for one in outsourcing.published()] == [OutsourcingWithdrawn]
    assert outsourcing.link.state == "in_progress"


def test_an_approval_ends_the_link_for_good() -> None:
    outsourcing = in_progress()
    outsourcing.say(SERVICE, put(TIME))
    outsourcing.say(SERVICE, submit(1, "1.5"))
    held = put(NOTE)
    outsourcing.say(SERVICE, held)
    outsourcing.told.clear()
    snapshot_id = awaiting(outsourcing)
    assert isinstance(outsourcing.say(LEAD, approve(snapshot_id)), Changed)
    told = CompletionApproved(outsourcing_id=OUTSOURCING, snapshot_id=snapshot_id, approved_at=NOW)
    for_lead, summed = outsourcing.heard_by(LEAD)
    for_service, kept = outsourcing.heard_by(SERVICE)
    assert for_lead == for_service == told
    assert kept == EntryKeptLocal(outsourcing_id=OUTSOURCING, entry_id=held.entry_id, version=1, state="completed")
    assert isinstance(summed, EntryReplicated) and isinstance(summed.body, ChargeBody)
    assert (summed.owner, summed.state, summed.body.billable) == ("tandem", "completed", False)
    assert (summed.body.quantity, summed.body.unit_price, summed.body.currency) == (Decimal("1.5"), Decimal(0), "EUR")
    (published,) = outsourcing.published()
    assert isinstance(published, OutsourcingCompleted) and published.snapshot is not None
    assert published.snapshot.snapshot_id == snapshot_id and published.organization == "Nordlicht IT GmbH"
    assert (published.completed_by, published.completed_at, published.forced) == ("k.sommer", NOW, False)
    assert published.terms == accepted().terms
    assert outsourcing.entry(held.entry_id).travel is Travel.KEPT_LOCAL
    assert outsourcing.link.completed_at == NOW


def test_no_time_makes_no_charge() -> None:
    outsourcing = awaiting_approval()
    outsourcing.say(LEAD, approve(awaiting(outsourcing)))
    assert kinds(outsourcing.heard_by(LEAD)) == [CompletionApproved]


def test_only_the_submission_that_awaits_approval_is_approved() -> None:
    outsourcing = awaiting_approval()
    earlier = awaiting(outsourcing)
    outsourcing.say(LEAD, reject())
    outsourcing.say(SERVICE, submit())
    for stale in (earlier, new_id()):
        decision = outsourcing.say(LEAD, approve(stale))
        assert isinstance(decision, Refused) and decision.problem == "completion/stale-snapshot"
        assert decision.details == {"snapshot_id": str(awaiting(outsourcing))}
    assert isinstance(outsourcing.say(LEAD, approve(awaiting(outsourcing))), Changed)


def test_there_is_no_limit_on_rounds() -> None:
    outsourcing = in_progress()
    for _ in range(20):
        assert isinstance(outsourcing.say(SERVICE, submit()), Changed)
        assert isinstance(outsourcing.say(LEAD, reject()), Changed)
    assert outsourcing.link.opened_at is not None and outsourcing.link.opened_at - NOW == timedelta(0)
