"""All SQL of billing, one function per statement."""

from collections import defaultdict
from typing import Any
from uuid import UUID

from services.billing.domain import (
    MOST_COLLECTED,
    MOST_LINES_COLLECTED,
    Bill,
    BillingSettings,
    Invoice,
    Item,
    Mapping,
    NumberSeries,
)
from shared.contracts import billing as wire
from shared.contracts.offer_handler import Terms
from shared.database import Connection, columns_of

BILL_COLUMNS = """outsourcing_id, lead, service, lead_number, service_number, title, organization, terms, ended_on,
                  held_up"""
ITEM_COLUMNS = """position, sort, entry_id, description, happened_on, author, role, work_type, quantity, unit,
                  unit_price, amount, billable, state, adjusted_for, invoice_id"""


async def lock_settings(connection: Connection, instances: list[str]) -> list[BillingSettings]:
    """The data for invoices of these instances, in their order; who issues holds its own until it is done."""
    rows = await connection.fetch(
        "SELECT instance, data FROM billing_settings WHERE instance = ANY ($1::text[]) ORDER BY instance FOR UPDATE",
        instances,
    )
    return [BillingSettings(row["instance"], wire.BillingData.model_validate_json(row["data"])) for row in rows]


async def save_settings(connection: Connection, settings: list[BillingSettings]) -> None:
    """New data in place of what was there."""
    rows = [(one.instance, one.data.model_dump_json()) for one in settings]
    await connection.execute(
        """
        INSERT INTO billing_settings (instance, data) SELECT * FROM unnest($1::text[], $2::jsonb[])
        ON CONFLICT (instance) DO UPDATE SET data = excluded.data
        """,
        *columns_of(rows, 2),
    )


async def find_mappings(connection: Connection, pairs: list[tuple[str, str]]) -> list[Mapping]:
    """Which companies stand for these leads at these service partners, where that was corrected."""
    rows = await connection.fetch(
        """
        SELECT service, lead, organization
        FROM mapping JOIN unnest($1::text[], $2::text[]) AS wanted (service, lead) USING (service, lead)
        """,
        *columns_of(pairs, 2),
    )
    return [Mapping(**row) for row in rows]


async def save_mappings(connection: Connection, mappings: list[Mapping]) -> None:
    """Which company stands for a lead from now on."""
    rows = [(one.service, one.lead, one.organization) for one in mappings]
    await connection.execute(
        """
        INSERT INTO mapping (service, lead, organization) SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
        ON CONFLICT (service, lead) DO UPDATE SET organization = excluded.organization
        """,
        *columns_of(rows, 3),
    )


async def lock_bills(connection: Connection, outsourcing_ids: list[UUID]) -> list[Bill]:
    """The bills of these outsourcings with their items, in the order of ids."""
    rows = await connection.fetch(
        f"""
        SELECT {BILL_COLUMNS} FROM bill WHERE outsourcing_id = ANY ($1::uuid[]) ORDER BY outsourcing_id FOR UPDATE
        """,
        outsourcing_ids,
    )
    return await _with_items(connection, rows)


async def lock_posted_bills(connection: Connection, pairs: list[tuple[str, str]]) -> list[Bill]:
    """Between each of these service partners and leads some of the bills that have posted items, in the order of ids.

    First come those of which something costs anything, for the others wait for such; of these those that were not held
    up before, and of these those that were completed first. The last one is that which makes the lines too many. Each
    currency is counted by itself: what waits in one, for a rate or for other work, hides nothing in another.
    """
    rows = await connection.fetch(
        f"""
        SELECT {BILL_COLUMNS} FROM bill WHERE outsourcing_id = ANY (ARRAY (
            SELECT piece.outsourcing_id FROM unnest($1::text[], $2::text[]) AS wanted (service, lead), LATERAL (
                SELECT outsourcing_id, place,
                       sum(lines) OVER (PARTITION BY currency ORDER BY place) - lines AS lines_before
                FROM (
                    SELECT outsourcing_id, currency, row_number() OVER (
                               PARTITION BY currency ORDER BY costs DESC, held_up, ended_on, outsourcing_id
                           ) AS place
                    FROM bill, LATERAL (SELECT terms ->> 'currency' AS currency) AS priced, LATERAL (
                        SELECT bool_or(amount <> 0) AS costs FROM item
                        WHERE item.outsourcing_id = bill.outsourcing_id AND state = 'posted'
                    ) AS posted
                    WHERE bill.service = wanted.service AND bill.lead = wanted.lead AND costs IS NOT NULL
                ) AS first, LATERAL (
                    SELECT count(*) AS lines FROM item WHERE item.outsourcing_id = first.outsourcing_id
                ) AS of_it
            ) AS piece
            WHERE place <= $3 AND lines_before < $4
        ))
        ORDER BY outsourcing_id FOR UPDATE
        """,
        *columns_of(pairs, 2),
        MOST_COLLECTED,
        MOST_LINES_COLLECTED,
    )
    return await _with_items(connection, rows)


