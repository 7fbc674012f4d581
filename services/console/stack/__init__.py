"""The local stack: a real Postgres and a real RabbitMQ on this machine, for `tandem up`, the demo and the tests."""

from services.console.stack.stack import LocalStack
from services.console.stack.unavailable import Unavailable

__all__ = ["LocalStack", "Unavailable"]
