"""Rules that are broken on purpose: a history finds each of them, and says how to play it again."""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from services.console.stack import LocalStack
from services.ticket_sync.domain import line
from services.ticket_sync.domain.files import Upload
from services.ticket_sync.handlers import HANDLERS
from shared.contracts.notifier import NewsFellDue
from shared.contracts.ticket_sync import (
    CompletionForce,
    CompletionReject,
    CompletionSubmit,
    EntryPut,
    EntryRemove,
    LineUnfinished,
    NewsGathered,
    RepairUnfinished,
    SyncRequest,
)
from shared.contracts.values import Payload
from shared.ids import new_id
from shared.messaging.outcomes import Changed, Decision, Deliver
from shared.messaging.routes import Handlers
from shared.messaging.sharing import Serving
from tests.simulation import real
from tests.simulation.depths import Depth, Failed, histories, real_depth
from tests.simulation.pure import PureHistory
from tests.simulation.trouble import CALM, STORM
from tests.simulation.violations import Violation

Rule = Callable[..., Decision]
# The first is one in which a file lapses soon; most faults show in any.
SEEDS = (25, *range(1, 11))


def forget_what_was_removed(rule: Rule, link: Any, entry: Any, *more: Any) -> Decision:
    return rule(link, None if entry and entry.removed else entry, *more)


def take_any_version(rule: Rule, link: Any, entry: Any, *more: Any) -> Decision:
    return rule(link, entry and replace(entry, version=0, copy_version=entry.copy_version and 0), *more)


def drop_what_was_held(rule: Rule, link: Any, agreed: Any, front: Any, _: Any, rejection: Any) -> Decision:
    return rule(link, agreed, front, (), rejection)


def release_in_another_order(rule: Rule, link: Any, agreed: Any, front: Any, held: Any, rejection: Any) -> Decision:
    backwards = reversed([entry.place for entry in held])
    exchanged = (replace(entry, place=place) for entry, place in zip(held, backwards, strict=True))
    return rule(link, agreed, front, tuple(exchanged), rejection)


def pass_on_to_where_it_came_from(rule: Rule, link: Any, known: Any, namesake: Any, *more: Any) -> Decision:
    """As if nobody knew where an entry had been: it comes back."""
    decision = rule(link, known, namesake, *more)
    put = more[-1]
    if put.data.copied_from is None:
        return decision
    unsourced = put.data.model_copy(update={"copied_from": None})
    return rule(link, known, namesake, *more[:-1], replace(put, data=unsourced))


def let_anybody_pass_on_anything(rule: Rule, link: Any, known: Any, namesake: Any, *more: Any) -> Decision:
    source_link, source, *rest = more
    put = rest[-1]
    return rule(link, known, namesake, source_link, source and replace(source, owner=put.sender), *rest)


def take_for_work_what_comes_straight_back(rule: Rule, link: Any, known: Any, namesake: Any, *more: Any) -> Decision:
    source_link, source, *rest = more
    from_elsewhere = source and replace(source, outsourcing_id=new_id())
    return rule(link, known, namesake, source_link, from_elsewhere, *rest)


def cite_what_another_uploaded(rule: Rule, link: Any, *more: Any) -> Decision:
    *rest, upload, effort, put = more
    cited = put.data.body
    if upload is None and cited.kind == "attachment":
        until = put.now + timedelta(days=1)
        of_another = ("anybody", cited.sha256, cited.size, cited.media_type, put.now, until, (put.source, put.id))
        upload = Upload(*of_another)
    return rule(link, *rest, upload, effort, put)


def cite_what_has_lapsed(rule: Rule, link: Any, *more: Any) -> Decision:
    *rest, upload, effort, put = more
    return rule(link, *rest, upload and replace(upload, lapses_at=put.now + timedelta(days=1)), effort, put)


def keep_what_is_missing_to_oneself(rule: Rule, *given: Any) -> Decision:
    """The digest is right, and what is lacking never follows."""
    decision = rule(*given)
    return Changed(*decision.values, tell=decision.tell[:1], history="") if isinstance(decision, Changed) else decision


def want_nothing(rule: Rule, *given: Any) -> Decision:
    decision = rule(*given)
    if not isinstance(decision, Changed):
        return decision
    digest, *more = decision.tell
    assert isinstance(digest, Deliver)
    told = Deliver(digest.to, digest.data.model_copy(update={"wanted": ()}))
    return Changed(*decision.values, tell=(told, *more), history="")


def keep_to_oneself_what_is_severed(rule: Rule, link: Any, holdings: Any, at_hand: Any, last: Any, request: Any) -> Any:
    severed = {one.entry_id for one in (*(holdings.entries if holdings else ()), *at_hand) if one.is_severed}
    data = request.data.model_copy(update={"severed": tuple(severed)})
    return rule(link, holdings, at_hand, last, replace(request, data=data))


