"""What is to be told to whom: one intent for each event and recipient."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from services.notifier.domain.readers import NotificationSettings, Reader, readers_of
from shared.contracts.notifier import NotificationKind
from shared.contracts.offer_handler import Instance, OverCap, Terms
from shared.contracts.ticket_sync import Cap, Deed, What
from shared.ids import id_of_content
from shared.legible import passage
from shared.messaging.outcomes import Changed, Decision, Message, NotYet, Unchanged

Role = Literal["lead", "service"]

# An invoice of ten thousand lines is smaller, and what is larger many mail servers refuse: base64 adds a third.
LARGEST_ATTACHED_BYTES = 5 * 1024 * 1024
# What an e-mail shows of a text, and of one in a list; all of it stands where it was written.
PASSAGE_CHARACTERS = 3_000
LINE_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a list: an entry that changed, or a position of a submission.

    `deed` says what became of an entry; `what` is its kind, or that it is a field of the ticket; `by` and `text` are as
    the reader's copy says them.
    """

    what: What
    deed: Deed | None = None
    by: str = ""
    text: str = ""
    on: date | None = None
    hours: Decimal | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Attached:
    """A file in the object store that goes with an e-mail, unless it is too large for one."""

    name: str
    size: int
    sha256: str

    @property
    def fits(self) -> bool:
        return self.size <= LARGEST_ATTACHED_BYTES


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the text of an e-mail is made of; `own_number` and `partner_number` are as its reader sees them.

    `until` is when the reader has to have acted. `state` is named where the kind of e-mail does not tell it. `invitee`
    is the address that an invitation went to, which is answered `by_link` where it has no instance. `line_count` counts
    all lines, also those that are not listed.
    """

    title: str = ""
    own_number: str | None = None
    partner_number: str | None = None
    state: str | None = None
    invitee: str | None = None
    by_link: bool = False
    until: datetime | None = None
    description: str = ""
    priority: str | None = None
    place: str | None = None
    skill: str | None = None
    due_at: datetime | None = None
    terms: Terms | None = None
    by: str | None = None
    at: datetime | None = None
    late_by_seconds: int | None = None
    waiting_hours: int | None = None
    complete_by: datetime | None = None
    reason: str = ""
    text: str = ""
    billed: bool = True
    hours: Decimal | None = None
    charge_total: Decimal | None = None
    deduction_total: Decimal | None = None
    currency: str | None = None
    cap: Cap | None = None
    percent: int | None = None
    authorized: Decimal | None = None
    reached: Decimal | None = None
    over_cap: OverCap | None = None
    invoice_number: str | None = None
    cancels_number: str | None = None
    issued_on: date | None = None
    due_on: date | None = None
    total: Decimal | None = None
    file: Attached | None = None
    lines: tuple[Line, ...] = ()
    line_count: int = 0


@dataclass(frozen=True, slots=True)
class Notification:
    """The intent to tell one recipient of one event; `role` is what the recipient is there.

    `subject_id` is the outsourcing, or of an invitation the partnership, or of an invoice for several the invoice.
    `due_at` is when it goes out next, None once it is done.
    """

    id: UUID
    cause_source: str
    cause_id: UUID
    subject_id: UUID
    kind: NotificationKind
    role: Role
    recipient: str
    partner: str
    reader: Reader
    facts: Facts
    due_at: datetime | None

    @property
    def cause(self) -> tuple[str, UUID]:
        return self.cause_source, self.cause_id


@dataclass(frozen=True, slots=True)
class Draft:
    """What one side is to be told of a subject; `named` is the one address it goes to, where the event names it."""

    kind: NotificationKind
    subject_id: UUID
    role: Role
    recipient: str
    partner: str
    facts: Facts
    named: Reader | None = None


# What one event has to tell, side by side.
Drafts = Callable[[Any], Iterable[Draft]]
Rule = Callable[..., Decision]


def to_lead(data: Any, kind: NotificationKind, facts: Facts) -> Draft:
    """What the lead is told of its outsourcing."""
    return Draft(kind, data.outsourcing_id, "lead", data.lead, data.service, facts)


def to_service(data: Any, kind: NotificationKind, facts: Facts) -> Draft:
    """What the service partner is told of its outsourcing."""
    return Draft(kind, data.outsourcing_id, "service", data.service, data.lead, facts)


def telling(drafts: Drafts) -> Rule:
    """The rule that tells all of this at once, to each reader once.

    Of a company that has just joined another message tells, which may be behind this one: then all wait. Who is not
    known even then is no instance, and is told nothing, as it is with messages.
    """

    def tell(
        told: tuple[Notification, ...],
        instances: tuple[Instance, ...],
        settings: tuple[NotificationSettings, ...],
        message: Message[Any],
    ) -> Decision:
        known = {one.slug for one in instances}
        all_drafts = list(drafts(message.data))
        ready = [draft for draft in all_drafts if draft.named or draft.recipient in known]
        decided = intend(told, notifications_of(ready, instances, settings, message))
        return decided if ready == all_drafts else NotYet("instance/unknown", otherwise=decided)

    return tell


def notifications_of(
    drafts: Iterable[Draft],
    instances: Iterable[Instance],
    settings: Iterable[NotificationSettings],
    message: Message[Any],
) -> list[Notification]:
    """An intent for each of those who read for the side that a draft is for; none where that side wants none."""
    instance_of = {one.slug: one for one in instances}
    settings_of = {one.instance: one for one in settings}

    def readers(draft: Draft) -> tuple[Reader, ...]:
        if draft.named is None:
            return readers_of(draft.kind, instance_of[draft.recipient], settings_of.get(draft.recipient))
        # Times are those of who invites: the zone of who is invited would tell who that is.
        inviting = settings_of.get(draft.partner)
        return (replace(draft.named, time_zone=inviting.time_zone) if inviting else draft.named,)

    return [_notification(draft, reader, message) for draft in map(_abridged, drafts) for reader in readers(draft)]


def intend(told: tuple[Notification, ...], wanted: Iterable[Notification]) -> Changed | Unchanged:
    """Those of the intents that there are not yet."""
    known = {one.id for one in told}
    new = [one for one in wanted if one.id not in known]
    if not new:
        return Unchanged()
    return Changed(*new, history=", ".join(dict.fromkeys(f"{one.kind} mailed to {one.recipient}" for one in new)))


def notification_id(message: Message[Any], recipient: str, address: str) -> UUID:
    """The one id of what this event tells this reader; it says nothing of the event to who reads it in a mail."""
    return id_of_content(
        b"notification", message.source.encode(), message.id.bytes, recipient.encode(), address.lower().encode()
    )


def thread_id(subject_id: UUID, address: str) -> UUID:
    """The one id of all that this reader is told of one outsourcing; another reader's cannot be told from it."""
    return id_of_content(b"thread", subject_id.bytes, address.lower().encode())


