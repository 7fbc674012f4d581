"""`make simulate`: histories of fresh seeds for as long as is said, or the one history of a seed."""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict

from rich.console import Console

from services.console.stack import LocalStack
from tests.simulation.depths import PURE, Depth, Failed, Played, fresh_seeds, histories, real_depth

DEPTHS = ("pure", "real")
# Of the time, where both depths are played.
SHARE_OF_PURE = 0.25

say = Console(stderr=True, highlight=False, soft_wrap=True)


def main() -> int:
    """Exit status 1 where a history failed."""
    asked = _asked()
    seeds = fresh_seeds() if asked.seed is None else (asked.seed,)
    played: dict[str, Played] = {}
    failure: str | None = None
    with ExitStack() as exits:
        try:
            for depth, seconds in _depths(asked, exits):
                for so_far in histories(depth, seeds, seconds=seconds):
                    played[depth.name] = so_far
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


def _depths(asked: argparse.Namespace, exits: ExitStack) -> Iterator[tuple[Depth, float]]:
    share = {"pure": SHARE_OF_PURE, "real": 1 - SHARE_OF_PURE} if asked.depth is None else {asked.depth: 1.0}
    if "pure" in share:
        yield PURE, asked.seconds * share["pure"]
    if "real" in share:
        stack = exits.enter_context(LocalStack(fsync=False))
        yield exits.enter_context(real_depth(stack.database_admin_url)), asked.seconds * share["real"]


if __name__ == "__main__":
    sys.exit(main())
