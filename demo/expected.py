"""What all partners must have in the end, written by hand from the replication table and the terms of the offer."""

from demo.cast import ADDRESSES, LEAD, OTHER, SERVICE

TICKETS = {
    # One line for each partner that was asked.
    LEAD: [
        "NL-4709 Printer takes no paper: expired",
        "NL-4710 Move twelve desks: declined",
        "NL-4710 Move twelve desks: in_progress, linked with RHE-501",
        "NL-4712 Access point is silent: cancelled",
        "NL-4712 Access point is silent: returned, linked with RHE-502",
        "NL-4712 Access point is silent: in_progress, linked with ALP-502",
        "NL-4713 Firmware of nine cameras: declined",
        "NL-4713 Firmware of nine cameras: in_progress, linked with RHE-503",
        "NL-4711 Switch drops its uplink: completed, linked with ALP-501",
    ],
    SERVICE: [
        "ALP-501 Switch drops its uplink: completed, linked with NL-4711, for Hotel Post Betriebs GmbH",
        "ALP-502 Access point is silent: in_progress, linked with NL-4712, for Hotel Post Betriebs GmbH",
    ],
    OTHER: [
        "RHE-501 Move twelve desks: in_progress, linked with NL-4710, for Hotel Post Betriebs GmbH",
        "RHE-502 Access point is silent: returned, linked with NL-4712, for Hotel Post Betriebs GmbH",
        "RHE-503 Firmware of nine cameras: in_progress, linked with NL-4713, for Hotel Post Betriebs GmbH",
    ],
}
OFFERS = {
    LEAD: [
        "NL-4709 expired",
        "NL-4710 declined",
        "NL-4710 in_progress",
        "NL-4712 cancelled",
        "NL-4712 returned",
        "NL-4712 in_progress",
        "NL-4713 declined",
        "NL-4713 in_progress",
        "NL-4711 completed",
    ],
    # Of two that were asked at once, who has lost knows of a cancellation and of nothing else.
    SERVICE: [
        "NL-4709 expired",
        "NL-4710 declined",
        "NL-4712 cancelled",
        "NL-4713 declined",
        "NL-4711 completed",
        "NL-4712 in_progress",
    ],
    OTHER: ["NL-4710 in_progress", "NL-4712 returned", "NL-4713 in_progress"],
}
ENTRIES = {
    LEAD: [
        # Its own: the copy of the charge was withdrawn, and what was written during the last approval stays here.
        "nordlicht note v2 shared by K. Sommer: The customer is on site until eight. (severed)",
        "nordlicht note v2 internal by K. Sommer: Access code of the rack is with the porter.",
        "nordlicht note v1 internal by K. Sommer: This customer pays late.",
        "nordlicht note v1 shared by K. Sommer: Customer is happy. (stays here only)",
        "nordlicht time v1 shared by K. Sommer: 0.25 h dispatch, Found the spare part",
        "nordlicht charge v2 shared removed by K. Sommer: 1 × Courier at 18 EUR",
        "nordlicht attachment v1 shared by K. Sommer: plan.txt, 40 bytes",
        "nordlicht link v1 shared by K. Sommer: Plan",
        # The service partner's: its notes and files are not for the lead's customer.
        "alpenwerk note v2 internal by L. Gruber: On my way, there by half past ten.",
        "alpenwerk time v1 shared by L. Gruber: 2.5 h engineer, Replaced the switch",
        "alpenwerk time v1 shared by L. Gruber: 0.5 h engineer, Labelled the ports (added during approval)",
        "alpenwerk charge v1 shared by L. Gruber: 1 × Switch, 24 ports at 349.9 EUR",
        "alpenwerk attachment v1 internal by L. Gruber: protocol.txt, 58 bytes",
        "alpenwerk attachment v1 internal by L. Gruber: uplink.pcap, 20971520 bytes by digest",
        "alpenwerk attachment v1 internal by L. Gruber: rack.png, 131072 bytes by digest",
        # What was shared before the ticket came back.
        "rheintal time v1 shared by M. Kessler: 0.5 h engineer, Measured the signal",
        # All of the service partner's hours, for the lead's own books.
        "tandem charge v1 internal by Tandem: 3 × Zeit / Time: NL-4711 at 0 EUR, not billable",
    ],
    SERVICE: [
        "alpenwerk note v2 shared by L. Gruber: On my way, there by half past ten.",
        "alpenwerk note v1 internal by L. Gruber: Their cabling is a disgrace.",
        "alpenwerk note v1 shared by L. Gruber: One more thing …",
        "alpenwerk time v1 shared by L. Gruber: 2.5 h engineer, Replaced the switch",
        "alpenwerk time v1 shared by L. Gruber: 0.5 h engineer, Labelled the ports (released after a rejection)",
        "alpenwerk charge v1 shared by L. Gruber: 1 × Switch, 24 ports at 349.9 EUR",
        "alpenwerk attachment v1 shared by L. Gruber: protocol.txt, 58 bytes",
        "alpenwerk attachment v1 shared by L. Gruber: uplink.pcap, 20971520 bytes by digest",
        "alpenwerk attachment v1 shared by L. Gruber: rack.png, 131072 bytes by digest",
        # The lead's: its time is a note without hours; what it took back or removed is gone, and a severed copy stands.
        "nordlicht note v1 shared by K. Sommer: The customer is on site until six. (severed)",
        "nordlicht note v2 shared removed by K. Sommer: Access code of the rack is with the porter.",
        "nordlicht note v1 shared by K. Sommer: Found the spare part",
        "nordlicht charge v2 shared removed by K. Sommer: 1 × Courier at 18 EUR",
        "nordlicht attachment v1 shared by K. Sommer: plan.txt, 40 bytes",
    ],
    OTHER: ["rheintal time v1 shared by M. Kessler: 0.5 h engineer, Measured the signal"],
}
# Those that came by the gateway, each as long as its entry says and with its digest.
FILES = {LEAD: ["20971520 bytes, whole", "131072 bytes, whole"], SERVICE: [], OTHER: []}
SYSTEM_NOTES = {
    LEAD: [
        "submission_rejected: Please add the time for labelling the ports.",
        "outsourcing_returned: Nobody of ours is in Innsbruck before Friday.",
    ],
    SERVICE: ["submission_rejected: Please add the time for labelling the ports."],
    OTHER: ["outsourcing_returned: Nobody of ours is in Innsbruck before Friday."],
}
REJECTIONS = {LEAD: [], SERVICE: ["offer/too-late", "offer/too-late", "outsourcing/completed"], OTHER: []}
# 2.5 h and 0.5 h at 95.00, 349.90 for the switch, 20.00 off; between Austria and Germany the recipient owes the tax.
INVOICE = "AW-2026 614.90 EUR, of it tax 0.00 (AE): 237.50, 47.50, 349.90, -20.00"
INVOICES = {LEAD: [INVOICE], SERVICE: [INVOICE], OTHER: []}
# Every fact once to everybody whom it concerns, and an entry as often as it crossed.
FACTS = {
    LEAD: {
        "agreement.accepted": 1,
        "billing-settings.changed": 1,
        "notification-settings.changed": 1,
        "partnership.invited": 2,
        "partnership.accepted": 2,
        "offer.sent": 9,
        "offer.expired": 1,
        "offer.declined": 2,
        "offer.cancelled": 1,
        "offer.accepted": 5,
        "ticket.linked": 5,
        # Note, corrected note, time, charge, two files; those of them that stand again by the repair; the picture, and
        # the time that was held; the sum of all hours; and the time of who gave its ticket back.
        "entry.replicated": 15,
        # Once as it was, and once by the repair.
        "entry.severed": 2,
        "sync.digest": 1,
        "outsourcing.returned": 1,
        # Whether the half hour on the ticket that came back is to be paid.
        "item.asked": 1,
        "completion.submitted": 2,
        "completion.rejected": 1,
        "ticket.noted": 2,
        "entry.held": 1,
        "completion.approved": 1,
        "entry.kept-local": 1,
        "invoice.received": 1,
        "invoice.filed": 1,
    },
    SERVICE: {
        "billing-settings.changed": 1,
        "notification-settings.changed": 1,
        "partnership.invited": 1,
        "partnership.accepted": 1,
        "offer.received": 6,
        # The one that nobody answers, when half of its time is over.
        "offer.reminded": 1,
        "offer.expired": 1,
        "offer.declined": 2,
        "offer.cancelled": 1,
        "offer.accepted": 2,
        "ticket.requested": 2,
        "ticket.linked": 2,
        # The note from before the acceptance; note, time as a note, charge, file.
        "entry.replicated": 5,
        "entry.withdrawn": 2,
        "entry.severed": 1,
        "sync.digest": 1,
        "completion.submitted": 2,
        "entry.held": 1,
        "completion.rejected": 1,
        "ticket.noted": 1,
        "entry.released": 1,
        "completion.approved": 1,
        "invoice.issued": 1,
        "invoice.filed": 1,
        "command.rejected": 3,
    },
    OTHER: {
        "notification-settings.changed": 1,
        "partnership.invited": 1,
        "partnership.accepted": 1,
        "offer.received": 3,
        "offer.accepted": 3,
        "ticket.requested": 3,
        "ticket.linked": 3,
        "outsourcing.returned": 1,
        "item.asked": 1,
        "ticket.noted": 1,
    },
}
# What an offer says first, in either language.
OFFERED = ("offers you a ticket", "bietet Ihnen ein Ticket an")
PRINTER = "NL-4709: Printer takes no paper"
DESKS = "NL-4710: Move twelve desks"
SWITCH = "NL-4711: Switch drops its uplink"
ACCESS_POINT = "NL-4712: Access point is silent"
CAMERAS = "NL-4713: Firmware of nine cameras"


