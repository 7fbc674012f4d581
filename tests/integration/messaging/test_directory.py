"""The instances a service knows: who is delivered to, and how one gets known that was not there before."""

import pytest

from shared.contracts.offer_handler import Instance, InstanceJoined
from shared.database import Connection
from shared.ids import new_id
from shared.messaging.directory import INSTANCE, JOINING, Directory, find_instances, insert_instances
from shared.messaging.letters import Correspondence
from shared.messaging.routes import Handlers
from shared.messaging.turn import Turn
from tests.integration.messaging import probe
from tests.integration.messaging.posting import command, event

HUBER = Instance(slug="sub-1", name="Elektro Huber", language="de", email="office@huber.example", kind="portal")


def turn_of(handlers: Handlers) -> Turn:
    directory = Directory()
    return Turn(handlers, directory, Correspondence("probe", directory))


@pytest.mark.parametrize(("slug", "told"), [("alpenwerk", 1), ("sub-1", 0), ("nobody", 0)])
async def test_only_an_instance_with_an_installation_is_delivered_to(
    probe_database: Connection, slug: str, told: int
) -> None:
    await insert_instances(probe_database, [HUBER])
    tally = new_id()
    message = command(probe.ProbeDo(actor="test", tally_id=tally, number=1, tell=slug), str(tally))
    turn = turn_of(probe.HANDLERS)
    assert len((await turn.take(probe_database, [turn.read(message)])).posted) == told


async def test_who_joins_is_known_from_then_on_and_who_is_known_stays_as_it_is(probe_database: Connection) -> None:
    turn = turn_of(Handlers.of("probe", tables=(INSTANCE,), routes=(JOINING,)))
    again = HUBER.model_copy(update={"name": "Huber & Sons"})
    taken_over = HUBER.model_copy(update={"slug": "nordlicht"})
    joined = [event(InstanceJoined(instance=one), one.slug) for one in (HUBER, again, taken_over)]
    await turn.take(probe_database, [turn.read(one) for one in joined])
    await insert_instances(probe_database, [taken_over])
    nordlicht, huber = await find_instances(probe_database, ["nobody", "sub-1", "nordlicht"])
    assert huber == HUBER
    assert (nordlicht.name, nordlicht.kind) == ("Nordlicht IT GmbH", "psa")
    assert await probe_database.fetch("SELECT subject, event FROM history") == [("sub-1", "joined")]
