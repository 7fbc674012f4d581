"""Scenes in which something goes another way: a copy is severed, data is lost, a ticket comes back."""

from collections import Counter

from demo.acts import Stage, Ticket, about, accept, note, of_entry, offer, put, time
from demo.cast import (
    NOTE_BEFORE,
    OTHER_TIME,
    SERVICE_CHARGE,
    SERVICE_FILE,
    SERVICE_NOTE,
    SERVICE_RECORDING,
    SERVICE_TIME,
    TECHNICIAN,
)

COPY = "tandem.entry.replicated.v1"
COPIES_OF_THE_LEAD = (SERVICE_NOTE, SERVICE_TIME, SERVICE_CHARGE, SERVICE_FILE, SERVICE_RECORDING)


async def sever_a_copy(stage: Stage, id: str) -> None:
    """The service partner edits its copy of a note, which from then on is its own affair."""
    lead, service, timeline = stage.lead, stage.service, stage.timeline
    timeline.chapter("A copy goes its own way")
    async with timeline.step(service.slug, "edits its copy of a note, which no longer follows its owner"):
        await service.send("entry.sever", id, actor=TECHNICIAN, outsourcing_id=id, entry_id=NOTE_BEFORE)
        for side in (lead, service):
            await side.gets("entry.severed", of_entry(NOTE_BEFORE))
    async with timeline.step(lead.slug, "goes on changing its note, and nobody else hears of it"):
        await put(lead, id, NOTE_BEFORE, "K. Sommer", note("The customer is on site until eight."))


async def lose_copies_and_be_repaired(stage: Stage, id: str) -> None:
    """The lead's system has lost what came from the other side; it says what it holds, and is told what it lacks."""
    lead, timeline = stage.lead, stage.timeline
    timeline.chapter("One side loses its data, and is repaired")
    came_before = Counter(one["data"]["entry_id"] for one in lead.deliveries if one["came"] == COPY)
    async with timeline.step(
        lead.slug, "loses all copies and files of this ticket, the recording of 20 MiB among them"
    ):
        await lead.do("lose", outsourcing_id=id)
    lacking = len(COPIES_OF_THE_LEAD)
    told = f"says what it holds, is told the {lacking} copies that it lacks, and fetches the recording anew"
    async with timeline.step(lead.slug, told):
        await lead.do("ask", outsourcing_id=id)
        await lead.gets("sync.digest", about(id))
        for entry_id in COPIES_OF_THE_LEAD:
            await lead.gets("entry.replicated", of_entry(entry_id), times=came_before[entry_id] + 1)


async def return_a_ticket_and_offer_it_again(stage: Stage, id: str) -> None:
    """A service partner gives its ticket back after some work, and another one takes it."""
    lead, service, other, timeline = stage.lead, stage.service, stage.other, stage.timeline
    timeline.chapter("A ticket comes back, and is offered again")
    async with timeline.step(other.slug, "has begun to work on it"):
        await put(other, id, OTHER_TIME, "M. Kessler", time("0.5", "engineer", "Measured the signal"))
        await lead.gets("entry.replicated", of_entry(OTHER_TIME))
    async with timeline.step(other.slug, "gives the ticket back"):
        reason = "Nobody of ours is in Innsbruck before Friday."
        await other.send("outsourcing.return", id, actor=TECHNICIAN, outsourcing_id=id, reason=reason)
        for side in (lead, other):
            await side.gets("outsourcing.returned", about(id))
    [again] = await offer(stage, Ticket("NL-4712", "Access point is silent"), service)
    async with timeline.step(service.slug, "accepts it"):
        await accept(stage, service, again)
