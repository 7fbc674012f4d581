"""When an invoice is issued, which number it takes, and who is told; and how one is cancelled."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from services.billing.domain.drafts import Parties, drafts_of, invoiceable, taxed
from services.billing.domain.items import Bill
from services.billing.domain.numbers import NumberSeries, series_for
from services.billing.domain.obstacles import Check, HeldUp, is_below_zero, sorted_out
from services.billing.domain.parties import BillingSettings, Mapping
from services.billing.domain.taxes import lacking_tax_data
from shared.contracts import billing as wire
from shared.contracts.offer_handler import Instance
from shared.ids import id_of_content
from shared.messaging.outcomes import Changed, Deliver, Message, Publish, Refused, Tell
from shared.money import exchanged

# What is read in a lead's country, as long as the lead itself is not known here; elsewhere the second one.
LANGUAGES = dict.fromkeys(("DE", "AT", "CH", "LI"), "de")
USUAL_LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice or credit note as issued, between whom, and which number of which series it took."""

    lead: str
    service: str
    series: str
    series_year: int
    series_number: int
    document: wire.Invoice

    @property
    def invoice_id(self) -> UUID:
        return self.document.invoice_id

    @property
    def outsourcing_ids(self) -> tuple[UUID, ...]:
        """Whose items stand on it."""
        return tuple(sorted({line.outsourcing_id for line in self.document.lines}))


@dataclass(frozen=True, slots=True)
class Desk:
    """All that is needed to issue invoices of one service partner for one lead."""

    lead: BillingSettings | None
    service: BillingSettings | None
    mapping: Mapping | None
    recipient: Instance | None
    series: tuple[NumberSeries, ...]
    faults_of: Check

    def parties(self, exchange_rates: tuple[wire.ExchangeRate, ...] = ()) -> Parties:
        """Both with their data. Raises ValueError where those of one are missing, which is to be asked first."""
        if self.lead is None or self.service is None:
            raise ValueError("billing settings are missing")
        usual = LANGUAGES.get(self.lead.data.country, USUAL_LANGUAGE)
        language = self.recipient.language if self.recipient else usual
        return Parties(self.service, self.lead, language, exchange_rates)

    def missing(self, bill: Bill) -> tuple[str, ...]:
        """Whose data, or tax data in them, keep an invoice from being issued."""
        if self.lead and self.service:
            return lacking_tax_data(self.service, self.lead)
        return tuple(slug for slug, its in ((bill.service, self.service), (bill.lead, self.lead)) if its is None)

    def refuses(self, bill: Bill) -> Refused | None:
        """The refusal that names whose data are missing."""
        if not (missing := self.missing(bill)):
            return None
        problem = "invoice/tax-data-missing" if self.lead and self.service else "invoice/settings-missing"
        return Refused(problem, state=bill.state, allowed=("billing-settings.change",), missing=", ".join(missing))

    def issues_at_once(self, bill: Bill) -> bool:
        """Whether what is posted of it goes on an invoice of its own as soon as it can."""
        agreed = self.service.agreed_with(bill.lead) if self.service else wire.PartnerBilling()
        return agreed.invoicing == "each" and bool(invoiceable([bill])) and not self.missing(bill)

    def posts_by_itself(self, bill: Bill) -> bool:
        """Whether what is open of it is released without anybody's word."""
        return self.service is None or self.service.agreed_with(bill.lead).posting == "automatic"

    def collects(self, bill: Bill) -> bool:
        """Whether what is posted of it waits to stand on an invoice with other work."""
        return self.service is not None and self.service.agreed_with(bill.lead).invoicing != "each"

    def organization_of(self, bill: Bill) -> str:
        """Which local company of the service partner's stands for the lead by now."""
        return self.mapping.organization if self.mapping else bill.organization

    def preview(
        self,
        bills: Sequence[Bill],
        request: Message[wire.InvoiceRequest] | Message[wire.InvoiceCollect],
        *,
        further: bool = False,
    ) -> Changed:
        """What would be issued is shown to the service partner, and what it would be refused for; nothing changes."""
        parties, lead = self.parties(request.data.exchange_rates), bills[0].lead
        drafts = drafts_of(bills, parties, parties.issuer.day(request.now))
        shown = (
            wire.InvoicePreviewed(
                lead=lead,
                draft=draft,
                below_zero=is_below_zero(draft),
                faults=self.faults_of(draft),
                further=further,
            )
            for draft in drafts
        )
        return Changed(tell=[Deliver(bills[0].service, one) for one in shown], history="invoice previewed")

    def issue(
        self, bills: Sequence[Bill], cause: Message[Any], exchange_rates: tuple[wire.ExchangeRate, ...] = ()
    ) -> "Issued":
        """Take the next numbers and issue what can be; numbers live or die with the turn, so there is no gap.

        What cannot takes no number, and is left as it is.
        """
        service, lead = bills[0].service, bills[0].lead
        parties = self.parties(exchange_rates)
        day = parties.issuer.day(cause.now)
        series = series_for(service, parties.issuer.data.number_pattern, day, self.series)
        changed = {bill.outsourcing_id: bill for bill in bills}
        drafts, held_up = sorted_out(bills, parties, day, self.faults_of)
        invoices: list[Invoice] = []
        tell: list[Tell] = []
        organization = self.organization_of(bills[-1])
        for draft in drafts:
            series = series.next()
            document = wire.Invoice.of(
                draft,
                invoice_id=_id_of(cause.fresh_id, len(invoices)),
                number=series.number(parties.issuer.data.number_pattern, day.year),
            )
            invoices.append(Invoice(lead, service, series.name, series.year, series.last, document))
            on_it = _positions_on(document)
            changed |= {id: _invoiced(changed[id], positions, document.invoice_id) for id, positions in on_it.items()}
            costs = tuple(changed[id].cost() for id in on_it)
            tell += (
                Deliver(service, wire.InvoiceIssued(lead=lead, organization=organization, invoice=document)),
                Deliver(lead, wire.InvoiceReceived(service=service, invoice=document, costs=costs)),
                Publish(
                    wire.InvoiceWritten.of(document, lead, service, organization=organization), _subject_of(document)
                ),
            )
        for bill in (bill for one in held_up for bill in one.bills):
            changed[bill.outsourcing_id] = replace(changed[bill.outsourcing_id], held_up=True)
        return Issued(tuple(changed.values()), series, tuple(invoices), tuple(tell), tuple(held_up))


