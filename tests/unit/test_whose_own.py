"""Every service knows whose own it is that an instance speaks of: what others say of it holds nobody up."""

from importlib import import_module

import pytest

from shared.contracts.catalog import name_of
from shared.contracts.examples import COMMAND_EXAMPLES
from shared.contracts.values import Command
from shared.messaging.routes import Handlers, Route
from shared.messaging.topology import SERVICES

HANDLERS: list[Handlers] = [import_module(f"services.{service}.handlers").HANDLERS for service in SERVICES]
# What is said under a subject that others may know, and not under the sender's own name.
COMMANDS = [
    route
    for handlers in HANDLERS
    for route in handlers.routes.values()
    if issubclass(route.model, Command)
    and route.model.model_validate(COMMAND_EXAMPLES[name_of(route.kind)]).subject_of() is not None
]


@pytest.mark.parametrize("route", COMMANDS, ids=[route.kind for route in COMMANDS])
def test_what_a_command_is_about_has_parties(route: Route) -> None:
    about = route.needs[0]
    assert not about.many and about.table.parties is not None
