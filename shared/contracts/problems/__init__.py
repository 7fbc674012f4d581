"""Every problem a command can be refused with: a stable slug, an HTTP status, and what it says in each language."""

from collections import defaultdict
from typing import Any

from shared.contracts.problems.billing import BILLING_PROBLEMS
from shared.contracts.problems.files import FILE_PROBLEMS
from shared.contracts.problems.partnerships import PARTNERSHIP_PROBLEMS
from shared.contracts.problems.problem import Problem
from shared.contracts.problems.problem import problem as _problem

__all__ = ["PROBLEMS", "Problem", "describe"]

FALLBACK_LANGUAGE = "en"

PROBLEMS: dict[str, Problem] = {
    **PARTNERSHIP_PROBLEMS,
    **FILE_PROBLEMS,
    **BILLING_PROBLEMS,
    "message/unreadable": _problem(
        400,
        en=("The message cannot be read", "It is not a CloudEvents 1.0 envelope in JSON: {reason}."),
        de=("Die Nachricht ist nicht lesbar", "Sie ist kein CloudEvents-1.0-Umschlag in JSON: {reason}."),
    ),
    "message/too-large": _problem(
        413,
        en=("The message is too large", "A message has at most 1 MiB: {reason}. Upload larger files and cite them."),
        de=(
            "Die Nachricht ist zu groß",
            "Eine Nachricht hat höchstens 1 MiB: {reason}. Größere Dateien laden Sie hoch und nennen sie.",
        ),
    ),
    "message/unknown-kind": _problem(
        400,
        en=("This kind of message is not known", "There is no kind {kind} here; look at the type and its version."),
        de=("Diese Nachrichtenart ist unbekannt", "Die Art {kind} gibt es hier nicht; prüfen Sie Typ und Version."),
    ),
    "message/invalid": _problem(
        422,
        en=("The message is not valid", "Correct the fields listed in errors and send it with a new id."),
        de=(
            "Die Nachricht ist ungültig",
            "Berichtigen Sie die unter errors genannten Felder und senden Sie neu mit neuer id.",
        ),
    ),
    "message/wrong-key": _problem(
        400,
        en=(
            "The routing key does not fit the message",
            "{key} is not <slug>.<noun>.<verb>.<bb> for this type, with bb the first byte of SHA-256(subject) in hex.",
        ),
        de=(
            "Der Routing-Key passt nicht zur Nachricht",
            "{key} ist nicht <slug>.<noun>.<verb>.<bb> zu diesem Typ; bb: erstes Byte von SHA-256(subject) in hex.",
        ),
    ),
    "message/wrong-subject": _problem(
        400,
        en=("The subject does not fit the message", "The subject must be {subject}."),
        de=("Das Subject passt nicht zur Nachricht", "Das Subject muss {subject} sein."),
    ),
    "message/too-old": _problem(
        400,
        en=("The id lies outside the time that is remembered", "Use a UUIDv7 made at most 30 days ago and not ahead."),
        de=(
            "Die id liegt außerhalb des erinnerten Zeitraums",
            "Nehmen Sie eine UUIDv7, höchstens 30 Tage alt und nicht aus der Zukunft.",
        ),
    ),
    "message/id-reused": _problem(
        409,
        en=(
            "The id was used for another message",
            "The first message with this id counts; give this one an id of its own.",
        ),
        de=(
            "Die id gehört schon zu einer anderen Nachricht",
            "Es gilt die erste Nachricht mit dieser id; geben Sie dieser eine eigene.",
        ),
    ),
    "message/too-many-waiting": _problem(
        429,
        en=(
            "Too many messages wait",
            "1,000 of your messages wait for things that are not there; send it again later.",
        ),
        de=(
            "Zu viele Nachrichten warten",
            "1.000 Ihrer Nachrichten warten auf etwas, das es nicht gibt; senden Sie später erneut.",
        ),
    ),
    "offer/id-taken": _problem(
        409,
        en=("The id is taken", "Give the round and the outsourcing ids that were never used."),
        de=("Die id ist vergeben", "Geben Sie Runde und Outsourcing ids, die noch nie benutzt wurden."),
    ),
    "offer/ticket-not-free": _problem(
        409,
        en=("The ticket is not free", "An outsourcing of this ticket is {state}; it must end before the next offer."),
        de=(
            "Das Ticket ist nicht frei",
            "Ein Outsourcing dieses Tickets ist im Zustand „{state}“; es muss vor dem nächsten Angebot enden.",
        ),
    ),
    "offer/respond-by-past": _problem(
        422,
        en=("The time to respond lies in the past", "Give a respond_by that lies ahead."),
        de=("Die Antwortfrist liegt in der Vergangenheit", "Geben Sie ein respond_by, das in der Zukunft liegt."),
    ),
    "offer/organization-missing": _problem(
        422,
        en=("The organization mapping is missing", "Name the company that stands for this lead in your system."),
        de=("Die Firmenzuordnung fehlt", "Nennen Sie die Firma, die in Ihrem System für diesen Lead-Partner steht."),
    ),
    "offer/too-late": _problem(
        409,
        en=("Too late", "The offer is {state} already; allowed now: {allowed}."),
        de=("Zu spät", "Das Angebot ist bereits im Zustand „{state}“; erlaubt ist jetzt: {allowed}."),
    ),
    "offer/not-yours": _problem(
        403,
        en=("That is the other side's to say", "Only the {role} may do this."),
        de=("Das steht der anderen Seite zu", "Das darf nur die Seite {role}."),
    ),
    "instance/unknown": _problem(
        404,
        en=("There is no such instance", "Nobody of this name takes part."),
        de=("Diese Instanz gibt es nicht", "Unter diesem Namen nimmt niemand teil."),
    ),
    "outsourcing/unknown": _problem(
        404,
        en=("There is no such outsourcing", "Check the outsourcing's id, and where you pass an entry on, copied_from."),
        de=(
            "Dieses Outsourcing gibt es nicht",
            "Prüfen Sie die id des Outsourcings, und wo Sie einen Eintrag weitergeben, copied_from.",
        ),
    ),
    "outsourcing/wrong-state": _problem(
        409,
        en=("Not possible in this state", "The outsourcing is {state}; allowed now: {allowed}."),
        de=(
            "In diesem Zustand nicht möglich",
            "Das Outsourcing ist im Zustand „{state}“; erlaubt ist jetzt: {allowed}.",
        ),
    ),
    "outsourcing/completed": _problem(
        409,
        en=("The outsourcing is completed", "The link between the tickets has ended; nothing travels any more."),
        de=(
            "Das Outsourcing ist abgeschlossen",
            "Die Verbindung der Tickets ist beendet; es wird nichts mehr übertragen.",
        ),
    ),
    "outsourcing/returned": _problem(
        409,
        en=("The outsourcing was returned", "The service partner gave the ticket back; nothing travels any more."),
        de=(
            "Das Outsourcing wurde zurückgegeben",
            "Der Service-Partner hat das Ticket zurückgegeben; es wird nichts mehr übertragen.",
        ),
    ),
    "outsourcing/not-returnable": _problem(
        409,
        en=(
            "Submitted work is not returned",
            (
                "A ticket can be returned while it is accepted or in progress;"
                " take the submission back first (completion.withdraw)."
            ),
        ),
        de=(
            "Eingereichte Arbeit wird nicht zurückgegeben",
            (
                "Zurückgegeben werden kann ein Ticket, solange es angenommen oder in Arbeit ist;"
                " nehmen Sie zuerst die Einreichung zurück (completion.withdraw)."
            ),
        ),
    ),
    "outsourcing/not-yours": _problem(
        403,
        en=("That is the other side's to say", "Only the {role} may do this."),
        de=("Das steht der anderen Seite zu", "Das darf nur die Seite {role}."),
    ),
    "entry/not-owner": _problem(
        403,
        en=("The entry belongs to the other side", "Only the side that created an entry changes or removes it."),
        de=("Der Eintrag gehört der anderen Seite", "Nur wer einen Eintrag angelegt hat, ändert oder entfernt ihn."),
    ),
    "entry/version-reused": _problem(
        409,
        en=(
            "The version was used for other content",
            "Version {version} is known with other content; use a higher one.",
        ),
        de=(
            "Die Version gehört schon zu anderem Inhalt",
            "Version {version} ist mit anderem Inhalt bekannt; nehmen Sie eine höhere.",
        ),
    ),
    "entry/kind-changed": _problem(
        409,
        en=("An entry keeps its kind", "This entry is a {kind}; remove it and create another one."),
        de=(
            "Ein Eintrag behält seine Art",
            "Dieser Eintrag hat die Art {kind}; entfernen Sie ihn und legen Sie einen neuen an.",
        ),
    ),
    "entry/too-many": _problem(
        409,
        en=("The ticket is full", "A ticket has at most {limit} entries, removed ones included."),
        de=("Das Ticket ist voll", "Ein Ticket hat höchstens {limit} Einträge, entfernte eingeschlossen."),
    ),
    "entry/foreign-currency": _problem(
        422,
        en=("The currency is not that of the terms", "Charges on this ticket are in {currency}."),
        de=("Die Währung ist nicht die der Bedingungen", "Warenposten auf diesem Ticket sind in {currency}."),
    ),
    "entry/other-outsourcing": _problem(
        409,
        en=(
            "The entry's id is taken",
            (
                "You have an entry with this id in another outsourcing; every entry needs an id of its own, also where"
                " a ticket is offered again."
            ),
        ),
        de=(
            "Die id des Eintrags ist vergeben",
            (
                "Sie haben in einem anderen Outsourcing einen Eintrag mit dieser id; jeder Eintrag braucht eine eigene,"
                " auch wenn ein Ticket erneut angeboten wird."
            ),
        ),
    ),
    "entry/not-a-copy": _problem(
        409,
        en=("There is no such copy", "Only a copy of the other side's entry, as you were told of it, can be severed."),
        de=(
            "Diese Kopie gibt es nicht",
            "Getrennt werden kann nur die Kopie eines Eintrags der anderen Seite, so wie sie Ihnen mitgeteilt wurde.",
        ),
    ),
    "entry/severed-already": _problem(
        409,
        en=("The copy is severed already", "It does not follow its owner any more; edit it as you like."),
        de=("Die Kopie ist bereits getrennt", "Sie folgt ihrem Eigentümer nicht mehr; bearbeiten Sie sie beliebig."),
    ),
    "sync/too-soon": _problem(
        429,
        en=(
            "This was asked a moment ago",
            "Wait a second before you ask about the same ticket again; what you were promised is on its way.",
        ),
        de=(
            "Danach wurde eben erst gefragt",
            "Warten Sie eine Sekunde, bevor Sie wieder nach diesem Ticket fragen; was angekündigt ist, ist unterwegs.",
        ),
    ),
    "sync/too-much-at-once": _problem(
        429,
        en=("Too much is compared at once", "Many large tickets are being compared at this moment; ask again later."),
        de=(
            "Es wird zu viel auf einmal verglichen",
            "Gerade werden viele große Tickets verglichen; fragen Sie später noch einmal.",
        ),
    ),
    "completion/out-of-step": _problem(
        409,
        en=(
            "The submission does not agree with what was replicated",
            (
                "Known here: {known_entries} entries, {known_hours} hours, charges of {known_charges}."
                " Send what is missing, then submit again."
            ),
        ),
        de=(
            "Die Einreichung stimmt nicht mit dem Übertragenen überein",
            (
                "Hier bekannt: {known_entries} Einträge, {known_hours} Stunden, Warenposten über {known_charges}."
                " Senden Sie das Fehlende und reichen Sie erneut ein."
            ),
        ),
    ),
    "completion/entries-under-way": _problem(
        409,
        en=(
            "Earlier entries are still under way",
            "The other side is still being told of entries that waited; submit again when they have arrived.",
        ),
        de=(
            "Frühere Einträge sind noch unterwegs",
            "Wartende Einträge werden der anderen Seite noch übermittelt; reichen Sie danach erneut ein.",
        ),
    ),
    "completion/too-much-at-once": _problem(
        429,
        en=("Too much work is read at once", "The work of many large tickets is being read; send this again later."),
        de=(
            "Es wird zu viel Arbeit auf einmal gelesen",
            "Gerade wird die Arbeit vieler großer Tickets gelesen; senden Sie dies später noch einmal.",
        ),
    ),
    "completion/too-large": _problem(
        422,
        en=("The submission is too large", "Its time and charges do not fit into one message; shorten their texts."),
        de=(
            "Die Einreichung ist zu groß",
            "Zeiten und Warenposten passen nicht in eine Nachricht; kürzen Sie ihre Texte.",
        ),
    ),
    "completion/stale-snapshot": _problem(
        409,
        en=(
            "That submission is no longer the current one",
            "Look at the newest submission, {snapshot_id}, and approve it by its id.",
        ),
        de=(
            "Diese Einreichung ist nicht mehr die aktuelle",
            "Sehen Sie sich die neueste Einreichung {snapshot_id} an und genehmigen Sie diese.",
        ),
    ),
}


