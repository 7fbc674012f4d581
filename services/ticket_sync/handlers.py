"""What ticket_sync answers to: which message, which rows, which rule."""

from services.ticket_sync import store
from services.ticket_sync.domain import completion, ending, files, line, news, notices, opening, repair, writing
from services.ticket_sync.domain.agreed import Agreed
from services.ticket_sync.domain.caps import Effort
from services.ticket_sync.domain.entries import Entry
from services.ticket_sync.domain.files import Limited, Upload
from services.ticket_sync.domain.line import Front
from services.ticket_sync.domain.links import Link
from services.ticket_sync.domain.news import News, Noted
from services.ticket_sync.domain.repair import Holdings, Repair
from services.ticket_sync.domain.snapshots import Snapshot, Work
from services.ticket_sync.store import files as file_store
from services.ticket_sync.store import line as line_store
from services.ticket_sync.store import news as news_store
from services.ticket_sync.store import work as work_store
from shared.contracts.gateway import FileUploaded
from shared.contracts.notifier import NewsFellDue
from shared.contracts.offer_handler import OutsourcingAbandoned, OutsourcingAccepted
from shared.contracts.ticket_sync import (
    CompletionApprove,
    CompletionForce,
    CompletionReject,
    CompletionSubmit,
    CompletionWithdraw,
    EntryPut,
    EntryRemove,
    EntrySever,
    LineUnfinished,
    OutsourcingReturn,
    QuestionAnswer,
    QuestionAsk,
    RepairOrdered,
    RepairUnfinished,
    SyncFellDue,
    SyncRequest,
    TicketOpened,
    TicketOverdue,
    TicketUpdate,
)
from shared.messaging.directory import INSTANCE, JOINING
from shared.messaging.routes import Collection, Handlers, Table, all_of, at_hand, each_of, on, one

# The link is locked first, and its lock stands for everything else of its outsourcing.
LINK = Table(
    Link,
    key=lambda link: link.outsourcing_id,
    lock=store.lock_links,
    save=store.save_links,
    state=lambda link, _: link.state,
    parties=lambda link, _: (link.lead, link.service),
)
AGREED = Table(Agreed, key=lambda agreed: agreed.outsourcing_id, lock=store.find_agreed, save=store.save_agreed)
ENTRY = Table(Entry, key=lambda entry: entry.key, lock=store.find_entries, save=store.save_entries)
SNAPSHOT = Table(
    Snapshot, key=lambda snapshot: snapshot.snapshot_id, lock=store.find_snapshots, save=store.save_snapshots
)
EFFORT = Table(Effort, key=lambda effort: effort.outsourcing_id, lock=store.find_efforts, save=store.save_efforts)
FRONT = Table(Front, key=lambda front: front.outsourcing_id, lock=line_store.find_fronts)
HOLDINGS = Table(Holdings, key=lambda holdings: holdings.outsourcing_id, lock=store.find_holdings)
WORK = Table(Work, key=lambda work: work.outsourcing_id, lock=work_store.find_work)
NEWS = Table(News, key=lambda news: news.outsourcing_id, lock=news_store.find_news)
NOTED = Table(Noted, key=lambda noted: noted.key, lock=news_store.find_noted, save=news_store.save_noted)
REPAIR = Table(Repair, key=lambda repair: repair.key, lock=store.find_repairs, save=store.save_repairs)
LIMITED = Table(Limited, key=lambda limited: limited.instance, lock=file_store.find_limits)
UPLOAD = Table(Upload, key=lambda upload: upload.key, lock=file_store.lock_uploads, save=file_store.save_uploads)
# As many of them as a turn may read. An entry that leaves the line, or is no longer to be submitted, leaves its group.
ENTRIES_IN_LINE = Collection(
    ENTRY,
    groups=lambda entry: () if entry.place is None else (entry.outsourcing_id,),
    lock=line_store.list_entries_at_front,
)
NOTED_ON_TICKET = Collection(NOTED, groups=lambda noted: (noted.outsourcing_id,), lock=news_store.list_noted)
# Found with the entry that a message names: another of its sender's that has the same id.
NAMESAKES = at_hand(ENTRY, groups=lambda entry: ((entry.owner, entry.entry_id),))
# What this turn has changed already of what it is to compare, or to fix.
ENTRIES_AT_HAND = at_hand(ENTRY, groups=lambda entry: (entry.outsourcing_id,))
# As many of them as a turn may read.
TOLD_AGAIN = Collection(ENTRY, groups=lambda entry: (entry.key,), lock=store.list_entries_to_tell_again)

