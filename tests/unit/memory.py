"""Rules alone: commands in, decisions out, and values kept between them, without a database."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from shared.contracts.values import Command, Payload
from shared.ids import new_id
from shared.messaging.outcomes import Changed, Decision, Deliver, Message, Publish, Tell
from shared.messaging.routes import Collection, Handlers, Need, Table

P = TypeVar("P", bound=Payload)


@dataclass
class Memory:
    """What a service keeps, a dictionary a table; each message is decided by the service's own table of routes."""

    handlers: Handlers
    now: datetime
    values: dict[Table, dict[Any, Any]] = field(init=False)
    told: list[Tell] = field(default_factory=list)
    history: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.values = {table: {} for table in self.handlers.tables}

    def say(self, sender: str, data: Payload) -> Decision:
        """Decide one message and keep what it changed, what it told, and what it did to which subject."""
        message = self.message(sender, data)
        route = self.handlers.routes[data.kind]
        decision = route.decide(*(self._found(need, message) for need in route.needs), message)
        if isinstance(decision, Changed):
            for value in decision.values:
                self.keep(value)
            self.told += decision.tell
            self.history += [(message.subject, decision.history), *decision.beside]
        return decision

    def message(self, sender: str, data: P) -> Message[P]:
        """What a rule is given of a message."""
        subject = data.subject_of() if isinstance(data, Command) else _subject_of(data)
        return Message(
            id=new_id(),
            source=f"/{sender}" if sender.startswith("tandem/") else f"/instances/{sender}",
            sender=sender,
            kind=data.kind,
            subject=subject or sender,
            time=self.now,
            data=data,
            now=self.now,
            fresh_id=new_id(),
        )

    def all_of(self, kind: type[Any]) -> list[Any]:
        """Every value of that type, in the order in which they came."""
        return list(self.values[self._table_of(kind)].values())

    def told_to(self, slug: str) -> list[Any]:
        """All that was ever told to one instance, in order."""
        return [tell.data for tell in self.told if isinstance(tell, Deliver) and tell.to == slug]

    def published(self) -> list[Any]:
        """All that was ever told to the other services, in order."""
        return [tell.data for tell in self.told if isinstance(tell, Publish)]

    def keep(self, value: Any) -> None:
        """Keep a value as it is from now on."""
        table = self._table_of(type(value))
        self.values[table][table.key(value)] = value

    def _table_of(self, kind: type[Any]) -> Table:
        return next(table for table in self.handlers.tables if table.type is kind)

    def _found(self, need: Need, message: Message[Any]) -> Any:
        teller: Any = message if need.via is None else self._found(need.via, message)
        keys = [] if teller is None else list(need.keys(teller))
        values = self.values[need.table]
        if isinstance(need.of, Collection):
            groups = need.of.groups
            found = {one: values[one] for key in keys for one in sorted(values) if key in groups(values[one])}
        else:
            found = {key: values[key] for key in keys if key in values}
        return tuple(found.values()) if need.many else next(iter(found.values()), None)


def _subject_of(fact: Payload) -> str:
    return str(getattr(fact, "outsourcing_id", getattr(fact, "partnership_id", "")))
