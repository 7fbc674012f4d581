"""Terms: on what conditions the work is given."""

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, field_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from shared.contracts.values import Currency, Hours, Instant, LongText, Price, Value
from shared.money import MOST_DECIMALS, is_in_use, minor_digits

_PRICE_OF = {"hourly": "hourly_rate", "flat": "flat_fee"}
_TEXT: JsonDict = {"type": "string"}
_NOTHING: JsonDict = {"type": "null"}
_ONE_PRICE: JsonDict = {
    "oneOf": [
        {
            "properties": {"mode": {"const": "hourly"}, "hourly_rate": _TEXT, "flat_fee": _NOTHING},
            "required": ["hourly_rate"],
        },
        {
            "properties": {"mode": {"const": "flat"}, "flat_fee": _TEXT, "hourly_rate": _NOTHING},
            "required": ["flat_fee"],
        },
    ]
}


OverCap = Literal["billed", "cut", "ask"]
SECONDS_AN_HOUR = 3600
FOUR_DECIMALS = Decimal("0.0001")


def _invoiceable(currency: str) -> str:
    if not is_in_use(currency):
        raise PydanticCustomError("currency", "is no currency in use (ISO 4217)")
    if minor_digits(currency) > MOST_DECIMALS:
        raise PydanticCustomError("currency", "has more than two decimals, which no invoice after EN 16931 can say")
    return currency


class Terms(Value):
    """On what conditions the work is given: either a flat fee or an hourly rate, in one currency."""

    model_config = ConfigDict(json_schema_extra=_ONE_PRICE)

    mode: Literal["hourly", "flat"]
    currency: Annotated[Currency, AfterValidator(_invoiceable)] = Field(
        description="ISO 4217; one in use, and with at most two decimals, as EN 16931 demands"
    )
    hourly_rate: Price | None = Field(default=None, validate_default=True, description="where mode is hourly")
    flat_fee: Price | None = Field(default=None, validate_default=True, description="where mode is flat")
    authorized_hours: Hours | None = None
    authorized_charges: Price | None = None
    authorized_total: Price | None = None
    over_cap: OverCap = Field(
        default="billed",
        description="what becomes of work over an authorized amount: it is billed, cut, or waits for the lead's word",
    )
    rounding_minutes: int | None = Field(
        default=None, strict=True, ge=1, le=60, description="each time entry is rounded up to this step"
    )
    respond_by: Instant
    complete_by: Instant | None = None
    instructions: LongText = ""

    @property
    def is_capped(self) -> bool:
        """Whether any amount is authorized that work could go over."""
        caps = (self.authorized_hours, self.authorized_charges, self.authorized_total)
        return any(cap is not None for cap in caps)

    def billed_hours(self, hours: Decimal) -> Decimal:
        """The hours of one time entry as given, or rounded up to the next step of so many minutes.

        Four decimals cannot say a third of an hour, so whole seconds are counted: 0.3333 and 0.3334 are both 20
        minutes. A flat fee does not depend on them.
        """
        if self.rounding_minutes is None or self.mode == "flat":
            return hours
        seconds = int((hours * SECONDS_AN_HOUR).quantize(Decimal(1), ROUND_HALF_UP))
        step = self.rounding_minutes * 60
        steps = -(-seconds // step)
        return (Decimal(steps * step) / SECONDS_AN_HOUR).quantize(FOUR_DECIMALS, ROUND_HALF_UP)

    @field_validator("hourly_rate", "flat_fee")
    @classmethod
    def _price_of_the_mode(cls, price: Decimal | None, told: ValidationInfo) -> Decimal | None:
        mode = told.data.get("mode")
        wanted = told.field_name == _PRICE_OF.get(str(mode))
        if wanted and price is None:
            raise PydanticCustomError("missing", f"is needed when mode is {mode}")
        if mode is not None and not wanted and price is not None:
            raise PydanticCustomError("meaningless", f"has no meaning when mode is {mode}")
        return price

    @field_validator("complete_by")
    @classmethod
    def _answered_before_it_is_done(cls, complete_by: datetime | None, told: ValidationInfo) -> datetime | None:
        respond_by = told.data.get("respond_by")
        if complete_by is not None and respond_by is not None and complete_by <= respond_by:
            raise PydanticCustomError("order", "must be later than respond_by")
        return complete_by
