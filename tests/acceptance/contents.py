"""All that an installation and its partners have stored, as it is, or without what differs from run to run."""

import json
import re
from collections import Counter
from typing import Any

from services.console.installation import Installation
from shared.messaging import topology
from tests.integration.databases import connection_to

# Answers to messages that came again are what there may be more of.
EXCEPT = "outbox.kind <> 'tandem.command.repeated.v1'"
# Places in the outbox: repeated answers take some of them. And what follows from an id.
PLACES = {"position", "bucket"}
# Who does the work, and until when: that is not what is stored of it.
SHARING = ("replica", "shard")

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}(:?\d{2})?)?")
BUCKET = re.compile(r"\.[0-9a-f]{2}(?=\")")
BYTES = re.compile(r"\\\\x[0-9a-f]+")

Contents = dict[str, list[dict[str, Any]]]


async def contents_of(installation: Installation) -> Contents:
    """Every row of every table of every service, but for how its replicas share the work."""
    contents: Contents = {}
    async with connection_to(installation.database_url) as connection:
        for service in topology.SERVICES:
            tables = await connection.fetch(
                """
                SELECT tablename FROM pg_tables
                WHERE schemaname = $1 AND tablename NOT LIKE '%yoyo%' AND tablename <> ALL ($2::text[])
                """,
                service,
                SHARING,
            )
            for (table,) in tables:
                where = EXCEPT if table == "outbox" else "true"
                rows = await connection.fetch(f"SELECT to_jsonb({table}) FROM {service}.{table} WHERE {where}")
                contents[f"{service}.{table}"] = sorted((json.loads(row[0]) for row in rows), key=json.dumps)
    return contents


def but_for_ids_and_times(contents: Contents) -> dict[str, Counter[str]]:
    """The same rows as text, with every id, time and binary value blotted out, and what follows from an id."""
    return {table: Counter(_blotted(row) for row in rows) for table, rows in contents.items()}


def _blotted(row: dict[str, Any]) -> str:
    text = json.dumps({name: value for name, value in row.items() if name not in PLACES}, sort_keys=True)
    for pattern, blot in ((ID, "<id>"), (TIME, "<time>"), (BYTES, "<bytes>"), (BUCKET, ".<bucket>")):
        text = pattern.sub(blot, text)
    return text
