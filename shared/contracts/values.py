"""What messages are made of: the kinds of payload, and fields with limits that keep rows, mails and queues small."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Annotated, Any, ClassVar, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    ValidationError,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError
from pydantic_core.core_schema import (
    CoreSchema,
    chain_schema,
    custom_error_schema,
    format_ser_schema,
    is_instance_schema,
    json_or_python_schema,
    str_schema,
    union_schema,
)

_NOTHING = object()

# A refusal must fit into a message however much is wrong, and however long the names that nobody knows are.
MOST_ERRORS_TOLD = 200
LONGEST_ERROR = 500
_CONTROL_CHARACTERS = dict.fromkeys([*range(0x20), 0x7F], "\ufffd")

Extra = Literal["allow", "ignore", "forbid"]


class Value(BaseModel):
    """A part of a payload; in a command, a field that is not known is a mistake of the sender and is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Payload(BaseModel):
    """The data of one kind of message."""

    model_config = ConfigDict(frozen=True)

    kind: ClassVar[str]


class Command(Payload):
    """What an instance asks for; `actor` is the person who does, as the instance vouches."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # The longest name of a person that fits a line of history.
    actor: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = Field(
        description="who asks for it, as the instance knows the person", examples=["k.sommer"]
    )

    @classmethod
    def model_validate(cls, obj: Any, **how: Any) -> Self:
        """The command in this JSON. Raises ValidationError with every wrong field, each at its place in the JSON."""
        try:
            return super().model_validate(obj, **how)
        except ValidationError as error:
            raise _in_place(error, obj) from None

    def subject_of(self) -> str | None:
        """What the envelope's subject must be; None where it is the sender's slug."""
        return None


class Event(Payload):
    """What one service tells the others; instances never see it."""

    @classmethod
    def model_validate(cls, obj: Any, *, extra: Extra | None = "ignore", **how: Any) -> Self:
        """The fact in this JSON. What a newer version says beyond what is known here is ignored, in its parts too."""
        return super().model_validate(obj, extra=extra, **how)


class Delivery(Payload):
    """A fact for one instance."""

    @classmethod
    def model_validate(cls, obj: Any, *, extra: Extra | None = "ignore", **how: Any) -> Self:
        """The fact in this JSON. What a newer version says beyond what is known here is ignored, in its parts too."""
        return super().model_validate(obj, extra=extra, **how)


@dataclass(frozen=True, slots=True)
class _Written:
    """A value that travels as text of one form: a number or another spelling is refused, never guessed at.

    All of it is checked inside pydantic's core, without a call to Python: entries come by the thousand.
    """

    of: type
    form: str
    demand: str
    layout: str | None = None
    shown: str | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        value = handler(source)
        # No longer than the longest form there is: patterns are for short texts.
        text = chain_schema([str_schema(pattern=self.form, max_length=40), value])
        known = chain_schema([is_instance_schema(self.of), value])
        either = json_or_python_schema(text, union_schema([text, known], mode="left_to_right"))
        schema = custom_error_schema(either, "form", custom_error_message=self.demand)
        if self.shown is not None:
            schema["serialization"] = format_ser_schema(self.shown, when_used="always")
        return schema

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        layout = {} if self.layout is None else {"format": self.layout}
        return {"type": "string", "pattern": self.form, **layout}


def _decimal(*, digits: int, decimals: int, signed: bool = False) -> _Written:
    """Decimals travel as text: a float has lost its cents before anybody looks."""
    sign, negative = ("-?", "") if signed else ("", "; not negative")
    return _Written(
        Decimal,
        form=rf"^{sign}[0-9]{{1,{digits}}}(\.[0-9]{{1,{decimals}}})?$",
        demand=f"must be a decimal number in a string, such as '12.50', with at most {digits} digits before"
        f" the point and {decimals} after it{negative}",
        shown="f",
    )


# Four decimals: cents of any currency there is (ISO 4217). Nine digits before them are more than any ticket costs, and
# ten thousand entries of the highest price and quantity still add up without loss in 28 digits (Decimal's precision).
Amount = Annotated[Decimal, Field(max_digits=13, decimal_places=4), _decimal(digits=9, decimals=4, signed=True)]
# Prices, rates and fees: as amounts, and never negative.
Price = Annotated[Decimal, Field(max_digits=13, decimal_places=4, ge=0), _decimal(digits=9, decimals=4)]
Quantity = Annotated[Decimal, Field(max_digits=10, decimal_places=4, ge=0), _decimal(digits=6, decimals=4)]
# On an invoice: a deduction, which has no negative price, is minus one piece.
SignedQuantity = Annotated[Decimal, Field(max_digits=10, decimal_places=4), _decimal(digits=6, decimals=4, signed=True)]
# What many amounts add up to: as many digits as the sum above can have.
Total = Annotated[Decimal, Field(max_digits=24, decimal_places=4), _decimal(digits=20, decimals=4, signed=True)]
# One entry or one ticket's authorized time: five months without a break.
Hours = Annotated[Decimal, Field(max_digits=8, decimal_places=4, ge=0, le=1000), _decimal(digits=4, decimals=4)]
# What ten thousand entries add up to.
TotalHours = Annotated[Decimal, Field(max_digits=12, decimal_places=4, ge=0), _decimal(digits=8, decimals=4)]
# Of two currencies: eight decimals are enough where one is worth a hundred thousandth of the other.
Rate = Annotated[Decimal, Field(max_digits=14, decimal_places=8, gt=0), _decimal(digits=6, decimals=8)]
Percent = Annotated[Decimal, Field(max_digits=5, decimal_places=2, ge=0, le=100), _decimal(digits=3, decimals=2)]

# RFC 3339 with its offset. Years that no ticket is from are slips, and at the ends of the calendar UTC does not exist.
Instant = Annotated[
    AwareDatetime,
    _Written(
        datetime,
        form=r"^(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})$",
        demand="must be a time with its offset (RFC 3339), such as '2026-03-02T09:30:00+01:00'",
        layout="date-time",
    ),
]
Day = Annotated[
    date,
    _Written(
        date,
        form=r"^(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}$",
        demand="must be a day (RFC 3339), such as '2026-03-02'",
        layout="date",
    ),
]

# JSON has numbers and truth of its own: "5" and "yes" are mistakes.
Flag = Annotated[bool, Field(strict=True)]
Count = Annotated[int, Field(strict=True, ge=0, lt=2**31)]
# 1, 2, 3 …; as far as a Postgres integer counts.
Version = Annotated[int, Field(strict=True, ge=1, lt=2**31)]

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), Field(description="ISO 4217")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$"), Field(description="ISO 3166-1 alpha-2")]
# BCP 47; the longest tag that its section 4.4.1 counts on has 35 characters.
Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$", max_length=35)]

_SLUG = r"^[a-z][a-z0-9-]{1,30}$"
RESERVED_SLUG = "tandem"


def _not_reserved(slug: str) -> str:
    if slug == RESERVED_SLUG:
        raise PydanticCustomError("reserved", "tandem names no instance")
    return slug


# Stands in users, queues and routing keys, where a dot would end it; short enough for every name made from it.
Slug = Annotated[str, StringConstraints(pattern=_SLUG), AfterValidator(_not_reserved)]
# An instance, or `tandem` for what Tandem itself adds to a ticket.
Owner = Annotated[str, StringConstraints(pattern=_SLUG)]
# What every mail server takes (RFC 5321, sections 4.1.2 and 4.5.3.1): 64 characters before the @, 254 in all, nothing
# that would have to be quoted. Other letters need servers that know RFC 6531, all the way; a domain can do without.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = rf"^(?=[^@]{{1,64}}@){_ATOM}(\.{_ATOM})*@([A-Za-z0-9]{_LABEL}\.)*[A-Za-z]{_LABEL}$"
_LONGEST_EMAIL = 254


def is_email(text: str) -> bool:
    """Whether this is the address of a mailbox that any mail server can be asked to write to."""
    return len(text) <= _LONGEST_EMAIL and re.fullmatch(_EMAIL, text) is not None


def _is_email(text: str) -> str:
    if not is_email(text):
        raise PydanticCustomError(
            "email",
            "must be an address that any mail server takes, such as 'dispo@example.com':"
            " ASCII letters, digits and signs, with dots only between them; a domain of other letters as 'xn--…'",
        )
    return text


Email = Annotated[
    str,
    AfterValidator(_is_email),
    Field(json_schema_extra={"pattern": _EMAIL, "maxLength": _LONGEST_EMAIL}, examples=["dispo@example.com"]),
]
# Somebody will click it: nothing but a web address, as long as a line.
Link = Annotated[str, StringConstraints(pattern=r"^https?://[^\s\x00-\x1f\x7f<>\"]+$", max_length=500)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# An hour of a screen that is shown, or a disk's worth of logs; more is not passed on with a ticket.
LARGEST_FILE_BYTES = 100 * 1024 * 1024
FileSize = Annotated[int, Field(strict=True, ge=0, le=LARGEST_FILE_BYTES)]
# RFC 6838, section 4.2.
_MEDIA_TYPE = r"^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*$"
MediaType = Annotated[str, StringConstraints(pattern=_MEDIA_TYPE, max_length=127)]

# No NUL and no other control characters but tab and line ends: neither Postgres nor an e-mail header takes them. The
# patterns also keep out lone surrogates, which are no text at all. Where a text is needed, blanks of whatever
# width are none.
_ANY_TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
_SOME_TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*[^\s\x00-\x20\x7f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
_SOME_LINE = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x20\x7f][^\x00-\x1f\x7f]*$"

# Names and numbers: what stands in a list or a subject line.
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_SOME_LINE)]
# Titles and reasons given in a line: what a reader takes in at a glance, and a mail's subject holds when folded.
Line = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=_SOME_LINE)]
# Descriptions and notes: longer texts are files. Four bytes a character, it fits into a message several times over.
LongText = Annotated[str, StringConstraints(max_length=50_000, pattern=_ANY_TEXT)]
# What somebody has to be told: a page, which a mail can carry whole.
Reason = Annotated[str, StringConstraints(min_length=1, max_length=2_000, pattern=_SOME_TEXT)]


def each_once(name: str, of: Callable[[Any], object] | None = None) -> AfterValidator:
    """No two members of a list may have the same of this: an attribute of theirs, or what is told of each."""
    name_of = of or attrgetter(name)

    def checked(members: tuple[Any, ...]) -> tuple[Any, ...]:
        if len({name_of(one) for one in members}) < len(members):
            raise PydanticCustomError("repeated", f"must name each {name} once")
        return members

    return AfterValidator(checked)


class OnBehalf(Command):
    """What a button in an e-mail may say too: then Tandem's gateway says it, and for whom."""

    on_behalf_of: Slug | None = Field(
        default=None, description="set by Tandem's own gateway, and refused from an instance"
    )


