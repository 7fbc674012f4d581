"""Makes sure that both parts can be had here, installing what is missing, before anything is timed by them."""

import sys
import tempfile
from pathlib import Path

from services.console.stack.postgres import find_postgres
from services.console.stack.rabbitmq import find_rabbitmq
from services.console.stack.unavailable import Unavailable

if __name__ == "__main__":
    nowhere = Path(tempfile.gettempdir())
    try:
        find_postgres(nowhere, fsync=True)
        find_rabbitmq(nowhere)
    except Unavailable as missing:
        sys.exit(str(missing))
