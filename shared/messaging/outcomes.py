"""What a rule is given and what it may answer: one message in, one of a closed set of decisions out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from shared.contracts.values import Delivery, Event, OnBehalf

D_co = TypeVar("D_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Message(Generic[D_co]):
    """One readable message as a rule sees it.

    `sender` is the slug of an instance or `tandem/<service>`, as the broker vouches for it; of what the gateway says it
    is the instance for which it speaks. `now` is the database's clock at the start of the turn, and a microsecond later
    for each message before it and each delivery of those; `fresh_id` is a UUIDv7 nobody has used, for the one thing a
    rule may create.
    """

    id: UUID
    source: str
    sender: str
    kind: str
    subject: str
    time: datetime
    data: D_co
    now: datetime
    fresh_id: UUID


@dataclass(frozen=True, slots=True)
class Deliver:
    """A fact for one instance; `subject` is that of the message being decided unless another is named."""

    to: str
    data: Delivery
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Publish:
    """A fact for the other services; `subject` is that of the message being decided unless another is named."""

    data: Event
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Say:
    """A command on behalf of an instance; only the gateway may say any, those of a button in an e-mail."""

    data: OnBehalf
    subject: str | None = None


Tell = Deliver | Publish | Say


@dataclass(frozen=True, slots=True, init=False)
class Changed:
    """The message took effect: these values are saved, these are told, and `history` says in words what happened.

    `beside` says what happened to other subjects by the same message: their subject and the words.
    """

    values: tuple[Any, ...]
    tell: tuple[Tell, ...]
    history: str
    beside: tuple[tuple[str, str], ...]

    def __init__(
        self,
        *values: Any,
        tell: Iterable[Tell] = (),
        history: str,
        beside: Iterable[tuple[str, str]] = (),
    ) -> None:
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "tell", tuple(tell))
        object.__setattr__(self, "history", history)
        object.__setattr__(self, "beside", tuple(beside))


@dataclass(frozen=True, slots=True)
class Unchanged:
    """What the message says is already so, or newer is known; nothing to do and nobody to tell."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: `pointer` is its JSON pointer in the message's data, `detail` what is wrong with it."""

    pointer: str
    detail: str


@dataclass(frozen=True, slots=True, init=False)
class Refused:
    """The sender is told why, with the state things are in and what would be allowed; nothing changes.

    `problem` is a slug of `shared.contracts.problems`; `details` fill its sentence.
    """

    problem: str
    state: str | None
    allowed: tuple[str, ...]
    errors: tuple[FieldError, ...]
    details: dict[str, Any]

    def __init__(
        self,
        problem: str,
        *,
        state: str | None = None,
        allowed: tuple[str, ...] = (),
        errors: tuple[FieldError, ...] = (),
        **details: Any,
    ) -> None:
        object.__setattr__(self, "problem", problem)
        object.__setattr__(self, "state", state)
        object.__setattr__(self, "allowed", allowed)
        object.__setattr__(self, "errors", errors)
        object.__setattr__(self, "details", details)


@dataclass(frozen=True, slots=True)
class NotYet:
    """What the message speaks of may still be on its way: it waits, and is refused when it has waited too long.

    `state` is told with the refusal, to a sender who may know it. Where something else than a refusal comes of a wait
    that was in vain, that is `otherwise`.
    """

    problem: str
    wait_seconds: float = 30.0
    state: str | None = None
    otherwise: Changed | Unchanged | None = None


Decision = Changed | Unchanged | Refused | NotYet


@dataclass(frozen=True, slots=True)
class Caused:
    """What is told without a message having just come in (a deadline fell due, a mail was sent).

    Its cause is the message that it goes back to.
    """

    cause_source: str
    cause_id: UUID
    subject: str
    tell: tuple[Tell, ...]
