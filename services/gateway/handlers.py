"""What the gateway answers to: which message, which rows, which rule."""

from services.gateway import store
from services.gateway.domain import files, questions
from services.gateway.domain.files import Citation, File, FileReceived, IssuedFile, Upload
from services.gateway.domain.questions import ButtonPressed, Question
from services.gateway.store import questions as question_store
from shared.contracts.billing import InvoiceRendered
from shared.contracts.offer_handler import (
    InvitationAccepted,
    InvitationDeclined,
    InvitationLapsed,
    InvitationRevoked,
    InvitationSent,
    OutsourcingAccepted,
    OutsourcingCancelled,
    OutsourcingDeclined,
    OutsourcingExpired,
    OutsourcingOffered,
)
from shared.contracts.ticket_sync import FileCited, FileLapsed, FileReleased
from shared.messaging.directory import INSTANCE, JOINING
from shared.messaging.routes import Handlers, Table, each_of, on, one

UPLOAD = Table(Upload, key=lambda upload: upload.key, lock=store.lock_uploads, save=store.save_uploads)
CITATION = Table(Citation, key=lambda citation: citation.key, lock=store.lock_citations, save=store.save_citations)
FILE = Table(File, key=lambda file: file.sha256, lock=store.lock_files, save=store.save_files)
QUESTION = Table(
    Question,
    key=lambda question: question.key,
    lock=question_store.lock_questions,
    save=question_store.save_questions,
)
ISSUED = Table(IssuedFile, key=lambda issued: issued.key, lock=store.lock_issued, save=store.insert_issued)

THE_UPLOAD = one(UPLOAD, lambda message: (message.data.instance, message.data.sha256))
THE_CITATION = one(CITATION, lambda message: (message.data.outsourcing_id, message.data.entry_id, message.data.reader))
THE_FILE = one(FILE, lambda message: message.data.sha256)
WHAT_WAS_CITED = one(FILE, lambda citation: citation.sha256, via=THE_CITATION)
THE_ISSUED_FILES = each_of(
    ISSUED, lambda message: [(message.data.invoice_id, file.format) for file in message.data.files]
)
OF_OFFER = one(QUESTION, lambda message: ("offer", message.data.outsourcing_id))
OF_INVITATION = one(QUESTION, lambda message: ("partnership", message.data.partnership_id))
THE_QUESTION = one(QUESTION, lambda message: (message.data.about, message.data.id))

HANDLERS = Handlers.of(
    "gateway",
    tables=(INSTANCE, UPLOAD, CITATION, FILE, ISSUED, QUESTION),
    routes=(
        JOINING,
        on(FileReceived, decide=files.keep_upload, needs=(THE_UPLOAD, THE_FILE)),
        on(FileLapsed, decide=files.let_lapse, needs=(THE_UPLOAD, THE_FILE)),
        on(FileCited, decide=files.cite, needs=(THE_CITATION, WHAT_WAS_CITED, THE_FILE)),
        on(FileReleased, decide=files.release, needs=(THE_CITATION, WHAT_WAS_CITED)),
        on(InvoiceRendered, decide=files.keep_invoice, needs=(THE_ISSUED_FILES,)),
        on(ButtonPressed, decide=questions.press, needs=(THE_QUESTION,)),
        on(OutsourcingOffered, decide=questions.ask_of_offer, needs=(OF_OFFER,)),
        on(OutsourcingAccepted, decide=questions.learn_of_acceptance, needs=(OF_OFFER,)),
        *(
            on(fact, decide=questions.learn_of_end, needs=(OF_OFFER,))
            for fact in (OutsourcingDeclined, OutsourcingCancelled, OutsourcingExpired)
        ),
        on(InvitationSent, decide=questions.ask_of_invitation, needs=(OF_INVITATION,)),
        on(InvitationAccepted, decide=questions.learn_of_acceptance, needs=(OF_INVITATION,)),
        *(
            on(fact, decide=questions.learn_of_end, needs=(OF_INVITATION,))
            for fact in (InvitationDeclined, InvitationRevoked, InvitationLapsed)
        ),
    ),
)
