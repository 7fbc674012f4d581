"""The PDF of an invoice: PDF/A-3, so that it can be kept for decades, with the XML inside (Factur-X, ZUGFeRD)."""

import json
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

from facturx.facturx import FACTURX_FILENAME, FACTURX_LEVEL2xmp
from lxml import etree
from pypdf import PdfReader
from pypdf.generic import DictionaryObject, NameObject, NumberObject, StreamObject
from typst import Compiler, Fonts

from services.billing.documents.faults import schema_faults_of
from services.billing.documents.layout import layout_of
from services.billing.documents.xml import PROFILE, xml_of
from shared.contracts.billing import Invoice

TEMPLATE = Path(__file__).parent / "invoice.typ"
STANDARD: Literal["a-3b"] = "a-3b"
# The version of Factur-X in XMP has been 1.0 since its first edition.
FACTUR_X_VERSION = "1.0"
NAMESPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "pdfaExtension": "http://www.aiim.org/pdfa/ns/extension/",
    "fx": "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#",
}
# The frame that a reader finds XMP by (ISO 16684-1, 7.3.2).
PACKET_BEGIN = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
PACKET_END = '<?xpacket end="r"?>'


class NotValid(Exception):
    """The XML does not keep to its schema; it must not leave."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """An invoice's two files."""

    pdf: bytes
    xml: bytes


def render(invoice: Invoice) -> Rendered:
    """Both files of an issued invoice. Raises NotValid, or what Typst raises where it cannot set the pages."""
    xml = xml_of(invoice)
    if faults := schema_faults_of(xml):
        raise NotValid("; ".join(faults))
    inputs = {"page": json.dumps(layout_of(invoice)), "xml": xml.decode(), "name": FACTURX_FILENAME}
    pdf = _compiler().compile(TEMPLATE, format="pdf", sys_inputs=inputs, pdf_standards=[STANDARD], timestamp=0)
    if not isinstance(pdf, bytes):
        raise TypeError("a PDF is one file")
    return Rendered(_said_to_be_factur_x(pdf), xml)


@cache
def _compiler() -> Compiler:
    """With the fonts that it brings along and none of this machine, which could look different elsewhere."""
    return Compiler(root=TEMPLATE.parent, font_paths=Fonts(include_system_fonts=False), ignore_system_fonts=True)


def _said_to_be_factur_x(pdf: bytes) -> bytes:
    """The same PDF whose metadata say what is attached: that is how programs find out that they can read it.

    Only the metadata are written again, behind what is there (ISO 32000-1, 7.5.6): pypdf's own writer reads and writes
    every object of the file for that, which takes longer than setting its pages. What Typst wrote is right: else its
    reader would look at the head of each object first.
    """
    reader = PdfReader(BytesIO(pdf), strict=True)
    place = reader.root_object.raw_get("/Metadata")
    metadata = StreamObject()
    metadata.update({NameObject("/Type"): NameObject("/Metadata"), NameObject("/Subtype"): NameObject("/XML")})
    metadata.set_data(_metadata(place.get_object().get_data()))
    trailer = DictionaryObject(reader.trailer)
    trailer[NameObject("/Prev")] = NumberObject(_start_of_xref(pdf))
    written = BytesIO()
    written.write(pdf)
    at = written.tell() + 1
    written.write(b"\n%d 0 obj\n" % place.idnum)
    metadata.write_to_stream(written)
    written.write(b"\nendobj\n")
    table_at = written.tell()
    written.write(b"xref\n%d 1\n%010d 00000 n \ntrailer\n" % (place.idnum, at))
    trailer.write_to_stream(written)
    written.write(b"\nstartxref\n%d\n%%%%EOF\n" % table_at)
    return written.getvalue()


def _start_of_xref(pdf: bytes) -> int:
    return int(pdf[pdf.rindex(b"startxref") :].split()[1])


def _metadata(packet: bytes) -> bytes:
    """Typst's metadata, with the properties of Factur-X and the description that PDF/A demands of such."""
    parser = etree.XMLParser(remove_pis=True, remove_comments=True)
    root = etree.fromstring(packet, parser)
    description = root.find(".//rdf:Description", NAMESPACES)
    described = root.find(".//pdfaExtension:schemas/rdf:Bag", NAMESPACES)
    described.append(deepcopy(_schema_description()))
    properties = etree.SubElement(description.getparent(), _named("rdf", "Description"), nsmap={"fx": NAMESPACES["fx"]})
    properties.set(_named("rdf", "about"), "")
    for name, value in {
        "DocumentType": "INVOICE",
        "DocumentFileName": FACTURX_FILENAME,
        "Version": FACTUR_X_VERSION,
        "ConformanceLevel": FACTURX_LEVEL2xmp[PROFILE],
    }.items():
        etree.SubElement(properties, _named("fx", name)).text = value
    return f"{PACKET_BEGIN}{etree.tostring(root, encoding='unicode')}{PACKET_END}".encode()


@cache
def _schema_description() -> Any:
    """What Factur-X publishes for this, as factur-x brings it along."""
    source = files("facturx").joinpath("xmp", "Factur-X_extension_schema.xmp").read_bytes()
    parser = etree.XMLParser(remove_comments=True, remove_blank_text=True)
    return etree.fromstring(source, parser).find(".//pdfaExtension:schemas/rdf:Bag/rdf:li", NAMESPACES)


def _named(prefix: str, name: str) -> str:
    return f"{{{NAMESPACES[prefix]}}}{name}"
