"""Takes the e-mails as they are now for the approved ones: `.venv/bin/python -m tests.unit.notifier.approve`.

Read what git then shows as changed, and commit it only if every change is meant.
"""

from pathlib import Path

from tests.unit.notifier.letters import LANGUAGES, SAMPLES, html_of, plain_of, sample

APPROVED = Path(__file__).parent / "approved"
HEADERS = ("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Language")


def copies() -> dict[str, str]:
    """Every e-mail as two files: headers and plain text, and the HTML."""
    found: dict[str, str] = {}
    for name in SAMPLES:
        for language in LANGUAGES:
            mail = sample(name, language)
            headers = "".join(f"{header}: {mail[header]}\n" for header in HEADERS)
            found[f"{name}.{language}.txt"] = f"{headers}\n{plain_of(mail)}"
            found[f"{name}.{language}.html"] = html_of(mail)
    return found


if __name__ == "__main__":
    for path in APPROVED.iterdir():
        path.unlink()
    for name, text in copies().items():
        (APPROVED / name).write_text(text, encoding="utf-8", newline="\n")
