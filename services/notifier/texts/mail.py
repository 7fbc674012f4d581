"""The e-mail itself: headers, a plain part and an HTML part that say the same."""

from collections.abc import Sequence
from email.header import Header
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from services.notifier.domain.delivery import Letter
from services.notifier.domain.notifications import thread_id
from services.notifier.texts.answers import AnswerLink
from services.notifier.texts.letters import content_of
from shared.legible import one_line


class Subject(UnstructuredHeader, BaseHeader):
    """A subject, encoded as a whole where it is not ASCII.

    The library's own way encodes single words, and doubles a space where it breaks a line before one (Python 3.11).
    """

    def fold(self, *, policy: Policy) -> str:
        text = str(self)
        header = Header(text, "us-ascii" if text.isascii() else "utf-8", header_name="Subject")
        return f"Subject: {header.encode(linesep=policy.linesep)}{policy.linesep}"


def mail_of(
    letter: Letter, sender: Address, links: Sequence[AnswerLink] = (), attached: bytes | None = None
) -> EmailMessage:
    """The letter as it goes out; the same letter gives the same Message-ID and date on every attempt.

    `attached` is the content of the file that goes with it. Raises ValueError where the recipient's address is not one.
    """
    content = content_of(letter, links)
    mail = EmailMessage(policy=_policy())
    mail["From"] = sender
    mail["To"] = Address(addr_spec=_literal(one_line(letter.notification.reader.address)))
    mail["Subject"] = _literal(content.subject)
    mail["Date"] = letter.created_at
    mail["Message-ID"] = message_id_of(letter, sender)
    # Nothing was ever sent under the thread's own id: mail programs gather under it all the same (RFC 5322, 3.6.4).
    mail["In-Reply-To"] = mail["References"] = thread_of(letter, sender)
    # What keeps programs from answering: RFC 3834, section 2; RFC 5230, section 4.6; and Exchange's own.
    mail["Auto-Submitted"] = "auto-generated"
    mail["List-Id"] = f"<tandem.{sender.domain}>"
    mail["Precedence"] = "bulk"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(_layout("letter.txt.jinja", content), cte="quoted-printable")
    mail.add_alternative(_layout("letter.html.jinja", content), subtype="html", cte="quoted-printable")
    file = letter.notification.facts.file
    if file is not None and attached is not None:
        mail.add_attachment(attached, maintype="application", subtype="pdf", filename=one_line(file.name))
    mail["Content-Language"] = content.language
    return mail


def message_id_of(letter: Letter, sender: Address) -> str:
    """Derived from the event and the recipient, so that a mail program shows a repeated mail once."""
    return f"<{letter.notification.id}@{sender.domain}>"


def thread_of(letter: Letter, sender: Address) -> str:
    """The root under which a mail program shows all e-mails of one outsourcing to one reader together."""
    told = letter.notification
    return f"<{thread_id(told.subject_id, told.reader.address)}@{sender.domain}>"


def _literal(text: str) -> str:
    """Without what the reader's program, or ours, would decode as an encoded word (RFC 2047), line ends and all."""
    return text.replace("=?", "= ?")


@cache
def _policy() -> Policy:
    headers = HeaderRegistry()
    headers.map_to_type("subject", Subject)
    return SMTP.clone(header_factory=headers)


def _layout(name: str, content: object) -> str:
    return _environment().get_template(name).render(content=content)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(enabled_extensions=("html.jinja",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