class AboutOutsourcing(Command):
    """A command whose subject is an outsourcing."""

    outsourcing_id: UUID

    def subject_of(self) -> str:
        return str(self.outsourcing_id)


class AboutPartnership(Command):
    """A command whose subject is a partnership."""

    partnership_id: UUID

    def subject_of(self) -> str:
        return str(self.partnership_id)


class AboutSender(Command):
    """A command whose subject is the instance that sends it."""


def _in_place(error: ValidationError, data: Any) -> ValidationError:
    """The same errors, each where it stands in the JSON: pydantic puts the chosen kind of body into the path."""
    found = error.errors(include_url=False, include_context=False)
    told = [one for one in found[:MOST_ERRORS_TOLD] if not _follows_from_members(one, found)]
    lines = [
        InitErrorDetails(
            type=PydanticCustomError(one["type"], _shown(one["msg"])),
            loc=_path_in(data, one["loc"], of_missing=one["type"] == "missing"),
            input=one["input"],
        )
        for one in told
    ]
    if len(found) > MOST_ERRORS_TOLD:
        more = PydanticCustomError("more", f"{len(found) - len(told)} more errors are not listed")
        lines.append(InitErrorDetails(type=more, loc=(), input=None))
    return ValidationError.from_exception_data(error.title, lines)


