"""What can be wrong with a file: when it is brought or read at the gateway, and when an entry cites it."""

from shared.contracts.problems.problem import Problem, problem

FILE_PROBLEMS: dict[str, Problem] = {
    "entry/file-unknown": problem(
        404,
        en=(
            "There is no such file of yours",
            "Upload the file under its SHA-256 first (PUT /files/<sha256>); within a day an entry may cite it.",
        ),
        de=(
            "Diese Datei haben Sie nicht hochgeladen",
            (
                "Laden Sie die Datei zuerst unter ihrem SHA-256 hoch (PUT /files/<sha256>); einen Tag lang kann ein"
                " Eintrag sie nennen."
            ),
        ),
    ),
    "entry/file-differs": problem(
        422,
        en=(
            "The file is not as the entry says",
            "It was uploaded with {known_size} bytes as {known_media_type}; say the same in the entry.",
        ),
        de=(
            "Die Datei ist nicht, wie der Eintrag sagt",
            "Hochgeladen wurde sie mit {known_size} Bytes als {known_media_type}; sagen Sie im Eintrag dasselbe.",
        ),
    ),
    "file/unauthorized": problem(
        401,
        en=("The token is not valid", "Send the token that you were given: Authorization: Bearer <token>."),
        de=("Das Token gilt nicht", "Senden Sie das Token, das Sie bekommen haben: Authorization: Bearer <token>."),
    ),
    "file/unknown": problem(
        404,
        en=("There is no such file", "Check the ids. Right after its message a file may take a moment: try again."),
        de=(
            "Diese Datei gibt es nicht",
            "Prüfen Sie die ids. Gleich nach ihrer Nachricht kann eine Datei noch fehlen: versuchen Sie es erneut.",
        ),
    ),
    "file/too-large": problem(
        413,
        en=("The file is too large", "You may send files of at most {limit}."),
        de=("Die Datei ist zu groß", "Sie dürfen Dateien bis {limit} senden."),
    ),
    "file/type-refused": problem(
        415,
        en=("Files of this type are not taken", "You may not send files of the type {media_type}."),
        de=("Dateien dieser Art werden nicht angenommen", "Dateien der Art {media_type} dürfen Sie nicht senden."),
    ),
    "file/wrong-digest": problem(
        422,
        en=("The content has another SHA-256", "Nothing was kept; send the content that belongs to the digest."),
        de=(
            "Der Inhalt hat einen anderen SHA-256",
            "Nichts wurde behalten; senden Sie den Inhalt, der zu dem SHA-256 gehört.",
        ),
    ),
    "file/too-slow": problem(
        408,
        en=("The transfer took too long", "Nothing was kept; send it again over a faster connection."),
        de=(
            "Die Übertragung hat zu lange gedauert",
            "Nichts wurde behalten; senden Sie erneut über eine schnellere Verbindung.",
        ),
    ),
    "file/busy": problem(
        429,
        en=("Too many transfers at once", "Try again in a moment."),
        de=("Zu viele Übertragungen zugleich", "Versuchen Sie es gleich noch einmal."),
    ),
    "file/too-many-uncited": problem(
        429,
        en=(
            "Too much that no entry cites",
            (
                "You may have uploaded {limit} that no entry of yours cites yet. Cite it, and there is room again; what"
                " is not cited within a day is removed."
            ),
        ),
        de=(
            "Zu viel, das kein Eintrag nennt",
            (
                "Sie dürfen {limit} hochgeladen haben, die noch kein Eintrag von Ihnen nennt. Nennen Sie sie, dann ist"
                " wieder Platz; was binnen eines Tages nicht genannt wird, wird entfernt."
            ),
        ),
    ),
    "file/gone": problem(
        404,
        en=("The file is no longer stored", "Upload it again."),
        de=("Die Datei ist nicht mehr gespeichert", "Laden Sie sie erneut hoch."),
    ),
}
