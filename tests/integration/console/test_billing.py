"""`tandem billing`: the reports, as tables, for spreadsheets and for scripts."""

import csv
import io
from dataclasses import replace
from datetime import date
from decimal import Decimal

from services.billing import store as billing_store
from services.billing.domain import Bill
from services.console.installation import Installation
from services.ticket_sync import store as sync_store
from services.ticket_sync.domain.caps import Effort
from services.ticket_sync.domain.links import Link, State
from shared.ids import new_id
from tests.integration.console.test_commands import Command
from tests.integration.databases import connection_to
from tests.unit.billing.work import charge, completed, terms, time
from tests.unit.ticket_sync.outsourcing import NOW, accepted


async def test_what_is_pending_and_what_was_worked_against_caps_is_reported(installation: Installation) -> None:
    asking = terms(authorized_hours="1", over_cap="ask")
    works = (
        completed(terms(), time("2"), outsourcing_id=new_id()),
        completed(asking, time("3"), outsourcing_id=new_id()),
    )
    bills = [Bill.of_completed(work, date(2026, 3, day)) for day, work in enumerate(works, 1)]
    francs = Bill.of_completed(
        completed(terms(currency="CHF"), charge("1", "9.90"), outsourcing_id=new_id()), date(2026, 3, 3)
    )
    async with connection_to(installation.database_url_of("billing")) as connection:
        await billing_store.save_bills(connection, [bills[0].released(), bills[1], francs])
    id = new_id()
    capped = accepted(id).terms.model_copy(update={"authorized_hours": Decimal(8), "authorized_total": Decimal(2000)})
    effort = Effort.none_yet(accepted(id).model_copy(update={"terms": capped}))
    assert effort is not None
    link = Link(id, "nordlicht", "alpenwerk", State.ACCEPTED, "EUR", "=NL-1", NOW)
    async with connection_to(installation.database_url_of("ticket_sync")) as connection:
        await sync_store.save_links(connection, [link])
        await sync_store.save_efforts(connection, [replace(effort, hours=Decimal("7.2"), cost=Decimal("1599.99"))])
    tandem = Command(installation)
    euros, swiss = await tandem.json("billing", "pending", "--service", "alpenwerk")
    assert (euros["lead"], euros["currency"], euros["outsourcings"], euros["oldest"]) == (
        "nordlicht",
        "EUR",
        2,
        "2026-03-01",
    )
    assert [Decimal(euros[state]) for state in ("asked", "open", "posted")] == [190, 95, 190]
    assert Decimal(swiss["open"]) == Decimal("9.90")
    _, over = await tandem.json("billing", "costs", "--lead", "nordlicht", "--since", "2026-03-02")
    figures = [Decimal(over[name]) for name in ("hours", "authorized_hours", "cost", "invoiced")]
    assert figures == [3, 1, 95, 0], "what waits for the lead is no cost yet"
    [hours] = await tandem.json("billing", "caps", "--instance", "nordlicht", "--percent", "80")
    assert (hours["cap"], Decimal(hours["worked"]), int(hours["percent"])) == ("hours", Decimal("7.2"), 90)
    rows = list(csv.DictReader(io.StringIO(await tandem("billing", "caps", "--csv"))))
    assert [(row["cap"], row["percent"], row["lead_number"]) for row in rows] == [
        ("hours", "90", "'=NL-1"),
        ("total", "79", "'=NL-1"),
    ]
    [names] = list(csv.reader(io.StringIO(await tandem("billing", "costs", "--lead", "elbtal", "--csv"))))
    assert names[:2] == ["lead", "service"], "a spreadsheet finds its columns where there is nothing in them"
    assert "everything is invoiced" in await tandem("billing", "pending", "--lead", "elbtal")
