"""All e-mails as pictures in `var/pictures`, where Chromium is: `.venv/bin/python -m tests.unit.notifier.pictures`.

The browser looks at each of them too, on a wide and a narrow screen, light and dark: nothing may be wider than the
screen, and nothing too pale to be read.
"""

import json
import re
import subprocess
import sys
from html import escape, unescape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.unit.notifier.letters import LANGUAGES, SAMPLES, html_of, sample

FOLDER = Path("var/pictures")
BROWSER_SECONDS = 60
# What WCAG 2.1 demands of text (1.4.3).
LEAST_CONTRAST = 4.5
GAP = 16
LOOK = (Path(__file__).parent / "pictures.js").read_text(encoding="utf-8")


class Screen(NamedTuple):
    """How wide it is, whether its owner wants it dark, and how many letters stand side by side on a picture."""

    width: int
    dark: bool
    columns: int


SCREENS = {
    "light": Screen(720, dark=False, columns=6),
    "dark": Screen(720, dark=True, columns=6),
    "narrow": Screen(360, dark=False, columns=12),
    "narrow-dark": Screen(360, dark=True, columns=12),
}


def look_at(language: str, name: str) -> list[str]:
    """Take the picture of all letters of that language on that screen; what is wrong with any of them."""
    screen = SCREENS[name]
    with TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        page.write_text(_page(language, screen), encoding="utf-8")
        seen = _browse(page, screen, "--dump-dom")
        found = re.search(r'<pre id="seen"[^>]*>(.*?)</pre>', seen, re.DOTALL)
        if found is None:
            raise RuntimeError("the browser did not come to look at the letters")
        told = json.loads(unescape(found[1]))
        picture = FOLDER / f"{language}-{name}.png"
        size = f"--window-size={screen.columns * (screen.width + GAP) + GAP},{told['height']}"
        _browse(page, screen, f"--screenshot={picture.resolve()}", size)
    return [f"{language}, {name}: {fault}" for fault in told["faults"]]


def _page(language: str, screen: Screen) -> str:
    frames = "".join(
        f'<iframe title="{name}" width="{screen.width}" srcdoc="{escape(html_of(sample(name, language)))}"></iframe>'
        for name in SAMPLES
    )
    style = (
        ":root { color-scheme: light dark } iframe { border: 0; display: block }"
        f" body {{ margin: {GAP}px; columns: {screen.columns}; column-gap: {GAP}px;"
        f" width: {screen.columns * (screen.width + GAP) - GAP}px }} iframe {{ margin-bottom: {GAP}px }}"
    )
    script = f"const LEAST_CONTRAST = {LEAST_CONTRAST};\n{LOOK}"
    return f'<!DOCTYPE html><meta charset="utf-8"><style>{style}</style><body>{frames}<script>{script}</script></body>'


def _browse(page: Path, screen: Screen, *what: str) -> str:
    command = [
        *("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
        *("--virtual-time-budget=5000", f"--blink-settings=preferredColorScheme={0 if screen.dark else 1}"),
        *(f"--user-data-dir={page.parent / 'profile'}", *what, page.as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BROWSER_SECONDS, check=True)
    return done.stdout


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    faults = [fault for language in LANGUAGES for name in SCREENS for fault in look_at(language, name)]
    print("\n".join(faults) or f"{len(SAMPLES) * len(LANGUAGES)} e-mails on {len(SCREENS)} screens: {FOLDER}")
    sys.exit(1 if faults else 0)