@dataclass(frozen=True, slots=True)
class Issued:
    """What issuing leaves: the bills with their items invoiced, the series, the invoices, who is told, what waits."""

    bills: tuple[Bill, ...]
    series: NumberSeries
    invoices: tuple[Invoice, ...]
    tell: tuple[Tell, ...]
    held_up: tuple[HeldUp, ...]

    @property
    def holds_up_others(self) -> bool:
        """Whether some of what waits was not held up before."""
        return any(not bill.held_up for one in self.held_up for bill in one.bills)

    def changed(self, cause: Message[Any], *tell: Tell, until: date | None = None) -> Changed:
        """All of it as one change that the message made; these are told before, and what waits is told after."""
        on_it = {id for invoice in self.invoices for id in invoice.outsourcing_ids}
        history = _history(self.invoices, self.held_up)
        return Changed(
            *self.bills,
            *((self.series,) if self.invoices else ()),
            *self.invoices,
            tell=(*tell, *self.tell, *(one.told(until) for one in self.held_up)),
            history=history,
            beside=beside((bill for bill in self.bills if bill.outsourcing_id in on_it), cause, history),
        )

    def going_on(self, cause: Message[Any], until: date, exchange_rates: tuple[wire.ExchangeRate, ...] = ()) -> Changed:
        """The same of a collection of work until that day: billing tells itself to look whether more is left.

        What waits is told by the look that finds nothing more to issue, and so once.
        """
        first = self.bills[0]
        further = wire.CollectionUnfinished(
            lead=first.lead, service=first.service, until=until, exchange_rates=exchange_rates
        )
        return replace(self, held_up=()).changed(cause, Publish(further))


def _history(invoices: Sequence[Invoice], held_up: Sequence[HeldUp]) -> str:
    numbers = ", ".join(invoice.document.number for invoice in invoices)
    waiting = "; ".join("; ".join((one.reason.replace("_", " "), *one.faults)) for one in held_up)
    return "; ".join(
        part for part in (numbers and f"invoice {numbers} issued", waiting and f"held up: {waiting}") if part
    )


