"""Warnings while the work is under way: what was worked against the authorized amounts."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ticket_sync.domain.caps import Effort
from shared.contracts.ticket_sync import CapReached, ChargeBody, EntryBody, OutsourcingCapReached, TimeBody
from shared.ids import new_id
from tests.unit.ticket_sync.outsourcing import LEAD, NOTE, SERVICE, Outsourcing, accepted, opened, put, remove


def time(hours: str, *, billable: bool = True) -> TimeBody:
    return TimeBody(kind="time", hours=Decimal(hours), work_on=date(2026, 3, 2), billable=billable)


def charge(price: str, *, billable: bool = True) -> ChargeBody:
    return ChargeBody(
        kind="charge", name="Cable", quantity=Decimal(1), unit_price=Decimal(price), currency="EUR", billable=billable
    )


def capped(**terms: Any) -> Outsourcing:
    """In progress at 90.00 an hour, with these authorized amounts."""
    agreed = accepted()
    agreed = agreed.model_copy(
        update={"terms": type(agreed.terms).model_validate({**agreed.terms.model_dump(), **terms})}
    )
    outsourcing = Outsourcing(("tandem/offer_handler", agreed), (SERVICE, opened()))
    outsourcing.told.clear()
    return outsourcing


Warned = tuple[str, int, str]


def warnings(outsourcing: Outsourcing) -> list[Warned]:
    """What both sides and the other services were warned of, which is the same."""
    told = [one for one in outsourcing.told_to(LEAD) if isinstance(one, CapReached)]
    assert told == [one for one in outsourcing.told_to(SERVICE) if isinstance(one, CapReached)]
    published = [one for one in outsourcing.published() if isinstance(one, OutsourcingCapReached)]
    found: list[Warned] = [(one.cap, one.percent, str(one.reached)) for one in told]
    assert found == [(one.cap, one.percent, str(one.reached)) for one in published]
    return found


@pytest.mark.parametrize(
    ("terms", "work", "expected"),
    [
        ({"authorized_hours": "8"}, [time("6.39")], []),
        ({"authorized_hours": "8"}, [time("6"), time("0.4"), time("1")], [("hours", 80, "6.4")]),
        (
            {"authorized_hours": "8"},
            [time("6.4"), time("1.6"), time("5")],
            [("hours", 80, "6.4"), ("hours", 100, "8.0")],
        ),
        ({"authorized_hours": "8"}, [time("9")], [("hours", 100, "9")]),
        ({"authorized_hours": "8", "rounding_minutes": 60}, [time("6.1")], [("hours", 80, "7.0000")]),
        ({"authorized_hours": "8"}, [time("9", billable=False), charge("900")], []),
        (
            {"authorized_charges": "100"},
            [charge("85"), charge("20")],
            [("charges", 80, "85.00"), ("charges", 100, "105.00")],
        ),
        ({"authorized_charges": "100"}, [charge("90", billable=False), time("9")], []),
        ({"authorized_charges": "0"}, [charge("0"), charge("1")], [("charges", 100, "1.00")]),
        (
            {"authorized_total": "1000"},
            [time("8"), charge("80"), charge("200")],
            [("total", 80, "800.00"), ("total", 100, "1000.00")],
        ),
        (
            {"mode": "flat", "hourly_rate": None, "flat_fee": "700", "authorized_total": "1000"},
            [time("40"), charge("100")],
            [("total", 80, "800.00")],
        ),
    ],
)
def test_both_sides_are_warned_once_at_80_and_at_100_percent(
    terms: dict[str, Any], work: list[EntryBody], expected: list[Warned]
) -> None:
    outsourcing = capped(**terms)
    for body in work:
        outsourcing.say(SERVICE, put(body))
    assert warnings(outsourcing) == expected


def test_what_was_told_is_not_told_again_when_the_work_shrinks_and_grows() -> None:
    outsourcing = capped(authorized_hours="8")
    entry = put(time("7"))
    outsourcing.say(SERVICE, entry)
    outsourcing.say(SERVICE, put(time("1"), id=entry.entry_id, version=2))
    outsourcing.say(SERVICE, remove(entry.entry_id, 3))
    outsourcing.say(SERVICE, put(time("7"), id=entry.entry_id, version=4))
    assert warnings(outsourcing) == [("hours", 80, "7")]


def test_the_lead_s_own_time_and_notes_reach_no_cap() -> None:
    outsourcing = capped(authorized_hours="1", authorized_charges="1")
    outsourcing.say(LEAD, put(time("9")))
    outsourcing.say(LEAD, put(charge("9")))
    outsourcing.say(SERVICE, put(NOTE))
    outsourcing.say(SERVICE, put(time("9"), visibility="internal"))
    assert warnings(outsourcing) == []


ENTRIES = [new_id() for _ in range(3)]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(ENTRIES),
            st.sampled_from(["put", "hide", "remove"]),
            st.decimals(0, 9, places=2).map(str),
            st.booleans(),
        ),
        max_size=12,
    )
)
def test_what_is_counted_is_what_stands(acts: list[tuple[Any, str, str, bool]]) -> None:
    outsourcing = capped(authorized_hours="1000", authorized_charges="1", rounding_minutes=15)
    standing: dict[Any, Decimal] = {}
    for version, (id, act, amount, billable) in enumerate(acts, 1):
        if act == "remove":
            outsourcing.say(SERVICE, remove(id, version))
        else:
            body: EntryBody = charge(amount, billable=billable) if id == ENTRIES[2] else time(amount, billable=billable)
            outsourcing.say(
                SERVICE, put(body, id=id, version=version, visibility="shared" if act == "put" else "internal")
            )
        standing[id] = Decimal(amount) if act == "put" and billable else Decimal(0)
    (effort,) = outsourcing.all_of(Effort)
    terms = effort.terms
    assert effort.hours == sum(terms.billed_hours(standing.get(id, Decimal(0))) for id in ENTRIES[:2])
    assert effort.charges == standing.get(ENTRIES[2], 0)
