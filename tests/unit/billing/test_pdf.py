"""The PDF of an invoice: PDF/A-3 with the XML inside, the same bytes each time, and pages that say it all."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pypdfium2
import pytest
from lxml import etree
from pypdf import PdfReader

from services.billing.documents import Rendered, render
from services.billing.documents.layout import NOT_SHOWN, layout_of
from services.billing.documents.words import CATALOGUES
from services.billing.documents.xml import xml_of
from shared.contracts.billing import Invoice
from tests.unit.billing.worked_examples import EXAMPLES, collected, with_text

XMP = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "pdfaid": "http://www.aiim.org/pdfa/ns/id/",
    "pdfaSchema": "http://www.aiim.org/pdfa/ns/schema#",
    "fx": "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#",
}


@pytest.fixture(scope="module")
def home() -> Invoice:
    return EXAMPLES["hours at home"]()


@pytest.fixture(scope="module")
def rendered(home: Invoice) -> Rendered:
    return render(home)


@pytest.fixture
def pdf(rendered: Rendered) -> PdfReader:
    return PdfReader(BytesIO(rendered.pdf), strict=True)


def test_the_same_invoice_gives_the_same_bytes_and_another_gives_others(home: Invoice, rendered: Rendered) -> None:
    assert render(home) == rendered
    assert render(home.model_copy(update={"number": "RH-2026-00018"})) != rendered


def test_the_xml_is_inside_under_the_name_that_programs_look_for(rendered: Rendered, pdf: PdfReader) -> None:
    root: Any = pdf.root_object
    assert pdf.attachments == {"factur-x.xml": [rendered.xml]}
    [attached] = root["/AF"]
    assert attached.get_object()["/AFRelationship"] == "/Alternative"
    assert attached.get_object()["/EF"]["/F"].get_object()["/Subtype"] == "/text/xml"


def test_it_says_that_it_is_pdf_a_3_and_factur_x_and_describes_how_it_says_so(pdf: PdfReader) -> None:
    root: Any = pdf.root_object
    xmp = etree.fromstring(root["/Metadata"].get_object().get_data())
    assert [xmp.findtext(f".//pdfaid:{name}", None, XMP) for name in ("part", "conformance")] == ["3", "B"]
    said = {name: xmp.findtext(f".//fx:{name}", None, XMP) for name in ("DocumentType", "DocumentFileName", "Version")}
    assert said == {"DocumentType": "INVOICE", "DocumentFileName": "factur-x.xml", "Version": "1.0"}
    assert xmp.findtext(".//fx:ConformanceLevel", None, XMP) == "EN 16931"
    assert XMP["fx"] in {one.text for one in xmp.iterfind(".//pdfaSchema:namespaceURI", XMP)}


def test_its_colours_and_fonts_are_inside(pdf: PdfReader) -> None:
    root: Any = pdf.root_object
    [intent] = root["/OutputIntents"]
    assert intent.get_object()["/S"] == "/GTS_PDFA1"
    pages: list[Any] = list(pdf.pages)
    fonts = [font.get_object() for page in pages for font in page["/Resources"]["/Font"].values()]
    descriptors = [font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object() for font in fonts]
    assert descriptors and all({"/FontFile2", "/FontFile3"} & set(one) for one in descriptors)
    assert "/Encrypt" not in pdf.trailer


@pytest.mark.parametrize("language", CATALOGUES.languages)
def test_its_pages_say_what_a_bookkeeper_looks_for_in_the_reader_s_language(home: Invoice, language: str) -> None:
    texts = {
        "de": [
            "Rechnung RH-2026-00017",
            "02.03.2026 – 30.03.2026",
            "Ihr Ticket NL-4711",
            "1,75 Std.",
            "Gesamtbetrag EUR 197,84",
        ],
        "en": [
            "Invoice RH-2026-00017",
            "Mar 2, 2026 – Mar 30, 2026",
            "Your ticket NL-4711",
            "1.75 h",
            "Total EUR 197.84",
        ],
    }
    text = _text_of(render(home.model_copy(update={"language": language})).pdf)
    for expected in (*texts[language], "J. Weber", "IBAN DE89 3704 0044 0532 0130 00", "DE811115368"):
        assert expected in text


def test_many_tickets_have_a_heading_and_a_subtotal_each_and_pages_are_counted() -> None:
    document = collected(tickets=5, lines_each=8)
    pdf = render(document).pdf
    text, pages = _text_of(pdf), len(pypdfium2.PdfDocument(pdf))
    assert pages > 1
    assert all(f"Rechnung RH-2026-00017 Seite {page} von {pages}" in text for page in range(1, pages + 1))
    assert all(f"Zwischensumme NL-47{11 + ticket} 14 Std. 1.330,00" in text for ticket in range(5))


def test_why_no_tax_is_owed_stands_on_the_page() -> None:
    document = EXAMPLES["reverse charge from Austria"]()
    [note] = [tax.note for tax in document.taxes]
    assert note and note in _text_of(render(document).pdf)


def test_a_credit_note_says_what_it_corrects_and_why_on_the_page_and_in_the_xml() -> None:
    document = EXAMPLES["a credit note"]()
    text = _text_of(render(document).pdf)
    assert document.reason
    for expected in ("Korrigiert Rechnung RH-2026-00017", "Rechnung vom 31.03.2026", f"Grund: {document.reason}"):
        assert expected in text
    assert f"<ram:Content>{document.reason}</ram:Content>" in xml_of(document).decode()


def test_every_language_has_the_same_words() -> None:
    words = [set(CATALOGUES.catalogue_for(language).texts["words"]) for language in CATALOGUES.languages]
    assert len(words) > 1 and all(one == words[0] for one in words)


def test_a_text_in_any_script_is_rendered_with_a_word_on_what_the_page_could_not_show() -> None:
    emoji = with_text("Läuft wieder 🎉 漢字 שלום\t\u202eתמונה cafe\u0301 #let x = $1$ *a* \\ [b]")
    page = layout_of(emoji)
    [[shown]] = [[line["text"] for line in ticket["lines"]] for ticket in page["tickets"]]
    assert shown.startswith("Läuft wieder □ □□ ") and "café #let x = $1$ *a* \\ [b]" in shown
    assert "replaced" in page and "replaced" not in layout_of(with_text("Läuft wieder – für 5 € „sofort“"))
    assert "🎉" in xml_of(emoji).decode()
    assert "durch □ ersetzt" in _text_of(render(emoji).pdf)


def test_all_that_counts_as_shown_has_a_picture_in_the_font() -> None:
    shown = "".join(_shown_characters())
    assert len(shown) > 1000
    render(with_text(" ".join(shown)))


def test_the_longest_text_goes_over_several_pages() -> None:
    pdf = render(with_text("Wort für Wort. " * 3333)).pdf
    assert len(pypdfium2.PdfDocument(pdf)) > 5


def _shown_characters() -> Iterator[str]:
    return (one for one in map(chr, range(0x21, 0x2800)) if not NOT_SHOWN.match(one))


def _text_of(pdf: bytes) -> str:
    pages = pypdfium2.PdfDocument(pdf)
    text = " ".join(page.get_textpage().get_text_bounded() for page in pages)
    return " ".join(text.split())
