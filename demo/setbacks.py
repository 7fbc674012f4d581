"""Scenes in which something goes another way: a copy is severed, data is lost, a ticket comes back."""

from collections import Counter

from demo.acts import Stage, Ticket, about, accept, note, of_entry, offer, put, put_file, time
from demo.cast import (
    NOTE_BEFORE,
    OTHER_TIME,
    SERVICE_CHARGE,
    SERVICE_FILE,
    SERVICE_NOTE,
    SERVICE_PICTURE,
    SERVICE_RECORDING,
    SERVICE_TIME,
    TECHNICIAN,
)
from demo.partners import PartnerFailed

PICTURE_BYTES = 128 * 1024

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
    """The lead has an old backup left; it says what it holds, and is told what it lacks and what it had removed."""
    lead, timeline = stage.lead, stage.timeline
    timeline.chapter("One side loses its data, and is repaired")
    came_before = Counter(one["data"]["entry_id"] for one in lead.deliveries if one["came"] == COPY)
    async with timeline.step(
        lead.slug, "loses all copies and the recording of 20 MiB; a charge that it had removed is back"
    ):
        await lead.do("lose", outsourcing_id=id)
    lacking = len(COPIES_OF_THE_LEAD)
    told = f"says what it holds, is told the {lacking} copies that it lacks, and fetches the recording anew"
    async with timeline.step(lead.slug, told):
        await lead.do("ask", outsourcing_id=id)
        await lead.gets("sync.digest", about(id))
        for entry_id in COPIES_OF_THE_LEAD:
            await lead.gets("entry.replicated", of_entry(entry_id), times=came_before[entry_id] + 1)
        await lead.gets("entry.severed", of_entry(NOTE_BEFORE), times=2)


async def be_asked_for_what_did_not_get_through(stage: Stage, id: str) -> None:
    """Tandem has never heard of a file; when its owner says what it holds, it is wanted, and then brought."""
    lead, service, timeline = stage.lead, stage.service, stage.timeline
    timeline.chapter("Something did not get through, and is asked for")
    async with timeline.step(service.slug, "attaches a picture while its line is down"):
        picture = stage.directory / "rack.png"
        picture.write_bytes(bytes(range(256)) * (PICTURE_BYTES // 256))
        await put_file(service, id, SERVICE_PICTURE, "L. Gruber", picture, "image/png", line_is_down=True)
    async with timeline.step(service.slug, "says what it holds, is asked for the picture, and nordlicht has it"):
        await service.do("ask", outsourcing_id=id)
        wanted = await service.gets("sync.digest", about(id))
        if wanted["wanted"] != [SERVICE_PICTURE]:
            raise PartnerFailed(f"Tandem wants {wanted['wanted']} and not the picture alone")
        await lead.gets("entry.replicated", of_entry(SERVICE_PICTURE))


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