def stop_after_a_piece(rule: Rule, link: Any, repair: Any, *more: Any) -> Decision:
    return rule(link, repair and replace(repair, entry_ids=()), *more)


def lose_the_rest_of_the_line(rule: Rule, link: Any, front: Any, _: Any, unfinished: Any) -> Decision:
    return rule(link, front, (), unfinished)


def overtake_what_is_in_line(rule: Rule, link: Any, *more: Any) -> Decision:
    return rule(link and replace(link, passed_place=link.last_place), *more)


def submit_while_some_are_in_line(rule: Rule, link: Any, *more: Any) -> Decision:
    return rule(link and replace(link, passed_place=link.last_place), *more)


def warn_again(rule: Rule, *given: Any) -> Decision:
    *known, effort, put = given
    return rule(*known, effort and replace(effort, told=()), put)


def count_what_was_removed(rule: Rule, link: Any, known: Any, namesake: Any, _: Any, removal: Any) -> Decision:
    return rule(link, known, namesake, None, removal)


def tell_the_whole_line_at_once(rule: Rule, *given: Any) -> Decision:
    before, line.MOST_IN_A_PIECE = line.MOST_IN_A_PIECE, 1000
    try:
        return rule(*given)
    finally:
        line.MOST_IN_A_PIECE = before


def say_of_each_that_news_came_up(rule: Rule, link: Any, *more: Any) -> Decision:
    return rule(link and replace(link, lead_news_since=None, service_news_since=None), *more)


def gather_it_again(rule: Rule, *given: Any) -> Decision:
    """What was told goes on gathering."""
    decision = rule(*given)
    return Changed(tell=decision.tell, history="") if isinstance(decision, Changed) else decision


def end_without_the_news(rule: Rule, *given: Any) -> Decision:
    decision = rule(*given)
    if not isinstance(decision, Changed):
        return decision
    tell = [told for told in decision.tell if not isinstance(told.data, NewsGathered)]
    return Changed(*decision.values, tell=tell, history="")


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        (EntryPut, forget_what_was_removed),
        (EntryPut, take_any_version),
        (CompletionReject, drop_what_was_held),
        (CompletionReject, release_in_another_order),
        (EntryPut, pass_on_to_where_it_came_from),
        (EntryPut, let_anybody_pass_on_anything),
        (EntryPut, take_for_work_what_comes_straight_back),
        (EntryPut, cite_what_another_uploaded),
        (EntryPut, cite_what_has_lapsed),
        (SyncRequest, keep_what_is_missing_to_oneself),
        (SyncRequest, want_nothing),
        (SyncRequest, keep_to_oneself_what_is_severed),
        (RepairUnfinished, stop_after_a_piece),
        (LineUnfinished, lose_the_rest_of_the_line),
        (EntryPut, overtake_what_is_in_line),
        (CompletionSubmit, submit_while_some_are_in_line),
        (EntryPut, warn_again),
        (EntryRemove, count_what_was_removed),
        (CompletionReject, tell_the_whole_line_at_once),
        (EntryPut, say_of_each_that_news_came_up),
        (NewsFellDue, gather_it_again),
        (CompletionForce, end_without_the_news),
    ],
    ids=lambda given: given.__name__,
)
def test_a_broken_rule_is_found(kind: type[Payload], fault: Rule) -> None:
    depth = Depth("pure", partial(PureHistory, handlers=_broken(kind, fault)))
    with pytest.raises(Failed) as failed:
        for _ in histories(depth, SEEDS):
            pass
    assert isinstance(failed.value.__cause__, Violation)
    assert "make simulate DEPTH=pure SEED=" in str(failed.value)


def _broken(kind: type[Payload], fault: Rule) -> Handlers:
    route = HANDLERS.routes[kind.kind]
    broken = replace(route, decide=partial(fault, route.decide))
    return Handlers(HANDLERS.service, HANDLERS.tables, {**HANDLERS.routes, kind.kind: broken})


@pytest.mark.slow
def test_a_shard_that_is_given_up_too_early_is_found(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    is_superseded = property(lambda serving: serving.superseded_at < math.inf)
    monkeypatch.setattr(Serving, "is_drained", is_superseded)
    # Nothing else goes wrong that takes its time to mend.
    monkeypatch.setattr(real, "ACTS", 100)
    monkeypatch.setattr(real, "LONGEST_REST_SECONDS", 30.0)
    trouble = replace(CALM, death=STORM.death, other_shards=5 * STORM.other_shards)
    with real_depth(stack.database_admin_url, trouble) as depth, pytest.raises(Failed) as failed:
        for _ in histories(depth, SEEDS):
            pass
    assert isinstance(failed.value.__cause__, Violation)
    assert "does not come to rest" in str(failed.value)
