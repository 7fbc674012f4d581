"""The table a service writes: which message, which rows it needs, which rule decides."""

from collections.abc import Awaitable, Callable, Container, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from shared.contracts.values import Payload
from shared.database import Connection
from shared.messaging.outcomes import Decision, Message

Key = Hashable
Lock = Callable[[Connection, list[Any]], Awaitable[Sequence[Any]]]
Save = Callable[[Connection, list[Any]], Awaitable[None]]


async def _only_read(_: Connection, values: list[Any]) -> None:
    raise TypeError(f"{type(values[0]).__name__} is only read here")


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """One table of values: how a turn finds and locks them by key, and how it writes all it changed at once.

    `save` is left out where the service only reads what others write.
    `state` names, for one message, the state of the value it is about in the words of the contract; it is told to who
    sends the message again. `parties` are the instances whose own that value is: what others say of it waits apart.
    """

    type: type[Any]
    key: Callable[[Any], Key]
    lock: Lock
    save: Save = _only_read
    state: Callable[[Any, Message[Any]], str | None] | None = None
    parties: Callable[[Any, Message[Any]], Container[str]] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Collection:
    """Values of a table by another key than their own, such as all entries of an outsourcing.

    `groups` names the groups that a value belongs to: one, several, or none.
    """

    table: Table
    groups: Callable[[Any], Iterable[Key]]
    lock: Lock


async def _nothing_more(_connection: Connection, _keys: list[Any]) -> Sequence[Any]:
    return ()


def at_hand(table: Table, groups: Callable[[Any], Iterable[Key]]) -> Collection:
    """Those of the values that a turn has in its hands for other reasons; none is loaded for this one."""
    return Collection(table, groups, _nothing_more)


@dataclass(frozen=True, slots=True)
class Need:
    """What one message needs loaded: one value or `many`, by their own keys or by groups.

    The keys are told by the message, or by what another need (`via`) found, whose table is locked before this one.
    """

    of: Table | Collection
    keys: Callable[[Any], Iterable[Key]]
    via: "Need | None"
    many: bool

    @property
    def table(self) -> Table:
        return self.of.table if isinstance(self.of, Collection) else self.of


def one(source: Table | Collection, key: Callable[[Any], Key], *, via: Need | None = None) -> Need:
    """The value with that key, or the only one of that group; None where there is none, or nothing tells the key."""
    return Need(source, _single(key), via, many=False)


def all_of(collection: Collection, key: Callable[[Any], Key], *, via: Need | None = None) -> Need:
    """All members of that group as a tuple, in the order of their keys."""
    return Need(collection, _single(key), via, many=True)


def each_of(source: Table | Collection, keys: Callable[[Any], Iterable[Key]], *, via: Need | None = None) -> Need:
    """Those of the values that there are with these keys or in these groups, as a tuple in the order of the keys."""
    return Need(source, keys, via, many=True)


def _single(key: Callable[[Any], Key]) -> Callable[[Any], Iterable[Key]]:
    return lambda teller: (found,) if (found := key(teller)) is not None else ()


@dataclass(frozen=True, slots=True)
class Route:
    """One kind of message and the rule that decides it.

    A route that `unblocks` brings what others wait for: it may pass messages of its subject parked as *not yet*,
    and what waited is tried again at once.
    """

    model: type[Payload]
    decide: Callable[..., Decision]
    needs: tuple[Need, ...]
    unblocks: bool

    @property
    def kind(self) -> str:
        return self.model.kind


def on(
    model: type[Payload],
    *,
    decide: Callable[..., Decision],
    needs: tuple[Need, ...] = (),
    unblocks: bool = False,
) -> Route:
    """Messages of this model are decided by this rule, which gets what it needs in this order and then the message."""
    return Route(model, decide, needs, unblocks)


@dataclass(frozen=True, slots=True)
class Handlers:
    """All that a service answers to: its routes by kind, and its tables in the order in which turns lock them."""

    service: str
    tables: tuple[Table, ...]
    routes: dict[str, Route]

    @property
    def models(self) -> dict[str, type[Payload]]:
        """The kinds the service knows and how their data looks."""
        return {kind: route.model for kind, route in self.routes.items()}

    @classmethod
    def of(cls, service: str, *, tables: tuple[Table, ...], routes: tuple[Route, ...]) -> "Handlers":
        """Raises ValueError when a kind is routed twice, or a needed table is not listed, or locked too early."""
        by_kind = {route.kind: route for route in routes}
        if len(by_kind) < len(routes):
            raise ValueError(f"{service}: a kind is routed twice")
        for route in routes:
            for need in route.needs:
                if need.table not in tables:
                    raise ValueError(f"{service}: {route.kind} needs {need.table.type.__name__}, not one of its tables")
                if need.via and tables.index(need.via.table) >= tables.index(need.table):
                    raise ValueError(f"{service}: {need.table.type.__name__} must come after what tells its key")
        return cls(service, tables, by_kind)
