"""Rules that are broken on purpose: a history finds each of them, and says how to play it again."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from services.ticket_sync.handlers import HANDLERS
from shared.contracts.ticket_sync import CompletionReject, EntryPut
from shared.contracts.values import Payload
from shared.messaging.outcomes import Decision
from shared.messaging.routes import Handlers
from tests.simulation.depths import Depth, Failed, histories
from tests.simulation.pure import PureHistory

Rule = Callable[..., Decision]
SEEDS = range(1, 11)


def forget_what_was_removed(rule: Rule, link: Any, entry: Any, *more: Any) -> Decision:
    return rule(link, None if entry and entry.removed else entry, *more)


def take_any_version(rule: Rule, link: Any, entry: Any, *more: Any) -> Decision:
    return rule(link, entry and replace(entry, version=0, copy_version=entry.copy_version and 0), *more)


def drop_what_was_held(rule: Rule, link: Any, agreed: Any, _: Any, rejection: Any) -> Decision:
    return rule(link, agreed, (), rejection)


def release_in_another_order(rule: Rule, link: Any, agreed: Any, held: Any, rejection: Any) -> Decision:
    return rule(link, agreed, tuple(replace(entry, place=-entry.place) for entry in held), rejection)


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        (EntryPut, forget_what_was_removed),
        (EntryPut, take_any_version),
        (CompletionReject, drop_what_was_held),
        (CompletionReject, release_in_another_order),
    ],
    ids=lambda given: given.__name__,
)
def test_a_broken_rule_is_found(kind: type[Payload], fault: Rule) -> None:
    depth = Depth("pure", partial(PureHistory, handlers=_broken(kind, fault)))
    with pytest.raises(Failed) as failed:
        for _ in histories(depth, SEEDS):
            pass
    assert "make simulate DEPTH=pure SEED=" in str(failed.value)


def _broken(kind: type[Payload], fault: Rule) -> Handlers:
    route = HANDLERS.routes[kind.kind]
    broken = replace(route, decide=partial(fault, route.decide))
    return Handlers(HANDLERS.service, HANDLERS.tables, {**HANDLERS.routes, kind.kind: broken})
