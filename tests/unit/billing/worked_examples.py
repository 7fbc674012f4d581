"""Invoices with known results: of the public examples of EN 16931, recomputed, and of our own, reckoned by hand.

The public ones are the CII examples of CEN/TC 434 (ConnectingEurope/eInvoicing-EN16931, `cii/examples`): quantity,
price, category and rate of each line, and the totals, are theirs. What they add to the whole document, or take off, is
a line here. What each comes to is reckoned by our rules from its lines, and where its rates are those of one country,
from work and charges on.
"""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from shared.contracts.billing import BankAccount, Invoice, InvoiceLine, Party, TaxAccounted, TaxCategory, TaxSubtotal

# Of each subtotal: category, rate, base and tax.
Taxes = list[tuple[TaxCategory, str, str, str]]
TICKETS = (UUID(int=1), UUID(int=2))
NOTES: dict[TaxCategory, str | None] = {
    "S": None,
    "Z": None,
    "AE": "Steuerschuldnerschaft des Leistungsempfängers (Reverse Charge)",
    "O": "Nicht steuerbar",
    "E": "Kein Ausweis von Umsatzsteuer nach § 19 UStG",
}
GERMAN_ISSUER = Party(
    legal_name="Rheintal IT GmbH",
    address=("Deutzer Freiheit 12",),
    post_code="50679",
    city="Köln",
    country="DE",
    vat_id="DE136695976",
    email="buchhaltung@rheintal.example",
)
# Of the public examples in other money, each country's own.
ISSUERS = {
    currency: GERMAN_ISSUER.model_copy(update={"country": country, "vat_id": f"{country}13695976"})
    for currency, country in {"DKK": "DK", "NOK": "NO", "JPY": "JP"}.items()
}
SMALL_ISSUER = GERMAN_ISSUER.model_copy(update={"vat_id": None, "tax_number": "215/5001/0017"})
AUSTRIAN_ISSUER = Party(
    legal_name="Alpenwerk GmbH", address=("Hauptplatz 1", "1010 Wien"), country="AT", vat_id="ATU13585627"
)
SWISS_ISSUER = Party(
    legal_name="Bergnetz AG", address=("Bahnhofstrasse 1", "8001 Zürich"), country="CH", tax_number="CHE-100.155.212"
)
RECIPIENT = Party(
    legal_name="Nordlicht Systemhaus AG",
    address=("Hafenstraße 3", "Aufgang B", "3. OG", "Tür 12"),
    post_code="20457",
    city="Hamburg",
    country="DE",
    vat_id="DE811115368",
)
BANK = BankAccount(iban="DE89370400440532013000", bic="COBADEFFXXX")


def line(number: int, quantity: str, price: str, amount: str, category: str, rate: str, **more: Any) -> InvoiceLine:
    """One line as an example gives it."""
    fields: dict[str, Any] = {
        "number": number,
        "outsourcing_id": TICKETS[0],
        "lead_number": "NL-4711",
        "service_number": "RH-1002",
        "title": "Firewall am Standort Köln",
        "position": number,
        "sort": "time",
        "description": "Regeln übernommen & getestet",
        "happened_on": date(2026, 3, 2),
        "author": "J. Weber",
        "role": "Senior Engineer",
        "unit": "hour",
        "quantity": Decimal(quantity),
        "unit_price": Decimal(price),
        "amount": Decimal(amount),
        "tax_category": category,
        "tax_rate": Decimal(rate),
    }
    return InvoiceLine(**{**fields, **more})


def invoice(lines: list[InvoiceLine], taxes: Taxes, totals: tuple[str, str, str], **more: Any) -> Invoice:
    """An invoice with the subtotals (category, rate, base, tax) and totals (net, tax, gross) of an example."""
    fields: dict[str, Any] = {
        "invoice_id": UUID("01935e7a-4c00-7000-8000-0000000000d1"),
        "number": "RH-2026-00017",
        "issued_on": date(2026, 3, 31),
        "due_on": date(2026, 4, 30),
        "period_from": date(2026, 3, 2),
        "period_to": date(2026, 3, 30),
        "outsourcing_id": TICKETS[0],
        "lead_number": "NL-4711",
        "service_number": "RH-1002",
        "title": "Firewall am Standort Köln",
        "currency": "EUR",
        "language": "de",
        "issuer": ISSUERS.get(more.get("currency", "EUR"), GERMAN_ISSUER),
        "recipient": RECIPIENT,
        "bank": BANK,
        "lines": tuple(lines),
        "taxes": tuple(
            TaxSubtotal(
                category=category, rate=Decimal(rate), base=Decimal(base), tax=Decimal(tax), note=NOTES[category]
            )
            for category, rate, base, tax in taxes
        ),
        **dict(zip(("net_total", "tax_total", "total"), map(Decimal, totals), strict=True)),
    }
    return Invoice(**{**fields, **more})


