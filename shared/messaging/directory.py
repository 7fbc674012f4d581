"""The instances a service knows: who reads messages, in which language, and how it learns of one that has joined."""

from collections.abc import Iterable

from shared.contracts.offer_handler import Instance, InstanceJoined
from shared.database import Connection, columns_of
from shared.messaging.outcomes import Changed, Decision, Message, Unchanged
from shared.messaging.routes import Table, on, one


class Directory:
    """Slugs and languages, remembered from this service's own `instance` table."""

    def __init__(self) -> None:
        self._languages: dict[str, str] = {}
        self._with_queue: set[str] = set()

    def has_queue(self, slug: str) -> bool:
        """Whether there is such an instance, and it has an installation that reads what is delivered."""
        return slug in self._with_queue

    def language_of(self, slug: str) -> str:
        return self._languages.get(slug, "en")

    async def look_up(self, connection: Connection, slugs: Iterable[str]) -> None:
        """Ask for those that are not known yet; who is not there stays unknown and is asked for again next time."""
        unknown = sorted({slug for slug in slugs if slug not in self._languages})
        if unknown:
            for instance in await find_instances(connection, unknown):
                self._languages[instance.slug] = instance.language
                if instance.kind == "psa":
                    self._with_queue.add(instance.slug)


async def find_instances(connection: Connection, slugs: list[str]) -> list[Instance]:
    """Those of these instances that there are."""
    rows = await connection.fetch(
        "SELECT slug, name, language, email, kind FROM instance WHERE slug = ANY ($1::text[]) ORDER BY slug", slugs
    )
    return [Instance(**dict(row)) for row in rows]


async def insert_instances(connection: Connection, instances: list[Instance]) -> None:
    """Companies that joined without an installation: workers may add no others. Who is known stays as it is."""
    rows = [(one.slug, one.name, one.language, one.email) for one in instances]
    await connection.execute(
        """
        INSERT INTO instance (slug, name, language, email)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
        ON CONFLICT (slug) DO NOTHING
        """,
        *columns_of(rows, 4),
    )


def take_in(known: Instance | None, joined: Message[InstanceJoined]) -> Decision:
    """A company that has joined is known here from now on."""
    return Unchanged() if known else Changed(joined.data.instance, history="joined")


INSTANCE = Table(Instance, key=lambda instance: instance.slug, lock=find_instances, save=insert_instances)
# What a service that keeps its list by what it hears adds to its routes.
JOINING = on(InstanceJoined, decide=take_in, needs=(one(INSTANCE, lambda joined: joined.data.instance.slug),))
