"""Three companies at work on many tickets: who says what next, drawn from one seed."""

from collections.abc import Callable
from datetime import datetime, timedelta

from shared.contracts.gateway import FileUploaded
from shared.contracts.notifier import NewsFellDue
from shared.contracts.offer_handler import Customer, OutsourcingAbandoned, OutsourcingAccepted, Ticket
from shared.contracts.ticket_sync import RepairOrdered, SyncFellDue
from shared.contracts.values import Payload
from tests.simulation import acts, companies
from tests.simulation.bodies import LARGE_FILES, MEDIA_TYPE, some_terms
from tests.simulation.companies import Company, Said
from tests.simulation.dice import Dice

OFFER_HANDLER = "tandem/offer_handler"
GATEWAY = "tandem/gateway"
NOTIFIER = "tandem/notifier"
OURSELVES = "tandem/ticket_sync"
# Each of them leads and serves: a ticket that is outsourced on can come back to where it began.
PARTNERSHIPS = (
    ("nordlicht", "alpenwerk"),
    ("nordlicht", "rheintal"),
    ("alpenwerk", "rheintal"),
    ("rheintal", "nordlicht"),
)
SLUGS = ("nordlicht", "alpenwerk", "rheintal")
ENDED = ("completed", "returned")
# How likely a ticket that has ended is left alone from now on, each time somebody looks at it.
LEFT_ALONE = 0.3
# How often something is said once more under another id, as by an adapter that has lost its notes.
AGAIN = 0.02
# How often a stranger speaks where one of the two would.
STRANGE = 0.05
# How often a ticket is outsourced on by the company that holds it, where one does.
ONWARD = 0.4


