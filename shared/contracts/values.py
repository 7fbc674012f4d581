"""What messages are made of: the kinds of payload, and fields with the limits that keep rows, mails and queues small."""

from decimal import Decimal
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StringConstraints

# No NUL and no other control characters but tab and line ends: neither Postgres nor an e-mail header takes them.
_PRINTABLE = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
_ONE_LINE = r"^[^\x00-\x1f\x7f]*$"


class Value(BaseModel):
    """A part of a payload; a field that is not known is a mistake of the sender and is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Payload(BaseModel):
    """The data of one kind of message."""

    model_config = ConfigDict(frozen=True)

    kind: ClassVar[str]


class Command(Payload):
    """What an instance asks for; `actor` is the person who does, as the instance vouches."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    actor: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_ONE_LINE)] = Field(
        description="who asks for it, as the instance knows the person", examples=["k.sommer"]
    )

    def subject_of(self) -> str | None:
        """What the envelope's subject must be; None where it is the sender's slug."""
        raise NotImplementedError


class Event(Payload):
    """What one service tells the others; instances never see it."""


class Delivery(Payload):
    """A fact for one instance."""


def _decimal_text(value: Any) -> Any:
    """Numbers travel as text: a float has lost its cents before anybody looks."""
    if isinstance(value, str | Decimal):
        return value
    raise ValueError("must be a decimal number in a string, such as '12.50'")


_as_text = PlainSerializer(lambda number: format(number, "f"), return_type=str)
_from_text = BeforeValidator(_decimal_text, json_schema_input_type=str)

# Amounts of money: cents of any currency there is (ISO 4217 knows up to four), and more than any ticket costs.
Amount = Annotated[Decimal, _from_text, Field(max_digits=14, decimal_places=4), _as_text]
# Prices, rates and fees: as amounts, and never negative.
Price = Annotated[Decimal, _from_text, Field(max_digits=14, decimal_places=4, ge=0), _as_text]
Quantity = Annotated[Decimal, _from_text, Field(max_digits=12, decimal_places=4, ge=0), _as_text]
# One entry or one ticket: a year has fewer than 10,000 hours.
Hours = Annotated[Decimal, _from_text, Field(max_digits=8, decimal_places=4, ge=0, le=10_000), _as_text]
Percent = Annotated[Decimal, _from_text, Field(max_digits=5, decimal_places=2, ge=0, le=100), _as_text]

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,30}$")]
Email = Annotated[
    str, StringConstraints(pattern=r"^[^@\s\x00-\x1f<>,;:\"]{1,64}@[A-Za-z0-9.-]{1,253}$", max_length=254)
]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Instant = AwareDatetime

# Names and numbers: what stands in a list or a subject line.
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_ONE_LINE)]
# Titles and reasons given in a line.
Line = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=_ONE_LINE)]
# Descriptions and notes: longer texts are files. With it, an entry fits into a message many times over.
LongText = Annotated[str, StringConstraints(max_length=50_000, pattern=_PRINTABLE)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=2_000, pattern=_PRINTABLE)]


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

    def subject_of(self) -> None:
        return None
