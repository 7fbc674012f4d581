"""Tickets that are outsourced on: every change arrives everywhere once, nothing comes back, and nobody is disclosed."""

import re
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ticket_sync.domain.links import Link
from services.ticket_sync.handlers import HANDLERS
from shared.contracts.ticket_sync import (
    CopiedFrom,
    EntryBody,
    EntryHeld,
    EntryReleased,
    EntryReplicated,
    EntryWithdrawn,
    NewsCameUp,
    SyncDigest,
)
from shared.contracts.values import Delivery, Payload
from shared.ids import new_id
from shared.messaging.outcomes import Changed, Deliver, NotYet
from tests.unit.memory import Memory
from tests.unit.ticket_sync.outsourcing import (
    CHARGE,
    NOTE,
    NOW,
    PATH,
    TIME,
    Outsourcing,
    accepted,
    ask,
    force,
    opened,
    put,
    reject,
    remove,
    submit,
)
from tests.unit.ticket_sync.passing_on import chain_of

SLUGS = ["nordlicht", "alpenwerk", "elbtal", "rheintal", "ostsee", "harz", "eifel", "rhoen"]
FIRST, SECOND, THIRD, LAST = SLUGS[:4]
# What a change is told by in a chain of that many, at the most: each passes on to its neighbours, also back.
MOST_STEPS = 100


class Chain(Memory):
    """Several instances, each with the ticket of the one before it; all messages between them, one after another."""

    def __init__(self, slugs: list[str]) -> None:
        super().__init__(HANDLERS, NOW)
        self.ids = [new_id() for _ in slugs[1:]]
        for place, id in enumerate(self.ids):
            acceptance = accepted(id).model_copy(
                update={
                    "lead": slugs[place],
                    "service": slugs[place + 1],
                    "derived_from": self.ids[place - 1] if place else None,
                }
            )
            self.say("tandem/offer_handler", acceptance)
            self.say(slugs[place + 1], opened(outsourcing_id=id))
        self.adapters = {one.slug: one for one in chain_of(slugs, self.ids)}
        self.commands = 0
        self.heard: list[tuple[str, Delivery]] = []
        self.told.clear()

    def write(self, slug: str, id: UUID, version: int, text: str | None) -> None:
        """One change, and all that follows from it."""
        waiting: list[tuple[str, Payload]] = [(slug, one) for one in self.adapters[slug].write(id, version, text)]
        for _ in range(MOST_STEPS):
            if not waiting:
                return
            waiting += self._said(*waiting.pop(0))
        raise AssertionError("it goes round and round")

    def arrivals(self) -> Counter[tuple[str, UUID, str | None]]:
        """Where each change arrived and how often, since this was asked last."""
        counted = Counter((one.slug, *arrival) for one in self.adapters.values() for arrival in one.arrived)
        for one in self.adapters.values():
            one.arrived.clear()
        return counted

    def _said(self, slug: str, data: Payload) -> list[tuple[str, Payload]]:
        self.told.clear()
        assert isinstance(self.say(slug, data), Changed), "who is told of nothing is answered like any other"
        self.commands += 1
        facts = [(one.to, one.data) for one in self.told if isinstance(one, Deliver)]
        self.heard += facts
        return [
            (to, said)
            for to, fact in facts
            if isinstance(fact, EntryReplicated | EntryWithdrawn)
            for said in self.adapters[to].take(fact)
        ]


def everywhere_else(chain: Chain, writer: str, text: str | None) -> Counter[tuple[str, UUID, str | None]]:
    """Every other ticket of the chain once: by the outsourcing that leads to it from the writer."""
    links = [(link.lead, link.service, link.outsourcing_id) for link in chain.all_of(Link)]
    place = next(n for n, (lead, _, _) in enumerate([*links, (links[-1][1], "", UUID(int=0))]) if lead == writer)
    before = [(lead, id, text) for lead, _, id in links[:place]]
    after = [(service, id, text) for _, service, id in links[place:]]
    return Counter([*before, *after])


@pytest.mark.parametrize("length", range(2, len(SLUGS) + 1))
def test_every_change_arrives_everywhere_once_by_as_many_messages_as_the_chain_is_long(length: int) -> None:
    slugs = SLUGS[:length]
    for writer in slugs:
        chain, id = Chain(slugs), new_id()
        for version, text in enumerate(("first", "second", None, "third"), 1):
            before = chain.commands
            chain.write(writer, id, version, text)
            assert chain.arrivals() == everywhere_else(chain, writer, text)
            assert chain.commands - before == 2 * (length - 1)


