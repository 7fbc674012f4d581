"""Random histories of three companies: both copies of every ticket end as the model says, whatever happens."""

import pytest

from services.console.stack import LocalStack
from tests.simulation.depths import PURE, Depth, fresh_seeds, histories, real_depth
from tests.simulation.seeds import FOUND
from tests.simulation.side_by_side import histories_side_by_side

# Of the processor, whatever else it does meanwhile; the database takes about as long again at the real depth.
PURE_SECONDS = 3.0
REAL_SECONDS = 2.5


@pytest.mark.slow
def test_the_rules_end_as_they_must() -> None:
    _play(PURE, PURE_SECONDS)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_worker_ends_as_it_must(stack: LocalStack) -> None:
    with real_depth(stack.database_admin_url) as real:
        _play(real, REAL_SECONDS)


def test_a_seed_played_beside_others_plays_as_it_does_alone() -> None:
    *_, together = histories_side_by_side("pure", None, iter((1, 2)), seconds=60.0)
    *_, alone = histories(PURE, (1, 2))
    assert (together.histories, together.steps) == (alone.histories, alone.steps)


def _play(depth: Depth, processor_seconds: float) -> None:
    """What once failed, all of it, and then fresh histories for so long."""
    for _ in histories(depth, FOUND[depth.name]):
        pass
    for played in histories(depth, fresh_seeds(), processor_seconds=processor_seconds):
        assert played.steps
