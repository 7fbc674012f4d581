"""What every test may stand on: a real Postgres and a real RabbitMQ, started once for the whole run."""

from collections.abc import Iterator

import pytest

from services.console.stack import LocalStack, Unavailable


@pytest.fixture(scope="session")
def stack() -> Iterator[LocalStack]:
    """The local stack without fsync; a test that needs it fails where it cannot be had."""
    local = LocalStack(fsync=False)
    try:
        local.__enter__()
    except Unavailable as missing:
        pytest.fail(str(missing), pytrace=False)
    yield local
    local.__exit__(None, None, None)