def public(figures: str, taxes: Taxes, totals: tuple[str, str, str], **more: Any) -> Invoice:
    """One of the public examples; each line is quantity, price, amount, category and rate."""
    rows = [row.split() for row in figures.strip().splitlines()]
    lines = [
        line(number, quantity, price, amount, category, rate, unit="piece", sort="charge")
        for number, (quantity, price, amount, category, rate) in enumerate(rows, 1)
    ]
    return invoice(lines, taxes, totals, **more)


def collected(tickets: int = 2, lines_each: int = 3) -> Invoice:
    """Hours of several tickets on one invoice."""
    lines = [
        line(
            ticket * lines_each + at + 1,
            *("1.75", "95.00", "166.25", "S", "19"),
            outsourcing_id=UUID(int=ticket + 1),
            lead_number=f"NL-47{11 + ticket}",
            service_number=f"RH-10{ticket:02}",
        )
        for ticket in range(tickets)
        for at in range(lines_each)
    ]
    net = Decimal("166.25") * len(lines)
    tax = round(net * 19 / 100 + Decimal("0.000001"), 2)
    none = dict.fromkeys(("outsourcing_id", "lead_number", "service_number", "title"))
    return invoice(lines, [("S", "19", str(net), str(tax))], (str(net), str(tax), str(net + tax)), **none)


HOURS = line(1, "1.75", "95.00", "166.25", "S", "19")


def with_text(text: str) -> Invoice:
    """An hour and three quarters at home, described like this."""
    said = HOURS.model_copy(update={"description": text})
    return invoice([said], [("S", "19", "166.25", "31.59")], ("166.25", "31.59", "197.84"))