def beside(bills: Iterable[Bill], cause: Message[Any], history: str) -> list[tuple[str, str]]:
    """What the message did to the outsourcings that it is not itself about."""
    subjects = (str(bill.outsourcing_id) for bill in bills)
    return [(subject, history) for subject in subjects if subject != cause.subject]


def cancel(
    invoice: Invoice,
    bills: Iterable[Bill],
    lines: Sequence[wire.InvoiceLine],
    desk: Desk,
    said: Message[wire.InvoiceCancel],
) -> Changed | Refused:
    """A credit note takes these lines back; their items are open again, and may be adjusted and invoiced anew."""
    settings = desk.service
    if settings is None:
        raise ValueError("who has issued an invoice has settings")
    day = settings.day(said.now)
    pattern = settings.data.credit_note_pattern or settings.data.number_pattern
    series = series_for(invoice.service, pattern, day, desk.series).next()
    original = invoice.document
    note = next((tax.note for tax in original.taxes), None)
    credited = tuple(line.model_copy(update={"number": number}) for number, line in enumerate(lines, 1))
    sums, known = taxed(credited, note, original.currency), original.tax_accounted
    document = original.model_copy(
        update={
            "document": "credit_note",
            "invoice_id": said.fresh_id,
            "number": series.number(pattern, day.year),
            "issued_on": day,
            "due_on": day,
            "cancels_id": original.invoice_id,
            "cancels_number": original.number,
            "cancels_issued_on": original.issued_on,
            "reason": said.data.reason,
            "payment_terms": None,
            "bank": None,
            "lines": credited,
            **sums,
            "tax_accounted": known
            and known.model_copy(update={"tax_total": exchanged(sums["tax_total"], known.rate, known.currency)}),
        }
    )
    if is_below_zero(document):
        return Refused("invoice/below-zero", amount=f"{document.net_total:f} {document.currency}")
    if faults := desk.faults_of(document):
        return Refused("invoice/not-valid", faults="; ".join(faults))
    on_it = {line.outsourcing_id for line in credited}
    opened = [_reopened(bill, original.invoice_id, credited) for bill in bills]
    stands = any(item.invoice_id == original.invoice_id for bill in opened for item in bill.items)
    fact = wire.InvoiceCancelled(
        lead=invoice.lead,
        service=invoice.service,
        reason=said.data.reason,
        invoice=document,
        state="partly_cancelled" if stands else "cancelled",
    )
    organization = desk.organization_of(opened[-1])
    history = f"credit note {document.number} cancels invoice {original.number}{' in part' if stands else ''}"
    touched = [bill for bill in opened if bill.outsourcing_id in on_it]
    return Changed(
        *touched,
        series,
        Invoice(invoice.lead, invoice.service, series.name, series.year, series.last, document),
        tell=(
            Deliver(invoice.service, fact),
            Deliver(invoice.lead, fact),
            Publish(
                wire.InvoiceWritten.of(document, invoice.lead, invoice.service, organization=organization),
                _subject_of(document),
            ),
        ),
        history=history,
        beside=beside(touched, said, history),
    )


def _positions_on(document: wire.Invoice) -> dict[UUID, set[int]]:
    """Which items of which outsourcings stand on it; thousands may, so that they are looked for once."""
    positions: dict[UUID, set[int]] = {}
    for line in document.lines:
        positions.setdefault(line.outsourcing_id, set()).add(line.position)
    return positions


def _invoiced(bill: Bill, positions: set[int], invoice_id: UUID) -> Bill:
    return bill.with_items(
        replace(item, state="invoiced", invoice_id=invoice_id) for item in bill.items if item.position in positions
    )


def _reopened(bill: Bill, invoice_id: UUID, credited: Iterable[wire.InvoiceLine]) -> Bill:
    positions = {line.position for line in credited if line.outsourcing_id == bill.outsourcing_id}
    return bill.with_items(
        replace(item, state="open", invoice_id=None)
        for item in bill.items
        if item.position in positions and item.invoice_id == invoice_id
    )


def _id_of(first_id: UUID, place: int) -> UUID:
    """The id of the next invoice of a turn that issues several."""
    return first_id if place == 0 else id_of_content(b"invoice", first_id.bytes, str(place).encode())


def _subject_of(document: wire.Invoice) -> str:
    """What is told of one outsourcing's invoice keeps its order with all else of it."""
    return str(document.outsourcing_id or document.invoice_id)