def _to_lead(partner: str, about: str, heading: str) -> str:
    return f"{ADDRESSES[LEAD]} (de): {about} ({partner}): {heading}"


def _to_service(about: str, heading: str) -> str:
    return f"{ADDRESSES[SERVICE]} (en): {about} (Nordlicht IT GmbH): {heading}"


_ALPENWERK = "Alpenwerk Systems GmbH"
_RHEINTAL = "Rheintal Service AG"
# Whom, in which language, about what, and what has happened.
MAILS = [
    f"{ADDRESSES[SERVICE]} (en): Invitation from Nordlicht IT GmbH: Nordlicht IT GmbH invites you to work together",
    f"{ADDRESSES[OTHER]} (de): Einladung von Nordlicht IT GmbH: Nordlicht IT GmbH lädt Sie zur Zusammenarbeit ein",
    f"{ADDRESSES[LEAD]} (de): Einladung an {ADDRESSES[SERVICE]}: {_ALPENWERK} ist jetzt Ihr Service-Partner",
    f"{ADDRESSES[LEAD]} (de): Einladung an {ADDRESSES[OTHER]}: {_RHEINTAL} ist jetzt Ihr Service-Partner",
    *(
        _to_service(about, "Nordlicht IT GmbH offers you a ticket")
        # One is asked a second time, after it came back.
        for about in (PRINTER, DESKS, ACCESS_POINT, CAMERAS, SWITCH, ACCESS_POINT)
    ),
    *(
        f"{ADDRESSES[OTHER]} (de): {about} (Nordlicht IT GmbH): Nordlicht IT GmbH bietet Ihnen ein Ticket an"
        for about in (DESKS, ACCESS_POINT, CAMERAS)
    ),
    *(_to_lead(_RHEINTAL, about, f"{_RHEINTAL} übernimmt Ihr Ticket") for about in (DESKS, ACCESS_POINT, CAMERAS)),
    *(_to_lead(_ALPENWERK, about, f"{_ALPENWERK} übernimmt Ihr Ticket") for about in (SWITCH, ACCESS_POINT)),
    _to_service(PRINTER, "The offer from Nordlicht IT GmbH still waits for your answer"),
    _to_service(PRINTER, "The offer from Nordlicht IT GmbH has expired"),
    _to_lead(_ALPENWERK, PRINTER, f"{_ALPENWERK} hat Ihr Angebot nicht beantwortet"),
    *(_to_lead(_ALPENWERK, about, f"{_ALPENWERK} übernimmt Ihr Ticket nicht") for about in (DESKS, CAMERAS)),
    _to_service(ACCESS_POINT, "Nordlicht IT GmbH took the offer back"),
    _to_lead(_RHEINTAL, ACCESS_POINT, f"{_RHEINTAL} gibt Ihnen das Ticket zurück"),
    # What was done on a ticket until its end: of the lead's two entries that are gone only that they are.
    _to_lead(_RHEINTAL, ACCESS_POINT, f"1 Änderung von {_RHEINTAL} an Ihrem Ticket"),
    _to_lead(_ALPENWERK, SWITCH, f"7 Änderungen von {_ALPENWERK} an Ihrem Ticket"),
    _to_service(SWITCH, "5 changes by Nordlicht IT GmbH on the ticket"),
    # Submitted, rejected, and submitted again.
    *[_to_lead(_ALPENWERK, SWITCH, f"{_ALPENWERK} reicht die Arbeit zur Genehmigung ein")] * 2,
    _to_service(SWITCH, "Nordlicht IT GmbH rejected your submission"),
    _to_service(SWITCH, "Your invoice AW-2026-00001 to Nordlicht IT GmbH has been issued"),
    _to_lead(_ALPENWERK, SWITCH, f"{_ALPENWERK} hat Ihnen die Rechnung AW-2026-00001 gestellt"),
    _to_lead(_ALPENWERK, SWITCH, f"Sie haben die Arbeit von {_ALPENWERK} genehmigt"),
    _to_service(SWITCH, "Nordlicht IT GmbH approved your work"),
]
