"""What can be wrong with an agreement or a partnership."""

from shared.contracts.problems.problem import Problem, problem

PARTNERSHIP_PROBLEMS: dict[str, Problem] = {
    "agreement/missing": problem(
        403,
        en=(
            "The agreement is not accepted",
            "Accept version {current} of the outsourcing agreement (agreement.accept) before you invite or send.",
        ),
        de=(
            "Die Vereinbarung ist nicht angenommen",
            (
                "Nehmen Sie die Fassung {current} der Outsourcing-Vereinbarung an (agreement.accept), bevor Sie"
                " einladen oder anbieten."
            ),
        ),
    ),
    "agreement/outdated": problem(
        403,
        en=(
            "There is a newer agreement",
            "You accepted version {accepted}; accept {current} (agreement.accept) before you invite or send.",
        ),
        de=(
            "Es gibt eine neuere Vereinbarung",
            (
                "Angenommen ist die Fassung {accepted}; nehmen Sie die Fassung {current} an (agreement.accept), bevor"
                " Sie einladen oder anbieten."
            ),
        ),
    ),
    "agreement/not-current": problem(
        409,
        en=("That version of the agreement is not in force", "Read version {current} and accept that one."),
        de=("Diese Fassung der Vereinbarung gilt nicht", "Lesen Sie die Fassung {current} und nehmen Sie diese an."),
    ),
    "partnership/unknown": problem(
        404,
        en=("There is no such partnership", "Check the partnership's id."),
        de=("Diese Partnerschaft gibt es nicht", "Prüfen Sie die id der Partnerschaft."),
    ),
    "partnership/exists": problem(
        409,
        en=(
            "There is a partnership already",
            "With this partner you have one that is {state}; allowed now: {allowed}.",
        ),
        de=(
            "Es gibt schon eine Partnerschaft",
            "Mit diesem Partner haben Sie eine im Zustand „{state}“; erlaubt ist jetzt: {allowed}.",
        ),
    ),
    "partnership/self": problem(
        422,
        en=("An instance cannot be its own partner", "Invite another instance."),
        de=("Eine Instanz kann nicht ihr eigener Partner sein", "Laden Sie eine andere Instanz ein."),
    ),
    "partnership/id-taken": problem(
        409,
        en=("The id is taken", "Give the partnership an id that was never used."),
        de=("Die id ist vergeben", "Geben Sie der Partnerschaft eine id, die noch nie benutzt wurde."),
    ),
    "partnership/not-yours": problem(
        403,
        en=("That is the other side's to say", "Only the {role} may do this."),
        de=("Das steht der anderen Seite zu", "Das darf nur die Seite {role}."),
    ),
    "partnership/wrong-state": problem(
        409,
        en=("Not possible in this state", "The partnership is {state}; allowed now: {allowed}."),
        de=(
            "In diesem Zustand nicht möglich",
            "Die Partnerschaft ist im Zustand „{state}“; erlaubt ist jetzt: {allowed}.",
        ),
    ),
    "partnership/name-missing": problem(
        422,
        en=("The company's name is missing", "Who was invited by e-mail alone gives its name when it accepts."),
        de=("Der Name der Firma fehlt", "Wer allein per E-Mail eingeladen wurde, nennt bei der Annahme seinen Namen."),
    ),
    "partnership/resent-too-often": problem(
        429,
        en=(
            "The invitation was sent again too often",
            "It is sent again at most {limit} times, for nobody is to be flooded; wait for the answer, or revoke it.",
        ),
        de=(
            "Die Einladung wurde zu oft erneut gesendet",
            (
                "Sie wird höchstens {limit}-mal erneut gesendet, damit niemand überhäuft wird; warten Sie die Antwort"
                " ab oder widerrufen Sie sie."
            ),
        ),
    ),
    "partnership/invited-too-often": problem(
        429,
        en=(
            "The address was written to too often",
            "At most {limit} invitations a day go to one address, for nobody is to be flooded; try again tomorrow.",
        ),
        de=(
            "An die Adresse ging schon zu viel",
            (
                "An eine Adresse gehen höchstens {limit} Einladungen am Tag, damit niemand überhäuft wird; versuchen"
                " Sie es morgen wieder."
            ),
        ),
    ),
    "partnership/not-active": problem(
        409,
        en=("The partnership is not active", "It is {state}; an offer needs an active partnership."),
        de=(
            "Die Partnerschaft ist nicht aktiv",
            "Sie ist im Zustand „{state}“; ein Angebot braucht eine aktive Partnerschaft.",
        ),
    ),
    "partnership/work-under-way": problem(
        409,
        en=("Work is under way", "{count} outsourcings are offered or accepted; end it with force to close them too."),
        de=(
            "Es wird noch gearbeitet",
            "{count} Outsourcings sind angeboten oder angenommen; mit force werden auch sie beendet.",
        ),
    ),
}
