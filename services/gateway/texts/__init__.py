"""The pages that links in e-mails lead to, in their reader's language; a third language is one more file."""

from services.gateway.texts.layout import STYLE_SHA256, html_of
from services.gateway.texts.pages import Field, Page, outcome_page, plain_page, question_page

__all__ = ["STYLE_SHA256", "Field", "Page", "html_of", "outcome_page", "plain_page", "question_page"]
