"""What a reader sees of an invoice: pages as pictures, with everything inside their margins and none of them blank.

The pictures are left in `var/pictures`, to be looked at.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2
import pytest

from services.billing.documents import render
from shared.contracts.billing import Invoice
from tests.unit.billing.worked_examples import EXAMPLES, collected, with_text

PICTURES = Path("var/pictures")
MILLIMETRE = 72 / 25.4
# Of the page, where text may stand; the footer stands below its lower margin, and above the edge that printers leave.
LEFT, RIGHT, TOP, BOTTOM = (round(millimetres * MILLIMETRE) for millimetres in (22, 18, 20, 5))
# A letter may reach a little over its line.
SLACK = 3
# Pixels a point, and which shades of grey are no ink.
SCALE = 1.5
LIGHT = bytes(range(128, 256))
# How much of a page is ink: less than this is an empty one with its footer, more is something that lies over it.
LEAST_INK, MOST_INK = 0.004, 0.2

Box = tuple[float, float, float, float]

SEEN: dict[str, tuple[Invoice, int]] = {
    "hours": (EXAMPLES["hours at home"](), 1),
    "credit note": (EXAMPLES["a credit note"](), 1),
    "reverse charge": (EXAMPLES["reverse charge from Austria"](), 1),
    "flat fee": (EXAMPLES["a flat fee with hours as proof, and a deduction"](), 1),
    "many lines": (EXAMPLES["CII_example1: twenty lines, two rates, goods sent back"](), 2),
    "five tickets": (collected(tickets=5, lines_each=8), 3),
    "long text": (with_text("Der Uplink war gestört, das Modul wurde getauscht. " * 40), 2),
    "long word": (with_text("https://support.example/" + "x" * 400), 1),
}


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("name", SEEN)
def test_every_page_is_filled_within_its_margins_and_there_are_no_more_than_it_takes(name: str, language: str) -> None:
    document, pages = SEEN[name]
    pdf = pypdfium2.PdfDocument(render(document.model_copy(update={"language": language})).pdf)
    assert len(pdf) == pages
    for number, page in enumerate(pdf, 1):
        picture = page.render(scale=SCALE, grayscale=True)
        grey = bytes(picture.buffer)
        _keep(f"{name} {language} {number}", grey, picture.stride)
        assert LEAST_INK < len(grey.translate(None, LIGHT)) / len(grey) < MOST_INK
        width, height = page.get_size()
        for left, bottom, right, top in _boxes_of(page):
            assert left >= LEFT - SLACK and right <= width - RIGHT + SLACK
            assert bottom >= BOTTOM and top <= height - TOP + SLACK


def _keep(name: str, grey: bytes, width: int) -> None:
    """As PNG: a head, the rows, and an end, each with its length and checksum."""
    rows = b"".join(b"\0" + grey[at : at + width] for at in range(0, len(grey), width))
    head = struct.pack(">2I5B", width, len(grey) // width, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    chunks = (struct.pack(">I", len(of)) + kind + of + struct.pack(">I", zlib.crc32(kind + of)) for kind, of in parts)
    PICTURES.mkdir(parents=True, exist_ok=True)
    (PICTURES / f"{name}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


def _boxes_of(page: Any) -> Iterator[Box]:
    """Where each stretch of text stands, in points from the lower left corner."""
    text = page.get_textpage()
    for place in range(text.count_rects()):
        yield text.get_rect(place)
