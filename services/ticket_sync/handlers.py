"""What ticket_sync answers to: which message, which rows, which rule."""

from services.ticket_sync import store
from services.ticket_sync.domain import completion, ending, entries, notices, opening
from services.ticket_sync.domain.agreed import Agreed
from services.ticket_sync.domain.entries import Entry
from services.ticket_sync.domain.links import Link
from services.ticket_sync.domain.snapshots import Snapshot
from shared.contracts.offer_handler import OutsourcingAbandoned, OutsourcingAccepted
from shared.contracts.ticket_sync import (
    CompletionApprove,
    CompletionForce,
    CompletionReject,
    CompletionSubmit,
    CompletionWithdraw,
    EntryPut,
    EntryRemove,
    OutsourcingReturn,
    QuestionAnswer,
    QuestionAsk,
    TicketOpened,
    TicketOverdue,
    TicketUpdate,
)
from shared.messaging.directory import INSTANCE, JOINING
from shared.messaging.routes import Collection, Handlers, Table, all_of, on, one

# The link is locked first, and its lock stands for everything else of its outsourcing.
LINK = Table(
    Link,
    key=lambda link: link.outsourcing_id,
    lock=store.lock_links,
    save=store.save_links,
    state=lambda link, _: link.state,
)
AGREED = Table(Agreed, key=lambda agreed: agreed.outsourcing_id, lock=store.find_agreed, save=store.save_agreed)
ENTRY = Table(Entry, key=lambda entry: entry.key, lock=store.find_entries, save=store.save_entries)
SNAPSHOT = Table(
    Snapshot, key=lambda snapshot: snapshot.snapshot_id, lock=store.find_snapshots, save=store.save_snapshots
)
# An entry that leaves the line, or is no longer to be submitted, leaves its group.
ENTRIES_IN_LINE = Collection(
    ENTRY,
    groups=lambda entry: () if entry.place is None else (entry.outsourcing_id,),
    lock=store.list_entries_in_line,
)
SUBMITTED_WORK = Collection(
    ENTRY, groups=lambda entry: (entry.outsourcing_id,) if entry.is_work else (), lock=store.list_work
)

THE_LINK = one(LINK, lambda message: message.data.outsourcing_id)
WHAT_WAS_AGREED = one(AGREED, lambda message: message.data.outsourcing_id)
THE_ENTRY = one(ENTRY, lambda message: (message.data.outsourcing_id, message.data.entry_id))
THE_SNAPSHOT = one(SNAPSHOT, lambda message: message.data.snapshot_id)
WHAT_WAS_SUBMITTED = one(SNAPSHOT, lambda link: link.snapshot_id, via=THE_LINK)
WHAT_WAITS = all_of(ENTRIES_IN_LINE, lambda message: message.data.outsourcing_id)
THE_WORK = all_of(SUBMITTED_WORK, lambda message: message.data.outsourcing_id)
ALL_THAT_ENDS = (THE_LINK, WHAT_WAS_AGREED, WHAT_WAS_SUBMITTED, THE_WORK, WHAT_WAITS)

HANDLERS = Handlers.of(
    "ticket_sync",
    tables=(INSTANCE, LINK, AGREED, ENTRY, SNAPSHOT),
    routes=(
        JOINING,
        on(OutsourcingAccepted, decide=opening.begin, needs=(THE_LINK,), unblocks=True),
        on(TicketOpened, decide=opening.open_ticket, needs=(THE_LINK, WHAT_WAITS)),
        on(TicketOverdue, decide=opening.remind, needs=(THE_LINK, WHAT_WAS_AGREED)),
        on(TicketUpdate, decide=notices.note_changes, needs=(THE_LINK,)),
        on(QuestionAsk, decide=notices.ask, needs=(THE_LINK,)),
        on(QuestionAnswer, decide=notices.answer, needs=(THE_LINK,)),
        on(EntryPut, decide=entries.put_entry, needs=(THE_LINK, THE_ENTRY)),
        on(EntryRemove, decide=entries.remove_entry, needs=(THE_LINK, THE_ENTRY)),
        on(CompletionSubmit, decide=completion.submit, needs=(THE_LINK, WHAT_WAS_AGREED, THE_WORK)),
        on(CompletionWithdraw, decide=completion.withdraw, needs=(THE_LINK, WHAT_WAS_AGREED, WHAT_WAITS)),
        on(CompletionReject, decide=completion.reject, needs=(THE_LINK, WHAT_WAS_AGREED, WHAT_WAITS)),
        on(CompletionApprove, decide=completion.approve, needs=(THE_LINK, WHAT_WAS_AGREED, THE_SNAPSHOT, WHAT_WAITS)),
        on(CompletionForce, decide=ending.force, needs=ALL_THAT_ENDS),
        on(OutsourcingAbandoned, decide=ending.abandon, needs=ALL_THAT_ENDS),
        on(OutsourcingReturn, decide=ending.hand_back, needs=(THE_LINK, WHAT_WAS_AGREED, THE_WORK, WHAT_WAITS)),
    ),
)
