"""Seeds whose histories once showed a fault, and what it was. Each is played again in every run.

A seed says the same things only for as long as the generator stays as it is; after that it is one history more.
"""

PURE: dict[int, str] = {}
REAL: dict[int, str] = {}
