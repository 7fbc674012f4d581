"""Billing on a real Postgres: every statement, whole turns, and numbers without gap or double."""

import asyncio
import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from services.billing import store
from services.billing.domain import Bill, Invoice, NumberSeries, bill_completed_work
from services.billing.handlers import HANDLERS
from shared.contracts.billing import BillingSettingsChange, InvoiceRequest
from shared.contracts.values import Payload
from shared.database import Connection
from shared.ids import new_id
from shared.messaging.arrivals import Arrival
from shared.messaging.directory import Directory
from shared.messaging.letters import Correspondence
from shared.messaging.outcomes import Changed
from shared.messaging.turn import Turn
from tests.integration.databases import connection_to
from tests.integration.messaging.posting import command, event
from tests.unit.billing.work import (
    AUSTRIAN_SERVICE,
    GERMAN_LEAD,
    LEAD,
    SERVICE,
    charge,
    completed,
    deduction,
    message_of,
    terms,
    time,
)


def fresh_turn() -> Turn:
    directory = Directory()
    return Turn(HANDLERS, directory, Correspondence("billing", directory))


async def take(connection: Connection, *arrivals: Arrival, turn: Turn | None = None) -> list[tuple[str, str, Any]]:
    """Decide these in one turn; to whom what is told."""
    turn = turn or fresh_turn()
    turned = await turn.take(connection, [turn.read(arrival) for arrival in arrivals])
    return [
        (one.letter.lane, one.letter.kind.removeprefix("tandem."), json.loads(one.letter.body)["data"])
        for one in turned.posted
    ]


def done(outsourcing_id: UUID, *work: Any) -> Arrival:
    return event(
        completed(terms(), *(work or (time("1"),)), outsourcing_id=outsourcing_id),
        str(outsourcing_id),
        service="ticket_sync",
    )


def party(slug: str, country: str, vat_id: str) -> Arrival:
    change = BillingSettingsChange.model_validate(
        {
            "actor": "m.huber",
            "legal_name": f"{slug} GmbH",
            "address": ["Hauptplatz 1", "1010 Ort"],
            "country": country,
            "vat_id": vat_id,
            "tax_rate": "20",
            "number_prefix": "AW-",
        }
    )
    return command(change, slug, sender=slug)


PARTIES = (("nordlicht", "DE", "DE136695976"), ("alpenwerk", "AT", "ATU13585627"))


async def settled(database: Connection) -> None:
    await take(database, *(party(*one) for one in PARTIES))


def by_service(data: Payload, outsourcing_id: UUID) -> Arrival:
    return command(data, str(outsourcing_id), sender=SERVICE)


async def numbers(database: Connection) -> list[int]:
    return [row[0] for row in await database.fetch("SELECT series_number FROM invoice ORDER BY series_number")]


async def test_settings_are_found_as_they_were_saved_last(database: Connection) -> None:
    await store.save_settings(database, [GERMAN_LEAD, AUSTRIAN_SERVICE])
    moved = replace(GERMAN_LEAD, address=("Neuer Weg 2", 'Haus "B"', "20457 Hamburg"), payment_days=14)
    await store.save_settings(database, [moved])
    assert await store.lock_settings(database, [LEAD, SERVICE, "elbtal"]) == [AUSTRIAN_SERVICE, moved]


async def test_bills_are_found_with_their_items_in_their_order(database: Connection) -> None:
    works = [
        completed(terms(), time("1.5"), charge("2", "3.10"), deduction("-1"), outsourcing_id=new_id()) for _ in "ab"
    ]
    bills = sorted((Bill.of(work) for work in works), key=lambda bill: bill.outsourcing_id)
    await store.save_bills(database, bills)
    ids = [bill.outsourcing_id for bill in bills]
    assert await store.lock_bills(database, [new_id(), *ids]) == bills
    await store.save_bills(database, [bills[0].invoiced()])
    assert await store.lock_bills(database, ids) == [bills[0].invoiced(), bills[1]]


async def test_a_counter_begins_at_zero_and_goes_on_where_it_was_left(database: Connection) -> None:
    [series] = await store.lock_series(database, [(SERVICE, 2026)])
    assert series == NumberSeries(SERVICE, 2026, 0)
    await store.save_series(database, [series.next().next()])
    assert await store.lock_series(database, [(SERVICE, 2026)]) == [NumberSeries(SERVICE, 2026, 2)]


