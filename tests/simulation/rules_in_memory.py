"""A service's rules over values in memory, decided by its own routes and folded by the runtime's own working set."""

from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from shared.database import Connection
from shared.messaging.outcomes import Changed, Decision, Message
from shared.messaging.routes import Collection, Handlers, Need, Route, Table
from shared.messaging.working_set import WorkingSet

T = TypeVar("T")
# The tables below are in memory and ask for no connection.
NOWHERE = cast(Connection, None)


@dataclass(frozen=True, slots=True)
class Kept:
    """A table's values by key, and the keys of each group of its collections."""

    values: dict[Hashable, Any]
    groups: dict[Collection, dict[Hashable, dict[Hashable, None]]]


class RulesInMemory:
    """Turns without a database: what waits is loaded, decided message by message, and saved."""

    def __init__(self, handlers: Handlers) -> None:
        self._tables: dict[Table, Table] = {}
        self._collections: dict[Collection, Collection] = {}
        self._kept = {table: Kept({}, {}) for table in handlers.tables}
        for table, kept in self._kept.items():
            self._tables[table] = replace(table, lock=_finding(kept), save=_keeping(table, kept))
        self._routes = {kind: self._in_memory(route) for kind, route in handlers.routes.items()}

    def turn(self, messages: list[Message[Any]]) -> list[Decision]:
        """Decide these in their order, each seeing what the one before it left."""
        working = WorkingSet(tuple(self._tables.values()))
        routes = [self._routes[message.kind] for message in messages]
        pairs = zip(routes, messages, strict=True)
        _at_once(working.load(NOWHERE, [(need, message) for route, message in pairs for need in route.needs]))
        decisions = []
        for route, message in zip(routes, messages, strict=True):
            decision = route.decide(*working.arguments(route, message))
            if isinstance(decision, Changed):
                working.fold(decision.values)
            decisions.append(decision)
        _at_once(working.save(NOWHERE))
        return decisions

    def values_of(self, kind: type[T]) -> list[T]:
        """All values of that type."""
        return next(list(kept.values.values()) for table, kept in self._kept.items() if table.type is kind)

    def _in_memory(self, route: Route) -> Route:
        return replace(route, needs=tuple(self._need(need) for need in route.needs))

    def _need(self, need: Need) -> Need:
        of = self._collection(need.of) if isinstance(need.of, Collection) else self._tables[need.of]
        return replace(need, of=of, via=None if need.via is None else self._need(need.via))

    def _collection(self, collection: Collection) -> Collection:
        if collection not in self._collections:
            kept = self._kept[collection.table]
            groups = kept.groups[collection] = {}
            members = _members(kept, groups)
            self._collections[collection] = Collection(self._tables[collection.table], collection.groups, members)
        return self._collections[collection]


def _finding(kept: Kept) -> Callable[[Connection, list[Any]], Coroutine[Any, Any, list[Any]]]:
    async def find(_: Connection, keys: list[Any]) -> list[Any]:
        return [kept.values[key] for key in keys if key in kept.values]

    return find


def _members(
    kept: Kept, groups: dict[Hashable, dict[Hashable, None]]
) -> Callable[[Connection, list[Any]], Coroutine[Any, Any, list[Any]]]:
    async def find(_: Connection, keys: list[Any]) -> list[Any]:
        return [kept.values[member] for key in keys for member in groups.get(key, ())]

    return find


def _keeping(table: Table, kept: Kept) -> Callable[[Connection, list[Any]], Coroutine[Any, Any, None]]:
    async def keep(_: Connection, values: list[Any]) -> None:
        for value in values:
            key = table.key(value)
            before = kept.values.get(key)
            for collection, groups in kept.groups.items():
                for group in () if before is None else collection.groups(before):
                    groups[group].pop(key, None)
                for group in collection.groups(value):
                    groups.setdefault(group, {})[key] = None
            kept.values[key] = value

    return keep


def _at_once(work: Coroutine[Any, Any, T]) -> T:
    """What never waits is run without a loop."""
    try:
        work.send(None)
    except StopIteration as done:
        return cast(T, done.value)
    raise AssertionError("tables in memory do not wait")
