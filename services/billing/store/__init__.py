"""All SQL of billing, one function per statement."""

from collections import defaultdict
from typing import Any
from uuid import UUID

import orjson

from services.billing.domain import Bill, BillingSettings, Invoice, Item, NumberSeries
from shared.contracts import billing as wire
from shared.database import Connection, columns_of


async def lock_settings(connection: Connection, instances: list[str]) -> list[BillingSettings]:
    """The data for invoices of these instances, in their order."""
    rows = await connection.fetch(
        "SELECT * FROM billing_settings WHERE instance = ANY ($1::text[]) ORDER BY instance FOR UPDATE", instances
    )
    return [_settings(row) for row in rows]


async def save_settings(connection: Connection, settings: list[BillingSettings]) -> None:
    """New data in place of what was there."""
    rows = [
        (
            one.instance,
            one.legal_name,
            orjson.dumps(one.address).decode(),
            one.country,
            one.vat_id,
            one.tax_rate,
            one.number_prefix,
            one.payment_days,
        )
        for one in settings
    ]
    await connection.execute(
        """
        INSERT INTO billing_settings
            (instance, legal_name, address, country, vat_id, tax_rate, number_prefix, payment_days)
        SELECT instance, legal_name, ARRAY (SELECT jsonb_array_elements_text(address)), country, vat_id, tax_rate,
               number_prefix, payment_days
        FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::text[], $5::text[], $6::numeric[], $7::text[], $8::int[])
             AS new (instance, legal_name, address, country, vat_id, tax_rate, number_prefix, payment_days)
        ON CONFLICT (instance) DO UPDATE
        SET legal_name = excluded.legal_name, address = excluded.address, country = excluded.country,
            vat_id = excluded.vat_id, tax_rate = excluded.tax_rate, number_prefix = excluded.number_prefix,
            payment_days = excluded.payment_days
        """,
        *columns_of(rows, 8),
    )


async def lock_bills(connection: Connection, outsourcing_ids: list[UUID]) -> list[Bill]:
    """The bills of these outsourcings with their items, in the order of ids."""
    rows = await connection.fetch(
        """
        SELECT outsourcing_id, lead, service, lead_number, service_number, title, organization, currency
        FROM bill WHERE outsourcing_id = ANY ($1::uuid[]) ORDER BY outsourcing_id FOR UPDATE
        """,
        outsourcing_ids,
    )
    items = await _items_of(connection, outsourcing_ids)
    return [_bill(row, items[row["outsourcing_id"]]) for row in rows]


async def _items_of(connection: Connection, outsourcing_ids: list[UUID]) -> dict[UUID, list[Item]]:
    rows = await connection.fetch(
        "SELECT * FROM item WHERE outsourcing_id = ANY ($1::uuid[]) ORDER BY outsourcing_id, position",
        outsourcing_ids,
    )
    items: dict[UUID, list[Item]] = defaultdict(list)
    for row in rows:
        items[row["outsourcing_id"]].append(_item(row))
    return items


async def save_bills(connection: Connection, bills: list[Bill]) -> None:
    """New bills with their items; of a bill that is there, only the items' states."""
    rows = [
        (
            bill.outsourcing_id,
            bill.lead,
            bill.service,
            bill.lead_number,
            bill.service_number,
            bill.title,
            bill.organization,
            bill.currency,
        )
        for bill in bills
    ]
    await connection.execute(
        """
        INSERT INTO bill (outsourcing_id, lead, service, lead_number, service_number, title, organization, currency)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                             $8::text[])
        ON CONFLICT (outsourcing_id) DO NOTHING
        """,
        *columns_of(rows, 8),
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
            item.quantity,
            item.unit,
            item.unit_price,
            item.amount,
            item.billable,
            item.state,
        )
        for bill in bills
        for item in bill.items
    ]
    await connection.execute(
        """
        INSERT INTO item (outsourcing_id, position, sort, entry_id, description, happened_on, author, role, quantity,
                          unit, unit_price, amount, billable, state)
        SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::uuid[], $5::text[], $6::date[], $7::text[],
                             $8::text[], $9::numeric[], $10::text[], $11::numeric[], $12::numeric[], $13::bool[],
                             $14::text[])
        ON CONFLICT (outsourcing_id, position) DO UPDATE SET state = excluded.state
        """,
        *columns_of(rows, 14),
    )


