"""Every kind of message there is, told apart by who sends it."""

from typing import TypeVar

from shared.contracts import answers, billing, offer_handler, ticket_sync
from shared.contracts.values import Command, Delivery, Event, Payload

P = TypeVar("P", bound=Payload)

_MODULES = (answers, offer_handler, ticket_sync, billing)


def _kinds_of(base: type[P]) -> dict[str, type[P]]:
    models = [one for module in _MODULES for one in vars(module).values() if isinstance(one, type)]
    return {one.kind: one for one in models if issubclass(one, base) and "kind" in vars(one)}


COMMANDS = _kinds_of(Command)
DELIVERIES = _kinds_of(Delivery)
EVENTS = _kinds_of(Event)
KINDS: dict[str, type[Payload]] = {**COMMANDS, **DELIVERIES, **EVENTS}
