"""What an instance says of itself for invoices, and how issuer and recipient stand on one."""

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from shared.contracts.values import AboutSender, Country, Delivery, Instant, Line, Percent, Value


class BillingSettingsChange(AboutSender):
    """An instance's data for invoices, as issuer and as recipient; replaces what was there."""

    kind: ClassVar[str] = "tandem.billing-settings.change.v1"

    legal_name: Line
    address: Annotated[tuple[Line, ...], Field(min_length=1, max_length=6)]
    country: Country
    vat_id: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}[0-9A-Za-z+*.]{2,12}$")] | None = None
    tax_rate: Percent = Field(description="the domestic rate in percent")
    number_prefix: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9/-]{0,20}$")] = ""
    payment_days: int = Field(default=30, strict=True, ge=0, le=365)


class BillingSettingsChanged(Delivery):
    """The data for invoices are stored."""

    kind: ClassVar[str] = "tandem.billing-settings.changed.v1"

    legal_name: str
    changed_at: Instant


class Party(Value):
    """Issuer (EN 16931: BG-4) or recipient (BG-7) of an invoice."""

    legal_name: str
    address: tuple[str, ...] = Field(description="street, house, floor: the lines above post code and city")
    post_code: str | None = None
    city: str | None = None
    country: str
    vat_id: str | None = None
    tax_number: str | None = Field(default=None, description="from the tax office, where there is no VAT id")
    email: str | None = None


class BankAccount(Value):
    """Where an invoice is paid to (EN 16931: BG-17)."""

    iban: str
    bic: str | None = None
    holder: str | None = None
