"""What partners do again and again in the play: offer a ticket, write an entry, submit work."""

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from uuid_utils import uuid7

from demo.cast import CUSTOMER, DISPATCHER, TECHNICIAN
from demo.mails import Mailbox
from demo.partners import Partner
from demo.timeline import Timeline

Row = dict[str, Any]

HOURLY: Row = {
    "mode": "hourly",
    "currency": "EUR",
    "hourly_rate": "95.00",
    "authorized_hours": "8",
    "rounding_minutes": 15,
    "instructions": "Ring before you arrive.",
}
FLAT: Row = {"mode": "flat", "currency": "EUR", "flat_fee": "450.00"}


@dataclass(frozen=True, slots=True)
class Stage:
    """Who plays, where it is told, and where files may lie; `partnerships` by the slug of the service partner."""

    lead: Partner
    service: Partner
    other: Partner
    mailbox: Mailbox
    timeline: Timeline
    directory: Path
    partnerships: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ticket:
    """One of the lead's tickets, and how it is offered."""

    number: str
    title: str
    answer_within: timedelta = timedelta(hours=4)
    terms: Row | None = None
    mode: str = "all_at_once"


async def offer(stage: Stage, ticket: Ticket, *to: Partner) -> list[str]:
    """The lead offers one of its tickets to these; the outsourcing of each, in that order."""
    lead = stage.lead
    ids = [new_id() for _ in to]
    for id in ids:
        description = f"{ticket.title} since this morning."
        await lead.do("open", outsourcing_id=id, number=ticket.number, title=ticket.title, description=description)
    names = " and ".join(one.slug for one in to)
    async with stage.timeline.step(lead.slug, f"offers {ticket.number} to {names}: {ticket.title}"):
        await _send_offer(stage, ticket, dict(zip((one.slug for one in to), ids, strict=True)))
        asked = zip(to, ids, strict=True) if ticket.mode == "all_at_once" else [(to[0], ids[0])]
        for partner, id in asked:
            await partner.gets("offer.received", about(id))
            await lead.gets("offer.sent", about(id))
    return ids


async def _send_offer(stage: Stage, ticket: Ticket, outsourcings: dict[str, str]) -> None:
    round_id = new_id()
    await stage.lead.send(
        "offer.send",
        round_id,
        actor=DISPATCHER,
        round_id=round_id,
        mode=ticket.mode,
        offers=[
            {"partnership_id": stage.partnerships[slug], "outsourcing_id": id} for slug, id in outsourcings.items()
        ],
        ticket={
            "number": ticket.number,
            "title": ticket.title,
            "description": f"{ticket.title} since this morning.",
            "priority": "high",
            "place": "6020 Innsbruck",
            "skill": "network",
            "customer": CUSTOMER,
        },
        terms={
            **(ticket.terms or HOURLY),
            "respond_by": at(ticket.answer_within),
            "complete_by": at(timedelta(days=7)),
        },
    )


async def accept(stage: Stage, who: Partner, outsourcing_id: str, organization: str | None = None) -> None:
    """A service partner accepts and opens its ticket, and the two are linked."""
    lead = stage.lead
    said = {"outsourcing_id": outsourcing_id} | ({"organization": organization} if organization else {})
    await who.send("offer.accept", outsourcing_id, actor=TECHNICIAN, **said)
    for side in (lead, who):
        await side.gets("offer.accepted", about(outsourcing_id))
    for side in (lead, who):
        await side.gets("ticket.linked", about(outsourcing_id))


async def decline(stage: Stage, who: Partner, outsourcing_id: str, reason: str) -> None:
    await who.send("offer.decline", outsourcing_id, actor=TECHNICIAN, outsourcing_id=outsourcing_id, reason=reason)
    await stage.lead.gets("offer.declined", about(outsourcing_id))


async def put(
    who: Partner, outsourcing_id: str, entry_id: str, author: str, body: Row, visibility: str = "shared"
) -> None:
    await who.do(
        "put", outsourcing_id=outsourcing_id, entry_id=entry_id, author=author, body=body, visibility=visibility
    )


async def put_file(
    who: Partner,
    outsourcing_id: str,
    entry_id: str,
    author: str,
    path: Path,
    media_type: str,
    *,
    line_is_down: bool = False,
) -> None:
    """A file too large for a message: it goes to the gateway, and the entry cites it; or nobody is told of it yet."""
    body = {"kind": "attachment", "name": path.name, "media_type": media_type}
    how = {"outsourcing_id": outsourcing_id, "entry_id": entry_id, "author": author, "visibility": "shared"}
    await who.do("put", **how, body=body, path=str(path), line_is_down=line_is_down)


async def submit(who: Partner, outsourcing_id: str, summary: str, deductions: list[Row] | None = None) -> None:
    await who.do(
        "submit", outsourcing_id=outsourcing_id, actor=TECHNICIAN, summary=summary, deductions=deductions or []
    )


def about(outsourcing_id: str) -> Any:
    return lambda data: data["outsourcing_id"] == outsourcing_id


def of_entry(entry_id: str) -> Any:
    return lambda data: data["entry_id"] == entry_id


def note(text: str) -> Row:
    return {"kind": "note", "text": text}


def time(hours: str, role: str, text: str) -> Row:
    return {"kind": "time", "hours": hours, "work_on": "2026-03-02", "role": role, "billable": True, "text": text}


def charge(name: str, quantity: str, unit_price: str) -> Row:
    body = {"kind": "charge", "name": name, "quantity": quantity, "unit_price": unit_price}
    return body | {"currency": "EUR", "billable": True}


def attachment(name: str, content: bytes) -> Row:
    return {
        "kind": "attachment",
        "name": name,
        "media_type": "text/plain",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "content": base64.b64encode(content).decode(),
    }


def at(later: timedelta) -> str:
    return (datetime.now(UTC) + later).isoformat()


def new_id() -> str:
    return str(uuid7())
