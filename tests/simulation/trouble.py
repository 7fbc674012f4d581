"""What goes wrong in a history, and how often: drawn for each, so that some are quiet and others are not."""

from dataclasses import dataclass, replace

from tests.simulation.dice import Dice


@dataclass(frozen=True, slots=True)
class Trouble:
    """Probabilities: of most, each time there is an occasion; of the last ones, each time somebody looks."""

    slow_step: float = 0.0
    lost_database_connection: float = 0.0
    lost_confirm: float = 0.0
    stray_cancellation: float = 0.0
    lost_command: float = 0.0
    command_sent_twice: float = 0.0
    late_command: float = 0.0
    delivery_taken_twice: float = 0.0
    poison: float = 0.0
    death: float = 0.0
    lost_broker_connection: float = 0.0
    cancelled_consumer: float = 0.0
    full_queue: float = 0.0
    unbound_queue: float = 0.0
    alarm: float = 0.0
    leap_of_the_clock: float = 0.0
    other_shards: float = 0.0

    @property
    def is_harmless(self) -> bool:
        return all(name in HARMLESS or getattr(self, name) == 0 for name in self.__slots__)


CALM = Trouble()
STORM = Trouble(
    slow_step=0.005,
    lost_database_connection=0.003,
    lost_confirm=0.01,
    stray_cancellation=0.005,
    lost_command=0.05,
    command_sent_twice=0.05,
    late_command=0.1,
    delivery_taken_twice=0.03,
    poison=0.03,
    death=0.05,
    lost_broker_connection=0.03,
    cancelled_consumer=0.01,
    full_queue=0.01,
    unbound_queue=0.01,
    alarm=0.01,
    leap_of_the_clock=0.005,
    other_shards=0.01,
)


# What companies do to themselves, and what nobody notices: with no more than that, everything is decided in seconds.
HARMLESS = ("lost_command", "command_sent_twice", "late_command", "delivery_taken_twice")
QUIET = 0.2


def some_trouble(dice: Dice) -> Trouble:
    """Some kinds of trouble, each as often as in a storm, or rarely, or not at all; now and then only harmless ones."""
    names = HARMLESS if dice.happens(QUIET) else Trouble.__slots__
    return replace(CALM, **{name: getattr(STORM, name) * dice.choice((0, 0, 0.3, 1)) for name in names})
