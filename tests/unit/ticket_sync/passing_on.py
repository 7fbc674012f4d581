"""An adapter that passes everything on: whatever comes to a ticket goes out to every outsourcing of it, also back."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from shared.contracts.ticket_sync import CopiedFrom, EntryPut, EntryRemove, EntryReplicated, EntryWithdrawn, NoteBody
from shared.ids import new_id

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@dataclass
class NaiveAdapter:
    """One instance: its tickets, each with the outsourcings that it is part of, and the notes that stand on each.

    `arrived` is every change as it came: the outsourcing, and the text, None for a removal.
    """

    slug: str
    tickets: list[set[UUID]]
    arrived: list[tuple[UUID, str | None]] = field(default_factory=list)
    _passed_on: dict[tuple[UUID, UUID, UUID], tuple[UUID, int]] = field(default_factory=dict)

    def write(self, id: UUID, version: int, text: str | None) -> list[EntryPut | EntryRemove]:
        """A note of its own on its first ticket, there by that id, and by others where the ticket is shared as well."""
        first, *others = sorted(self.tickets[0])
        own = CopiedFrom(outsourcing_id=first, entry_id=id)
        return [self._say(first, id, version, text, None), *(self._pass_on(own, to, text) for to in others)]

    def take(self, fact: EntryReplicated | EntryWithdrawn) -> list[EntryPut | EntryRemove]:
        """What a delivery leads to, if it says something that is new here."""
        text = fact.body.text if isinstance(fact, EntryReplicated) and isinstance(fact.body, NoteBody) else None
        self.arrived.append((fact.outsourcing_id, text))
        source = CopiedFrom(outsourcing_id=fact.outsourcing_id, entry_id=fact.entry_id)
        [ticket] = [ticket for ticket in self.tickets if fact.outsourcing_id in ticket]
        return [self._pass_on(source, to, text) for to in sorted(ticket)]

    def _pass_on(self, source: CopiedFrom, to: UUID, text: str | None) -> EntryPut | EntryRemove:
        """By an id of its own for each source and ticket, numbered by itself."""
        id, version = self._passed_on.get((*source.key, to), (new_id(), 0))
        self._passed_on[*source.key, to] = id, version + 1
        return self._say(to, id, version + 1, text, source)

    def _say(
        self, to: UUID, id: UUID, version: int, text: str | None, source: CopiedFrom | None
    ) -> EntryPut | EntryRemove:
        if text is None:
            return EntryRemove(actor=self.slug, outsourcing_id=to, entry_id=id, version=version)
        return EntryPut(
            actor=self.slug,
            outsourcing_id=to,
            entry_id=id,
            version=version,
            visibility="shared",
            author=f"somebody at {self.slug}",
            happened_at=AT,
            body=NoteBody(kind="note", text=text),
            copied_from=source,
        )


def chain_of(slugs: list[str], outsourcings: list[UUID]) -> list[NaiveAdapter]:
    """Each outsources the ticket that it got on to the next; who comes again at the end gets a second ticket."""
    adapters = {slug: NaiveAdapter(slug, []) for slug in slugs}
    for place, slug in enumerate(slugs):
        adapters[slug].tickets.append(set(outsourcings[max(place - 1, 0) : place + 1]))
    return list(adapters.values())
