"""Random histories of three companies: both copies of every ticket end as the model says, whatever happens."""

import pytest

from services.console.stack import LocalStack
from tests.simulation.depths import PURE, Depth, fresh_seeds, histories, real_depth
from tests.simulation.seeds import FOUND

PURE_SECONDS = 10.0
REAL_SECONDS = 30.0


@pytest.mark.slow
def test_the_rules_end_as_they_must() -> None:
    _play(PURE, PURE_SECONDS)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_worker_ends_as_it_must(stack: LocalStack) -> None:
    with real_depth(stack.database_admin_url) as real:
        _play(real, REAL_SECONDS)


def _play(depth: Depth, seconds: float) -> None:
    """What once failed, and then fresh histories for so long."""
    for seeds in (FOUND[depth.name], fresh_seeds()):
        for played in histories(depth, seeds, seconds):
            assert played.steps