def test_who_is_asked_by_the_last_of_the_chain_that_began_with_it_gets_nothing_back_on_its_new_ticket() -> None:
    circle = [FIRST, SECOND, THIRD, LAST, FIRST]
    for writer in circle[:4]:
        chain, id = Chain(circle), new_id()
        for version, text in enumerate(("first", "second", None), 1):
            chain.write(writer, id, version, text)
            expected = everywhere_else(chain, writer, text)
            if writer == FIRST:
                del expected[FIRST, chain.ids[-1], text]
            assert chain.arrivals() == expected


@given(data=st.data())
def test_whoever_writes_whatever_it_arrives_everywhere_once(data: Any) -> None:
    slugs = SLUGS[: data.draw(st.integers(2, 5))]
    chain, ids, versions = Chain(slugs), {slug: new_id() for slug in slugs}, Counter[str]()
    for _ in range(data.draw(st.integers(1, 6))):
        writer = data.draw(st.sampled_from(slugs))
        text = data.draw(st.sampled_from(["a", "b", None])) if versions[writer] else "a"
        versions[writer] += 1
        chain.write(writer, ids[writer], versions[writer], text)
        standing = chain.arrivals()
        assert standing == everywhere_else(chain, writer, text) or text is None


def test_no_side_learns_of_anybody_but_its_partners() -> None:
    chain = Chain(SLUGS[:4])
    for writer in SLUGS[:4]:
        chain.write(writer, new_id(), 1, "a note")
    for place, slug in enumerate(SLUGS[:4]):
        heard = " ".join(f"{fact!r}" for to, fact in chain.heard if to == slug)
        strangers = {one for n, one in enumerate(SLUGS[:4]) if abs(n - place) > 1}
        foreign = {str(id) for n, id in enumerate(chain.ids) if n not in (place - 1, place)}
        assert not [word for word in {*strangers, *foreign, "copied_from", "derived_from"} if word in heard]


# One ticket at a time: what the second passes back to the first, beside a note of its own.


def chain_of_three() -> tuple[Outsourcing, UUID, UUID]:
    """The first's ticket at the second, and on at the third; what was told until then is forgotten."""
    play, ids = Outsourcing(), (new_id(), new_id())
    for id, lead, service in ((ids[0], FIRST, SECOND), (ids[1], SECOND, THIRD)):
        play.say("tandem/offer_handler", accepted(id).model_copy(update={"lead": lead, "service": service}))
        play.say(service, opened(outsourcing_id=id))
    play.told.clear()
    return play, *ids


def circle_of_three() -> tuple[Outsourcing, UUID, CopiedFrom]:
    """The same, and the third outsources it on to the first, who writes on it; what of that the second was told of."""
    play, id, onward = chain_of_three()
    last, origin, passed_on = new_id(), new_id(), new_id()
    play.say("tandem/offer_handler", accepted(last).model_copy(update={"lead": THIRD, "service": FIRST}))
    play.say(FIRST, opened(outsourcing_id=last))
    play.say(FIRST, put(NOTE, id=origin, outsourcing_id=last))
    play.say(THIRD, put(NOTE, id=passed_on, outsourcing_id=onward, copied_from=from_(last, origin)))
    play.told.clear()
    play.news.clear()
    return play, id, from_(onward, passed_on)


def from_(outsourcing_id: UUID, entry_id: UUID) -> CopiedFrom:
    return CopiedFrom(outsourcing_id=outsourcing_id, entry_id=entry_id)


def but_for_ids(facts: list[Delivery]) -> list[dict[str, Any]]:
    return [one.model_dump(exclude={"entry_id"}) for one in facts]


