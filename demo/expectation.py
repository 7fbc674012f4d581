"""What both partners must have in the end, written by hand from the replication table and the terms of the offer."""

import json
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from demo.cast import ADDRESSES, CUSTOMER, LEAD, SERVICE
from demo.mails import Mail

Row = dict[str, Any]
Store = dict[str, list[Row]]

TICKETS = {
    LEAD: [
        "NL-4709 Printer takes no paper: expired",
        "NL-4710 Move twelve desks: declined",
        "NL-4711 Switch drops its uplink: completed, linked with ALP-4711",
    ],
    SERVICE: ["ALP-4711 Switch drops its uplink: completed, linked with NL-4711, for Hotel Post Betriebs GmbH"],
}
OFFERS = {
    LEAD: ["NL-4709 expired", "NL-4710 declined", "NL-4711 completed"],
    SERVICE: ["NL-4709 expired", "NL-4710 declined", "NL-4711 completed"],
}
ENTRIES = {
    LEAD: [
        # Its own: the copy of the charge was withdrawn, and what was written during the last approval stays here.
        "nordlicht note v1 shared: The customer is on site until six.",
        "nordlicht note v2 internal: Access code of the rack is with the porter.",
        "nordlicht note v1 internal: This customer pays late.",
        "nordlicht note v1 shared: Customer is happy. (stays here only)",
        "nordlicht time v1 shared: 0.25 h dispatch, Found the spare part",
        "nordlicht charge v2 shared removed: 1 × Courier at 18 EUR",
        "nordlicht attachment v1 shared: plan.txt, 40 bytes",
        "nordlicht link v1 shared: Plan",
        # The service partner's: its notes and files are not for the lead's customer.
        "alpenwerk note v2 internal: On my way, there by half past ten.",
        "alpenwerk time v1 shared: 2.5 h engineer, Replaced the switch",
        "alpenwerk time v1 shared: 0.5 h engineer, Labelled the ports (added during approval)",
        "alpenwerk charge v1 shared: 1 × Switch, 24 ports at 349.9 EUR",
        "alpenwerk attachment v1 internal: protocol.txt, 58 bytes",
        # All of the service partner's hours, for the lead's own books.
        "tandem charge v1 internal: 3 × alpenwerk: ALP-4711 at 0 EUR",
    ],
    SERVICE: [
        "alpenwerk note v2 shared: On my way, there by half past ten.",
        "alpenwerk note v1 internal: Their cabling is a disgrace.",
        "alpenwerk note v1 shared: One more thing …",
        "alpenwerk time v1 shared: 2.5 h engineer, Replaced the switch",
        "alpenwerk time v1 shared: 0.5 h engineer, Labelled the ports (released after approval was refused)",
        "alpenwerk charge v1 shared: 1 × Switch, 24 ports at 349.9 EUR",
        "alpenwerk attachment v1 shared: protocol.txt, 58 bytes",
        # The lead's: its time is a note without hours; what it took back or removed is gone.
        "nordlicht note v1 shared: The customer is on site until six.",
        "nordlicht note v2 shared removed: Access code of the rack is with the porter.",
        "nordlicht note v1 shared: Found the spare part",
        "nordlicht charge v2 shared removed: 1 × Courier at 18 EUR",
        "nordlicht attachment v1 shared: plan.txt, 40 bytes",
    ],
}
SYSTEM_NOTES = {side: ["submission_rejected: Please add the time for labelling the ports."] for side in (LEAD, SERVICE)}
REJECTIONS = {LEAD: [], SERVICE: ["offer/too-late", "outsourcing/completed"]}
# 2.5 h and 0.5 h at 95.00, 349.90 for the switch, 20.00 off; between Austria and Germany the recipient owes the tax.
INVOICES = {side: ["614.90 EUR, of it tax 0.00 (AE), 4 lines"] for side in (LEAD, SERVICE)}
# Whom, in which language, and about what.
MAILS = [
    f"{ADDRESSES[SERVICE]} (en): Offer from Nordlicht IT GmbH: Printer takes no paper",
    f"{ADDRESSES[SERVICE]} (en): Offer from Nordlicht IT GmbH: Move twelve desks",
    f"{ADDRESSES[SERVICE]} (en): Offer from Nordlicht IT GmbH: Switch drops its uplink",
    f"{ADDRESSES[LEAD]} (de): Alpenwerk Systems GmbH hat angenommen: NL-4711: Switch drops its uplink",
    f"{ADDRESSES[SERVICE]} (en): Nordlicht IT GmbH rejected your submission: ALP-4711: Switch drops its uplink",
    f"{ADDRESSES[LEAD]} (de): Abgeschlossen: NL-4711: Switch drops its uplink",
    f"{ADDRESSES[SERVICE]} (en): Approved: ALP-4711: Switch drops its uplink",
]


