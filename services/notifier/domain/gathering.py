"""What gathers: from the first thing that one side does until the other side wants to be told of all of it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.notifier.domain.readers import NotificationSettings
from shared.contracts.notifier import NewsFellDue
from shared.contracts.ticket_sync import NewsCameUp
from shared.messaging.outcomes import Caused, Changed, Decision, Message, Publish, Unchanged


@dataclass(frozen=True, slots=True)
class Gathering:
    """News of one side of an outsourcing, when it is to be told, and the event that began it."""

    outsourcing_id: UUID
    writer: str
    due_at: datetime
    cause_source: str
    cause_id: UUID

    @property
    def key(self) -> tuple[UUID, str]:
        return self.outsourcing_id, self.writer


def begin(known: Gathering | None, settings: NotificationSettings | None, came_up: Message[NewsCameUp]) -> Decision:
    """News gathers for as long as its readers want; who reads it, if anybody, is seen when it is told."""
    if known is not None:
        return Unchanged()
    data = came_up.data
    wanted = settings or NotificationSettings(data.reader)
    due_at = data.since + wanted.gathered_for
    gathering = Gathering(data.outsourcing_id, data.writer, due_at, came_up.source, came_up.id)
    return Changed(gathering, history=f"news for {data.reader} gathers for {wanted.gathering_minutes} minutes")


def fell_due(gathering: Gathering) -> Caused:
    """What is told to who knows the news."""
    due = NewsFellDue(outsourcing_id=gathering.outsourcing_id, writer=gathering.writer)
    return Caused(gathering.cause_source, gathering.cause_id, str(gathering.outsourcing_id), (Publish(due),))
