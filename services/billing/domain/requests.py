"""What the service partner asks for: an invoice of one outsourcing, of all of a lead's, or that one is cancelled."""

from services.billing.domain.drafts import invoiceable
from services.billing.domain.invoices import Desk, Invoice, cancel
from services.billing.domain.items import Bill
from services.billing.domain.periods import due_by, goes_on, may_be_more
from services.billing.domain.posting import refuses_the_lead
from shared.contracts import billing as wire
from shared.messaging.outcomes import Decision, Message, NotYet, Refused


def issue_on_request(bill: Bill | None, desk: Desk, request: Message[wire.InvoiceRequest]) -> Decision:
    """Issue the invoice of an outsourcing's posted items, or show what it would be."""
    if bill is None or not bill.includes(request.sender):
        return NotYet("outsourcing/unknown")
    if refused := refuses_the_lead(bill, request.sender):
        return refused
    if desk.posts_by_itself(bill):
        bill = bill.released()
    if not invoiceable([bill]):
        problem = "invoice/issued-already" if bill.state == "invoiced" else "invoice/nothing-to-bill"
        return Refused(problem, state=bill.state, allowed=("item.post",) if bill.state == "open" else ())
    if refused := desk.refuses(bill):
        return refused
    if request.data.preview:
        return desk.preview([bill], request)
    issued = desk.issue([bill], request, request.data.exchange_rates)
    return issued.changed(request) if issued.invoices else issued.held_up[0].refused()


def collect(bills: tuple[Bill, ...], desk: Desk, request: Message[wire.InvoiceCollect]) -> Decision:
    """Invoice all posted items of a lead, or show what that would be; each currency has an invoice of its own.

    More than one turn takes is gone on with until nothing is left; a preview tells that there would be more.
    """
    due = due_by(request.data.until, bills)
    if not due:
        return Refused("invoice/nothing-to-bill")
    if refused := desk.refuses(due[0]):
        return refused
    if request.data.preview:
        return desk.preview(due, request, further=may_be_more(bills))
    issued = desk.issue(due, request, request.data.exchange_rates)
    if not goes_on(issued, bills):
        return issued.held_up[0].refused()
    until = request.data.until or desk.parties().issuer.day(request.now)
    return issued.going_on(request, until, request.data.exchange_rates)


def cancel_invoice(
    invoice: Invoice | None,
    bills: tuple[Bill, ...],
    desk: Desk,
    said: Message[wire.InvoiceCancel],
) -> Decision:
    """Cancel an issued invoice, or lines of it, by a credit note; it stays as it is."""
    if invoice is None or said.sender not in (invoice.lead, invoice.service):
        return NotYet("invoice/unknown")
    if said.sender == invoice.lead:
        return Refused("outsourcing/not-yours", role="service")
    if invoice.document.document == "credit_note":
        return Refused("invoice/not-cancellable", number=invoice.document.number)
    standing = {
        (bill.outsourcing_id, item.position)
        for bill in bills
        for item in bill.items
        if item.invoice_id == invoice.invoice_id
    }
    lines = {line.number: line for line in invoice.document.lines if (line.outsourcing_id, line.position) in standing}
    wanted = said.data.lines or tuple(lines)
    if not wanted or any(number not in lines for number in wanted):
        return Refused("invoice/cancelled-already", number=invoice.document.number)
    chosen = [lines[number] for number in sorted(set(wanted))]
    return cancel(invoice, bills, chosen, desk, said)
