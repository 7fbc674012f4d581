"""Three companies at work on many tickets: who says what next, drawn from one seed."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from shared.contracts.offer_handler import Customer, OutsourcingAbandoned, OutsourcingAccepted, Terms, Ticket
from shared.contracts.values import Payload
from tests.simulation import acts, companies
from tests.simulation.companies import Company, Said
from tests.simulation.dice import Dice

OFFER_HANDLER = "tandem/offer_handler"
# Two service partners of one lead; and one of them is a lead itself.
PARTNERSHIPS = (("nordlicht", "alpenwerk"), ("nordlicht", "rheintal"), ("alpenwerk", "rheintal"))
SLUGS = ("nordlicht", "alpenwerk", "rheintal")
ENDED = ("completed", "returned")
# How likely a ticket that has ended is left alone from now on, each time somebody looks at it.
LEFT_ALONE = 0.3
# How often something is said once more under another id, as by an adapter that has lost its notes.
AGAIN = 0.02
# How often a stranger speaks where one of the two would.
STRANGE = 0.05


class Story:
    """What was said so far, and what is said next."""

    def __init__(self, dice: Dice, clock: Callable[[], datetime], tickets: int, *, strange: float = STRANGE) -> None:
        self.companies = {slug: Company(slug) for slug in SLUGS}
        self.outsourced: dict[str, OutsourcingAccepted] = {}
        self._dice = dice
        self._clock = clock
        self._tickets = tickets
        self._strange = strange
        self._at_work: list[tuple[Company, companies.Ticket]] = []

    @property
    def has_room(self) -> bool:
        """Whether people could have another ticket in hand."""
        return len(self._at_work) < 2 * self._tickets

    def outsource(self) -> Said:
        """An offer is accepted: the two know of it at once, and a third one of the id, however it came by that."""
        lead, service = self._dice.choice(PARTNERSHIPS)
        id = self._dice.uuid7(self._clock())
        accepted = OutsourcingAccepted(
            outsourcing_id=id,
            partnership_id=self._dice.uuid7(self._clock()),
            lead=lead,
            service=service,
            ticket=Ticket(
                number=f"L-{len(self.outsourced)}", title="No uplink", customer=Customer(company="Hansen KG")
            ),
            terms=Terms(
                mode="hourly",
                currency=acts.CURRENCY,
                hourly_rate=Decimal("90.00"),
                respond_by=self._clock() + timedelta(days=1),
            ),
            organization="Nordlicht IT GmbH",
            accepted_at=self._clock(),
            accepted_by=acts.ACTOR,
        )
        self.outsourced[str(id)] = accepted
        for slug, company in self.companies.items():
            role: companies.Role = "lead" if slug == lead else "service" if slug == service else "stranger"
            company.tickets[str(id)] = ticket = companies.Ticket(id, role)
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
        if ticket.role == "stranger" and not self._dice.happens(self._strange):
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

    def _said(self, sender: str, subject: str, data: Payload) -> Said:
        return Said(self._dice.uuid7(self._clock()), sender, subject, data)