def _follows_from_members(one: ErrorDetails, found: list[ErrorDetails]) -> bool:
    """Whether a list is called too short only because members of it are wrong, which is told of each already."""
    return one["type"] == "too_short" and any(_lies_in(other["loc"], one["loc"]) for other in found)


def _lies_in(path: tuple[int | str, ...], list_path: tuple[int | str, ...]) -> bool:
    """Whether a path leads into that list."""
    return len(path) > len(list_path) and path[: len(list_path)] == list_path


def _path_in(data: Any, path: tuple[int | str, ...], *, of_missing: bool) -> tuple[int | str, ...]:
    """The steps of a path that can be walked in the data, and the last one where it names what is missing there."""
    walked: list[int | str] = []
    for position, step in enumerate(path, 1):
        inside = _inside(data, step)
        if inside is not _NOTHING:
            data = inside
        elif not (of_missing and position == len(path)):
            continue
        walked.append(step if isinstance(step, int) else _shown(step))
    return tuple(walked)


def _shown(text: str) -> str:
    """What a sender made up, in a form that can be stored and sent."""
    return text[:LONGEST_ERROR].translate(_CONTROL_CHARACTERS)


def _inside(data: Any, step: int | str) -> Any:
    if isinstance(data, dict):
        return data.get(step, _NOTHING)
    if isinstance(data, list | tuple) and isinstance(step, int) and step < len(data):
        return data[step]
    return _NOTHING
