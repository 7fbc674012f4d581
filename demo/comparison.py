"""What there is in the end, put into words and compared with what there must be."""

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from demo.cast import CUSTOMER, LEAD, NAMES, OTHER, SERVICE
from demo.expected import ENTRIES, FACTS, FILES, INVOICES, MAILS, OFFERED, OFFERS, REJECTIONS, SYSTEM_NOTES, TICKETS
from demo.mails import Mail

FORMATS = ("pdf", "xml")
Row = dict[str, Any]
Store = dict[str, list[Row]]


def differences(stores: dict[str, Store], mails: list[Mail]) -> list[str]:
    """Every difference between what is there and what must be there, in words; none where all is as it must be."""
    found: list[str] = []
    for side, store in stores.items():
        for what, expected, there in (
            ("tickets", TICKETS[side], map(ticket_in_words, store["ticket"])),
            ("offers", OFFERS[side], (f"{row['ticket_number']} {row['state']}" for row in store["offer"])),
            ("entries", ENTRIES[side], map(entry_in_words, store["entry"])),
            ("files", FILES[side], map(file_in_words, store["file"])),
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
    found += [
        f"{side} has heard of {partner}"
        for side, partner in ((SERVICE, OTHER), (OTHER, SERVICE))
        for name in (partner, NAMES[partner])
        if name in json.dumps(stores[side])
    ]
    numbers = {row["number"] for store in stores.values() for row in store["invoice"]}
    if len(numbers) > 1:
        found.append(f"the two sides have different invoices: {', '.join(sorted(numbers))}")
    files = [sorted((row["format"], row["sha256"]) for row in stores[side]["invoice_file"]) for side in (LEAD, SERVICE)]
    if files[0] != files[1] or len(files[0]) != len(FORMATS):
        found.append(f"the two sides have different files of the invoice: {files}")
    found += [
        f"{side} has not all of the invoice's {row['format']}"
        for side, store in stores.items()
        for row in store["invoice_file"]
        if not row["whole"]
    ]
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


def file_in_words(row: Row) -> str:
    return f"{row['size']} bytes, {'whole' if row['whole'] else 'damaged'}"


def invoice_in_words(row: Row) -> str:
    invoice = json.loads(row["content"])
    categories = ", ".join(tax["category"] for tax in invoice["taxes"])
    money = f"{invoice['total']} {invoice['currency']}, of it tax {invoice['tax_total']} ({categories})"
    series = invoice["number"].rsplit("-", 1)[0]
    return f"{series} {money}: {', '.join(line['amount'] for line in invoice['lines'])}"


def mail_in_words(mail: Mail) -> str:
    return f"{mail.to} ({mail.language}): {mail.subject}: {mail.heading}"


def _essence(body: Row) -> str:
    match body["kind"]:
        case "time":
            return f"{_plain(body['hours'])} h {body['role']}, {body['text']}"
        case "charge":
            price = f"{_plain(body['unit_price'])} {body['currency']}"
            return f"{_plain(body['quantity'])} × {body['name']} at {price}"
        case "attachment":
            if body.get("content") is None:
                return f"{body['name']}, {body['size']} bytes by digest"
            content = base64.b64decode(body["content"])
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
    offers = [mail for mail in mails if mail.heading.endswith(OFFERED)]
    return found + [
        f"e-mails: the offer {mail.subject!r} names the customer's {name}"
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
