"""The e-mail itself: headers, a plain part and an HTML part that say the same, and a file where one goes with it.

The library builds and folds each header from its grammar, and looks at each line of a text: that took longer than all
else, by far. What is ours and plain is written as it is.
"""

import quopri
from collections.abc import Sequence
from email.header import Header
from email.headerregistry import Address, BaseHeader, HeaderRegistry
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP, Policy
from email.utils import format_datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from services.notifier.domain.delivery import Letter
from services.notifier.domain.notifications import thread_id
from services.notifier.texts.answers import AnswerLink
from services.notifier.texts.letters import content_of
from shared.legible import one_line

# Who reads most of the mails at a time.
READERS_REMEMBERED = 1_000


class Line(BaseHeader):
    """A header of ours: one line, shorter than has to be folded (RFC 5322, 2.1.1), encoded where it is not ASCII."""

    max_count = 1

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        """Raises ValueError where it would be more than one line."""
        if len(value.splitlines()) > 1:
            raise ValueError("a header is one line")
        kwds["decoded"], kwds["parse_tree"] = value, None

    def fold(self, *, policy: Policy) -> str:
        text = str(self)
        told = text if text.isascii() else Header(text, "utf-8", header_name=self.name).encode(linesep=policy.linesep)
        return f"{self.name}: {told}{policy.linesep}"


class Lines(HeaderRegistry):
    """Every header is a line."""

    def __getitem__(self, name: str) -> type[BaseHeader]:
        return Line


def mail_of(
    letter: Letter, sender: Address, links: Sequence[AnswerLink] = (), attached: bytes | None = None
) -> EmailMessage:
    """The letter as it goes out; the same letter gives the same Message-ID and date on every attempt.

    `attached` is the content of the file that goes with it. Raises ValueError where the recipient's address is not one.
    """
    content = content_of(letter, links)
    mail = EmailMessage(policy=_policy())
    mail["From"] = _mailbox("From", sender.display_name, sender.addr_spec)
    mail["To"] = _mailbox("To", "", _literal(one_line(letter.notification.reader.address)))
    mail["Subject"] = _literal(content.subject)
    mail["Date"] = format_datetime(letter.created_at)
    mail["Message-ID"] = message_id_of(letter, sender)
    # Nothing was ever sent under the thread's own id: mail programs gather under it all the same (RFC 5322, 3.6.4).
    mail["In-Reply-To"] = mail["References"] = thread_of(letter, sender)
    # What keeps programs from answering: RFC 3834, section 2; RFC 5230, section 4.6; and Exchange's own.
    mail["Auto-Submitted"] = "auto-generated"
    mail["List-Id"] = f"<tandem.{sender.domain}>"
    mail["Precedence"] = "bulk"
    mail["X-Auto-Response-Suppress"] = "All"
    mail["MIME-Version"] = "1.0"
    texts = (_text("plain", _layout("letter.txt.jinja", content)), _text("html", _layout("letter.html.jinja", content)))
    file = letter.notification.facts.file
    if file is None or attached is None:
        _put_together(mail, "alternative", letter, *texts)
    else:
        alternative, pdf = MIMEPart(policy=_policy()), MIMEPart(policy=SMTP)
        _put_together(alternative, "alternative", letter, *texts)
        pdf.set_content(attached, maintype="application", subtype="pdf", filename=one_line(file.name))
        _put_together(mail, "mixed", letter, alternative, pdf)
    mail["Content-Language"] = content.language
    return mail


def message_id_of(letter: Letter, sender: Address) -> str:
    """Derived from the event and the recipient, so that a mail program shows a repeated mail once."""
    return f"<{letter.notification.id}@{sender.domain}>"


def thread_of(letter: Letter, sender: Address) -> str:
    """The root under which a mail program shows all e-mails of one outsourcing to one reader together."""
    told = letter.notification
    return f"<{thread_id(told.subject_id, told.reader.address)}@{sender.domain}>"


def _put_together(whole: MIMEPart, subtype: str, letter: Letter, *parts: MIMEPart) -> None:
    # Neither quoted-printable nor base64 can contain the first two characters (RFC 2045, section 6.7).
    boundary = f"=_{subtype[:3]}_{letter.notification.id.hex[:16]}"
    whole["Content-Type"] = f'multipart/{subtype}; boundary="{boundary}"'
    for part in parts:
        whole.attach(part)


def _text(subtype: str, text: str) -> MIMEPart:
    part = MIMEPart(policy=_policy())
    part["Content-Type"] = f'text/{subtype}; charset="utf-8"'
    part["Content-Transfer-Encoding"] = "quoted-printable"
    part.set_payload(quopri.encodestring(text.encode()).decode("ascii"))
    return part


def _literal(text: str) -> str:
    """Without what the reader's program, or ours, would decode as an encoded word (RFC 2047), line ends and all."""
    return text.replace("=?", "= ?")


@lru_cache(READERS_REMEMBERED)
def _mailbox(header: str, name: str, address: str) -> BaseHeader:
    """Raises ValueError where it is no address."""
    made: BaseHeader = HeaderRegistry()(header, Address(display_name=name, addr_spec=address))
    return made


@cache
def _policy() -> Policy:
    return SMTP.clone(header_factory=Lines())


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
