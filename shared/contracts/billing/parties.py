"""What an instance says of itself for invoices, and how issuer and recipient stand on one."""

import re
import zoneinfo
from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from babel import Locale
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from stdnum import bic, iban
from stdnum.eu import vat
from stdnum.exceptions import ValidationError as BadNumber

from shared.contracts.values import (
    AboutSender,
    Country,
    Delivery,
    Email,
    Flag,
    Instant,
    Line,
    Percent,
    Reason,
    ShortText,
    Slug,
    Value,
    each_once,
)

# Member states in ISO 3166-1; Greece is GR here, though its VAT ids begin with EL.
EU_COUNTRIES = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()  # noqa: SIM905
)
# Territories of CLDR that are no countries of ISO 3166-1.
_NO_COUNTRIES = frozenset("AC CP CQ DG EA EU EZ IC QO TA UN XA XB XK ZZ".split())  # noqa: SIM905
COUNTRIES = frozenset(filter(re.compile("[A-Z]{2}").fullmatch, Locale("en").territories)) - _NO_COUNTRIES
# Two countries whose VAT ids begin with other letters; those of Northern Ireland are the second.
_VAT_PREFIXES = {"GR": ("EL",), "GB": ("GB", "XI")}
_COUNTER = re.compile(r"\{counter(?::([1-9]))?\}")


def _country(code: str) -> str:
    if code not in COUNTRIES:
        raise PydanticCustomError("country", "is no country (ISO 3166-1 alpha-2)")
    return code


def _iban(number: str) -> str:
    try:
        return str(iban.validate(number))
    except BadNumber:
        raise PydanticCustomError("iban", "is no IBAN; look at its check digits") from None


def _bic(number: str) -> str:
    try:
        return str(bic.validate(number))
    except BadNumber:
        raise PydanticCustomError("bic", "is no BIC") from None


def _counts(pattern: str) -> str:
    if len(_COUNTER.findall(pattern)) != 1 or pattern.count("{year}") > 1:
        raise PydanticCustomError("pattern", "must name {counter} once, and {year} once or not at all")
    if re.search(r"[{}]", _COUNTER.sub("", pattern).replace("{year}", "")):
        raise PydanticCustomError("pattern", "may have {year}, {counter} or {counter:5} in braces, and nothing else")
    return pattern


# Thirty characters fit every bookkeeping system's field.
NumberPattern = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9/{}:._-]{9,30}$"), AfterValidator(_counts)]


class BankAccount(Value):
    """Where an invoice is paid to (EN 16931: BG-17)."""

    iban: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}[0-9A-Z]{13,32}$"), AfterValidator(_iban)]
    bic: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{8,11}$"), AfterValidator(_bic)] | None = None
    holder: ShortText | None = None


class BillingCode(Value):
    """How work of one type, in one role, is booked; what is left out is any. The most precise one counts."""

    code: ShortText
    work_type: ShortText | None = None
    role: ShortText | None = None
    zero_rated: Flag = Field(default=False, description="such work is taxed at home at zero percent, by its law")
    tax_rate: Percent | None = Field(
        default=None, description="the domestic rate, where it is not the usual one; above zero"
    )

    @field_validator("tax_rate")
    @classmethod
    def _one_of_the_two(cls, rate: Decimal | None, told: ValidationInfo) -> Decimal | None:
        """Zero is taken from who says that the law knows such a rate, and by mistake from nobody."""
        if rate is not None and told.data.get("zero_rated"):
            raise PydanticCustomError("meaningless", "has no meaning when zero_rated is true")
        if rate is not None and not rate:
            raise PydanticCustomError("tax_rate", "must be above zero; say zero_rated where the law knows such a rate")
        return rate


class PartnerBilling(Value):
    """What is agreed on with one lead; without a lead, with every one that is not named."""

    lead: Slug | None = None
    posting: Literal["automatic", "by_hand"] = "automatic"
    invoicing: Literal["each", "monthly", "collected"] = Field(
        default="each",
        description=(
            "each: one for every outsourcing, as soon as its items are posted; monthly: one for all that was completed"
            " until the end of a month, once that is over; collected: only on invoice.collect"
        ),
    )
    # A line of a price list each; more work types than that nobody tells apart.
    codes: Annotated[tuple[BillingCode, ...], Field(max_length=200)] = ()