def test_what_comes_back_is_answered_like_any_other_in_every_state_and_changes_nothing() -> None:
    """Both are put, changed, held, released, held again and kept local; only one of them reaches the lead."""
    play, id, came_round = circle_of_three()
    back, own = new_id(), new_id()
    told_of: dict[UUID, list[Delivery]] = {back: [], own: []}
    reached: Counter[UUID] = Counter()

    def both(version: int, **more: Any) -> None:
        for entry, source in ((back, came_round), (own, None)):
            play.say(SECOND, put(NOTE, id=entry, version=version, outsourcing_id=id, copied_from=source, **more))
        hear()

    def hear() -> None:
        for fact in play.heard_by(SECOND):
            if (entry := getattr(fact, "entry_id", None)) in told_of:
                told_of[entry].append(fact)
        for fact in play.heard_by(FIRST):
            if (entry := getattr(fact, "entry_id", None)) in told_of:
                reached[entry] += 1

    both(1)
    both(2, visibility="internal")
    both(3)
    play.say(SECOND, submit(outsourcing_id=id))
    both(4)
    both(5, visibility="internal")
    play.say(FIRST, reject(id))
    hear()
    both(6)
    for entry in (back, own):
        play.say(SECOND, remove(entry, 7, id))
    play.say(SECOND, ask({back: 6, own: 6}, outsourcing_id=id))
    (digest,) = [one for one in play.heard_by(SECOND) if isinstance(one, SyncDigest)]
    assert [type(one) for one in told_of[back]] == [EntryHeld, EntryHeld, EntryReleased]
    assert but_for_ids(told_of[back]) == but_for_ids(told_of[own])
    assert reached[back] == 0 < reached[own]
    assert [(one.entry_id, one.version) for one in digest.removed] == sorted([(back, 7), (own, 7)])
    play.say(FIRST, ask(outsourcing_id=id))
    (digest,) = [one for one in play.heard_by(FIRST) if isinstance(one, SyncDigest)]
    assert digest.copies.entries == 0


def test_nobody_reads_news_of_what_would_come_back_when_it_is_released() -> None:
    play, id, came_round = circle_of_three()
    play.say(SECOND, submit(outsourcing_id=id))
    play.say(SECOND, put(NOTE, outsourcing_id=id, copied_from=came_round))
    play.say(FIRST, reject(id))
    assert [type(one) for one in play.told_to(SECOND)][-1] is EntryReleased
    assert not [one for one in play.news if isinstance(one, NewsCameUp)]


@pytest.mark.parametrize("body", [CHARGE, TIME])
def test_what_is_passed_straight_back_is_no_work_of_who_does_it_and_what_came_round_is(body: EntryBody) -> None:
    """Whoever passes everything on would else bill the lead for what the lead itself wrote."""
    play, id, came_round = circle_of_three()
    origin = new_id()
    play.say(FIRST, put(body, id=origin, outsourcing_id=id))
    play.say(SECOND, put(CHARGE, outsourcing_id=id, copied_from=from_(id, origin)))
    assert isinstance(play.say(SECOND, submit(outsourcing_id=id)), Changed)
    play.say(FIRST, reject(id))
    play.say(SECOND, put(CHARGE, outsourcing_id=id, copied_from=came_round))
    assert isinstance(play.say(SECOND, submit(1, "0", "1.01", outsourcing_id=id)), Changed)


def test_who_once_forgot_to_say_what_it_passes_straight_back_can_say_so_again() -> None:
    play, id, _ = chain_of_three()
    origin, back = new_id(), new_id()
    play.say(FIRST, put(CHARGE, id=origin, outsourcing_id=id))
    play.say(SECOND, put(CHARGE, id=back, outsourcing_id=id, copied_from=from_(id, origin)))
    play.say(SECOND, put(CHARGE, id=back, version=2, outsourcing_id=id))
    play.say(SECOND, put(CHARGE, id=back, version=3, outsourcing_id=id, copied_from=from_(id, origin)))
    assert isinstance(play.say(SECOND, submit(outsourcing_id=id)), Changed)


def test_an_entry_that_was_passed_on_once_does_not_forget_where_it_has_been() -> None:
    play, id, _ = chain_of_three()
    origin, back = new_id(), new_id()
    play.say(FIRST, put(NOTE, id=origin, outsourcing_id=id))
    play.say(SECOND, put(NOTE, id=back, outsourcing_id=id, copied_from=from_(id, origin)))
    play.told.clear()
    play.say(SECOND, put(NOTE, id=back, version=2, outsourcing_id=id))
    assert play.told == []


def test_what_goes_round_and_round_remembers_each_company_once() -> None:
    play, id, onward = chain_of_three()
    source = from_(id, new_id())
    play.say(SECOND, put(NOTE, id=source.entry_id, outsourcing_id=id))
    for to in (onward, id, onward, id):
        passed_on = put(NOTE, outsourcing_id=to, copied_from=source)
        assert isinstance(play.say(SECOND, passed_on), Changed)
        source = from_(to, passed_on.entry_id)
    assert play.entry(source.entry_id).path == (SECOND,)


def test_who_has_a_copy_is_not_left_with_it_whatever_is_said_of_its_origin_later() -> None:
    play, id, _ = chain_of_three()
    origin, own = new_id(), new_id()
    play.say(FIRST, put(NOTE, id=origin, outsourcing_id=id))
    play.say(SECOND, put(NOTE, id=own, outsourcing_id=id))
    play.told.clear()
    play.say(SECOND, put(NOTE, id=own, version=2, outsourcing_id=id, copied_from=from_(id, origin)))
    play.say(SECOND, remove(own, 3, id))
    assert [type(one) for one in play.heard_by(FIRST)] == [EntryReplicated, EntryWithdrawn]


