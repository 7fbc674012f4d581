"""Takes the e-mails as they are now for the approved ones: `.venv/bin/python -m tests.unit.notifier.approve`.

Read what git then shows as changed, and commit it only if every change is meant.
"""

from email.message import EmailMessage
from pathlib import Path

from tests.unit.notifier.letters import (
    LANGUAGES,
    SAMPLES,
    html_of,
    plain_of,
    sample,
)

APPROVED = Path(__file__).parent / "approved"
HEADERS = (
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "List-Id",
    "Precedence",
    "X-Auto-Response-Suppress",
    "Content-Language",
)


def copies() -> dict[str, str]:
    """All e-mails of a language in two files: headers and plain text, and the HTML."""
    found: dict[str, str] = {}
    for language in LANGUAGES:
        mails = {name: sample(name, language) for name in SAMPLES}
        found[f"{language}.txt"] = "".join(f"===== {name}\n{_text_of(mail)}\n" for name, mail in mails.items())
        found[f"{language}.html"] = "".join(f"<!-- {name} -->\n{html_of(mail)}\n" for name, mail in mails.items())
    return found


def _text_of(mail: EmailMessage) -> str:
    return "".join(f"{header}: {mail[header]}\n" for header in HEADERS) + f"\n{plain_of(mail)}"


if __name__ == "__main__":
    for path in APPROVED.iterdir():
        path.unlink()
    for name, text in copies().items():
        (APPROVED / name).write_text(text, encoding="utf-8", newline="\n")
