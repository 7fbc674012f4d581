"""`tandem billing`: what is still to be invoiced to each lead, and what work cost against what is authorized."""

import csv
import sys
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

import typer

from services.console.showing import AsJson, as_operator, plain, show
from shared.database import Connection

app = typer.Typer(
    no_args_is_help=True, help="What is still to be invoiced, and what work cost against what is authorized."
)

AsCsv = Annotated[bool, typer.Option("--csv", help="for spreadsheets")]
# What a spreadsheet would take for a formula; ticket numbers are other people's words.
FORMULAS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Report:
    """Rows, and the names of their columns also where there are none."""

    columns: tuple[str, ...]
    rows: list[dict[str, Any]]

    @classmethod
    async def of(cls, connection: Connection, query: str, *given: Any) -> "Report":
        """What the database says to this."""
        statement = await connection.prepare(query)
        columns = tuple(column.name for column in statement.get_attributes())
        return cls(columns, [dict(row) for row in await statement.fetch(*given)])


async def list_pending(connection: Connection, service: str | None, lead: str | None) -> Report:
    """What is not invoiced yet, by service partner, lead partner and currency; the most at the top."""
    return await Report.of(
        connection,
        """
        SELECT service, lead, terms ->> 'currency' AS currency, count(DISTINCT outsourcing_id) AS outsourcings,
               coalesce(sum(amount) FILTER (WHERE state = 'asked'), 0) AS asked,
               coalesce(sum(amount) FILTER (WHERE state = 'open'), 0) AS open,
               coalesce(sum(amount) FILTER (WHERE state = 'posted'), 0) AS posted,
               min(ended_on) AS oldest
        FROM billing.item JOIN billing.bill USING (outsourcing_id)
        WHERE state IN ('asked', 'open', 'posted') AND amount <> 0
          AND ($1::text IS NULL OR service = $1) AND ($2::text IS NULL OR lead = $2)
        GROUP BY service, lead, currency
        ORDER BY sum(amount) DESC, service, lead
        """,
        service,
        lead,
    )


async def list_caps(connection: Connection, instance: str | None, percent: int) -> Report:
    """Work under way that has come to so many percent of an authorized amount, the most at the top.

    Of a percent that is begun nothing is told: what is below a threshold never looks as if it had reached it.
    """
    return await Report.of(
        connection,
        """
        WITH amount AS (
            SELECT outsourcing_id, 'hours' AS cap, hours AS worked,
                   (terms ->> 'authorized_hours')::numeric AS authorized FROM ticket_sync.effort
            UNION ALL
            SELECT outsourcing_id, 'charges', charges, (terms ->> 'authorized_charges')::numeric FROM ticket_sync.effort
            UNION ALL
            SELECT outsourcing_id, 'total', coalesce((terms ->> 'flat_fee')::numeric, 0) + cost + charges,
                   (terms ->> 'authorized_total')::numeric FROM ticket_sync.effort
        ), reached AS (
            SELECT *, CASE WHEN authorized > 0 THEN trunc(100 * worked / authorized)
                           WHEN worked > 0 THEN 100 ELSE 0 END AS percent
            FROM amount WHERE authorized IS NOT NULL
        )
        SELECT lead, service, lead_number, service_number, state, cap, worked, authorized,
               CASE WHEN cap <> 'hours' THEN currency END AS currency, percent, outsourcing_id
        FROM reached JOIN ticket_sync.link USING (outsourcing_id)
        WHERE state IN ('accepted', 'in_progress', 'awaiting_approval') AND percent >= $2
          AND ($1::text IS NULL OR $1 IN (lead, service))
        ORDER BY percent DESC, outsourcing_id, cap
        """,
        instance,
        percent,
    )


async def list_costs(connection: Connection, service: str | None, lead: str | None, since: date | None) -> Report:
    """What each outsourcing that has ended cost against what was authorized, the last at the top; without tax.

    As the lead is told with an invoice: all that is neither declined nor waits for its word.
    """
    return await Report.of(
        connection,
        """
        SELECT lead, service, lead_number, service_number, ended_on, terms ->> 'currency' AS currency,
               coalesce(sum(quantity) FILTER (WHERE sort = 'time' AND billable), 0) AS hours,
               (terms ->> 'authorized_hours')::numeric AS authorized_hours,
               coalesce(sum(amount) FILTER (WHERE sort = 'charge'), 0) AS charges,
               (terms ->> 'authorized_charges')::numeric AS authorized_charges,
               sum(amount) AS cost, (terms ->> 'authorized_total')::numeric AS authorized_total,
               coalesce(sum(amount) FILTER (WHERE state = 'invoiced'), 0) AS invoiced, outsourcing_id
        FROM billing.bill JOIN billing.item USING (outsourcing_id)
        WHERE state NOT IN ('asked', 'declined') AND ($1::text IS NULL OR service = $1)
          AND ($2::text IS NULL OR lead = $2) AND ($3::date IS NULL OR ended_on >= $3)
        GROUP BY bill.outsourcing_id
        ORDER BY ended_on DESC, outsourcing_id
        """,
        service,
        lead,
        since,
    )


@app.command("pending")
def show_pending(
    service: Annotated[str | None, typer.Option(help="only of this service partner")] = None,
    lead: Annotated[str | None, typer.Option(help="only for this lead partner")] = None,
    as_csv: AsCsv = False,
    as_json: AsJson = False,
) -> None:
    """What is still to be invoiced to each lead partner: asked for, open, posted; without tax."""
    report = as_operator(lambda c: list_pending(c, service, lead))
    _show(report, as_csv=as_csv, as_json=as_json, nothing="everything is invoiced")


@app.command("caps")
def show_caps(
    instance: Annotated[str | None, typer.Option(help="only with this one, on either side")] = None,
    percent: Annotated[int, typer.Option(min=0, help="only what has come to so much of a cap")] = 0,
    as_csv: AsCsv = False,
    as_json: AsJson = False,
) -> None:
    """Hours, charges and totals of work under way against what is authorized."""
    report = as_operator(lambda c: list_caps(c, instance, percent))
    _show(report, as_csv=as_csv, as_json=as_json, nothing="no work under way has such a cap")


@app.command("costs")
def show_costs(
    service: Annotated[str | None, typer.Option(help="only of this service partner")] = None,
    lead: Annotated[str | None, typer.Option(help="only for this lead partner")] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="only what ended on that day or later")
    ] = None,
    as_csv: AsCsv = False,
    as_json: AsJson = False,
) -> None:
    """What each outsourcing that has ended cost against what was authorized; without tax."""
    report = as_operator(lambda c: list_costs(c, service, lead, since.date() if since else None))
    _show(report, as_csv=as_csv, as_json=as_json, nothing="no such work has cost anything")


def _show(report: Report, *, as_csv: bool, as_json: bool, nothing: str) -> None:
    if not as_csv:
        show(report.rows, as_json=as_json, nothing=nothing)
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(report.columns)
    writer.writerows([_cell(value) for value in row.values()] for row in report.rows)


def _cell(value: Any) -> str:
    text = "" if value is None else plain(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULAS) else text
