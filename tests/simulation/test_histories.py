"""Random histories of three companies: both copies of every ticket end as the model says, whatever happens."""

from collections.abc import Iterator

import pytest

from services.console.stack import LocalStack
from tests.simulation import seeds
from tests.simulation.depths import PURE, Depth, fresh_histories, real_depth

PURE_SECONDS = 15.0
REAL_SECONDS = 40.0


@pytest.fixture(scope="module")
def real(stack: LocalStack) -> Iterator[Depth]:
    with real_depth(stack.database_admin_url) as depth:
        yield depth


@pytest.mark.parametrize("seed", seeds.PURE)
def test_the_rules_end_as_they_must_where_they_once_did_not(seed: int) -> None:
    assert PURE.play(seed)


@pytest.mark.parametrize("seed", seeds.REAL)
def test_a_worker_ends_as_it_must_where_it_once_did_not(real: Depth, seed: int) -> None:
    assert real.play(seed)


@pytest.mark.slow
def test_fresh_histories_of_the_rules_end_as_they_must() -> None:
    for played in fresh_histories(PURE, PURE_SECONDS):
        assert played.steps
    print(played)


@pytest.mark.slow
def test_fresh_histories_of_a_worker_end_as_they_must(real: Depth) -> None:
    for played in fresh_histories(real, REAL_SECONDS):
        assert played.steps
    print(played)
