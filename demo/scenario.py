"""The play: one ticket's whole life between a lead and a service partner, and beside it offers that end otherwise."""

from demo import offers, work
from demo.acts import Stage


async def play(stage: Stage) -> None:
    """The whole of it, in order. Raises what a step raises that did not come about."""
    await offers.become_partners(stage)
    await offers.let_an_offer_expire(stage)
    await offers.have_an_offer_declined_and_offer_again(stage)
    await offers.ask_both_at_once(stage)
    await offers.ask_one_after_another(stage)
    outsourcing_id = await work.outsource(stage)
    await work.work_together(stage, outsourcing_id)
    await work.submit_and_be_rejected(stage, outsourcing_id)
    await work.submit_again_and_be_paid(stage, outsourcing_id)
