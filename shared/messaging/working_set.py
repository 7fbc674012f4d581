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
        self._groups: dict[Collection, dict[Hashable, dict[Hashable, None]]] = {}
        self._changed: dict[Table, dict[Hashable, None]] = {}

    async def load(self, connection: Connection, wanted: Iterable[tuple[Need, Message[Any]]]) -> None:
        """Find and lock all that is wanted: table by table in the service's order, keys in order, one query each."""
        needs_of: dict[Table, list[tuple[Need, Message[Any]]]] = {table: [] for table in self._tables}
        for need, message in wanted:
            needs_of[need.table].append((need, message))
        for table in self._tables:
            keys_by_source: dict[Table | Collection, set[Any]] = {}
            for need, message in needs_of[table]:
                # A key that cannot be told raises again when the message is decided, and there harms only itself.
                with suppress(Exception):
                    if (key := self._key(need, message)) is not None:
                        keys_by_source.setdefault(need.of, set()).add(key)
            for source, keys in keys_by_source.items():
                if isinstance(source, Collection):
                    self._groups[source] = {key: {} for key in keys}
                self._remember(table, await source.lock(connection, sorted(keys)))

    def arguments(self, route: Route, message: Message[Any]) -> list[Any]:
        """What the route's rule is called with: its needs in their order, as they are now."""
        return [self._get(need, self._key(need, message)) for need in route.needs] + [message]

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
        value = self._get(route.needs[0], self._key(route.needs[0], message))
        return table.state(value) if table.state and value is not None else None

    async def save(self, connection: Connection) -> None:
        """Write all that changed, one statement per table."""
        for table in self._tables:
            if changed := self._changed.get(table):
                await table.save(connection, [self._values[table][key] for key in changed])

    def _key(self, need: Need, message: Message[Any]) -> Hashable:
        if need.via is None:
            return need.key(message)
        teller = self._get(need.via, self._key(need.via, message))
        return None if teller is None else need.key(teller)

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
