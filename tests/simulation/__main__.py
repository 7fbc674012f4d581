"""`make simulate`: histories of fresh seeds for as long as is said, or the one history of a seed."""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict

from rich.console import Console

from services.console.stack import LocalStack
from tests.simulation.depths import PURE, Failed, Played, fresh_seeds, histories, real_depth
from tests.simulation.side_by_side import histories_side_by_side

DEPTHS = ("pure", "real")
# Of the time, where both depths are played.
SHARE_OF_PURE = 0.25

say = Console(stderr=True, highlight=False, soft_wrap=True)


def main() -> int:
    """Exit status 1 where a history failed."""
    asked = _asked()
    played: dict[str, Played] = {}
    failure: str | None = None
    try:
        for depth, seconds in _depths(asked).items():
            for so_far in _histories(depth, asked.seed, seconds):
                played[depth] = so_far
                say.print(str(so_far), end="\r" if say.is_terminal else "\n")
            say.print()
    except Failed as failed:
        failure = str(failed)
        say.print(f"\n{failure}", markup=False)
    if asked.json:
        print(json.dumps({"played": [asdict(one) for one in played.values()], "failure": failure}))
    return 0 if failure is None else 1


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="simulate", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, help="play this history and no other")
    parser.add_argument("--depth", choices=DEPTHS, help="both unless given")
    parser.add_argument("--json", action="store_true", help="tell the figures as JSON at the end")
    return parser.parse_args()


def _depths(asked: argparse.Namespace) -> dict[str, float]:
    """Which are played, and for how long."""
    if asked.depth is not None:
        return {asked.depth: asked.seconds}
    return {"pure": asked.seconds * SHARE_OF_PURE, "real": asked.seconds * (1 - SHARE_OF_PURE)}


def _histories(depth: str, seed: int | None, seconds: float) -> Iterator[Played]:
    with ExitStack() as exits:
        url = exits.enter_context(LocalStack(fsync=False)).database_admin_url if depth == "real" else None
        if seed is None:
            yield from histories_side_by_side(depth, url, fresh_seeds(), seconds)
        else:
            yield from histories(PURE if url is None else exits.enter_context(real_depth(url)), [seed])


if __name__ == "__main__":
    sys.exit(main())
