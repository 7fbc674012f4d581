"""The directory of one private stack: its owner is written inside, which tells what a crash left from what runs."""

import json
import os
import shutil
import tempfile
from pathlib import Path
from time import time

import psutil

from services.console.stack.processes import kill_all_of

PREFIX = "tandem-"
OWNER_FILE = "owner.json"
# A directory without an owner is one being made this moment, or one whose maker died at once.
MAKING_SECONDS = 60.0


def make_directory() -> Path:
    """A new directory owned by this process; others may pass through it, as the database's user has to."""
    directory = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
    owner = {"pid": os.getpid(), "started_at": psutil.Process().create_time()}
    (directory / OWNER_FILE).write_text(json.dumps(owner))
    directory.chmod(0o711)
    return directory


def remove_directory(directory: Path) -> None:
    """Kill what still runs out of the directory, then remove it."""
    kill_all_of(directory)
    shutil.rmtree(directory, ignore_errors=True)


def remove_leftovers() -> list[Path]:
    """Remove the directories of owners that are gone, with their processes; tells which."""
    abandoned = [path for path in Path(tempfile.gettempdir()).resolve().glob(f"{PREFIX}*") if _is_abandoned(path)]
    for directory in abandoned:
        remove_directory(directory)
    return abandoned


def _is_abandoned(directory: Path) -> bool:
    try:
        if directory.is_symlink() or directory.stat().st_uid != os.geteuid():
            return False
        owner = json.loads((directory / OWNER_FILE).read_text())
        # The start time tells the owner from a later process that was given its number.
        return bool(abs(psutil.Process(owner["pid"]).create_time() - owner["started_at"]) > 1.0)
    except psutil.NoSuchProcess:
        return True
    except FileNotFoundError:
        return _has_no_owner_yet(directory)
    except (OSError, ValueError, psutil.AccessDenied):
        return False


def _has_no_owner_yet(directory: Path) -> bool:
    """Whether a directory looks like one of ours and has waited too long for its owner's name."""
    ours = any((directory / part).exists() for part in ("postgres", "rabbitmq"))
    return ours and time() - directory.stat().st_mtime > MAKING_SECONDS