EXAMPLES: dict[str, Callable[[], Invoice]] = {
    "CII_example1: twenty lines, two rates, goods sent back": partial(
        public,
        """
        2 9.95 19.90 S 6
        1 9.85 9.85 S 6
        1 8.29 8.29 S 6
        2 7.23 14.46 S 6
        1 35 35.00 S 6
        1 35 35.00 S 6
        1 10.65 10.65 S 6
        1 1.55 1.55 S 6
        3 4.79 14.37 S 6
        1 8.29 8.29 S 6
        2 8.29 16.58 S 6
        1 9.95 9.95 S 6
        2 1.65 3.30 S 6
        1 10.8 10.80 S 21
        1 3.9 3.90 S 6
        2 3.8 7.60 S 21
        2 4.67 9.34 S 21
        1 18.63 18.63 S 21
        6 17.02 102.12 S 6
        -6 18.33 -109.98 S 6
        """,
        [("S", "6", "183.23", "10.99"), ("S", "21", "46.37", "9.74")],
        ("229.60", "20.73", "250.33"),
    ),
    "CII_example2: two rates and exempt, discount and freight, crowns": partial(
        public,
        """
        1 1273 1273.00 S 25
        -1 3.96 -3.96 S 15
        2 2.48 4.96 S 15
        -1 25 -25.00 E 0
        250 0.75 187.50 S 25
        -1 100 -100.00 S 25
        1 100 100.00 S 25
        """,
        [("S", "25", "1460.50", "365.13"), ("S", "15", "1.00", "0.15"), ("E", "0", "-25.00", "0.00")],
        ("1436.50", "365.28", "1801.78"),
        currency="NOK",
    ),
    "CII_example3: a subscription with freight": partial(
        public,
        "1 800 800.00 S 25\n1 100 100.00 S 25",
        [("S", "25", "900.00", "225.00")],
        ("900.00", "225.00", "1125.00"),
        currency="DKK",
    ),
    "CII_example4: two rates": partial(
        public,
        "1000 1 1000.00 S 25\n100 5 500.00 S 25\n500 5 2500.00 S 12",
        [("S", "25", "1500.00", "375.00"), ("S", "12", "2500.00", "300.00")],
        ("4000.00", "675.00", "4675.00"),
        currency="DKK",
    ),
    "CII_example5: two rates, discount and packaging": partial(
        public,
        "1000 1 1000.00 S 25\n100 5 500.00 S 25\n500 5 2500.00 S 12\n-1 150 -150.00 S 25\n1 150 150.00 S 25",
        [("S", "25", "1500.00", "375.00"), ("S", "12", "2500.00", "300.00")],
        ("4000.00", "675.00", "4675.00"),
        currency="DKK",
    ),
    "CII_example7: outside the scope of VAT": partial(
        public,
        "1 2500 2500.00 O 0\n1 700 700.00 O 0",
        [("O", "0", "3200.00", "0.00")],
        ("3200.00", "0.00", "3200.00"),
        currency="SEK",
    ),
    "CII_example9: licences": partial(
        public, "3 49 147.00 S 21", [("S", "21", "147.00", "30.87")], ("147.00", "30.87", "177.87")
    ),
    "CII_business_example_02: prices with four decimals, rounded line by line": partial(
        public,
        "1 1.2605 1.26 S 19\n1 1.2605 1.26 S 19\n1 7.4790 7.48 S 19",
        [("S", "19", "10.00", "1.90")],
        ("10.00", "1.90", "11.90"),
    ),
    "hours at home": partial(invoice, [HOURS], [("S", "19", "166.25", "31.59")], ("166.25", "31.59", "197.84")),
    "reverse charge from Austria": partial(
        invoice,
        [
            line(1, "8", "120", "960.00", "AE", "0"),
            line(2, "1", "49.90", "49.90", "AE", "0", unit="piece", sort="charge"),
        ],
        [("AE", "0", "1009.90", "0.00")],
        ("1009.90", "0.00", "1009.90"),
        issuer=AUSTRIAN_ISSUER,
    ),
    "from Switzerland, in francs": partial(
        invoice,
        [line(1, "2.5", "180", "450.00", "O", "0")],
        [("O", "0", "450.00", "0.00")],
        ("450.00", "0.00", "450.00"),
        issuer=SWISS_ISSUER,
        currency="CHF",
        language="en",
    ),
    "zero rated beside the usual rate": partial(
        invoice,
        [HOURS, line(2, "2", "450", "900.00", "Z", "0", sort="charge", unit="piece")],
        [("S", "19", "166.25", "31.59"), ("Z", "0", "900.00", "0.00")],
        ("1066.25", "31.59", "1097.84"),
    ),
    "at home in francs, with the tax in euros too": partial(
        invoice,
        [line(1, "2.5", "180", "450.00", "S", "19")],
        [("S", "19", "450.00", "85.50")],
        ("450.00", "85.50", "535.50"),
        currency="CHF",
        tax_accounted=TaxAccounted(currency="EUR", rate=Decimal("1.0643"), tax_total=Decimal("91.00")),
    ),
    "a small business without VAT id": partial(
        invoice,
        [line(1, "3", "60", "180.00", "E", "0")],
        [("E", "0", "180.00", "0.00")],
        ("180.00", "0.00", "180.00"),
        issuer=SMALL_ISSUER,
        bank=None,
    ),
    "a flat fee with hours as proof, and a deduction": partial(
        invoice,
        [
            line(1, "1", "1250", "1250.00", "S", "19", sort="flat_fee", unit="piece", happened_on=None, author=None),
            line(2, "6.3333", "0", "0.00", "S", "19", billable=False),
            line(3, "-1", "125.50", "-125.50", "S", "19", sort="deduction", unit="piece", description="Verspätet"),
        ],
        [("S", "19", "1124.50", "213.66")],
        ("1124.50", "213.66", "1338.16"),
    ),
    "a credit note": partial(
        invoice,
        [HOURS],
        [("S", "19", "166.25", "31.59")],
        ("166.25", "31.59", "197.84"),
        document="credit_note",
        number="RH-2026-00018",
        cancels_id=UUID("01935e7a-4c00-7000-8000-0000000000d1"),
        reason="Die Stunden waren schon berechnet.",
        cancels_number="RH-2026-00017",
        cancels_issued_on=date(2026, 3, 31),
        bank=None,
    ),
    "yen, which have no decimals": partial(
        invoice,
        [line(1, "1.5", "9001", "13502", "S", "10")],
        [("S", "10", "13502", "1350")],
        ("13502", "1350", "14852"),
        currency="JPY",
        language="en",
    ),
    "two tickets on one invoice": collected,
}
