"""Seeds whose histories once showed a fault, by depth, and what it was. Each is played again in every run.

A seed says the same only for as long as the generator stays as it is; after that it is one history more.
"""

FOUND: dict[str, dict[int, str]] = {
    "pure": {},
    "real": {
        4851106: "the checker took a refused entry before the one that it passes on had come",
        109: "the checker took the pieces of a line as early as a stranger's message that waited apart",
        3458650652: "the checker took the words of a line's pieces in the order in which they came",
        2137346821: "the checker took a line's piece before news that fell due and had nothing to tell yet",
        3728412933: "the rule counted twice what was not listed and was told once more in the turn that gathered news",
        304: "the checker took the pieces of a line as late as an acceptance that had passed what waited for it",
    },
}
