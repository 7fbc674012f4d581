"""The invoice as a page of text, for people who read no JSON."""

from typing import Any

WIDTH = 100

Row = dict[str, Any]


def as_text(invoice: Row) -> str:
    """Who owes whom what, line by line."""
    currency = invoice["currency"]
    page = [
        f"Invoice {invoice['number']} of {invoice['issued_on']}, due on {invoice['due_on']}",
        "",
        *_party("from", invoice["issuer"]),
        *_party("to", invoice["recipient"]),
        "",
        f"{invoice['title']} ({invoice['lead_number']} / {invoice['service_number']})",
        "",
        *(_line(line) for line in invoice["lines"]),
        "-" * WIDTH,
        _sum("net", invoice["net_total"], currency),
        *(_sum(f"tax {t['category']}, {t['rate']} % of {t['base']}", t["tax"], currency) for t in invoice["taxes"]),
        _sum("total", invoice["total"], currency),
    ]
    notes = [tax["note"] for tax in invoice["taxes"] if tax["note"]]
    return "\n".join([*page, *(["", *notes] if notes else [])]) + "\n"


def _party(role: str, party: Row) -> list[str]:
    vat_id = f", {party['vat_id']}" if party["vat_id"] else ""
    return [f"{role:5} {party['legal_name']}, {', '.join(party['address'])}, {party['country']}{vat_id}"]


def _line(line: Row) -> str:
    price = f"{line['quantity']} {line['unit']} × {line['unit_price']}"
    free = "" if line["billable"] else " (not billable)"
    when = f"{line['happened_on']} " if line["happened_on"] else ""
    what = f"{line['number']:2}  {when}{line['description']}{free}"
    return f"{what:60} {price:>26} {line['amount']:>11}"


def _sum(what: str, amount: str, currency: str) -> str:
    return f"{what:60} {currency:>26} {amount:>11}"
