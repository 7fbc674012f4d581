"""What the gateway answers to: which message, which rows, which rule."""

from services.gateway import domain, store
from services.gateway.domain import Citation, File, FileReceived, Upload
from shared.contracts.ticket_sync import FileCited, FileLapsed, FileReleased
from shared.messaging.directory import INSTANCE, JOINING
from shared.messaging.routes import Handlers, Table, on, one

UPLOAD = Table(Upload, key=lambda upload: upload.key, lock=store.lock_uploads, save=store.save_uploads)
CITATION = Table(Citation, key=lambda citation: citation.key, lock=store.lock_citations, save=store.save_citations)
FILE = Table(File, key=lambda file: file.sha256, lock=store.lock_files, save=store.save_files)

THE_UPLOAD = one(UPLOAD, lambda message: (message.data.instance, message.data.sha256))
THE_CITATION = one(CITATION, lambda message: (message.data.outsourcing_id, message.data.entry_id, message.data.reader))
THE_FILE = one(FILE, lambda message: message.data.sha256)
WHAT_WAS_CITED = one(FILE, lambda citation: citation.sha256, via=THE_CITATION)

HANDLERS = Handlers.of(
    "gateway",
    tables=(INSTANCE, UPLOAD, CITATION, FILE),
    routes=(
        JOINING,
        on(FileReceived, decide=domain.keep_upload, needs=(THE_UPLOAD, THE_FILE)),
        on(FileLapsed, decide=domain.let_lapse, needs=(THE_UPLOAD, THE_FILE)),
        on(FileCited, decide=domain.cite, needs=(THE_CITATION, WHAT_WAS_CITED, THE_FILE)),
        on(FileReleased, decide=domain.release, needs=(THE_CITATION, WHAT_WAS_CITED)),
    ),
)
