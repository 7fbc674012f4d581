"""`tandem notifications`: who was told what by e-mail, what became of it, and an operator's word to tell it again."""

import json
import sys
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import orjson
import typer

from services.console import parked
from services.console.showing import AsJson, as_operator, plain, show
from shared.database import Connection

app = typer.Typer(no_args_is_help=True, help="E-mails: to whom, about what, and what became of them.")

# What a table holds that a person still reads; who wants others says which.
MOST_LISTED = 200


@dataclass(frozen=True, slots=True)
class Filter:
    """Only e-mails to this instance, about this subject, to this address, in this state; None: whichever it is."""

    instance: str | None = None
    subject_id: UUID | None = None
    address: str | None = None
    state: str | None = None


async def list_notifications(connection: Connection, wanted: Filter) -> list[dict[str, Any]]:
    """The newest e-mails like that, the newest at the top, without what stands in them."""
    rows = await connection.fetch(
        """
        SELECT id, created_at, recipient, address, kind, subject_id, state, attempts, next_attempt_at, answer
        FROM notifier.notification
        WHERE ($1::text IS NULL OR recipient = $1) AND ($2::uuid IS NULL OR subject_id = $2)
              AND ($3::text IS NULL OR lower(address) = lower($3)) AND ($4::text IS NULL OR state = $4)
        ORDER BY created_at DESC, id LIMIT $5
        """,
        wanted.instance,
        wanted.subject_id,
        wanted.address,
        wanted.state,
        MOST_LISTED,
    )
    return [dict(row) for row in rows]


async def find_notification(connection: Connection, id: UUID) -> dict[str, Any] | None:
    """All that is known of one e-mail, with the facts that its text is made of; None where there is none."""
    row = await connection.fetchrow("SELECT * FROM notifier.notification WHERE id = $1", id)
    if row is None:
        return None
    return {**row, "facts": None if row["facts"] is None else orjson.loads(row["facts"])}


async def resend(connection: Connection, id: UUID) -> bool:
    """Have an e-mail sent again under its Message-ID, at once; says whether it is there and not forgotten yet."""
    done = await connection.execute(
        """
        UPDATE notifier.notification
        SET state = 'pending', next_attempt_at = clock_timestamp(), leased_until = NULL, sent_at = NULL,
            failed_at = NULL, attempts = 0, resent_at = clock_timestamp()
        WHERE id = $1 AND forgotten_at IS NULL
        """,
        id,
    )
    return bool(done == "UPDATE 1")


@app.command("list")
def list_command(
    instance: Annotated[str | None, typer.Option(help="only to this instance")] = None,
    outsourcing: Annotated[UUID | None, typer.Option(help="only about this one, or this partnership")] = None,
    recipient: Annotated[str | None, typer.Option(help="only to this address")] = None,
    state: Annotated[str | None, typer.Option(help="only pending, sent or failed")] = None,
    as_json: AsJson = False,
) -> None:
    """The newest e-mails, without what stands in them."""
    wanted = Filter(instance, outsourcing, recipient, state)
    rows = as_operator(lambda c: list_notifications(c, wanted))
    show(rows, as_json=as_json, nothing="no e-mail is like that")


@app.command("show")
def show_command(id: Annotated[UUID, typer.Argument(metavar="ID")], as_json: AsJson = False) -> None:
    """One e-mail, with the facts that its text is made of; they may be personal."""
    found = as_operator(lambda c: find_notification(c, id))
    if found is None:
        sys.exit("tandem: there is no such e-mail")
    if as_json:
        print(json.dumps(found, indent=2, default=plain, ensure_ascii=False))
        return
    for name, value in found.items():
        print(f"{name.replace('_', ' '):16} {parked.as_text(value)}")


@app.command("resend")
def resend_command(id: Annotated[UUID, typer.Argument(metavar="ID")]) -> None:
    """Send an e-mail again, at once and under its Message-ID: a mail program that has it shows it once."""
    if not as_operator(lambda c: resend(c, id)):
        sys.exit("tandem: there is no such e-mail, or what stood in it is forgotten")
    print("it is sent again; `tandem notifications show` tells what becomes of it")
