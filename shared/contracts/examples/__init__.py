"""One example of every message an instance sends or gets, all from the life of one ticket; shown in the documents."""

from typing import Any

from shared.contracts.examples import billing, life, notifier

COMMAND_EXAMPLES: dict[str, dict[str, Any]] = {**life.COMMANDS, **billing.COMMANDS, **notifier.COMMANDS}
DELIVERY_EXAMPLES: dict[str, dict[str, Any]] = {**life.DELIVERIES, **billing.DELIVERIES, **notifier.DELIVERIES}
