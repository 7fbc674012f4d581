"""What an instance says of itself for invoices, as issuer and as recipient."""

from dataclasses import dataclass
from decimal import Decimal

from shared.contracts.billing import BillingSettingsChange, BillingSettingsChanged, Party
from shared.messaging.outcomes import Changed, Decision, Deliver, Message


@dataclass(frozen=True, slots=True)
class BillingSettings:
    """One instance's data for invoices; `tax_rate` is its domestic rate in percent."""

    instance: str
    legal_name: str
    address: tuple[str, ...]
    country: str
    vat_id: str | None
    tax_rate: Decimal
    number_prefix: str
    payment_days: int

    def as_party(self) -> Party:
        """As it stands on an invoice."""
        return Party(legal_name=self.legal_name, address=self.address, country=self.country, vat_id=self.vat_id)


def change_settings(known: BillingSettings | None, change: Message[BillingSettingsChange]) -> Decision:
    """Take an instance's data for invoices in place of what was there; issued invoices keep what they say.

    Who says again what is so already is told so like the first time.
    """
    data = change.data
    new = BillingSettings(
        instance=change.sender,
        legal_name=data.legal_name,
        address=data.address,
        country=data.country,
        vat_id=data.vat_id,
        tax_rate=data.tax_rate,
        number_prefix=data.number_prefix,
        payment_days=data.payment_days,
    )
    changed = BillingSettingsChanged(legal_name=new.legal_name, changed_at=change.now)
    told = Deliver(change.sender, changed)
    if new == known:
        return Changed(tell=[told], history="billing settings are so already")
    return Changed(new, tell=[told], history="billing settings changed")
