"""The play: one ticket's whole life between a lead and a service partner, and beside it what can come between."""

from demo import offers, setbacks, work
from demo.acts import Stage
from demo.expected import MAILS


async def play(stage: Stage) -> None:
    """The whole of it, in order. Raises what a step raises that did not come about."""
    await offers.become_partners(stage)
    await offers.let_an_offer_expire(stage)
    await offers.have_an_offer_declined_and_offer_again(stage)
    won = await offers.ask_both_at_once(stage)
    await offers.ask_one_after_another(stage)
    outsourcing_id = await work.outsource(stage)
    await work.work_together(stage, outsourcing_id)
    await setbacks.sever_a_copy(stage, outsourcing_id)
    await setbacks.lose_copies_and_be_repaired(stage, outsourcing_id)
    await setbacks.be_asked_for_what_did_not_get_through(stage, outsourcing_id)
    await work.submit_and_be_rejected(stage, outsourcing_id)
    await work.submit_again_and_be_paid(stage, outsourcing_id)
    await setbacks.return_a_ticket_and_offer_it_again(stage, won)
    async with stage.timeline.step("Tandem", "has written every e-mail"):
        await stage.mailbox.gets(len(MAILS))
