"""What a turn has in its hands: the rows its messages need, folded message by message, saved once."""

from collections.abc import Hashable, Iterable
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
        self._groups: dict[Collection, dict[Hashable, dict[Hashable, None]]] = {}
        self._changed: dict[Table, dict[Hashable, None]] = {}

    async def load(self, connection: Connection, wanted: Iterable[tuple[Need, Hashable]]) -> None:
        """Find and lock all that is wanted: table by table in the service's order, keys in order, one query each."""
        keys_by_source: dict[Table | Collection, set[Hashable]] = {}
        for need, key in wanted:
            if key is not None:
                keys_by_source.setdefault(need.of, set()).add(key)
        for table in self._tables:
            for source, keys in keys_by_source.items():
                if source is table:
                    self._remember(table, await table.lock(connection, sorted(keys)))
                elif isinstance(source, Collection) and source.table is table:
                    self._groups[source] = {key: {} for key in keys}
                    self._remember(table, await source.lock(connection, sorted(keys)))

    def arguments(self, route: Route, message: Message[Any]) -> list[Any]:
        """What the route's rule is called with: its needs in their order, as they are now."""
        return [self._get(need, need.key(message)) for need in route.needs] + [message]

    def fold(self, values: tuple[Any, ...]) -> None:
        """Take what a message changed, for the messages after it and for the save."""
        for value in values:
            table = self._table_of[type(value)]
            self._remember(table, (value,))
            self._changed.setdefault(table, {})[table.key(value)] = None

    def state_for(self, route: Route, message: Message[Any]) -> str | None:
        """The state that what the message is about is in, where it has one."""
        if not route.needs or not isinstance(route.needs[0].of, Table):
            return None
        table = route.needs[0].of
        value = self._get(route.needs[0], route.needs[0].key(message))
        return table.state(value) if table.state and value is not None else None

    async def save(self, connection: Connection) -> None:
        """Write all that changed, one statement per table."""
        for table in self._tables:
            if changed := self._changed.get(table):
                await table.save(connection, [self._values[table][key] for key in changed])

    def _get(self, need: Need, key: Hashable) -> Any:
        if isinstance(need.of, Table):
            return None if key is None else self._values[need.of].get(key)
        if key is None:
            return ()
        members = self._groups[need.of][key]
        return tuple(self._values[need.of.table][member] for member in sorted(members))  # type: ignore[type-var]

    def _remember(self, table: Table, values: Iterable[Any]) -> None:
        known = self._values[table]
        collections = [(c, groups) for c, groups in self._groups.items() if c.table is table]
        for value in values:
            key = table.key(value)
            for collection, groups in collections:
                before = known.get(key)
                if before is not None and (old := groups.get(collection.group(before))) is not None:
                    old.pop(key, None)
                if (members := groups.get(collection.group(value))) is not None:
                    members[key] = None
            known[key] = value