def _abridged(draft: Draft) -> Draft:
    """With as much of each text as its e-mail shows: each reader's row would hold the whole of it."""
    facts, terms = draft.facts, draft.facts.terms
    abridged = replace(
        facts,
        description=_beginning_of(facts.description),
        reason=_beginning_of(facts.reason),
        text=_beginning_of(facts.text),
        terms=terms and terms.model_copy(update={"instructions": _beginning_of(terms.instructions)}),
        lines=tuple(replace(line, text=_beginning_of(line.text, LINE_CHARACTERS)) for line in facts.lines),
    )
    return replace(draft, facts=abridged)


def _beginning_of(text: str, characters: int = PASSAGE_CHARACTERS) -> str:
    """One character more than is shown where the text goes on, so that its reader can be told."""
    readable = passage(text)
    return readable if len(readable) <= characters else f"{readable[:characters]}…"


def _notification(draft: Draft, reader: Reader, message: Message[Any]) -> Notification:
    return Notification(
        id=notification_id(message, draft.recipient, reader.address),
        cause_source=message.source,
        cause_id=message.id,
        subject_id=draft.subject_id,
        kind=draft.kind,
        role=draft.role,
        recipient=draft.recipient,
        partner=draft.partner,
        reader=reader,
        facts=draft.facts,
        due_at=message.now,
    )