class Story:
    """What was said so far, and what is said next."""

    def __init__(self, dice: Dice, clock: Callable[[], datetime], tickets: int) -> None:
        self.companies = {slug: Company(slug) for slug in SLUGS}
        self.outsourced: dict[str, OutsourcingAccepted] = {}
        self._dice = dice
        self._clock = clock
        self._tickets = tickets
        self._at_work: list[tuple[Company, companies.Ticket]] = []

    @property
    def has_room(self) -> bool:
        """Whether people could have another ticket in hand."""
        return len(self._at_work) < 2 * self._tickets

    def go_on(self) -> Said | None:
        """What comes next, whoever says it; None where there was nothing to say."""
        if self.has_room:
            return self.outsource()
        if self._dice.happens(0.002):
            return self.end_partnership()
        if self._dice.happens(0.02):
            return self.upload()
        if self._dice.happens(0.03):
            return self.ask_for_news()
        if self._dice.happens(0.01):
            return self.tell_what_to_hold()
        return self.act()

    def outsource(self) -> Said:
        """An offer is accepted: the two know of it at once, and a third one of the id, however it came by that.

        It is about a new ticket, or about one that its lead holds as a service partner and outsources on.
        """
        held = self._held_by_a_lead() if self._dice.happens(ONWARD) else None
        lead, service = self._dice.choice([pair for pair in PARTNERSHIPS if held is None or pair[0] == held[0].slug])
        id = self._dice.uuid7(self._clock())
        accepted = OutsourcingAccepted(
            outsourcing_id=id,
            partnership_id=self._dice.uuid7(self._clock()),
            lead=lead,
            service=service,
            ticket=Ticket(
                number=f"L-{len(self.outsourced)}", title="No uplink", customer=Customer(company="Hansen KG")
            ),
            terms=some_terms(self._dice, self._clock() + timedelta(days=1)),
            organization="Nordlicht IT GmbH",
            accepted_at=self._clock(),
            accepted_by=acts.ACTOR,
            derived_from=held[1].outsourcing_id if held else None,
        )
        self.outsourced[str(id)] = accepted
        for slug, company in self.companies.items():
            role: companies.Role = "lead" if slug == lead else "service" if slug == service else "stranger"
            company.tickets[str(id)] = ticket = companies.Ticket(id, role)
            if role == "lead" and held:
                ticket.elsewhere.append(held[1])
                held[1].elsewhere.append(ticket)
            if role != "stranger" or self._dice.happens(0.2):
                self._at_work.append((company, ticket))
        return self._said(OFFER_HANDLER, str(id), accepted)

    def act(self) -> Said | None:
        """Somebody does something; None where there was nothing to do it with."""
        place = self._dice.randrange(len(self._at_work))
        company, ticket = self._at_work[place]
        if ticket.state in ENDED and self._dice.happens(LEFT_ALONE):
            del self._at_work[place]
            return None
        if ticket.role == "stranger" and not self._dice.happens(STRANGE):
            return None
        if ticket.said and self._dice.happens(AGAIN):
            command: Payload | None = self._dice.choice(ticket.said).data
        else:
            command = acts.what_somebody_does(ticket, self._dice)
        if command is None:
            return None
        said = self._said(company.slug, str(ticket.outsourcing_id), command)
        ticket.said.append(said)
        return said

    def end_partnership(self) -> Said:
        """A partnership ends by force, and with it one of its tickets."""
        accepted = self.outsourced[str(self._dice.choice(self._at_work)[1].outsourcing_id)]
        abandoned = OutsourcingAbandoned(
            outsourcing_id=accepted.outsourcing_id,
            lead=accepted.lead,
            service=accepted.service,
            reason="The contract ends.",
            actor=acts.ACTOR,
        )
        return self._said(OFFER_HANDLER, str(accepted.outsourcing_id), abandoned)

    def upload(self) -> Said:
        """A company has uploaded a file, which its entries may cite from now on, or did already."""
        sha256, content = self._dice.choice(tuple(LARGE_FILES.items()))
        slug = self._dice.choice(SLUGS)
        uploaded = FileUploaded(
            instance=slug, sha256=sha256, size=len(content), media_type=MEDIA_TYPE, uploaded_at=self._clock()
        )
        return self._said(GATEWAY, sha256, uploaded)

    def tell_what_to_hold(self) -> Said | None:
        """It is time to tell both sides of a ticket what they should hold, or an operator has it told to one again."""
        ticket = self._dice.choice(self._at_work)[1]
        id = ticket.outsourcing_id
        if ticket.as_of < 0:
            return None
        if self._dice.happens(0.7):
            return self._said(OURSELVES, str(id), SyncFellDue(outsourcing_id=id))
        accepted = self.outsourced[str(id)]
        side = self._dice.choice((accepted.lead, accepted.service))
        return self._said(OURSELVES, str(id), RepairOrdered(outsourcing_id=id, side=side))

    def ask_for_news(self) -> Said | None:
        """What one side did on a ticket has gathered for long enough, or nothing has."""
        ticket = self._dice.choice(self._at_work)[1]
        if ticket.as_of < 0:
            return None
        accepted = self.outsourced[str(ticket.outsourcing_id)]
        writer = self._dice.choice((accepted.lead, accepted.service))
        due = NewsFellDue(outsourcing_id=ticket.outsourcing_id, writer=writer)
        return self._said(NOTIFIER, str(ticket.outsourcing_id), due)

    def ask_for_what_was_lost(self) -> list[Said]:
        """Every company that ever lost something of a ticket asks for it."""
        return [
            self._said(company.slug, subject, acts.ask_for_all(ticket))
            for company in self.companies.values()
            for subject, ticket in company.tickets.items()
            if ticket.has_lost and ticket.role != "stranger"
        ]

    def _held_by_a_lead(self) -> tuple[Company, companies.Ticket] | None:
        """A ticket of a service partner; each has partners of its own."""
        held = [(company, one) for company, one in self._at_work if one.role == "service"]
        return self._dice.choice(held) if held else None

    def _said(self, sender: str, subject: str, data: Payload) -> Said:
        return Said(self._dice.uuid7(self._clock()), sender, subject, data)
