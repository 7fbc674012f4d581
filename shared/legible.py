"""Text that others have written, as it may be shown: nothing in it acts, and nothing seems to say something else."""

import re
import unicodedata

# They change the order in which other characters are read, so a title could seem to say something else.
BIDI_CONTROLS = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C}
# Not those that hold a number and its unit together.
SPACES = re.compile(" +")
BREAKS_AND_CONTROLS = {"Cc", "Cs", "Zl", "Zp"}


def one_line(text: str) -> str:
    """Text as it may stand in a line or a header: no breaks, no controls, nothing that turns its direction."""
    if text.isprintable():
        return SPACES.sub(" ", text).strip()
    kept = (" " if unicodedata.category(one) in BREAKS_AND_CONTROLS else one for one in _straight(text))
    return SPACES.sub(" ", "".join(kept)).strip()


def passage(text: str) -> str:
    """Longer text with its line ends, without control characters."""
    # Most texts are one line of letters, and invoices have thousands of them.
    if text.isprintable():
        return text.strip()
    lines = _straight(text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    kept = ("".join(one if unicodedata.category(one) not in BREAKS_AND_CONTROLS else " " for one in s) for s in lines)
    return "\n".join(line.rstrip() for line in kept).strip()


def _straight(text: str) -> str:
    if text.isascii():
        return text
    return "".join(one for one in text if ord(one) not in BIDI_CONTROLS)
