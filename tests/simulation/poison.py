"""Messages that do harm for a while: their rule raises, the database refuses them, or they kill who decides them."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal
from uuid import UUID

from shared.messaging.outcomes import Decision
from shared.messaging.routes import Handlers, Route
from tests.simulation.dice import Dice
from tests.simulation.simulated_process import PROCESS

Harm = Literal["raises", "is refused", "kills"]
HARMS: tuple[Harm, ...] = ("raises", "is refused", "kills")
# Mostly over after a retry or two; sometimes not before it is stuck, and an operator has a word.
DOSES = (1, 1, 1, 2, 3, 12)
DEATHS_BETWEEN_HALVES = 0.2
# Where a statement says what messages did, the parameter that names them.
WHAT_MESSAGES_DID = re.compile(r"INSERT INTO history .*?unnest\(\$(\d+)", re.DOTALL)


class Poison:
    """Which messages do harm, which, and how often still."""

    def __init__(self, dice: Dice) -> None:
        self.ever: set[UUID] = set()
        self._dice = dice
        self._left: dict[UUID, tuple[Harm, int]] = {}

    def give_to(self, id: UUID) -> None:
        self.ever.add(id)
        self._left[id] = (self._dice.choice(HARMS), self._dice.choice(DOSES))

    def wear_off(self) -> None:
        self._left.clear()

    def into(self, handlers: Handlers) -> Handlers:
        """The same routes, with rules that are harmed by it."""
        routes = {kind: replace(route, decide=self._harmed(route)) for kind, route in handlers.routes.items()}
        return Handlers(handlers.service, handlers.tables, routes)

    def is_refused(self, query: str, arguments: tuple[Any, ...]) -> bool:
        """Whether the database refuses what is written of one of these messages; then its turn is halved.

        Now and then its worker dies between the two halves.
        """
        history = WHAT_MESSAGES_DID.search(query)
        if history is None or not any(self._does("is refused", id) for id in arguments[int(history[1]) - 1]):
            return False
        process = PROCESS.get()
        if process is not None and self._dice.happens(DEATHS_BETWEEN_HALVES):
            process.die_at("after an acknowledgement", 1)
        return True

    def _harmed(self, route: Route) -> Callable[..., Decision]:
        def decide(*arguments: Any) -> Decision:
            id = arguments[-1].id
            if self._does("raises", id):
                raise RuntimeError("poisoned")
            process = PROCESS.get()
            if process is not None and self._does("kills", id):
                process.die("in a rule")
                raise asyncio.CancelledError
            return route.decide(*arguments)

        return decide

    def _does(self, harm: Harm, id: UUID) -> bool:
        kind, left = self._left.get(id, (harm, 0))
        if kind != harm or left == 0:
            return False
        self._left[id] = (harm, left - 1)
        return True
