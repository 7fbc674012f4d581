"""News for people: what one side did on a ticket, gathered until the other side is told of all of it at once."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.values import Count, Currency, Day, Event, Hours, Instant, Slug, Total, Value

# What a reader takes in at a glance; the rest is counted, and stands in the reader's own system.
MOST_NEWS_LISTED = 20
# The beginning of a text, as long as a line that is read and not studied.
NEWS_TEXT_CHARACTERS = 200

Deed = Literal["added", "changed", "removed", "released"]
What = Literal["note", "time", "charge", "attachment", "field"]


class NewsCameUp(Event):
    """One side was told the first thing of the other since its people last were: from now on news gathers."""

    kind: ClassVar[str] = "tandem.news.came-up.v1"

    outsourcing_id: UUID
    writer: Slug = Field(description="whose news it is")
    reader: Slug = Field(description="who is told of it")
    since: Instant


class NewsLine(Value):
    """One entry, or one field of the ticket, and what became of it; no more of it than its copy tells."""

    deed: Deed = Field(description="released: added during an approval")
    what: What
    by: str = ""
    text: Annotated[str, Field(max_length=NEWS_TEXT_CHARACTERS)] = ""
    on: Day | None = None
    hours: Hours | None = None
    amount: Total | None = None


class NewsGathered(Event):
    """What one side did on a ticket since the other side's people were last told of it; the first of it, in order."""

    kind: ClassVar[str] = "tandem.news.gathered.v1"

    outsourcing_id: UUID
    lead: Slug
    service: Slug
    lead_number: str
    service_number: str | None = None
    title: str
    writer: Slug
    lines: Annotated[tuple[NewsLine, ...], Field(max_length=MOST_NEWS_LISTED)]
    count: Count = Field(description="how many changes there were, those that are not listed too")
    currency: Currency
    state: str
