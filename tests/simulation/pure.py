"""The pure depth: ticket_sync's rules alone, over values in memory, as many steps a second as can be."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from services.ticket_sync.handlers import HANDLERS
from shared.contracts.gateway import FileUploaded
from shared.contracts.offer_handler import OutsourcingAccepted
from shared.contracts.ticket_sync import CompletionSubmitted, FileCited, FileReleased, LineUnfinished, RepairUnfinished
from shared.contracts.values import Delivery, Payload
from shared.messaging.outcomes import Changed, Decision, Deliver, Message, NotYet, Refused, Unchanged
from shared.messaging.routes import Handlers
from tests.simulation.checking import Found, check_copies, check_secrecy, files_of
from tests.simulation.companies import Said
from tests.simulation.dice import Dice
from tests.simulation.elsewhere import Elsewhere
from tests.simulation.facts import SERVICES, Fact, fact_of
from tests.simulation.model import Outcome, Outsourcing
from tests.simulation.rules_in_memory import RulesInMemory
from tests.simulation.seams import no_search_for_cycles, small_pieces
from tests.simulation.story import OURSELVES, SLUGS, Story
from tests.simulation.violations import Trace, expect

BEGIN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
STEPS = 4000
TICKETS = 8
# What is under way to the rules or to a company; beyond it, it is carried before anything else is said.
MOST_UNDER_WAY = 40
MOST_IN_A_TURN = 8
# How soon what ticket_sync says to itself comes back: there is time to say something in between.
BACK = 0.05
# From one message of a turn to the next: longer than what is told of one is apart.
MOMENT = timedelta(milliseconds=1)
# How often time leaps between two turns.
LEAP = 0.003

Letter = tuple[UUID, str, int, Delivery]
_OUTCOMES: dict[type[Decision], Outcome] = {
    Changed: "applied",
    Unchanged: "unchanged",
    Refused: "refused",
    NotYet: "refused",
}


class PureHistory:
    """One seed's history; a step is something said, decided, or heard.

    A post carries what is said and told: late, twice, out of order, or only when sent again.
    """

    def __init__(self, seed: int, handlers: Handlers = HANDLERS) -> None:
        self.trace = Trace()
        self.steps = 0
        self._dice = Dice(seed)
        self._now = BEGIN
        self._story = Story(self._dice, lambda: self._now, TICKETS)
        self._rules = RulesInMemory(handlers)
        self._models: dict[UUID, Outsourcing] = {}
        self._model_of: dict[str, Outsourcing] = {}
        self._elsewhere = Elsewhere(self._models)
        self._found: dict[UUID, Found] = {}
        self._seen: set[UUID] = set()
        self._early: dict[str, list[Said]] = {}
        self._said: list[Said] = []
        self._said_to_itself: list[Said] = []
        self._letters: dict[str, list[Letter]] = {slug: [] for slug in SLUGS}
        self._sequence = 0

    def play(self) -> None:
        """Raises Violation as soon as something is not as it must be."""
        with small_pieces(), no_search_for_cycles():
            while self.steps < STEPS:
                self._go_on()
            self._come_to_rest()

    def _go_on(self) -> None:
        dice, throw = self._dice, self._dice.random()
        if self._said_to_itself and dice.happens(BACK):
            self._hear_itself()
        if self._story.has_room:
            self._said.append(self._story.outsource())
        elif throw < 0.001:
            self._said.append(self._story.end_partnership())
        elif throw < 0.004:
            self._said += [said] if (said := self._story.tell_what_to_hold()) else []
        elif throw < 0.008:
            self._said += [said] if (said := self._story.ask_for_news()) else []
        elif throw < 0.014:
            self._said.append(self._story.upload())
        elif throw < 0.5 and len(self._said) < MOST_UNDER_WAY:
            self.steps += 1
            if said := self._story.act():
                self._said.append(said)
        elif throw < 0.75 and self._said:
            self._turn([self._carried() for _ in range(min(dice.randint(1, MOST_IN_A_TURN), len(self._said)))])
        else:
            self._deliver(dice.choice(SLUGS))

    def _hear_itself(self) -> None:
        self._said += self._said_to_itself
        self._said_to_itself.clear()

    def _carried(self) -> Said:
        """What comes next: mostly the oldest, sometimes another, and sometimes one that comes again later."""
        dice, said = self._dice, self._said
        place = 0 if dice.happens(0.9) else dice.randrange(len(said))
        carried = said.pop(place)
        if dice.happens(0.05):
            said.insert(dice.randint(0, len(said)), carried)
        return carried

    def _turn(self, taken: list[Said]) -> None:
        """Several at once, one a moment after another."""
        self.steps += len(taken)
        self._let_time_pass()
        for said in taken:
            self._elsewhere.now = self._now = self._now + MOMENT
            if said.id in self._seen:
                self.trace.note("again", said)
                continue
            self._seen.add(said.id)
            if type(said.data) is OutsourcingAccepted and said.subject not in self._model_of:
                self._begin(said, said.data)
            elif said.subject in self._model_of or type(said.data) is FileUploaded:
                self._compare(said, self._decide(said))
            else:
                self.trace.note("early", said)
                expect("outcome of", said, NotYet("outsourcing/unknown"), self._decide(said))
                self._early.setdefault(said.subject, []).append(said)

    def _begin(self, said: Said, accepted: OutsourcingAccepted) -> None:
        """The outsourcing is known from now on, and what came too early is decided in its order."""
        self.trace.note("begins", said)
        model = Outsourcing(accepted, self._elsewhere)
        self._models[accepted.outsourcing_id] = self._model_of[said.subject] = model
        self._compare_facts(said, self._decide(said), model)
        for one in self._early.pop(said.subject, []):
            self._compare(one, self._decide(one))

    def _decide(self, said: Said) -> Decision:
        return self._rules.decide(self._message(said))

    def _message(self, said: Said) -> Message[object]:
        return Message(
            id=said.id,
            source=f"/{said.sender}" if "/" in said.sender else f"/instances/{said.sender}",
            sender=said.sender,
            kind=said.data.kind,
            subject=said.subject,
            time=self._now,
            data=said.data,
            now=self._now,
            fresh_id=self._dice.uuid7(self._now),
        )

    def _compare(self, said: Said, decision: Decision) -> None:
        self.trace.note("decided", said)
        if type(said.data) is FileUploaded:
            must = "applied" if self._elsewhere.upload(said.data) else "unchanged"
            expect("outcome of", said, must, _outcome(decision))
            return
        model = self._model_of[said.subject]
        if said.sender not in model.facts and "/" not in said.sender:
            expect("outcome, by a stranger, of", said, NotYet("outsourcing/unknown"), decision)
            return
        expect("outcome of", said, model.take(said.id, said.sender, said.data), _outcome(decision))
        self._compare_facts(said, decision, model)

    def _compare_facts(self, said: Said, decision: Decision, model: Outsourcing) -> None:
        """What is told is what must be told, to whom and in which order; then it is under way."""
        told: dict[str, list[Fact]] = {to: [] for to in model.facts}
        if type(decision) is Changed:
            for tell in decision.tell:
                if type(tell) is Deliver:
                    to = tell.to
                    self._send(to, said.subject, tell.data, model)
                else:
                    to = SERVICES
                    self._publish(said.subject, tell.data, model)
                if (fact := fact_of(tell.data)) is not None:
                    told[to].append(fact)
        elif type(decision) is Refused or type(decision) is NotYet:
            told[said.sender].append(("refused", decision.state, said.id))
        for to, must_be_told in model.facts.items():
            expect("what is told of", said, (to, must_be_told), (to, told[to]))
            must_be_told.clear()

    def _publish(self, subject: str, told: Payload, model: Outsourcing) -> None:
        """What ticket_sync says to itself comes back later; which files there are is kept as the gateway keeps it."""
        kind = type(told)
        if kind is RepairUnfinished or kind is LineUnfinished:
            if type(told) is RepairUnfinished:
                model.repair_ids[told.side] = told.repair_id
            self._said_to_itself.append(Said(self._dice.uuid7(self._now), OURSELVES, subject, told))
        elif type(told) is FileCited or type(told) is FileReleased:
            self._found.setdefault(model.id, Found()).take(told)

    def _send(self, to: str, subject: str, told: Delivery, model: Outsourcing) -> None:
        self._sequence += 1
        self._letters[to].append((UUID(int=self._sequence), subject, self._sequence, told))
        if type(told) is CompletionSubmitted:
            model.snapshot_id = told.snapshot.snapshot_id

    def _let_time_pass(self) -> None:
        """Mostly less than a second; now and then hours, in which uploads lapse."""
        hours = self._dice.uniform(0, 30) if self._dice.happens(LEAP) else 0
        self._now += timedelta(hours=hours, seconds=self._dice.uniform(0, 0.6))
        self._elsewhere.now = self._now

    def _deliver(self, slug: str) -> None:
        """The next letter, or another one; sometimes one that comes again later."""
        dice, letters = self._dice, self._letters[slug]
        if letters:
            self.steps += 1
            letter = letters.pop(0 if dice.happens(0.9) else dice.randrange(len(letters)))
            if dice.happens(0.05):
                letters.insert(dice.randint(0, len(letters)), letter)
            self._story.companies[slug].take(*letter)

    def _come_to_rest(self) -> None:
        """All that is under way arrives, what was lost is asked for, and both companies hold what they must."""
        self._carry_everything()
        self._said += self._story.ask_for_what_was_lost()
        self._carry_everything()
        for subject, model in self._model_of.items():
            check_copies(model, self._story.companies, subject)
            expect("files of", subject, files_of(model), self._found.get(model.id, Found()).files())
            check_secrecy(model, self._story.companies, subject)

    def _carry_everything(self) -> None:
        while self._said or self._said_to_itself:
            self._hear_itself()
            self._turn([self._said.pop(0)])
        for slug, letters in self._letters.items():
            for letter in letters:
                self._story.companies[slug].take(*letter)
            letters.clear()
        # From here on, nobody asks too soon.
        self._now += timedelta(minutes=1)


def _outcome(decision: Decision) -> Outcome:
    """What waits in vain is refused in the end."""
    return _OUTCOMES[type(decision)]
