"""The play: one ticket's whole life between a lead and a service partner, an offer that expires and one declined."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from uuid_utils import uuid7

from demo.cast import (
    ADDRESSES,
    CUSTOMER,
    LEAD_CHARGE,
    LEAD_FILE,
    LEAD_LATE_NOTE,
    LEAD_LINK,
    LEAD_NOTE,
    LEAD_PARTY,
    LEAD_SECRET,
    LEAD_TIME,
    NOTE_BEFORE,
    SERVICE,
    SERVICE_CHARGE,
    SERVICE_FILE,
    SERVICE_MORE_TIME,
    SERVICE_NOTE,
    SERVICE_PARTY,
    SERVICE_SECRET,
    SERVICE_TIME,
    SERVICE_TOO_LATE,
)
from demo.expectation import MAILS
from demo.mails import Mailbox
from demo.partners import Partner
from demo.timeline import Timeline

EXPIRES_AFTER = timedelta(seconds=1.5)
AGREEMENT = "2026-01"
DISPATCHER, TECHNICIAN, ACCOUNTANT = "k.sommer", "l.gruber", "m.huber"
PROTOCOL = b"10:02 uplink lost\n10:41 switch replaced\n10:44 uplink back\n"
PLAN = b"rack 3: switch 1, switch 2, patch panel\n"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stage:
    """Who plays, and where it is told."""

    lead: Partner
    service: Partner
    mailbox: Mailbox
    timeline: Timeline


@dataclass(frozen=True, slots=True)
class Played:
    """The ids that were made up on the way."""

    outsourcing_id: str
    expired_id: str
    declined_id: str


async def play(stage: Stage) -> Played:
    """The whole of it, in order. Raises what a step raises that did not come about."""
    partnership_id = await become_partners(stage)
    expired_id = await let_an_offer_expire(stage, partnership_id)
    declined_id = await have_an_offer_declined(stage, partnership_id)
    outsourcing_id = await outsource(stage, partnership_id)
    await work_together(stage, outsourcing_id)
    await submit_and_be_rejected(stage, outsourcing_id)
    await submit_again_and_be_paid(stage, outsourcing_id)
    return Played(outsourcing_id, expired_id, declined_id)


async def become_partners(stage: Stage) -> str:
    """Agreement, data for invoices, invitation and its acceptance."""
    lead, service, timeline = stage.lead, stage.service, stage.timeline
    partnership_id = new_id()
    timeline.chapter("Two companies become partners")
    async with timeline.step(lead.slug, "accepts the outsourcing agreement"):
        await lead.send("agreement.accept", lead.slug, actor=DISPATCHER, version=AGREEMENT)
        await lead.gets("agreement.accepted")
    async with timeline.step(lead.slug, "gives its data for invoices"):
        await lead.send("billing-settings.change", lead.slug, actor=ACCOUNTANT, **LEAD_PARTY)
        await lead.gets("billing-settings.changed")
    async with timeline.step(service.slug, "gives its data for invoices"):
        await service.send("billing-settings.change", service.slug, actor=ACCOUNTANT, **SERVICE_PARTY)
        await service.gets("billing-settings.changed")
    async with timeline.step(lead.slug, f"invites {service.slug}"):
        await lead.send(
            "partnership.invite",
            partnership_id,
            actor=DISPATCHER,
            partnership_id=partnership_id,
            partner=service.slug,
            recipient=ADDRESSES[SERVICE],
            language="en",
            note="Field service for our customers in Tyrol.",
        )
        await service.gets("partnership.invited")
    async with timeline.step(service.slug, "accepts the invitation"):
        await service.send("partnership.accept", partnership_id, actor=TECHNICIAN, partnership_id=partnership_id)
        await lead.gets("partnership.accepted")
        await service.gets("partnership.accepted")
    return partnership_id


async def let_an_offer_expire(stage: Stage, partnership_id: str) -> str:
    """Nobody answers in time, and who answers late is told so."""
    lead, service, timeline = stage.lead, stage.service, stage.timeline
    timeline.chapter("An offer that nobody answers")
    id = await offer(stage, partnership_id, "NL-4709", "Printer takes no paper", EXPIRES_AFTER)
    async with timeline.step("Tandem", "lets the offer expire"):
        await lead.gets("offer.expired", about(id))
        await service.gets("offer.expired", about(id))
    async with timeline.step(service.slug, "accepts too late and is refused"):
        await service.send("offer.accept", id, actor=TECHNICIAN, outsourcing_id=id, organization="Nordlicht IT GmbH")
        await service.gets("command.rejected", lambda data: data["type"] == "offer/too-late")
    return id


async def have_an_offer_declined(stage: Stage, partnership_id: str) -> str:
    """The service partner has no time, and says so."""
    lead, service, timeline = stage.lead, stage.service, stage.timeline
    timeline.chapter("An offer that is declined")
    id = await offer(stage, partnership_id, "NL-4710", "Move twelve desks", timedelta(hours=4))
    async with timeline.step(service.slug, "declines it"):
        await service.send("offer.decline", id, actor=TECHNICIAN, outsourcing_id=id, reason="No van until Thursday.")
        await lead.gets("offer.declined", about(id))
    return id


async def outsource(stage: Stage, partnership_id: str) -> str:
    """An offer, its e-mail, its acceptance, and two tickets linked."""
    lead, service, timeline = stage.lead, stage.service, stage.timeline
    timeline.chapter("A ticket is outsourced")
    id = await offer(stage, partnership_id, "NL-4711", "Switch drops its uplink", timedelta(hours=4))
    async with timeline.step("Tandem", f"writes an e-mail to {service.slug} about each offer"):
        await stage.mailbox.gets(3)
    async with timeline.step(lead.slug, "writes a note before anybody has accepted, which waits"):
        await put(lead, id, NOTE_BEFORE, "K. Sommer", note("The customer is on site until six."))
    async with timeline.step(service.slug, "accepts, and names the company that stands for the lead"):
        await service.send("offer.accept", id, actor=TECHNICIAN, outsourcing_id=id, organization="Nordlicht IT GmbH")
        await lead.gets("offer.accepted", about(id))
    async with timeline.step(service.slug, "opens its own ticket, and the two are linked"):
        await service.gets("ticket.requested", about(id))
        await lead.gets("ticket.linked", about(id))
        await service.gets("ticket.linked", about(id))
        await service.gets("entry.replicated", of_entry(NOTE_BEFORE))
    return id


async def work_together(stage: Stage, id: str) -> None:
    """Entries of every kind in both directions, an edit, a removal, one that turns internal."""
    lead, service, timeline = stage.lead, stage.service, stage.timeline
    timeline.chapter("Both sides work on it")
    for who, other, author, entry_id, name, body in (
        (lead, service, "K. Sommer", LEAD_NOTE, "a note", note("Access code of the rack is with the porter.")),
        (service, lead, "L. Gruber", SERVICE_NOTE, "a note", note("On my way, there by ten.")),
        (lead, service, "K. Sommer", LEAD_TIME, "time", time("0.25", "dispatch", "Found the spare part")),
        (service, lead, "L. Gruber", SERVICE_TIME, "time", time("2.5", "engineer", "Replaced the switch")),
        (lead, service, "K. Sommer", LEAD_CHARGE, "a charge", charge("Courier", "1", "18.00")),
        (service, lead, "L. Gruber", SERVICE_CHARGE, "a charge", charge("Switch, 24 ports", "1", "349.90")),
        (lead, service, "K. Sommer", LEAD_FILE, "a file", attachment("plan.txt", PLAN)),
        (service, lead, "L. Gruber", SERVICE_FILE, "a file", attachment("protocol.txt", PROTOCOL)),
    ):
        async with timeline.step(who.slug, f"adds {name}, and {other.slug} has it"):
            await put(who, id, entry_id, author, body)
            await other.gets("entry.replicated", of_entry(entry_id))
    async with timeline.step("Tandem", "carries nothing internal and no link"):
        await put(lead, id, LEAD_SECRET, "K. Sommer", note("This customer pays late."), "internal")
        await put(service, id, SERVICE_SECRET, "L. Gruber", note("Their cabling is a disgrace."), "internal")
        await put(lead, id, LEAD_LINK, "K. Sommer", {"kind": "link", "name": "Plan", "target": "file://plan"})
    async with timeline.step(service.slug, "corrects its note"):
        await put(service, id, SERVICE_NOTE, "L. Gruber", note("On my way, there by half past ten."))
        await lead.gets("entry.replicated", of_entry(SERVICE_NOTE), times=2)
    async with timeline.step(lead.slug, "removes its charge"):
        await lead.do("remove", outsourcing_id=id, entry_id=LEAD_CHARGE, author="K. Sommer")
        await service.gets("entry.withdrawn", of_entry(LEAD_CHARGE))
    async with timeline.step(lead.slug, "takes a note back to itself"):
        await put(lead, id, LEAD_NOTE, "K. Sommer", note("Access code of the rack is with the porter."), "internal")
        await service.gets("entry.withdrawn", of_entry(LEAD_NOTE))


async def submit_and_be_rejected(stage: Stage, id: str) -> None:
    """The first submission: sync is suspended, the lead rejects, and what was held passes."""
    lead, service, timeline = stage.lead, stage.service, stage.timeline
    timeline.chapter("The work is submitted, and rejected")
    async with timeline.step(service.slug, "submits its work"):
        await submit(service, id, "Switch replaced, uplink stable.")
        await lead.gets("completion.submitted", about(id))
    async with timeline.step(service.slug, "adds time meanwhile, which is held"):
        await put(service, id, SERVICE_MORE_TIME, "L. Gruber", time("0.5", "engineer", "Labelled the ports"))
        await service.gets("entry.held", of_entry(SERVICE_MORE_TIME))
    async with timeline.step(lead.slug, "rejects: something is missing"):
        reason = "Please add the time for labelling the ports."
        await lead.send("completion.reject", id, actor=DISPATCHER, outsourcing_id=id, reason=reason)
        await service.gets("completion.rejected", about(id))
    async with timeline.step("Tandem", "passes on what was held"):
        await lead.gets("entry.replicated", of_entry(SERVICE_MORE_TIME))
        await service.gets("entry.released", of_entry(SERVICE_MORE_TIME))


async def submit_again_and_be_paid(stage: Stage, id: str) -> None:
    """The second submission, approval, the invoice, and the e-mails about all of it."""
    lead, service, timeline = stage.lead, stage.service, stage.timeline
    timeline.chapter("Submitted again, approved, invoiced")
    async with timeline.step(service.slug, "submits again, with a discount"):
        discount = [{"reason": "Late by half an hour", "amount": "-20.00"}]
        await submit(service, id, "Switch replaced, ports labelled.", discount)
        await lead.gets("completion.submitted", about(id), times=2)
    async with timeline.step(lead.slug, "adds a note meanwhile, which will stay"):
        await put(lead, id, LEAD_LATE_NOTE, "K. Sommer", note("Customer is happy."))
        await lead.gets("entry.held", of_entry(LEAD_LATE_NOTE))
    async with timeline.step(lead.slug, "approves the submission it was shown"):
        await lead.do("approve", outsourcing_id=id, actor=DISPATCHER)
        await lead.gets("completion.approved", about(id))
        await service.gets("completion.approved", about(id))
        await lead.gets("entry.kept-local", of_entry(LEAD_LATE_NOTE))
        await lead.gets("entry.replicated", lambda data: data["owner"] == "tandem")
    async with timeline.step("Tandem", "issues the invoice to both sides"):
        await service.gets("invoice.issued")
        await lead.gets("invoice.received")
    async with timeline.step(service.slug, "writes after the end and is refused"):
        await put(service, id, SERVICE_TOO_LATE, "L. Gruber", note("One more thing …"))
        await service.gets("command.rejected", lambda data: data["type"] == "outsourcing/completed")
    async with timeline.step("Tandem", "has written every e-mail"):
        await stage.mailbox.gets(len(MAILS))


async def offer(stage: Stage, partnership_id: str, number: str, title: str, answer_within: timedelta) -> str:
    """The lead offers one of its tickets; the outsourcing's id."""
    lead, service = stage.lead, stage.service
    outsourcing_id, round_id = new_id(), new_id()
    await lead.do(
        "open", outsourcing_id=outsourcing_id, number=number, title=title, description=f"{title} since this morning."
    )
    async with stage.timeline.step(lead.slug, f"offers {number}: {title}"):
        await lead.send(
            "offer.send",
            round_id,
            actor=DISPATCHER,
            round_id=round_id,
            offers=[{"partnership_id": partnership_id, "outsourcing_id": outsourcing_id}],
            ticket={
                "number": number,
                "title": title,
                "description": f"{title} since this morning.",
                "priority": "high",
                "place": "6020 Innsbruck",
                "skill": "network",
                "customer": CUSTOMER,
            },
            terms={
                "mode": "hourly",
                "currency": "EUR",
                "hourly_rate": "95.00",
                "authorized_hours": "8",
                "rounding_minutes": 15,
                "respond_by": at(answer_within),
                "complete_by": at(timedelta(days=7)),
                "instructions": "Ring before you arrive.",
            },
        )
        await service.gets("offer.received", about(outsourcing_id))
        await lead.gets("offer.sent", about(outsourcing_id))
    return outsourcing_id


async def put(
    who: Partner, outsourcing_id: str, entry_id: str, author: str, body: Row, visibility: str = "shared"
) -> None:
    await who.do(
        "put", outsourcing_id=outsourcing_id, entry_id=entry_id, author=author, body=body, visibility=visibility
    )


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
