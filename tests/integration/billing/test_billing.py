"""Billing on a real Postgres: every statement, whole turns, and numbers without gap or double."""

import asyncio
import json
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from services.billing import store
from services.billing.domain import Bill, Mapping, NumberSeries
from services.billing.handlers import HANDLERS
from shared.contracts.billing import BillingSettingsChange, InvoiceCancel, InvoiceCollect, InvoiceRequest
from shared.contracts.values import Payload
from shared.database import TRANSIENT, Connection
from shared.ids import new_id
from shared.messaging.arrivals import Arrival
from shared.messaging.directory import Directory
from shared.messaging.inbox import TakenMeanwhile
from shared.messaging.letters import Correspondence
from shared.messaging.turn import Turn
from tests.integration.databases import connection_to, statements_of
from tests.integration.messaging.posting import command, event
from tests.unit.billing.work import (
    AUSTRIAN_SERVICE,
    GERMAN_LEAD,
    LEAD,
    SERVICE,
    charge,
    completed,
    deduction,
    terms,
    time,
    with_data,
)

DAY = date(2026, 3, 2)


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


def party(slug: str, country: str, vat_id: str, **more: Any) -> Arrival:
    change = BillingSettingsChange.model_validate(
        {
            "actor": "m.huber",
            "legal_name": f"{slug} GmbH",
            "address": ["Hauptplatz 1"],
            "country": country,
            "vat_id": vat_id,
            "tax_rate": "20",
            "number_pattern": "AW-{year}-{counter:5}",
            **more,
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
    moved = with_data(GERMAN_LEAD, address=("Neuer Weg 2", 'Haus "B"'), payment_days=14, partners=[{"lead": "x-1"}])
    await store.save_settings(database, [moved])
    assert await store.lock_settings(database, [LEAD, SERVICE, "elbtal"]) == [AUSTRIAN_SERVICE, moved]


async def test_a_mapping_is_found_as_it_was_corrected_last(database: Connection) -> None:
    for organization in ("Nordlicht", "Nordlicht, Kiel"):
        await store.save_mappings(database, [Mapping(SERVICE, LEAD, organization)])
    assert await store.find_mappings(database, [(SERVICE, LEAD), (LEAD, SERVICE)]) == [
        Mapping(SERVICE, LEAD, "Nordlicht, Kiel")
    ]


async def test_bills_are_found_with_their_items_in_their_order(database: Connection) -> None:
    by = terms(authorized_hours="1", over_cap="ask")
    works = [completed(by, time("1.5"), charge("2", "3.10"), deduction("-1"), outsourcing_id=new_id()) for _ in "ab"]
    bills = sorted((Bill.of_completed(work, DAY) for work in works), key=lambda bill: bill.outsourcing_id)
    await store.save_bills(database, bills)
    ids = [bill.outsourcing_id for bill in bills]
    assert await store.lock_bills(database, [new_id(), *ids]) == bills
    assert await store.lock_posted_bills(database, [(SERVICE, LEAD)]) == []
    await store.save_bills(database, [bills[0].released()])
    assert await store.lock_bills(database, ids) == [bills[0].released(), bills[1]]
    assert await store.lock_posted_bills(database, [(SERVICE, LEAD), (LEAD, SERVICE)]) == [bills[0].released()]


async def test_a_counter_is_found_where_it_was_left(database: Connection) -> None:
    series = NumberSeries(SERVICE, "{year}-{counter}", 2026, 1)
    await store.save_series(database, [series])
    await store.save_series(database, [series.next()])
    assert await store.list_series(database, [SERVICE, LEAD]) == [series.next()]
    assert await store.find_series(database, [series.key, (LEAD, "{counter}", 0)]) == [series.next()]


async def test_approved_work_becomes_one_invoice_that_both_sides_get(database: Connection) -> None:
    await settled(database)
    id = new_id()
    told = await take(database, done(id))
    assert [(to, kind) for to, kind, _ in told if to in (SERVICE, LEAD)] == [
        (SERVICE, "invoice.issued.v1"),
        (LEAD, "invoice.received.v1"),
    ]
    [written] = await database.fetch("SELECT id FROM invoice")
    [invoice] = await store.find_invoices(database, [written["id"], new_id()])
    assert invoice.document.model_dump(mode="json") == told[0][2]["invoice"]
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


async def test_workers_that_are_killed_over_and_over_leave_no_gap_and_bill_nothing_twice(
    database: Connection, database_url: str
) -> None:
    await settled(database)
    works = [done(new_id()) for _ in range(60)]
    deaths = 0

    async def bill(share: list[Arrival]) -> None:
        nonlocal deaths
        # Who finds nobody killed yet goes on with what was done already.
        while share or deaths < 3:
            share = share or list(works)
            try:
                async with connection_to(database_url) as connection:
                    turn = fresh_turn()
                    while share:
                        # What comes back comes under the same id, or as another message about the same work.
                        await take(connection, *share[:3], turn=turn)
                        share = share[2:]
            except TakenMeanwhile:
                # Another one did one of these; as a worker does, it looks again at the whole turn.
                continue
            except TRANSIENT:
                deaths += 1

    async def kill(workers: list[asyncio.Task[None]]) -> None:
        """Whoever is inside a transaction, in whatever statement, until ten have died or all is done."""
        while deaths < 10 and not all(worker.done() for worker in workers):
            await database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND xact_start < clock_timestamp() - interval '3 ms' LIMIT 1"
            )

    workers = [asyncio.create_task(bill(works[worker::3] + works[:10])) for worker in range(3)]
    await asyncio.wait_for(asyncio.gather(kill(workers), *workers), timeout=60)
    assert await numbers(database) == list(range(1, 61))
    assert await database.fetchval("SELECT count(DISTINCT outsourcing_id) FROM item WHERE state = 'invoiced'") == 60
    assert await database.fetchval("SELECT last FROM number_series") == 60


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
    told = await take(database, by_service(request, id))
    assert [kind for to, kind, _ in told if to in (SERVICE, LEAD)] == ["invoice.issued.v1", "invoice.received.v1"]
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


async def test_the_schema_holds_one_use_of_a_number_and_of_a_place_in_its_series(database: Connection) -> None:
    await settled(database)
    await take(database, done(new_id()))
    [written] = await database.fetch("SELECT id FROM invoice")
    [invoice] = await store.find_invoices(database, [written["id"]])
    other = {"invoice_id": new_id()}
    for again in (
        replace(invoice, series_number=2, document=invoice.document.model_copy(update=other)),
        replace(invoice, document=invoice.document.model_copy(update={**other, "number": "AW-2"})),
    ):
        with pytest.raises(asyncpg.UniqueViolationError):
            await store.insert_invoices(database, [again])


async def test_a_credit_note_takes_the_next_number_and_its_items_are_invoiced_again(database: Connection) -> None:
    await settled(database)
    id = new_id()
    [(_, _, issued), *_] = await take(database, done(id))
    cancel = InvoiceCancel(actor="m.huber", invoice_id=issued["invoice"]["invoice_id"], reason="wrong address")
    told = await take(database, command(cancel, SERVICE, sender=SERVICE))
    assert [(to, kind) for to, kind, _ in told if to in (SERVICE, LEAD)] == [
        (SERVICE, "invoice.cancelled.v1"),
        (LEAD, "invoice.cancelled.v1"),
    ]
    [(_, _, refused)] = await take(database, command(cancel, SERVICE, sender=SERVICE))
    assert refused["type"] == "invoice/cancelled-already"
    await take(database, by_service(InvoiceRequest(actor="m.huber", outsourcing_id=id), id))
    assert await numbers(database) == [1, 2, 3]
    events = await database.fetch("SELECT event FROM history WHERE subject = $1 ORDER BY at", str(id))
    assert [row["event"].split()[0] for row in events] == ["invoice", "credit", "invoice"]


async def test_a_collected_invoice_holds_all_posted_items_of_the_lead_and_costs_no_more_statements(
    database: Connection,
) -> None:
    await take(database, *(party(*one, partners=[{"invoicing": "collected"}]) for one in PARTIES))
    collect = InvoiceCollect(actor="m.huber", lead=LEAD)
    await take(database, done(new_id()))
    alone = await statements_of(database, take(database, command(collect, SERVICE, sender=SERVICE)))
    await take(database, *(done(new_id()) for _ in range(40)))
    many = await statements_of(database, take(database, command(collect, SERVICE, sender=SERVICE)))
    assert many == alone
    rows = await database.fetch("SELECT document FROM invoice ORDER BY series_number")
    assert [len(json.loads(row["document"])["lines"]) for row in rows] == [1, 40]


async def test_a_turn_of_many_issues_as_many_statements_as_a_turn_of_one(database: Connection) -> None:
    await settled(database)
    await take(database, done(new_id()))
    alone = await statements_of(database, take(database, done(new_id())))
    assert await statements_of(database, take(database, *(done(new_id()) for _ in range(64)))) == alone