def differences(stores: dict[str, Store], mails: list[Mail]) -> list[str]:
    """Every difference between what is there and what must be there, in words; none where all is as it must be."""
    found: list[str] = []
    for side, store in stores.items():
        for what, expected, there in (
            ("tickets", TICKETS[side], map(ticket_in_words, store["ticket"])),
            ("offers", OFFERS[side], (f"{row['ticket_number']} {row['state']}" for row in store["offer"])),
            ("entries", ENTRIES[side], map(entry_in_words, store["entry"])),
            ("system notes", SYSTEM_NOTES[side], (f"{row['reason']}: {row['text']}" for row in store["system_note"])),
            ("rejections", REJECTIONS[side], (row["problem"] for row in store["rejection"])),
            ("invoices", INVOICES[side], map(invoice_in_words, store["invoice"])),
        ):
            found += _compare(f"{side}'s {what}", expected, there)
        found += [
            f"{side} was shown the customer's {name} before acceptance"
            for name, value in CUSTOMER.items()
            if any(value in (row["shown"] or "") for row in store["offer"])
        ]
    numbers = {row["number"] for store in stores.values() for row in store["invoice"]}
    if len(numbers) > 1:
        found.append(f"the two sides have different invoices: {', '.join(sorted(numbers))}")
    return found + _compare("e-mails", MAILS, map(mail_in_words, mails))


def ticket_in_words(row: Row) -> str:
    linked = f", linked with {row['partner_number']}" if row["partner_number"] else ""
    customer = f", for {json.loads(row['customer'])['company']}" if row["customer"] else ""
    return f"{row['number']} {row['title']}: {row['state']}{linked}{customer}"


def entry_in_words(row: Row) -> str:
    body = json.loads(row["body"])
    removed = " removed" if row["removed"] else ""
    remark = f" ({row['remark']})" if row["remark"] else ""
    head = f"{row['owner']} {body['kind']} v{row['version']} {row['visibility']}{removed}"
    return f"{head}: {_essence(body)}{remark}"


def invoice_in_words(row: Row) -> str:
    invoice = json.loads(row["content"])
    categories = ", ".join(tax["category"] for tax in invoice["taxes"])
    money = f"{invoice['total']} {invoice['currency']}, of it tax {invoice['tax_total']} ({categories})"
    return f"{money}, {len(invoice['lines'])} lines"


def mail_in_words(mail: Mail) -> str:
    return f"{mail.to} ({mail.language}): {mail.subject}"


def _essence(body: Row) -> str:
    match body["kind"]:
        case "time":
            return f"{_plain(body['hours'])} h {body['role']}, {body['text']}"
        case "charge":
            price = f"{_plain(body['unit_price'])} {body['currency']}"
            return f"{_plain(body['quantity'])} × {body['name']} at {price}"
        case "attachment":
            return f"{body['name']}, {body['size']} bytes"
        case "link":
            return str(body["name"])
        case _:
            return str(body["text"])


def _plain(number: str) -> str:
    return f"{Decimal(number).normalize():f}"


def _compare(what: str, expected: Iterable[str], there: Iterable[str]) -> list[str]:
    wanted, found = Counter(expected), Counter(there)
    missing = [f"{what}: missing {one!r}" for one in (wanted - found).elements()]
    return missing + [f"{what}: too much {one!r}" for one in (found - wanted).elements()]
