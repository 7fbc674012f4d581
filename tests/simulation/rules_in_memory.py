"""A service's rules over values in memory, decided by its own routes; each sees what the one before it left."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from shared.messaging.outcomes import Changed, Decision, Message
from shared.messaging.routes import Collection, Handlers, Need, Table

T = TypeVar("T")
Find = Callable[[Message[Any]], Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """A table's values by key, and the keys of each group of its collections."""

    values: dict[Hashable, Any]
    groups: dict[Collection, dict[Hashable, dict[Any, None]]]


class RulesInMemory:
    """What a service decides, message by message; everything is at hand."""

    def __init__(self, handlers: Handlers) -> None:
        self._table_of = {table.type: table for table in handlers.tables}
        self._kept = {table: Kept({}, {}) for table in handlers.tables}
        self._routes = {
            kind: (route.decide, [self._finding(need) for need in route.needs])
            for kind, route in handlers.routes.items()
        }

    def decide(self, message: Message[Any]) -> Decision:
        """Raises what the rule raises, and then nothing has changed."""
        rule, needs = self._routes[message.kind]
        decision = rule(*[find(message) for find in needs], message)
        if isinstance(decision, Changed):
            for value in decision.values:
                self._keep(value)
        return decision

    def _keep(self, value: Any) -> None:
        table = self._table_of[type(value)]
        kept, key = self._kept[table], table.key(value)
        before = kept.values.get(key)
        for collection, members in kept.groups.items():
            groups = collection.groups(value)
            groups_before = () if before is None else collection.groups(before)
            if groups != groups_before:
                for group in groups_before:
                    members[group].pop(key, None)
                for group in groups:
                    members.setdefault(group, {})[key] = None
        kept.values[key] = value

    def _finding(self, need: Need) -> Find:
        """What finds for a message what it needs."""
        keys_of, behind = self._keys_of(need), self._behind(need.of)

        def find_one(message: Message[Any]) -> Any:
            for key in keys_of(message):
                for value in behind(key):
                    return value
            return None

        def find_many(message: Message[Any]) -> Any:
            return tuple([value for key in keys_of(message) for value in behind(key)])

        return find_many if need.many else find_one

    def _keys_of(self, need: Need) -> Callable[[Message[Any]], Iterable[Any]]:
        """What tells for a message the keys of what it needs."""
        if need.via is None:
            return need.keys
        keys_of, via = need.keys, self._finding(need.via)
        return lambda message: () if (teller := via(message)) is None else keys_of(teller)

    def _behind(self, source: Table | Collection) -> Callable[[Any], Iterable[Any]]:
        """What finds the values with a key or of a group."""
        if isinstance(source, Table):
            values = self._kept[source].values
            return lambda key: (values[key],) if key in values else ()
        kept = self._kept[source.table]
        groups = kept.groups.setdefault(source, {})
        return lambda group: [kept.values[key] for key in sorted(groups[group])] if groups.get(group) else ()