THE_LINK = one(LINK, lambda message: message.data.outsourcing_id)
WHAT_WAS_AGREED = one(AGREED, lambda message: message.data.outsourcing_id)
THE_ENTRY = one(ENTRY, lambda message: (message.data.outsourcing_id, message.data.entry_id))
ITS_NAMESAKE = one(NAMESAKES, lambda message: (message.sender, message.data.entry_id))
THE_SOURCE_S_LINK = one(LINK, lambda put: put.data.copied_from and put.data.copied_from.outsourcing_id)
THE_SOURCE = one(ENTRY, lambda put: put.data.copied_from and put.data.copied_from.key)
THE_LIMITS = one(LIMITED, files.sender_of_file)
WHAT_IT_CITES = one(UPLOAD, files.upload_needed)
THE_UPLOAD = one(UPLOAD, lambda message: (message.data.instance, message.data.sha256))
# Only time and charges count, so that a turn of notes does not ask for it.
ITS_EFFORT = one(EFFORT, lambda put: put.data.outsourcing_id if put.data.body.kind in ("time", "charge") else None)
THE_REMOVED_S_EFFORT = one(EFFORT, lambda entry: entry.outsourcing_id if entry.is_work else None, via=THE_ENTRY)
WHAT_STANDS = (
    THE_LINK,
    one(HOLDINGS, lambda message: message.data.outsourcing_id),
    all_of(ENTRIES_AT_HAND, lambda message: message.data.outsourcing_id),
)
THE_REPAIR = one(REPAIR, lambda unfinished: (unfinished.data.outsourcing_id, unfinished.data.side))
THE_SENDERS_REPAIR = one(REPAIR, lambda request: (request.data.outsourcing_id, request.sender))
THE_PIECE = each_of(
    TOLD_AGAIN, lambda unfinished: [(unfinished.data.outsourcing_id, id) for id in unfinished.data.entry_ids]
)
THE_SNAPSHOT = one(SNAPSHOT, lambda message: message.data.snapshot_id)
WHAT_WAS_SUBMITTED = one(SNAPSHOT, lambda link: link.snapshot_id, via=THE_LINK)
WHAT_WAITS = (
    one(FRONT, lambda message: message.data.outsourcing_id),
    all_of(ENTRIES_IN_LINE, lambda message: message.data.outsourcing_id),
)
THE_WORK = (
    one(WORK, lambda message: message.data.outsourcing_id),
    all_of(ENTRIES_AT_HAND, lambda message: message.data.outsourcing_id),
)
WHAT_HAS_GATHERED = (
    one(NEWS, lambda message: message.data.outsourcing_id),
    all_of(NOTED_ON_TICKET, lambda message: message.data.outsourcing_id),
    all_of(ENTRIES_AT_HAND, lambda message: message.data.outsourcing_id),
)
ALL_THAT_ENDS = (THE_LINK, WHAT_WAS_AGREED, WHAT_WAS_SUBMITTED, *THE_WORK, *WHAT_WAITS, *WHAT_HAS_GATHERED)
THE_NOTED = one(NOTED, lambda update: (update.data.outsourcing_id, update.sender))

HANDLERS = Handlers.of(
    "ticket_sync",
    tables=(
        INSTANCE,
        LINK,
        AGREED,
        REPAIR,
        FRONT,
        ENTRY,
        EFFORT,
        HOLDINGS,
        WORK,
        NEWS,
        NOTED,
        SNAPSHOT,
        LIMITED,
        UPLOAD,
    ),
    routes=(
        JOINING,
        on(OutsourcingAccepted, decide=opening.begin, needs=(THE_LINK,), unblocks=True),
        on(TicketOpened, decide=opening.open_ticket, needs=(THE_LINK, *WHAT_WAITS)),
        on(TicketOverdue, decide=opening.remind, needs=(THE_LINK, WHAT_WAS_AGREED)),
        on(TicketUpdate, decide=notices.note_changes, needs=(THE_LINK, THE_NOTED)),
        on(QuestionAsk, decide=notices.ask, needs=(THE_LINK, WHAT_WAS_AGREED)),
        on(QuestionAnswer, decide=notices.answer, needs=(THE_LINK, WHAT_WAS_AGREED)),
        on(FileUploaded, decide=files.note_upload, needs=(THE_UPLOAD,)),
        on(
            EntryPut,
            decide=writing.put_entry,
            needs=(
                THE_LINK,
                THE_ENTRY,
                ITS_NAMESAKE,
                THE_SOURCE_S_LINK,
                THE_SOURCE,
                THE_LIMITS,
                WHAT_IT_CITES,
                ITS_EFFORT,
            ),
        ),
        on(EntryRemove, decide=writing.remove_entry, needs=(THE_LINK, THE_ENTRY, ITS_NAMESAKE, THE_REMOVED_S_EFFORT)),
        on(EntrySever, decide=writing.sever, needs=(THE_LINK, THE_ENTRY)),
        on(CompletionSubmit, decide=completion.submit, needs=(THE_LINK, WHAT_WAS_AGREED, *THE_WORK)),
        on(CompletionWithdraw, decide=completion.withdraw, needs=(THE_LINK, WHAT_WAS_AGREED, *WHAT_WAITS)),
        on(CompletionReject, decide=completion.reject, needs=(THE_LINK, WHAT_WAS_AGREED, *WHAT_WAITS)),
        on(
            CompletionApprove,
            decide=news.before_the_end(completion.approve),
            needs=(THE_LINK, WHAT_WAS_AGREED, THE_SNAPSHOT, *WHAT_WAITS, *WHAT_HAS_GATHERED),
        ),
        on(CompletionForce, decide=news.before_the_end(ending.force), needs=ALL_THAT_ENDS),
        on(OutsourcingAbandoned, decide=news.before_the_end(ending.abandon), needs=ALL_THAT_ENDS),
        on(
            OutsourcingReturn,
            decide=news.before_the_end(ending.hand_back),
            needs=(THE_LINK, WHAT_WAS_AGREED, *THE_WORK, *WHAT_WAITS, *WHAT_HAS_GATHERED),
        ),
        on(NewsFellDue, decide=news.gather, needs=(THE_LINK, WHAT_WAS_AGREED, *WHAT_HAS_GATHERED)),
        on(LineUnfinished, decide=line.go_on, needs=(THE_LINK, *WHAT_WAITS), unblocks=True),
        on(SyncRequest, decide=repair.ask, needs=(*WHAT_STANDS, THE_SENDERS_REPAIR)),
        on(SyncFellDue, decide=repair.fall_due, needs=WHAT_STANDS),
        on(RepairOrdered, decide=repair.order, needs=WHAT_STANDS),
        on(RepairUnfinished, decide=repair.go_on, needs=(THE_LINK, THE_REPAIR, THE_PIECE)),
    ),
)
