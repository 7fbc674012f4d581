"""One outsourcing played by the rules alone: messages in, what is told out, every value kept between them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from services.ticket_sync.domain.entries import Entry
from services.ticket_sync.domain.links import Link
from services.ticket_sync.handlers import HANDLERS
from shared.contracts.offer_handler import Customer, OutsourcingAbandoned, OutsourcingAccepted, Terms, Ticket
from shared.contracts.ticket_sync import (
    AttachmentBody,
    ChargeBody,
    CompletionApprove,
    CompletionForce,
    CompletionReject,
    CompletionSubmit,
    CompletionWithdraw,
    CopiedFrom,
    EntryBody,
    EntryPut,
    EntryRemove,
    EntryReplicated,
    EntrySever,
    EntryWithdrawn,
    FieldChange,
    Inventory,
    LinkBody,
    NewsCameUp,
    NewsGathered,
    NoteBody,
    OutsourcingReturn,
    QuestionAnswer,
    QuestionAsk,
    SyncRequest,
    TicketOpened,
    TicketUpdate,
    TimeBody,
    Visibility,
)
from shared.contracts.values import Delivery, Payload
from shared.ids import new_id
from shared.messaging.outcomes import Changed, Decision, Deliver, Refused
from tests.unit.memory import Memory

LEAD, SERVICE, STRANGER = "nordlicht", "alpenwerk", "elbtal"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
COMPLETE_BY = NOW + timedelta(days=14)
OUTSOURCING = UUID("01935e7a-4c00-7000-8000-0000000000c1")
# The SHA-256 of no bytes at all (FIPS 180-4).
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

NOTE = NoteBody(kind="note", text="The switch is replaced.")
TIME = TimeBody(kind="time", hours=Decimal("1.5"), work_on=date(2026, 3, 2), role="engineer", text="On site.")
CHARGE = ChargeBody(
    kind="charge", name="Switch", quantity=Decimal(3), unit_price=Decimal("0.335"), currency="EUR", billable=False
)
FILE = AttachmentBody(
    kind="attachment", name="log.txt", media_type="text/plain", size=0, sha256=EMPTY_SHA256, content=""
)
PATH = LinkBody(kind="link", name="Plan", target="//server/plan.pdf")


def accepted(outsourcing_id: UUID = OUTSOURCING, currency: str = "EUR") -> OutsourcingAccepted:
    """The acceptance with which it begins."""
    return OutsourcingAccepted(
        outsourcing_id=outsourcing_id,
        partnership_id=UUID("01935e7a-4c00-7000-8000-0000000000a1"),
        lead=LEAD,
        service=SERVICE,
        ticket=Ticket(number="T-1", title="Switch drops its uplink", customer=Customer(company="Hansen KG")),
        terms=Terms(
            mode="hourly",
            currency=currency,
            hourly_rate=Decimal("90.00"),
            respond_by=NOW,
            complete_by=COMPLETE_BY,
        ),
        organization="Nordlicht IT GmbH",
        accepted_at=NOW,
        accepted_by="l.gruber",
    )


def opened(number: str = "A-7", outsourcing_id: UUID = OUTSOURCING) -> TicketOpened:
    return TicketOpened(actor="l.gruber", outsourcing_id=outsourcing_id, number=number, link="https://psa.example/A-7")


def put(
    body: EntryBody = NOTE,
    *,
    id: UUID | None = None,
    version: int = 1,
    visibility: Visibility = "shared",
    outsourcing_id: UUID = OUTSOURCING,
    copied_from: CopiedFrom | None = None,
) -> EntryPut:
    return EntryPut(
        actor="l.gruber",
        outsourcing_id=outsourcing_id,
        entry_id=id or new_id(),
        version=version,
        visibility=visibility,
        author="L. Gruber",
        happened_at=NOW,
        body=body,
        copied_from=copied_from,
    )


def remove(id: UUID, version: int, outsourcing_id: UUID = OUTSOURCING) -> EntryRemove:
    return EntryRemove(actor="l.gruber", outsourcing_id=outsourcing_id, entry_id=id, version=version)


def sever(id: UUID, outsourcing_id: UUID = OUTSOURCING) -> EntrySever:
    return EntrySever(actor="l.gruber", outsourcing_id=outsourcing_id, entry_id=id)


def ask(
    own: dict[UUID, int] | None = None,
    copies: dict[UUID, int] | None = None,
    *,
    severed: set[UUID] | None = None,
    listed: bool = True,
    outsourcing_id: UUID = OUTSOURCING,
) -> SyncRequest:
    """What a side says that it holds."""
    return SyncRequest(
        actor="l.gruber",
        outsourcing_id=outsourcing_id,
        own=Inventory.of(own or {}, listed=listed),
        copies=Inventory.of(copies or {}, listed=listed),
        severed=tuple(severed or ()),
    )


def submit(
    entries: int = 0, hours: str = "0", charge_total: str = "0", outsourcing_id: UUID = OUTSOURCING
) -> CompletionSubmit:
    return CompletionSubmit(
        actor="l.gruber",
        outsourcing_id=outsourcing_id,
        summary="Done.",
        entries=entries,
        hours=Decimal(hours),
        charge_total=Decimal(charge_total),
    )


def reject(outsourcing_id: UUID = OUTSOURCING) -> CompletionReject:
    return CompletionReject(actor="k.sommer", outsourcing_id=outsourcing_id, reason="It dropped again.")


def approve(snapshot_id: UUID, outsourcing_id: UUID = OUTSOURCING) -> CompletionApprove:
    return CompletionApprove(actor="k.sommer", outsourcing_id=outsourcing_id, snapshot_id=snapshot_id)


def give_back(outsourcing_id: UUID = OUTSOURCING) -> OutsourcingReturn:
    return OutsourcingReturn(actor="l.gruber", outsourcing_id=outsourcing_id, reason="No licence for it.")


def force(outsourcing_id: UUID = OUTSOURCING, reason: str | None = "The customer has moved out.") -> CompletionForce:
    return CompletionForce(actor="k.sommer", outsourcing_id=outsourcing_id, cause="ticket_completed", reason=reason)


def abandoned(outsourcing_id: UUID = OUTSOURCING, reason: str | None = "The contract ends.") -> OutsourcingAbandoned:
    return OutsourcingAbandoned(
        outsourcing_id=outsourcing_id, lead=LEAD, service=SERVICE, reason=reason, actor="m.huber"
    )


WITHDRAW = CompletionWithdraw(actor="l.gruber", outsourcing_id=OUTSOURCING)
UPDATE = TicketUpdate(actor="k.sommer", outsourcing_id=OUTSOURCING, changes=(FieldChange(field="priority", new="1"),))
ASK = QuestionAsk(actor="k.sommer", outsourcing_id=OUTSOURCING, text="When?")
ANSWER = QuestionAnswer(actor="l.gruber", outsourcing_id=OUTSOURCING, text="Now.")
EVERY_COMMAND: tuple[Payload, ...] = (
    opened(),
    put(),
    remove(new_id(), 1),
    sever(new_id()),
    submit(),
    reject(),
    approve(new_id()),
    WITHDRAW,
    give_back(),
    force(),
    UPDATE,
    ASK,
    ANSWER,
)


class Outsourcing(Memory):
    """All values of one outsourcing, and everything that was told of it so far; what gathers for people by itself."""

    def __init__(self, *messages: tuple[str, Payload]) -> None:
        super().__init__(HANDLERS, NOW)
        self.news: list[NewsCameUp | NewsGathered] = []
        for sender, data in messages:
            assert isinstance(self.say(sender, data), Changed)

    def say(self, sender: str, data: Payload) -> Decision:
        decision = super().say(sender, data)
        self.news += [tell.data for tell in self.told if isinstance(tell.data, NewsCameUp | NewsGathered)]
        self.told = [tell for tell in self.told if not isinstance(tell.data, NewsCameUp | NewsGathered)]
        return decision

    @property
    def link(self) -> Link:
        (link,) = self.all_of(Link)
        assert isinstance(link, Link)
        return link

    def entry(self, id: UUID) -> Entry:
        (entry,) = (one for one in self.all_of(Entry) if one.entry_id == id)
        assert isinstance(entry, Entry)
        return entry

    def problem_of(self, sender: str, data: Payload) -> str:
        """What the message is refused with."""
        decision = self.say(sender, data)
        assert isinstance(decision, Refused)
        return decision.problem

    def heard_by(self, slug: str) -> list[Delivery]:
        """All that was told to one side, in order; it is forgotten here."""
        heard = self.told_to(slug)
        self.told = [tell for tell in self.told if not (isinstance(tell, Deliver) and tell.to == slug)]
        return heard


def just_accepted() -> Outsourcing:
    """The service partner is asked for a ticket; what was told until then is forgotten."""
    outsourcing = Outsourcing(("tandem/offer_handler", accepted()))
    outsourcing.told.clear()
    return outsourcing


def in_progress() -> Outsourcing:
    """Both tickets are there and linked; what was told until then is forgotten."""
    outsourcing = Outsourcing(("tandem/offer_handler", accepted()), (SERVICE, opened()))
    outsourcing.told.clear()
    return outsourcing


def awaiting_approval() -> Outsourcing:
    """Submitted with nothing in it; what was told until then is forgotten."""
    outsourcing = in_progress()
    assert isinstance(outsourcing.say(SERVICE, submit()), Changed)
    outsourcing.told.clear()
    return outsourcing


def approved() -> Outsourcing:
    """Completed as it was submitted; what was told until then is forgotten."""
    outsourcing = awaiting_approval()
    assert isinstance(outsourcing.say(LEAD, approve(awaiting(outsourcing))), Changed)
    outsourcing.told.clear()
    return outsourcing


def forced() -> Outsourcing:
    """Ended by the lead while the work was in progress; what was told until then is forgotten."""
    outsourcing = in_progress()
    assert isinstance(outsourcing.say(LEAD, force()), Changed)
    outsourcing.told.clear()
    return outsourcing


def returned() -> Outsourcing:
    """Given back by the service partner; what was told until then is forgotten."""
    outsourcing = in_progress()
    assert isinstance(outsourcing.say(SERVICE, give_back()), Changed)
    outsourcing.told.clear()
    return outsourcing


def awaiting(outsourcing: Outsourcing) -> UUID:
    """The submission that awaits approval."""
    assert outsourcing.link.snapshot_id is not None
    return outsourcing.link.snapshot_id


def kinds(facts: list[Delivery]) -> list[type[Delivery]]:
    return [type(fact) for fact in facts]


class Copies:
    """What a receiver holds that takes a version only if it is newer than its own, whatever comes twice or late."""

    def __init__(self) -> None:
        self.known: dict[UUID, EntryReplicated | EntryWithdrawn] = {}

    def take(self, facts: list[Delivery]) -> None:
        for fact in facts:
            if isinstance(fact, EntryReplicated | EntryWithdrawn):
                known = self.known.get(fact.entry_id)
                if known is None or fact.version > known.version:
                    self.known[fact.entry_id] = fact

    @property
    def standing(self) -> dict[UUID, EntryReplicated]:
        return {id: fact for id, fact in self.known.items() if isinstance(fact, EntryReplicated)}

    @property
    def version_of(self) -> dict[UUID, int]:
        return {id: fact.version for id, fact in self.standing.items()}
