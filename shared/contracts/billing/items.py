"""Items: what approved work costs, before it stands on an invoice."""

from decimal import Decimal
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.values import (
    AboutOutsourcing,
    Currency,
    Delivery,
    Line,
    Price,
    SignedQuantity,
    Slug,
    Total,
    Value,
    Version,
)

Sort = Literal["time", "flat_fee", "charge", "deduction", "surcharge"]
ItemState = Literal["asked", "declined", "open", "posted", "invoiced"]
# As many as a ticket has entries.
Positions = Annotated[tuple[Version, ...], Field(min_length=1, max_length=10_000)]


class ItemAdjust(AboutOutsourcing):
    """The service partner gives an item another price before it is posted, and says why.

    What waits for the lead's word can only be lowered.
    """

    kind: ClassVar[str] = "tandem.item.adjust.v1"

    position: Version
    unit_price: Price
    reason: Line


class ItemPost(AboutOutsourcing):
    """The service partner releases items to be invoiced: these, or all that are open."""

    kind: ClassVar[str] = "tandem.item.post.v1"

    positions: Positions | None = None


class ItemApprove(AboutOutsourcing):
    """The lead agrees to pay what waits for its word: work over the cap, or work on a ticket that was returned."""

    kind: ClassVar[str] = "tandem.item.approve.v1"

    positions: Positions | None = None


class ItemDecline(AboutOutsourcing):
    """The lead does not pay what waits for its word."""

    kind: ClassVar[str] = "tandem.item.decline.v1"

    positions: Positions | None = None


class ItemShown(Value):
    """An item as it is at this moment."""

    position: int
    sort: Sort
    description: str
    quantity: SignedQuantity
    unit: Literal["hour", "piece"]
    unit_price: Total
    amount: Total
    billable: bool = True
    billing_code: str | None = None
    adjusted_for: str | None = Field(default=None, description="why its price is another than that of the terms")
    state: ItemState


class ItemFact(Delivery):
    """What is told of items: those that are meant, and what they add up to without tax.

    More than fit into a message are told in several, one after another.
    """

    outsourcing_id: UUID
    items: tuple[ItemShown, ...]
    net_total: Total = Decimal(0)
    currency: Currency


class ItemOpened(ItemFact):
    """Work was completed and is priced, but not invoiced yet: items are to be posted, or data are missing."""

    kind: ClassVar[str] = "tandem.item.opened.v1"

    missing: tuple[Slug, ...] = Field(
        default=(), description="whose billing settings, or tax data in them, keep the invoice from being issued"
    )
    state: Literal["open"] = "open"


class ItemAsked(ItemFact):
    """Items wait for the lead's word. Told to both sides."""

    kind: ClassVar[str] = "tandem.item.asked.v1"

    reason: Literal["over_cap", "returned"]
    state: Literal["asked"] = "asked"


class ItemApproved(ItemFact):
    """The lead agrees to pay these items. Told to both sides."""

    kind: ClassVar[str] = "tandem.item.approved.v1"

    state: str


class ItemDeclined(ItemFact):
    """The lead does not pay these items. Told to both sides."""

    kind: ClassVar[str] = "tandem.item.declined.v1"

    state: str


class ItemAdjusted(ItemFact):
    """An item has another price. Told to both sides while it waits for the lead's word."""

    kind: ClassVar[str] = "tandem.item.adjusted.v1"

    reason: str
    state: str


class ItemPosted(ItemFact):
    """Items are released to be invoiced."""

    kind: ClassVar[str] = "tandem.item.posted.v1"

    missing: tuple[Slug, ...] = Field(
        default=(), description="whose billing settings, or tax data in them, keep the invoice from being issued"
    )
    state: str
