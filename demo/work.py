"""The scenes of one ticket's work: from the offer that is accepted to the invoice."""

from demo.acts import (
    Stage,
    Ticket,
    about,
    accept,
    attachment,
    charge,
    note,
    of_entry,
    offer,
    put,
    put_file,
    submit,
    time,
)
from demo.cast import (
    ADDRESSES,
    DISPATCHER,
    LEAD_CHARGE,
    LEAD_FILE,
    LEAD_LATE_NOTE,
    LEAD_LINK,
    LEAD_NOTE,
    LEAD_SECRET,
    LEAD_TIME,
    NOTE_BEFORE,
    SERVICE,
    SERVICE_CHARGE,
    SERVICE_FILE,
    SERVICE_MORE_TIME,
    SERVICE_NOTE,
    SERVICE_RECORDING,
    SERVICE_SECRET,
    SERVICE_TIME,
    SERVICE_TOO_LATE,
)

PROTOCOL = b"10:02 uplink lost\n10:41 switch replaced\n10:44 uplink back\n"
PLAN = b"rack 3: switch 1, switch 2, patch panel\n"
RECORDING_BYTES = 20 * 1024 * 1024


async def outsource(stage: Stage) -> str:
    """An offer, its acceptance, and two tickets linked; the outsourcing's id."""
    lead, service, timeline = stage.lead, stage.service, stage.timeline
    timeline.chapter("A ticket is outsourced")
    [id] = await offer(stage, Ticket("NL-4711", "Switch drops its uplink"), service)
    async with timeline.step("Tandem", f"writes {service.slug} an e-mail about it"):
        await stage.mailbox.gets_one(ADDRESSES[SERVICE], "Switch drops its uplink")
    async with timeline.step(lead.slug, "writes a note before anybody has accepted, which waits"):
        await put(lead, id, NOTE_BEFORE, "K. Sommer", note("The customer is on site until six."))
    async with timeline.step(service.slug, "accepts, and opens its own ticket; the two are linked"):
        await accept(stage, service, id, "Nordlicht IT GmbH")
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
    async with timeline.step(service.slug, "adds a recording of 20 MiB, and nordlicht has the whole of it"):
        recording = stage.directory / "uplink.pcap"
        recording.write_bytes(bytes(range(256)) * (RECORDING_BYTES // 256))
        await put_file(service, id, SERVICE_RECORDING, "L. Gruber", recording, "application/vnd.tcpdump.pcap")
        await lead.gets("entry.replicated", of_entry(SERVICE_RECORDING))
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
    async with timeline.step("Tandem", "releases what was held: nordlicht has it, as added during approval"):
        await lead.gets("entry.replicated", of_entry(SERVICE_MORE_TIME))
        await service.gets("entry.released", of_entry(SERVICE_MORE_TIME))


async def submit_again_and_be_paid(stage: Stage, id: str) -> None:
    """The second submission, approval, the invoice, and a word after the end."""
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
    async with timeline.step("Tandem", "makes the invoice's PDF and XML, which both sides fetch"):
        await service.gets("invoice.filed")
        await lead.gets("invoice.filed")
    async with timeline.step(service.slug, "writes after the end and is refused"):
        await put(service, id, SERVICE_TOO_LATE, "L. Gruber", note("One more thing …"))
        await service.gets("command.rejected", lambda data: data["type"] == "outsourcing/completed")
