"""How commands look things up, and show what they found: as a table, or as JSON."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from services.console import parked
from services.console.settings import DatabaseSettings
from shared.database import Connection
from shared.settings import read_settings

AsJson = Annotated[bool, typer.Option("--json", help="for scripts")]
R = TypeVar("R")


def as_operator(work: Callable[[Connection], Awaitable[R]]) -> R:
    """Do this on a connection that may work in every service's schema."""
    url = read_settings(DatabaseSettings).admin_database_url.get_secret_value()

    async def connected() -> R:
        connection = await parked.connect_as_operator(url)
        try:
            return await work(connection)
        finally:
            await connection.close()

    return asyncio.run(connected())


def show(rows: Sequence[dict[str, Any]], *, as_json: bool, nothing: str) -> None:
    """Rows for people, or for programs; `nothing` is said to people where there are none."""
    if as_json:
        print(json.dumps(rows, indent=2, default=plain, ensure_ascii=False))
    elif rows:
        print_table(rows)
    else:
        print(nothing)


def print_table(rows: Sequence[dict[str, Any]]) -> None:
    """Rows with the names of their columns above them."""
    table = Table(*(name.replace("_", " ") for name in rows[0]))
    for row in rows:
        table.add_row(*(parked.as_text(value) for value in row.values()))
    Console().print(table)


def plain(value: Any) -> str:
    """What JSON has no form for: ids and instants."""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
