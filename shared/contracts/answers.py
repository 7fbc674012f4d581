"""What any service may answer: a command was refused, or had been sent before."""

from typing import ClassVar
from uuid import UUID

from pydantic import Field

from shared.contracts.values import Delivery, Value


class WrongField(Value):
    """One field that is wrong, by its JSON pointer in the message (RFC 6901)."""

    pointer: str
    detail: str


class CommandRejected(Delivery):
    """A command was not carried out; nothing has changed. Problem details after RFC 9457."""

    kind: ClassVar[str] = "tandem.command.rejected.v1"

    type: str = Field(description="a stable slug that programs can tell apart", examples=["offer/too-late"])
    title: str
    detail: str = Field(description="what is wrong and what to do, in the instance's language")
    status: int = Field(description="the HTTP status that says the same")
    errors: tuple[WrongField, ...] = Field(default=(), description="all wrong fields at once")
    command_id: UUID | None = Field(default=None, description="the command's id, where it could be read")
    command_kind: str | None = None
    state: str | None = Field(default=None, description="the state things are in")
    allowed: tuple[str, ...] = Field(default=(), description="the commands that would be allowed in that state")


class CommandRepeated(Delivery):
    """The same command came again, and nothing happened again: this is how it ended the first time."""

    kind: ClassVar[str] = "tandem.command.repeated.v1"

    command_id: UUID
    command_kind: str
    outcome: str = Field(description="applied, unchanged, refused, parked or dropped")
    problem: CommandRejected | None = None
    state: str | None = Field(default=None, description="the state things are in now")
