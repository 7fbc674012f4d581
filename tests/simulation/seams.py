"""Where a worker meets the outside, and the simulation takes its place: two `connect`s, ids, chance and logs."""

import gc
import random
import sys
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import aio_pika
import structlog

from services.ticket_sync.domain import line, news, repair
from services.ticket_sync.store import line as line_store
from services.ticket_sync.store import news as news_store
from shared import database, ids
from tests.simulation.dice import Dice
from tests.simulation.room import SMALL
from tests.simulation.simulated_broker import Broker
from tests.simulation.simulated_postgres import Postgres


@contextmanager
def small_pieces() -> Iterator[None]:
    """What is told piece by piece takes several, with all that comes in between; and not all news is listed."""
    few = [(module, "MOST_IN_A_PIECE", SMALL.piece) for module in (line, repair, line_store)]
    few += [(module, "MOST_NEWS_LISTED", SMALL.listed) for module in (news, news_store)]
    before = [(module, name, getattr(module, name)) for module, name, _ in few]
    for module, name, number in few:
        setattr(module, name, number)
    try:
        yield
    finally:
        for module, name, number in before:
            setattr(module, name, number)


@contextmanager
def no_search_for_cycles() -> Iterator[None]:
    """A history is small and soon over: what it leaves is freed before the next, and nobody looks for it meanwhile.

    What was there before it is left out of every later search: that would take longer than all that is to be found.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def simulated(
    broker: Broker, postgres: Postgres, dice: Dice, heard: Callable[[str, dict[str, Any]], None]
) -> Iterator[None]:
    """Workers started inside meet this broker and this database; `heard` gets the level and fields of their logs."""

    def uuid7(nanoseconds: int) -> UUID:
        return dice.uuid7(datetime.fromtimestamp(nanoseconds / 1e9, UTC))

    def hear(_: Any, level: str, fields: MutableMapping[str, Any]) -> str:
        if "exc_info" in fields:
            fields["exc_info"] = repr(sys.exc_info()[1] if fields["exc_info"] is True else fields["exc_info"])
        heard(level, dict(fields))
        raise structlog.DropEvent

    places = ((aio_pika, "connect", broker.connect), (database, "connect", postgres.connect), (ids, "uuid7", uuid7))
    before = [(module, name, getattr(module, name)) for module, name, _ in places]
    logging, chance = structlog.get_config(), random.getstate()
    for module, name, simulation in places:
        setattr(module, name, simulation)
    structlog.configure(processors=[hear], cache_logger_on_first_use=False)
    random.seed(dice.getrandbits(64))
    try:
        yield
    finally:
        for module, name, reality in before:
            setattr(module, name, reality)
        structlog.configure(**logging)
        random.setstate(chance)
