"""Every statement of ticket_sync about files, on a real Postgres."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.ticket_sync.domain.files import Limited, Upload
from services.ticket_sync.store import files
from shared.contracts.gateway import FileLimits
from shared.database import Connection
from shared.ids import new_id
from tests.unit.ticket_sync.outsourcing import LEAD, SERVICE

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def upload(sha256: str, **more: Any) -> Upload:
    fresh = Upload(LEAD, sha256 * 64, 7, "text/plain", NOW, NOW + DAY, ("/tandem/gateway", new_id()))
    return replace(fresh, **more)


async def test_uploads_are_found_by_their_keys_as_they_were_saved_last(database: Connection) -> None:
    uploads = [upload("a", instance=SERVICE), upload("a"), upload("b")]
    for saved in (uploads, [replace(one, size=8, lapses_at=NOW + 2 * DAY) for one in uploads]):
        await files.save_uploads(database, list(reversed(saved)))
        assert await files.lock_uploads(database, [*(one.key for one in saved), (SERVICE, "b" * 64)]) == saved


async def test_uploads_that_have_lapsed_are_forgotten_once_and_not_while_a_turn_cites_them(
    database: Connection, second_connection: Connection
) -> None:
    first, second, cited, later = [upload(one) for one in "abcd"]
    second, later = replace(second, lapses_at=NOW + DAY / 2), replace(later, lapses_at=NOW + 2 * DAY)
    await files.save_uploads(database, [first, second, cited, later])
    async with second_connection.transaction():
        await files.lock_uploads(second_connection, [cited.key])
        assert await files.delete_lapsed_uploads(database, NOW + DAY, limit=1) == [second]
        assert await files.delete_lapsed_uploads(database, NOW + DAY, limit=10) == [first]
    assert await files.delete_lapsed_uploads(database, NOW + DAY, limit=10) == [cited]
    assert await files.lock_uploads(database, [one.key for one in (first, second, cited, later)]) == [later]


async def test_what_an_instance_may_send_is_found_where_an_operator_has_said_so(database: Connection) -> None:
    await database.execute("INSERT INTO file_limits VALUES ($1, 5, '{text/html}')", SERVICE)
    limits = FileLimits(largest_bytes=5, refused_types=("text/html",))
    assert await files.find_limits(database, [LEAD, SERVICE]) == [Limited(SERVICE, limits)]