async def test_invoices_are_found_with_their_lines_as_they_were_issued(database: Connection) -> None:
    invoices = []
    for place in (1, 2):
        work = completed(terms(), time("1.25"), charge("3", "0.335"), deduction("-1"), outsourcing_id=new_id())
        series = NumberSeries(SERVICE, 2026, place)
        decision = bill_completed_work(None, GERMAN_LEAD, AUSTRIAN_SERVICE, series, message_of(work))
        assert isinstance(decision, Changed)
        await store.save_bills(database, [value for value in decision.values if isinstance(value, Bill)])
        invoices += [value for value in decision.values if isinstance(value, Invoice)]
    await store.insert_invoices(database, invoices)
    invoices.sort(key=lambda invoice: invoice.outsourcing_id)
    assert await store.lock_invoices(database, [invoice.outsourcing_id for invoice in invoices]) == invoices


async def test_approved_work_becomes_one_invoice_that_both_sides_get(database: Connection) -> None:
    await settled(database)
    id = new_id()
    told = await take(database, done(id))
    assert [(to.rpartition(".")[0] or to, kind) for to, kind, _ in told] == [
        (SERVICE, "invoice.issued.v1"),
        (LEAD, "invoice.received.v1"),
        ("tandem.events", "invoice.written.v1"),
    ]
    assert told[0][2]["invoice"] == told[1][2]["invoice"]
    assert await take(database, done(id)) == [], "the same work again, under another id"
    assert await numbers(database) == [1]


async def test_many_invoices_of_one_issuer_in_one_turn_have_consecutive_numbers(database: Connection) -> None:
    await settled(database)
    await take(database, *(done(new_id()) for _ in range(25)))
    await take(database, *(done(new_id()) for _ in range(25)))
    assert await numbers(database) == list(range(1, 51))


async def test_turns_side_by_side_leave_no_gap_and_give_no_number_twice(
    database: Connection, database_url: str
) -> None:
    await settled(database)

    async def bill(rounds: int) -> None:
        turn = fresh_turn()
        async with connection_to(database_url) as connection:
            for _ in range(rounds):
                await take(connection, *(done(new_id()) for _ in range(3)), turn=turn)

    await asyncio.gather(*(bill(10) for _ in range(4)))
    assert await numbers(database) == list(range(1, 121))


async def test_a_turn_that_is_rolled_back_gives_its_number_to_the_next(database: Connection) -> None:
    await settled(database)
    dying = database.transaction()
    await dying.start()
    await take(database, done(new_id()))
    await dying.rollback()
    await take(database, done(new_id()))
    assert await numbers(database) == [1]


async def test_missing_data_are_asked_for_and_the_invoice_follows(database: Connection) -> None:
    id = new_id()
    [(to, kind, opened)] = await take(database, done(id))
    assert (to, kind, opened["missing"]) == (SERVICE, "item.opened.v1", [SERVICE, LEAD])
    request = InvoiceRequest(actor="m.huber", outsourcing_id=id)
    [(_, kind, refused)] = await take(database, by_service(request, id))
    assert (kind, refused["type"]) == ("command.rejected.v1", "invoice/settings-missing")
    await settled(database)
    assert [told[1] for told in await take(database, by_service(request, id))] == [
        "invoice.issued.v1",
        "invoice.received.v1",
        "invoice.written.v1",
    ]
    [(_, _, again)] = await take(database, by_service(request, id))
    assert again["type"] == "invoice/issued-already"


async def test_who_says_its_settings_again_is_told_so_again(database: Connection) -> None:
    settings = PARTIES[0]
    for _ in range(2):
        [(to, kind, told)] = await take(database, party(*settings))
        assert (to, kind, told["legal_name"]) == (LEAD, "billing-settings.changed.v1", "nordlicht GmbH")
    told_of = await database.fetch("SELECT event FROM history ORDER BY at")
    assert [row["event"] for row in told_of] == ["billing settings changed", "billing settings are so already"]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE invoice SET total = 0",
        "DELETE FROM invoice",
        "TRUNCATE invoice CASCADE",
    ],
)
async def test_an_issued_invoice_never_changes(database: Connection, change: str) -> None:
    await settled(database)
    await take(database, done(new_id()))
    with pytest.raises(asyncpg.RestrictViolationError):
        await database.execute(change)


async def test_the_schema_holds_one_invoice_for_an_outsourcing_and_one_use_of_a_number(database: Connection) -> None:
    await settled(database)
    id = new_id()
    await take(database, done(id))
    [invoice] = await store.lock_invoices(database, [id])
    document = invoice.document.model_copy(update={"invoice_id": new_id()})
    with pytest.raises(asyncpg.UniqueViolationError):
        await store.insert_invoices(database, [replace(invoice, series_number=2, document=document)])
    other = new_id()
    await store.save_bills(database, [Bill.of(completed(terms(), outsourcing_id=other))])
    with pytest.raises(asyncpg.UniqueViolationError):
        await store.insert_invoices(database, [replace(invoice, outsourcing_id=other, document=document)])
