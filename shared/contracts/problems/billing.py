"""What can be wrong with items, invoices and the data for them."""

from shared.contracts.problems.problem import Problem, problem

BILLING_PROBLEMS: dict[str, Problem] = {
    "invoice/numbers-collide": problem(
        409,
        en=(
            "Two series could give the same number",
            "Let the pattern differ from those used before, and the two from each other, in more than digits.",
        ),
        de=(
            "Zwei Nummernkreise könnten dieselbe Nummer vergeben",
            "Das Muster muss sich von den bisherigen, und die beiden voneinander, in mehr als Ziffern unterscheiden.",
        ),
    ),
    "item/unknown": problem(
        404,
        en=("There is no such item", "The outsourcing has no item {position}."),
        de=("Diese Position gibt es nicht", "Das Outsourcing hat keine Position {position}."),
    ),
    "item/not-open": problem(
        409,
        en=(
            "The item is not open",
            "Item {position} is {state}: it is neither adjusted nor posted.",
        ),
        de=(
            "Die Position ist nicht offen",
            "Position {position} ist im Zustand „{state}“: Sie wird weder angepasst noch gebucht.",
        ),
    ),
    "item/not-billable": problem(
        409,
        en=("The item is not billable", "Item {position} is listed at zero, and has no price."),
        de=("Die Position ist nicht berechenbar", "Position {position} steht mit null da und hat keinen Preis."),
    ),
    "item/limited": problem(
        409,
        en=(
            "The price is limited by what was agreed",
            "Item {position}: deductions stay, and no price rises where a cap cuts or the lead is asked.",
        ),
        de=(
            "Der Preis ist durch das Vereinbarte begrenzt",
            "Position {position}: Abzüge bleiben, und wo eine Obergrenze kürzt oder fragen lässt, steigt kein Preis.",
        ),
    ),
    "item/nothing-to-post": problem(
        409,
        en=("There is nothing to post", "None of the outsourcing's items is open."),
        de=("Es gibt nichts zu buchen", "Keine Position des Outsourcings ist offen."),
    ),
    "item/not-asked": problem(
        409,
        en=("Nothing waits for your word", "None of the items named waits for the lead's word."),
        de=("Nichts wartet auf Ihr Wort", "Keine der genannten Positionen wartet auf das Wort des Lead-Partners."),
    ),
    "invoice/unknown": problem(
        404,
        en=("There is no such invoice", "Check the invoice's id."),
        de=("Diese Rechnung gibt es nicht", "Prüfen Sie die id der Rechnung."),
    ),
    "invoice/issued-already": problem(
        409,
        en=("The invoice was issued already", "All items of the outsourcing are on invoices; cancel one to change it."),
        de=(
            "Die Rechnung ist schon gestellt",
            "Alle Positionen des Outsourcings stehen auf Rechnungen; für Änderungen stornieren Sie eine.",
        ),
    ),
    "invoice/nothing-to-bill": problem(
        409,
        en=(
            "There is nothing to bill",
            "Nothing is posted that costs anything. What is open is posted first (item.post).",
        ),
        de=(
            "Es gibt nichts abzurechnen",
            "Nichts ist gebucht, das etwas kostet. Offenes wird zuerst gebucht (item.post).",
        ),
    ),
    "invoice/settings-missing": problem(
        409,
        en=(
            "Billing settings are missing",
            "Missing: {missing}. Send billing-settings.change, or ask your partner to.",
        ),
        de=(
            "Abrechnungsdaten fehlen",
            "Es fehlen: {missing}. Senden Sie billing-settings.change oder bitten Sie Ihren Partner darum.",
        ),
    ),
    "invoice/tax-data-missing": problem(
        409,
        en=(
            "Tax data are missing",
            "Missing: {missing}. An issuer needs a VAT id or a tax number, and across EU borders both need a VAT id.",
        ),
        de=(
            "Steuerdaten fehlen",
            (
                "Es fehlen: {missing}. Der Aussteller braucht eine USt-IdNr. oder Steuernummer, und über"
                " EU-Grenzen hinweg brauchen beide eine USt-IdNr."
            ),
        ),
    ),
    "invoice/not-valid": problem(
        409,
        en=("The invoice would not be valid", "EN 16931 says of it: {faults}."),
        de=("Die Rechnung wäre nicht gültig", "EN 16931 sagt dazu: {faults}."),
    ),
    "invoice/below-zero": problem(
        409,
        en=(
            "It would be below zero",
            (
                "It comes to {amount} without tax. An invoice waits for other work of that lead;"
                " a credit note needs more lines."
            ),
        ),
        de=(
            "Der Beleg läge unter null",
            (
                "Er kommt auf {amount} netto. Eine Rechnung wartet auf weitere Arbeit für diesen Lead-Partner;"
                " eine Stornorechnung braucht mehr Zeilen."
            ),
        ),
    ),
    "invoice/cancelled-already": problem(
        409,
        en=("There is nothing to cancel", "Those lines of invoice {number} are not there, or are cancelled already."),
        de=(
            "Es gibt nichts zu stornieren",
            "Diese Zeilen der Rechnung {number} gibt es nicht, oder sie sind schon storniert.",
        ),
    ),
    "invoice/not-cancellable": problem(
        409,
        en=("A credit note cannot be cancelled", "{number} is a credit note; invoice its items again instead."),
        de=(
            "Eine Stornorechnung lässt sich nicht stornieren",
            "{number} ist eine Stornorechnung; rechnen Sie ihre Positionen stattdessen neu ab.",
        ),
    ),
}