class BillingData(BaseModel):
    """What stands on invoices, and how an instance bills its leads."""

    model_config = ConfigDict(frozen=True)

    legal_name: Line
    address: Annotated[tuple[Line, ...], Field(min_length=1, max_length=6)] = Field(
        description="the lines above post code and city"
    )
    post_code: ShortText | None = None
    city: ShortText | None = None
    country: Annotated[Country, AfterValidator(_country)]
    vat_id: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}[0-9A-Za-z+*.]{2,18}$")] | None = Field(
        default=None, description="begins with its country; of an EU country its form is checked too"
    )
    tax_number: ShortText | None = Field(default=None, description="from the tax office, where there is no VAT id")
    email: Email | None = None
    small_business: Flag = Field(default=False, description="exempt from VAT at home")
    tax_rate: Percent = Field(
        description="the usual domestic rate in percent; 0 of a small business, or outside the EU where there is no VAT"
    )
    number_pattern: NumberPattern = Field(
        default="{year}-{counter:5}", description="with {year} the counter begins anew every year"
    )
    credit_note_pattern: NumberPattern | None = Field(
        default=None, description="where credit notes have numbers of their own"
    )
    payment_days: Annotated[int, Field(strict=True, ge=0, le=365)] = 30
    payment_terms: Reason | None = Field(default=None, description="in the words of the issuer")
    bank: BankAccount | None = None
    time_zone: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+/-]{1,50}$")] = Field(
        default="Europe/Berlin", description="where the day of issue is told, and months end"
    )
    # As many partners as anybody has agreements of their own with.
    partners: Annotated[tuple[PartnerBilling, ...], Field(max_length=200), each_once("lead")] = ()

    @field_validator("vat_id")
    @classmethod
    def _of_its_country(cls, vat_id: str | None, told: ValidationInfo) -> str | None:
        """The form, with its check digits, that the country gives its VAT ids. Raises where it is another's."""
        country = told.data.get("country")
        if vat_id is None or country is None:
            return vat_id
        of_it = vat_id.startswith(_VAT_PREFIXES.get(country, (country,)))
        if not of_it or (country in EU_COUNTRIES and not vat.is_valid(vat_id)):
            raise PydanticCustomError("vat_id", "is no VAT id of that country; look at its check digits")
        return vat_id

    @field_validator("tax_rate")
    @classmethod
    def _owed(cls, rate: Decimal, told: ValidationInfo) -> Decimal:
        """A rate of zero is no usual one: who owes no tax says why (EN 16931: BR-S-05)."""
        if not rate and not told.data.get("small_business") and told.data.get("country") in EU_COUNTRIES:
            raise PydanticCustomError("tax_rate", "must be above zero, unless small_business is true")
        return rate

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise PydanticCustomError("time_zone", "is no time zone, such as Europe/Vienna") from None
        return name


class BillingSettingsChange(AboutSender, BillingData):
    """An instance's data for invoices, as issuer and as recipient; replaces what was there."""

    kind: ClassVar[str] = "tandem.billing-settings.change.v1"


class BillingSettingsChanged(Delivery):
    """The data for invoices are stored."""

    kind: ClassVar[str] = "tandem.billing-settings.changed.v1"

    legal_name: str
    changed_at: Instant


class Party(Value):
    """Issuer (EN 16931: BG-4) or recipient (BG-7) of an invoice; of a recipient what is printed, and no more."""

    legal_name: str
    address: tuple[str, ...] = Field(description="street, house, floor: the lines above post code and city")
    post_code: str | None = None
    city: str | None = None
    country: str
    vat_id: str | None = None
    tax_number: str | None = Field(default=None, description="of the issuer, from its tax office")
    email: str | None = Field(default=None, description="of the issuer")
