"""An accepted ticket that nobody opens: who is reminded when, once, and that an open one is left in peace."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ticket_sync.domain.opening import REMIND_AFTER, Due, ticket_overdue
from shared.contracts.ticket_sync import OutsourcingUnopened, TicketOverdue, TicketReminded
from shared.messaging.outcomes import Caused, Changed, Decision, Publish, Unchanged
from tests.unit.ticket_sync.outsourcing import (
    LEAD,
    NOW,
    OUTSOURCING,
    SERVICE,
    Outsourcing,
    approved,
    awaiting_approval,
    forced,
    in_progress,
    just_accepted,
    returned,
)

HOUR = timedelta(hours=1)


def look(outsourcing: Outsourcing, due_after: timedelta, now_after: timedelta | None = None) -> Decision:
    """The message that it is time to look, which fell due so long after the acceptance, is decided now."""
    outsourcing.now = NOW + (due_after if now_after is None else now_after)
    return outsourcing.say("tandem/ticket_sync", TicketOverdue(outsourcing_id=OUTSOURCING, due_at=NOW + due_after))


def reminded(waiting_hours: int) -> TicketReminded:
    return TicketReminded(outsourcing_id=OUTSOURCING, ticket_number="T-1", accepted_at=NOW, waiting_hours=waiting_hours)


def unopened(waiting_hours: int, *, lead_told: bool) -> OutsourcingUnopened:
    return OutsourcingUnopened(
        outsourcing_id=OUTSOURCING,
        lead=LEAD,
        service=SERVICE,
        lead_number="T-1",
        title="Switch drops its uplink",
        accepted_at=NOW,
        waiting_hours=waiting_hours,
        lead_told=lead_told,
    )


def test_after_four_hours_the_service_partner_alone_is_reminded() -> None:
    outsourcing = just_accepted()
    assert outsourcing.link.next_due_at == NOW + 4 * HOUR
    assert outsourcing.link.due_set_by is not None and outsourcing.link.due_set_by[0] == "/tandem/offer_handler"
    assert isinstance(look(outsourcing, 4 * HOUR), Changed)
    assert outsourcing.heard_by(SERVICE) == [reminded(4)] and outsourcing.heard_by(LEAD) == []
    assert outsourcing.published() == [unopened(4, lead_told=False)]


def test_after_a_day_it_is_reminded_once_more_and_the_lead_is_told() -> None:
    outsourcing = just_accepted()
    look(outsourcing, 4 * HOUR)
    outsourcing.told.clear()
    assert isinstance(look(outsourcing, 24 * HOUR), Changed)
    assert outsourcing.heard_by(SERVICE) == outsourcing.heard_by(LEAD) == [reminded(24)]
    assert outsourcing.published() == [unopened(24, lead_told=True)]
    assert outsourcing.link.state == "accepted"


def test_where_nobody_looked_for_days_it_is_said_once() -> None:
    outsourcing = just_accepted()
    assert isinstance(look(outsourcing, 4 * HOUR, 50.9 * HOUR), Changed)
    assert outsourcing.heard_by(SERVICE) == outsourcing.heard_by(LEAD) == [reminded(50)]
    assert look(outsourcing, 24 * HOUR, 51 * HOUR) == Unchanged()


@pytest.mark.parametrize("begin", [Outsourcing, in_progress, awaiting_approval, approved, forced, returned])
def test_nobody_is_reminded_of_what_is_open_or_has_ended(begin: Callable[[], Outsourcing]) -> None:
    outsourcing = begin()
    assert look(outsourcing, 4 * HOUR) == Unchanged()
    assert outsourcing.told == []


@pytest.mark.parametrize("end", [approved, forced, returned])
def test_what_has_ended_is_not_looked_at_again(end: Callable[[], Outsourcing]) -> None:
    assert end().link.next_due_at is None


@given(
    looks=st.lists(
        st.tuples(st.sampled_from(REMIND_AFTER), st.integers(-1, 60).map(lambda hours: hours * HOUR)), max_size=8
    )
)
def test_however_often_it_is_looked_nobody_is_told_twice(looks: list[tuple[timedelta, timedelta]]) -> None:
    outsourcing = just_accepted()
    for due_after, now_after in looks:
        look(outsourcing, due_after, now_after)
    assert len(outsourcing.heard_by(SERVICE)) <= len(REMIND_AFTER)
    assert len(outsourcing.heard_by(LEAD)) <= 1


def test_that_it_is_time_to_look_goes_back_to_the_message_that_set_the_time() -> None:
    id = UUID("01935e7a-4c00-7000-8000-000000000001")
    due = Due(OUTSOURCING, NOW, ("/tandem/offer_handler", id))
    told = Publish(TicketOverdue(outsourcing_id=OUTSOURCING, due_at=NOW))
    assert ticket_overdue(due) == Caused("/tandem/offer_handler", id, str(OUTSOURCING), (told,))
