"""What a turn has in its hands: the rows its messages need, folded message by message, saved once."""

from collections.abc import Hashable, Iterable
from contextlib import suppress
from typing import Any

from shared.database import Connection
from shared.messaging.outcomes import Message
from shared.messaging.routes import Collection, Need, Route, Table


class WorkingSet:
    """The values of one turn by table and key; each rule sees what the one before it left."""

    def __init__(self, tables: tuple[Table, ...]) -> None:
        self._tables = tables
        self._table_of = {table.type: table for table in tables}
        self._values: dict[Table, dict[Hashable, Any]] = {table: {} for table in tables}
        self._looked_for: dict[Table, set[Hashable]] = {table: set() for table in tables}
        self._groups: dict[Collection, dict[Hashable, dict[Any, None]]] = {}
        self._changed: dict[Table, dict[Hashable, None]] = {}

    async def load(self, connection: Connection, wanted: Iterable[tuple[Need, Message[Any]]]) -> None:
        """Find and lock all that is wanted: table by table in the service's order, keys in order, one query each.

        What nobody needs is not asked for.
        """
        needs_of: dict[Table, list[tuple[Need, Message[Any]]]] = {table: [] for table in self._tables}
        for need, message in wanted:
            needs_of[need.table].append((need, message))
        for table in self._tables:
            keys_by_source: dict[Table | Collection, set[Any]] = {}
            for need, message in needs_of[table]:
                # A key that cannot be told raises again when the message is decided, and there harms only itself.
                with suppress(Exception):
                    for key in self._keys(need, message):
                        keys_by_source.setdefault(need.of, set()).add(key)
            # Before the first value comes: a value belongs to every group that asks for it, whatever it was loaded for.
            for source, keys in keys_by_source.items():
                if isinstance(source, Collection):
                    self._groups[source] = {key: {} for key in keys}
                else:
                    self._looked_for[source] |= keys
            for source, keys in keys_by_source.items():
                self._remember(table, await source.lock(connection, sorted(keys)))

    def arguments(self, route: Route, message: Message[Any]) -> list[Any]:
        """What the route's rule is called with: its needs in their order, as they are now."""
        return [self._found(need, message) for need in route.needs] + [message]

    def fold(self, values: tuple[Any, ...]) -> None:
        """Take what a message changed, for the messages after it and for the save."""
        for value in values:
            table = self._table_of[type(value)]
            self._remember(table, (value,))
            self._changed.setdefault(table, {})[table.key(value)] = None

    def state_for(self, route: Route, message: Message[Any]) -> str | None:
        """The state that what the message is about is in, where it has one."""
        if (about := self._about(route, message)) is None:
            return None
        table, value = about
        return table.state(value, message) if table.state else None

    def is_foreign(self, route: Route, message: Message[Any]) -> bool:
        """Whether what the message is about is there, and is others' alone."""
        if (about := self._about(route, message)) is None:
            return False
        table, value = about
        return table.parties is not None and message.sender not in table.parties(value, message)

    async def save(self, connection: Connection) -> None:
        """Write all that changed, one statement per table."""
        for table in self._tables:
            if changed := self._changed.get(table):
                await table.save(connection, [self._values[table][key] for key in changed])

    def _about(self, route: Route, message: Message[Any]) -> tuple[Table, Any] | None:
        """The value that the message is about, and its table; None where it is about none, or about several."""
        if not route.needs or route.needs[0].many:
            return None
        value = self._found(route.needs[0], message)
        return None if value is None else (route.needs[0].table, value)

    def _keys(self, need: Need, message: Message[Any]) -> Iterable[Any]:
        """The keys of what is needed; none where what would tell them is not there."""
        teller = message if need.via is None else self._found(need.via, message)
        return () if teller is None else need.keys(teller)

    def _found(self, need: Need, message: Message[Any]) -> Any:
        key_of = need.table.key
        found = {key_of(value): value for key in self._keys(need, message) for value in self._behind(need.of, key)}
        return tuple(found.values()) if need.many else next(iter(found.values()), None)

    def _behind(self, source: Table | Collection, key: Hashable) -> list[Any]:
        """The values with that key or of that group. Raises KeyError where nobody has looked for them."""
        if isinstance(source, Collection):
            values = self._values[source.table]
            return [values[member] for member in sorted(self._groups[source][key])]
        if key in self._values[source]:
            return [self._values[source][key]]
        if key not in self._looked_for[source]:
            raise KeyError(f"{source.type.__name__} {key} was not loaded")
        return []

    def _remember(self, table: Table, values: Iterable[Any]) -> None:
        known = self._values[table]
        collections = [(c, groups) for c, groups in self._groups.items() if c.table is table]
        for value in values:
            key = table.key(value)
            for collection, groups in collections:
                for group in collection.groups(known[key]) if key in known else ():
                    groups.get(group, {}).pop(key, None)
                for group in collection.groups(value):
                    groups.get(group, {})[key] = None
            known[key] = value