async def lock_series(connection: Connection, keys: list[tuple[str, int]]) -> list[NumberSeries]:
    """The counters of these issuers and years, in that order; one that is not there yet begins at zero.

    Making it here is what locks it: of two turns that need a new counter the second waits and sees the first's.
    """
    rows = await connection.fetch(
        """
        INSERT INTO number_series (issuer, year, last)
        SELECT issuer, year, 0 FROM unnest($1::text[], $2::int[]) AS wanted (issuer, year) ORDER BY issuer, year
        ON CONFLICT (issuer, year) DO UPDATE SET last = number_series.last
        RETURNING issuer, year, last
        """,
        *columns_of(list(keys), 2),
    )
    return [NumberSeries(row["issuer"], row["year"], row["last"]) for row in rows]


async def save_series(connection: Connection, series: list[NumberSeries]) -> None:
    """Counters as they stand after this turn's invoices."""
    rows = [(one.issuer, one.year, one.last) for one in series]
    await connection.execute(
        """
        UPDATE number_series SET last = new.last
        FROM unnest($1::text[], $2::int[], $3::int[]) AS new (issuer, year, last)
        WHERE number_series.issuer = new.issuer AND number_series.year = new.year
        """,
        *columns_of(rows, 3),
    )


async def lock_invoices(connection: Connection, outsourcing_ids: list[UUID]) -> list[Invoice]:
    """The invoices of these outsourcings; they never change, so there is nothing to lock."""
    rows = await connection.fetch(
        """
        SELECT outsourcing_id, lead, service, series_year, series_number, document
        FROM invoice WHERE outsourcing_id = ANY ($1::uuid[]) ORDER BY outsourcing_id
        """,
        outsourcing_ids,
    )
    return [Invoice(**{**row, "document": wire.Invoice.model_validate_json(row["document"])}) for row in rows]


async def insert_invoices(connection: Connection, invoices: list[Invoice]) -> None:
    """Issued invoices. Raises UniqueViolationError where an outsourcing has its invoice already."""
    rows = [
        (
            one.document.invoice_id,
            one.outsourcing_id,
            one.lead,
            one.service,
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
        INSERT INTO invoice (id, outsourcing_id, lead, service, series_year, series_number, number, issued_on, currency,
                             net_total, total, document)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::int[], $6::int[], $7::text[],
                             $8::date[], $9::text[], $10::numeric[], $11::numeric[], $12::jsonb[])
        """,
        *columns_of(rows, 12),
    )


def _settings(row: Any) -> BillingSettings:
    return BillingSettings(
        instance=row["instance"],
        legal_name=row["legal_name"],
        address=tuple(row["address"]),
        country=row["country"],
        vat_id=row["vat_id"],
        tax_rate=row["tax_rate"],
        number_prefix=row["number_prefix"],
        payment_days=row["payment_days"],
    )


def _bill(row: Any, items: list[Item]) -> Bill:
    return Bill(
        outsourcing_id=row["outsourcing_id"],
        lead=row["lead"],
        service=row["service"],
        lead_number=row["lead_number"],
        service_number=row["service_number"],
        title=row["title"],
        organization=row["organization"],
        currency=row["currency"],
        items=tuple(items),
    )


def _item(row: Any) -> Item:
    return Item(
        position=row["position"],
        sort=row["sort"],
        entry_id=row["entry_id"],
        description=row["description"],
        happened_on=row["happened_on"],
        author=row["author"],
        role=row["role"],
        quantity=row["quantity"],
        unit=row["unit"],
        unit_price=row["unit_price"],
        amount=row["amount"],
        billable=row["billable"],
        state=row["state"],
    )