def nothing(_play: Outsourcing, _id: UUID, _entry: UUID) -> None:
    """There is no entry of that id."""


def internal(play: Outsourcing, id: UUID, entry: UUID) -> None:
    play.say(FIRST, put(NOTE, id=entry, outsourcing_id=id, visibility="internal"))


def a_link(play: Outsourcing, id: UUID, entry: UUID) -> None:
    play.say(FIRST, put(PATH, id=entry, outsourcing_id=id))


def held(play: Outsourcing, id: UUID, entry: UUID) -> None:
    play.say(SECOND, submit(outsourcing_id=id))
    play.say(FIRST, put(NOTE, id=entry, outsourcing_id=id))


@pytest.mark.parametrize("happened", [nothing, internal, a_link, held])
def test_only_what_one_has_can_be_passed_on(happened: Callable[[Outsourcing, UUID, UUID], None]) -> None:
    play, id, onward = chain_of_three()
    entry = new_id()
    happened(play, id, entry)
    passed_on = put(NOTE, outsourcing_id=onward, copied_from=from_(id, entry))
    assert play.say(SECOND, passed_on) == NotYet("outsourcing/unknown")


def test_what_is_on_the_ticket_of_others_cannot_be_passed_on_whether_it_is_there_or_not() -> None:
    play, id, onward = chain_of_three()
    entry = new_id()
    play.say(FIRST, put(NOTE, id=entry, outsourcing_id=id))
    for source in (from_(id, entry), from_(id, new_id()), from_(new_id(), entry)):
        passed_on = put(NOTE, outsourcing_id=onward, copied_from=source)
        assert play.say(THIRD, passed_on) == NotYet("outsourcing/unknown")


def test_what_was_withdrawn_meanwhile_was_had() -> None:
    play, id, onward = chain_of_three()
    entry = new_id()
    play.say(FIRST, put(NOTE, id=entry, outsourcing_id=id))
    play.say(FIRST, remove(entry, 2, id))
    passed_on = put(NOTE, outsourcing_id=onward, copied_from=from_(id, entry))
    assert isinstance(play.say(SECOND, passed_on), Changed)


def test_the_sum_of_a_partner_s_time_can_be_passed_on_by_who_was_told_of_it() -> None:
    play, id, onward = chain_of_three()
    play.say(THIRD, put(TIME, outsourcing_id=onward))
    play.say(SECOND, force(onward))
    (summed,) = [one for one in play.heard_by(SECOND) if isinstance(one, EntryReplicated) and one.owner == "tandem"]
    for slug, answer in ((SECOND, Changed), (THIRD, NotYet)):
        back = put(CHARGE, outsourcing_id=id, copied_from=from_(onward, summed.entry_id))
        assert isinstance(play.say(slug, back), answer)
    assert [one.owner for one in play.heard_by(FIRST) if isinstance(one, EntryReplicated)] == [SECOND]


def test_nothing_that_tandem_adds_to_a_ticket_names_who_worked_on_it() -> None:
    """It may be passed on like any other entry, and a lead learns of no third company."""
    play, id, onward = chain_of_three()
    play.say(THIRD, put(TIME, outsourcing_id=onward))
    play.say(SECOND, force(onward))
    for one in play.told_to(SECOND):
        if isinstance(one, EntryReplicated) and one.owner == "tandem":
            play.say(SECOND, put(one.body, outsourcing_id=id, copied_from=from_(onward, one.entry_id)))
    arrived = [one for one in play.heard_by(FIRST) if isinstance(one, EntryReplicated)]
    assert len(arrived) == 1
    (link,) = [one for one in play.all_of(Link) if one.outsourcing_id == onward]
    assert link.service == THIRD and link.service_number
    assert not {THIRD, link.service_number, str(onward)} & set(re.split(r"[^\w-]+", arrived[0].model_dump_json()))


def test_what_one_outsources_on_is_known_to_tandem_alone() -> None:
    play, held_by_lead = Outsourcing(), new_id()
    play.say("tandem/offer_handler", accepted().model_copy(update={"derived_from": held_by_lead}))
    assert play.link.derived_from == held_by_lead
    assert str(held_by_lead) not in "".join(one.data.model_dump_json() for one in play.told)