# The tokens of the wire as a German sentence says them; in English they are words already.
_SPOKEN: dict[str, dict[str, str]] = {
    "en": {
        "nothing": "nothing",
        "in_progress": "in progress",
        "awaiting_approval": "awaiting approval",
        "service": "service partner",
    },
    "de": {
        "nothing": "nichts",
        "invited": "eingeladen",
        "active": "aktiv",
        "revoked": "widerrufen",
        "lapsed": "verfallen",
        "ended": "beendet",
        "planned": "vorgesehen",
        "offered": "angeboten",
        "cancelled": "zurückgezogen",
        "declined": "abgelehnt",
        "expired": "abgelaufen",
        "accepted": "angenommen",
        "in_progress": "in Arbeit",
        "awaiting_approval": "wartet auf Genehmigung",
        "completed": "abgeschlossen",
        "returned": "zurückgegeben",
        "asked": "wartet auf das Wort des Lead-Partners",
        "open": "offen",
        "posted": "gebucht",
        "invoiced": "abgerechnet",
        "lead": "des Lead-Partners",
        "service": "des Service-Partners",
    },
}


def describe(problem: str, language: str, details: dict[str, Any]) -> tuple[str, str, int]:
    """Title, detail and status of a problem in the nearest language there is. Raises KeyError for an unknown slug."""
    found = PROBLEMS[problem]
    spoken = language.split("-", 1)[0]
    chosen = spoken if spoken in found.title else FALLBACK_LANGUAGE
    told = {name: value for name, value in details.items() if value not in (None, "")}
    told.setdefault("allowed", _SPOKEN[chosen]["nothing"])
    for name in ("state", "role"):
        if name in told:
            told[name] = _SPOKEN[chosen].get(str(told[name]), told[name])
    known = defaultdict(lambda: "–", told)
    return found.title[chosen], found.detail[chosen].format_map(known), found.status