async def _with_items(connection: Connection, rows: list[Any]) -> list[Bill]:
    ids = [row["outsourcing_id"] for row in rows]
    found = await connection.fetch(
        f"""
        SELECT outsourcing_id, {ITEM_COLUMNS} FROM item
        WHERE outsourcing_id = ANY ($1::uuid[]) ORDER BY outsourcing_id, position
        """,
        ids,
    )
    items: dict[UUID, list[Item]] = defaultdict(list)
    for row in found:
        fields = dict(row)
        items[fields.pop("outsourcing_id")].append(Item(**fields))
    return [
        Bill(
            **{
                **row,
                "terms": Terms.model_validate_json(row["terms"]),
                "items": tuple(items[row["outsourcing_id"]]),
            }
        )
        for row in rows
    ]


async def save_bills(connection: Connection, bills: list[Bill]) -> None:
    """New bills with their items; of a bill that is there, what may change of it and of its items."""
    rows = [
        (
            bill.outsourcing_id,
            bill.lead,
            bill.service,
            bill.lead_number,
            bill.service_number,
            bill.title,
            bill.organization,
            bill.terms.model_dump_json(),
            bill.ended_on,
            bill.held_up,
        )
        for bill in bills
    ]
    await connection.execute(
        f"""
        INSERT INTO bill ({BILL_COLUMNS})
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                             $8::jsonb[], $9::date[], $10::bool[])
        ON CONFLICT (outsourcing_id) DO UPDATE SET held_up = excluded.held_up
        """,
        *columns_of(rows, 10),
    )
    await _save_items(connection, bills)


async def _save_items(connection: Connection, bills: list[Bill]) -> None:
    rows = [
        (
            bill.outsourcing_id,
            item.position,
            item.sort,
            item.entry_id,
            item.description,
            item.happened_on,
            item.author,
            item.role,
            item.work_type,
            item.quantity,
            item.unit,
            item.unit_price,
            item.amount,
            item.billable,
            item.state,
            item.adjusted_for,
            item.invoice_id,
        )
        for bill in bills
        for item in bill.items
    ]
    await connection.execute(
        f"""
        INSERT INTO item (outsourcing_id, {ITEM_COLUMNS})
        SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::uuid[], $5::text[], $6::date[], $7::text[],
                             $8::text[], $9::text[], $10::numeric[], $11::text[], $12::numeric[], $13::numeric[],
                             $14::bool[], $15::text[], $16::text[], $17::uuid[])
        ON CONFLICT (outsourcing_id, position) DO UPDATE SET
            unit_price = excluded.unit_price,
            amount = excluded.amount,
            state = excluded.state,
            adjusted_for = excluded.adjusted_for,
            invoice_id = excluded.invoice_id
        """,
        *columns_of(rows, 17),
    )


async def list_series(connection: Connection, issuers: list[str]) -> list[NumberSeries]:
    """Every counter of these issuers, a few a year."""
    rows = await connection.fetch(
        "SELECT issuer, name, year, last FROM number_series WHERE issuer = ANY ($1::text[])", issuers
    )
    return [NumberSeries(**row) for row in rows]


async def find_series(connection: Connection, keys: list[tuple[str, str, int]]) -> list[NumberSeries]:
    """The counters with these keys, where they are there."""
    rows = await connection.fetch(
        """
        SELECT issuer, name, year, last
        FROM number_series JOIN unnest($1::text[], $2::text[], $3::int[]) AS wanted (issuer, name, year)
             USING (issuer, name, year)
        """,
        *columns_of(keys, 3),
    )
    return [NumberSeries(**row) for row in rows]


async def save_series(connection: Connection, series: list[NumberSeries]) -> None:
    """Counters as they stand after this turn's invoices."""
    rows = [(one.issuer, one.name, one.year, one.last) for one in series]
    await connection.execute(
        """
        INSERT INTO number_series (issuer, name, year, last)
        SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::int[])
        ON CONFLICT (issuer, name, year) DO UPDATE SET last = excluded.last
        """,
        *columns_of(rows, 4),
    )


async def find_invoices(connection: Connection, invoice_ids: list[UUID]) -> list[Invoice]:
    """The invoices with these ids; they never change, so there is nothing to lock."""
    rows = await connection.fetch(
        """
        SELECT lead, service, series, series_year, series_number, document
        FROM invoice WHERE id = ANY ($1::uuid[]) ORDER BY id
        """,
        invoice_ids,
    )
    return [Invoice(**{**row, "document": wire.Invoice.model_validate_json(row["document"])}) for row in rows]


async def insert_invoices(connection: Connection, invoices: list[Invoice]) -> None:
    """Issued invoices. Raises UniqueViolationError where a number has been given already."""
    rows = [
        (
            one.invoice_id,
            one.lead,
            one.service,
            one.document.document,
            one.document.cancels_id,
            one.series,
            one.series_year,
            one.series_number,
            one.document.number,
            one.document.issued_on,
            one.document.currency,
            one.document.net_total,
            one.document.total,
            one.document.model_dump_json(),
        )
        for one in invoices
    ]
    await connection.execute(
        """
        INSERT INTO invoice (id, lead, service, kind, cancels_id, series, series_year, series_number, number, issued_on,
                             currency, net_total, total, document)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::int[],
                             $8::int[], $9::text[], $10::date[], $11::text[], $12::numeric[], $13::numeric[],
                             $14::jsonb[])
        """,
        *columns_of(rows, 14),
    )
