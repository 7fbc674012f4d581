"""The first scenes: companies become partners, and offers end in every way there is."""

from datetime import timedelta

from demo.acts import FLAT, Stage, Ticket, about, accept, decline, new_id, offer
from demo.cast import ACCOUNTANT, ADDRESSES, DISPATCHER, LANGUAGES, LEAD_PARTY, SERVICE_PARTY, TECHNICIAN
from demo.partners import Partner

EXPIRES_AFTER = timedelta(seconds=1.5)
AGREEMENT = "2026-01"
NAMES_THE_LEAD = "Nordlicht IT GmbH"


async def become_partners(stage: Stage) -> None:
    """Agreement, data for invoices, invitations and their acceptance."""
    lead, service, timeline = stage.lead, stage.service, stage.timeline
    timeline.chapter("Companies become partners")
    async with timeline.step(lead.slug, "accepts the outsourcing agreement"):
        await lead.send("agreement.accept", lead.slug, actor=DISPATCHER, version=AGREEMENT)
        await lead.gets("agreement.accepted")
    async with timeline.step(lead.slug, "gives its data for invoices"):
        await lead.send("billing-settings.change", lead.slug, actor=ACCOUNTANT, **LEAD_PARTY)
        await lead.gets("billing-settings.changed")
    async with timeline.step(service.slug, "gives its data for invoices"):
        await service.send("billing-settings.change", service.slug, actor=ACCOUNTANT, **SERVICE_PARTY)
        await service.gets("billing-settings.changed")
    for partner in (lead, service, stage.other):
        await _gather_until_the_end(stage, partner)
    for partner in (service, stage.other):
        await _become_partner(stage, partner)


async def _gather_until_the_end(stage: Stage, partner: Partner) -> None:
    """However long the play takes, what is done on a ticket comes as one e-mail when the work ends."""
    async with stage.timeline.step(partner.slug, "wants one e-mail about what is done on a ticket, as late as can be"):
        await partner.send("notification-settings.change", partner.slug, actor=DISPATCHER, gathering_minutes=240)
        await partner.gets("notification-settings.changed")


async def _become_partner(stage: Stage, partner: Partner) -> None:
    lead, timeline, id = stage.lead, stage.timeline, new_id()
    async with timeline.step(lead.slug, f"invites {partner.slug}"):
        await lead.send(
            "partnership.invite",
            id,
            actor=DISPATCHER,
            partnership_id=id,
            partner=partner.slug,
            recipient=ADDRESSES[partner.slug],
            language=LANGUAGES[partner.slug],
            note="Field service for our customers in Tyrol.",
        )
        await partner.gets("partnership.invited")
    async with timeline.step(partner.slug, "accepts the invitation"):
        await partner.send("partnership.accept", id, actor=TECHNICIAN, partnership_id=id)
        await lead.gets("partnership.accepted", lambda data: data["partnership_id"] == id)
        await partner.gets("partnership.accepted")
    stage.partnerships[partner.slug] = id


async def let_an_offer_expire(stage: Stage) -> None:
    """Nobody answers in time, and who answers late is told so."""
    lead, service, timeline = stage.lead, stage.service, stage.timeline
    timeline.chapter("An offer that nobody answers")
    [id] = await offer(stage, Ticket("NL-4709", "Printer takes no paper", EXPIRES_AFTER), service)
    async with timeline.step("Tandem", f"reminds {service.slug} when half of the time is over"):
        await service.gets("offer.reminded", about(id))
    async with timeline.step("Tandem", "lets the offer expire"):
        await lead.gets("offer.expired", about(id))
        await service.gets("offer.expired", about(id))
    async with timeline.step(service.slug, "accepts too late and is refused"):
        await service.send("offer.accept", id, actor=TECHNICIAN, outsourcing_id=id, organization=NAMES_THE_LEAD)
        await service.gets("command.rejected", lambda data: data["type"] == "offer/too-late")


async def have_an_offer_declined_and_offer_again(stage: Stage) -> None:
    """The first partner has no time; the ticket goes to another one, on other terms."""
    service, other, timeline = stage.service, stage.other, stage.timeline
    timeline.chapter("An offer that is declined, and offered again")
    [id] = await offer(stage, Ticket("NL-4710", "Move twelve desks"), service)
    async with timeline.step(service.slug, "declines it"):
        await decline(stage, service, id, "No van until Thursday.")
    [again] = await offer(stage, Ticket("NL-4710", "Move twelve desks", terms=FLAT), other)
    async with timeline.step(other.slug, "accepts, and names the company that stands for the lead"):
        await accept(stage, other, again, NAMES_THE_LEAD)


async def ask_both_at_once(stage: Stage) -> str:
    """The first acceptance wins, which is returned; who has lost is told no more than that the offer is taken back."""
    service, other, timeline = stage.service, stage.other, stage.timeline
    timeline.chapter("A ticket offered to two at once")
    lost, won = await offer(stage, Ticket("NL-4712", "Access point is silent"), service, other)
    async with timeline.step(other.slug, "accepts first"):
        await accept(stage, other, won)
    async with timeline.step(service.slug, "is told that the offer is taken back, and accepts too late"):
        await service.gets("offer.cancelled", about(lost))
        await service.send("offer.accept", lost, actor=TECHNICIAN, outsourcing_id=lost)
        await service.gets("command.rejected", lambda data: data["type"] == "offer/too-late", times=2)
    return won


async def ask_one_after_another(stage: Stage) -> None:
    """The second partner is asked when the first one declines."""
    service, other, timeline = stage.service, stage.other, stage.timeline
    timeline.chapter("A ticket offered to one after another")
    ticket = Ticket("NL-4713", "Firmware of nine cameras", mode="one_after_another")
    first, second = await offer(stage, ticket, service, other)
    async with timeline.step(service.slug, f"declines, and {other.slug} is asked"):
        await decline(stage, service, first, "Not our make.")
        await other.gets("offer.received", about(second))
    async with timeline.step(other.slug, "accepts"):
        await accept(stage, other, second)
