"""What keeps posted work from being invoiced: what can be is, and the rest waits with its reason."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Any

from services.billing.domain.drafts import Parties, drafts_of, invoiceable, posted_items
from services.billing.domain.items import Bill
from shared.contracts import billing as wire
from shared.messaging.outcomes import Deliver, Refused

# The rules of EN 16931 that a draft would break.
Check = Callable[[wire.InvoiceDraft], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class HeldUp:
    """Outsourcings of one currency that are not invoiced though they were due, and why; their items stay posted."""

    bills: tuple[Bill, ...]
    reason: wire.HeldUpReason
    faults: tuple[str, ...] = ()

    def told(self, until: date | None = None) -> Deliver:
        """What their service partner learns of it."""
        first = self.bills[0]
        return Deliver(
            first.service,
            wire.InvoiceHeldUp(
                lead=first.lead,
                until=until,
                reason=self.reason,
                faults=self.faults,
                outsourcing_ids=tuple(bill.outsourcing_id for bill in self.bills),
                **self._sum(),
            ),
        )

    def refused(self) -> Refused:
        """The refusal of what was asked for, where nothing else is left of it."""
        if self.reason == "not_valid":
            return Refused("invoice/not-valid", faults="; ".join(self.faults))
        owed = self._sum()
        return Refused("invoice/below-zero", amount=f"{owed['net_total']:f} {owed['currency']}")

    def _sum(self) -> dict[str, Any]:
        first = self.bills[0]
        return {
            "net_total": first.sum_of(item for _, item in posted_items(self.bills)),
            "currency": first.currency,
        }


def sorted_out(
    bills: Sequence[Bill], parties: Parties, issued_on: date, faults_of: Check
) -> tuple[list[wire.InvoiceDraft], list[HeldUp]]:
    """Drafts of all that can be invoiced now, and what cannot; each currency by itself."""
    drafts: list[wire.InvoiceDraft] = []
    held_up: list[HeldUp] = []

    def drawn_up(some: Sequence[Bill]) -> list[wire.InvoiceDraft]:
        return [*drafts_of(some, parties, issued_on)]

    for currency in dict.fromkeys(bill.currency for bill in bills):
        due = [bill for bill in bills if bill.currency == currency]
        while due:
            tried = drawn_up(due)
            if any(is_below_zero(draft) for draft in tried):
                held_up.append(HeldUp(tuple(due), "below_zero"))
                break
            if not (faults := _all(faults_of, tried)):
                drafts += tried
                break
            # Those that it lies with; all, where it lies with none by itself.
            faulty = {bill.outsourcing_id: its for bill in due if (its := _all(faults_of, drawn_up([bill])))}
            told = tuple(bill for bill in due if bill.outsourcing_id in faulty) or tuple(due)
            held_up.append(HeldUp(told, "not_valid", tuple(dict.fromkeys(chain(*faulty.values()))) or faults))
            due = invoiceable(bill for bill in due if bill not in told)
    return drafts, held_up


def is_below_zero(draft: wire.InvoiceDraft) -> bool:
    """Whether more is taken off than there is; of several rates it may be so of the tax alone."""
    return min(draft.net_total, draft.total) < 0


def _all(faults_of: Check, drafts: Sequence[wire.InvoiceDraft]) -> tuple[str, ...]:
    return tuple(fault for draft in drafts for fault in faults_of(draft))
