"""How a page looks: one layout, one style, no scripts, nothing from elsewhere."""

import base64
import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.gateway.texts.pages import Page

TEMPLATES = Path(__file__).parent / "templates"
STYLE = (TEMPLATES / "page.css").read_text(encoding="utf-8")
# By it a browser knows the one style that it may apply.
STYLE_SHA256 = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()


def html_of(page: Page) -> str:
    """The page as a browser reads it; everything in it is escaped."""
    return _environment().get_template("page.html.jinja").render(page=page, style=STYLE)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
