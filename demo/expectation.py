"""What both partners must have in the end, written by hand from the replication table and the terms of the offer."""

import base64
import hashlib
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
        "NL-4711 Switch drops its uplink: completed, linked with ALP-501",
    ],
    SERVICE: ["ALP-501 Switch drops its uplink: completed, linked with NL-4711, for Hotel Post Betriebs GmbH"],
}
OFFERS = {
    LEAD: ["NL-4709 expired", "NL-4710 declined", "NL-4711 completed"],
    SERVICE: ["NL-4709 expired", "NL-4710 declined", "NL-4711 completed"],
}
ENTRIES = {
    LEAD: [
        # Its own: the copy of the charge was withdrawn, and what was written during the last approval stays here.
        "nordlicht note v1 shared by K. Sommer: The customer is on site until six.",
        "nordlicht note v2 internal by K. Sommer: Access code of the rack is with the porter.",
        "nordlicht note v1 internal by K. Sommer: This customer pays late.",
        "nordlicht note v1 shared by K. Sommer: Customer is happy. (stays here only)",
        "nordlicht time v1 shared by K. Sommer: 0.25 h dispatch, Found the spare part",
        "nordlicht charge v2 shared removed by K. Sommer: 1 × Courier at 18 EUR",
        "nordlicht attachment v1 shared by K. Sommer: plan.txt, 40 bytes",
        "nordlicht link v1 shared by K. Sommer: Plan",
        # The service partner's: its notes and files are not for the lead's customer.
        "alpenwerk note v2 internal by L. Gruber: On my way, there by half past ten.",
        "alpenwerk time v1 shared by L. Gruber: 2.5 h engineer, Replaced the switch",
        "alpenwerk time v1 shared by L. Gruber: 0.5 h engineer, Labelled the ports (added during approval)",
        "alpenwerk charge v1 shared by L. Gruber: 1 × Switch, 24 ports at 349.9 EUR",
        "alpenwerk attachment v1 internal by L. Gruber: protocol.txt, 58 bytes",
        # All of the service partner's hours, for the lead's own books.
        "tandem charge v1 internal by Tandem: 3 × alpenwerk: ALP-501 at 0 EUR, not billable",
    ],
    SERVICE: [
        "alpenwerk note v2 shared by L. Gruber: On my way, there by half past ten.",
        "alpenwerk note v1 internal by L. Gruber: Their cabling is a disgrace.",
        "alpenwerk note v1 shared by L. Gruber: One more thing …",
        "alpenwerk time v1 shared by L. Gruber: 2.5 h engineer, Replaced the switch",
        "alpenwerk time v1 shared by L. Gruber: 0.5 h engineer, Labelled the ports (released after a rejection)",
        "alpenwerk charge v1 shared by L. Gruber: 1 × Switch, 24 ports at 349.9 EUR",
        "alpenwerk attachment v1 shared by L. Gruber: protocol.txt, 58 bytes",
        # The lead's: its time is a note without hours; what it took back or removed is gone.
        "nordlicht note v1 shared by K. Sommer: The customer is on site until six.",
        "nordlicht note v2 shared removed by K. Sommer: Access code of the rack is with the porter.",
        "nordlicht note v1 shared by K. Sommer: Found the spare part",
        "nordlicht charge v2 shared removed by K. Sommer: 1 × Courier at 18 EUR",
        "nordlicht attachment v1 shared by K. Sommer: plan.txt, 40 bytes",
    ],
}
SYSTEM_NOTES = {side: ["submission_rejected: Please add the time for labelling the ports."] for side in (LEAD, SERVICE)}
REJECTIONS = {LEAD: [], SERVICE: ["offer/too-late", "outsourcing/completed"]}
# 2.5 h and 0.5 h at 95.00, 349.90 for the switch, 20.00 off; between Austria and Germany the recipient owes the tax.
INVOICES = {
    side: ["AW-2026 614.90 EUR, of it tax 0.00 (AE): 237.50, 47.50, 349.90, -20.00"] for side in (LEAD, SERVICE)
}
# Every fact once to everybody whom it concerns: three offers, two submissions, and an entry as often as it crossed.
FACTS = {
    LEAD: {
        "agreement.accepted": 1,
        "billing-settings.changed": 1,
        "partnership.invited": 1,
        "partnership.accepted": 1,
        "offer.sent": 3,
        "offer.expired": 1,
        "offer.declined": 1,
        "offer.accepted": 1,
        "ticket.linked": 1,
        # Note, corrected note, time, charge, file; the time that was held; the sum of all hours.
        "entry.replicated": 7,
        "completion.submitted": 2,
        "completion.rejected": 1,
        "ticket.noted": 1,
        "entry.held": 1,
        "completion.approved": 1,
        "entry.kept-local": 1,
        "invoice.received": 1,
    },
    SERVICE: {
        "billing-settings.changed": 1,
        "partnership.invited": 1,
        "partnership.accepted": 1,
        "offer.received": 3,
        # The one that nobody answers, when half of its time is over.
        "offer.reminded": 1,
        "offer.expired": 1,
        "offer.declined": 1,
        "offer.accepted": 1,
        "ticket.requested": 1,
        "ticket.linked": 1,
        # The note from before the acceptance; note, time as a note, charge, file.
        "entry.replicated": 5,
        "entry.withdrawn": 2,
        "completion.submitted": 2,
        "entry.held": 1,
        "completion.rejected": 1,
        "ticket.noted": 1,
        "entry.released": 1,
        "completion.approved": 1,
        "invoice.issued": 1,
        "command.rejected": 2,
    },
}
# Whom, in which language, and about what.
MAILS = [
    f"{ADDRESSES[SERVICE]} (en): Offer from Nordlicht IT GmbH: Printer takes no paper",
    f"{ADDRESSES[SERVICE]} (en): Offer from Nordlicht IT GmbH: Move twelve desks",
    f"{ADDRESSES[SERVICE]} (en): Offer from Nordlicht IT GmbH: Switch drops its uplink",
    f"{ADDRESSES[LEAD]} (de): Alpenwerk Systems GmbH hat angenommen: NL-4711: Switch drops its uplink",
    f"{ADDRESSES[SERVICE]} (en): Nordlicht IT GmbH rejected your submission: ALP-501: Switch drops its uplink",
    f"{ADDRESSES[LEAD]} (de): Abgeschlossen: NL-4711: Switch drops its uplink",
    f"{ADDRESSES[SERVICE]} (en): Approved: ALP-501: Switch drops its uplink",
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
            ("facts", Counter(FACTS[side]).elements(), facts_in_words(store["told"])),
            ("unfit deliveries", [], (f"{row['kind']}: {row['reason']}" for row in store["unfit"])),
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
    return found + _differences_of_mails(mails)


def ticket_in_words(row: Row) -> str:
    linked = f", linked with {row['partner_number']}" if row["partner_number"] else ""
    customer = f", for {json.loads(row['customer'])['company']}" if row["customer"] else ""
    return f"{row['number']} {row['title']}: {row['state']}{linked}{customer}"


def facts_in_words(rows: list[Row]) -> Iterable[str]:
    """Every fact by its name, as often as it was told."""
    return (row["kind"].removeprefix("tandem.").removesuffix(".v1") for row in rows for _ in range(row["times"]))


def entry_in_words(row: Row) -> str:
    body = json.loads(row["body"])
    free = "" if body.get("billable", True) else ", not billable"
    removed = " removed" if row["removed"] else ""
    remark = f" ({row['remark']})" if row["remark"] else ""
    head = f"{row['owner']} {body['kind']} v{row['version']} {row['visibility']}{removed} by {row['author']}"
    return f"{head}: {_essence(body)}{free}{remark}"


def invoice_in_words(row: Row) -> str:
    invoice = json.loads(row["content"])
    categories = ", ".join(tax["category"] for tax in invoice["taxes"])
    money = f"{invoice['total']} {invoice['currency']}, of it tax {invoice['tax_total']} ({categories})"
    series = invoice["number"].rsplit("-", 1)[0]
    return f"{series} {money}: {', '.join(line['amount'] for line in invoice['lines'])}"


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
            content = base64.b64decode(body["content"] or "")
            whole = hashlib.sha256(content).hexdigest() == body["sha256"]
            return f"{body['name']}, {len(content)} bytes{'' if whole else ', damaged'}"
        case "link":
            return str(body["name"])
        case _:
            # A note has a text and nothing else: hours and rates beside it would be told to the wrong people.
            beside = {name: value for name, value in body.items() if name not in ("kind", "text")}
            return f"{body['text']}{f', with {beside}' if beside else ''}"


def _differences_of_mails(mails: list[Mail]) -> list[str]:
    """What is wrong with the e-mails: missing, too many, under one id, or telling what nobody may know yet."""
    found = _compare("e-mails", MAILS, map(mail_in_words, mails))
    ids = Counter(mail.message_id for mail in mails)
    found += [f"e-mails: {count} with the Message-ID {id}" for id, count in ids.items() if count > 1]
    offers = [mail for mail in mails if mail.subject.startswith("Offer from")]
    return found + [
        f"e-mails: {mail.subject!r} names the customer's {name}"
        for mail in offers
        for name, value in CUSTOMER.items()
        if value in mail.text
    ]


def _plain(number: str) -> str:
    return f"{Decimal(number).normalize():f}"


def _compare(what: str, expected: Iterable[str], there: Iterable[str]) -> list[str]:
    wanted, found = Counter(expected), Counter(there)
    missing = [f"{what}: missing {one!r}" for one in (wanted - found).elements()]
    return missing + [f"{what}: too much {one!r}" for one in (found - wanted).elements()]
