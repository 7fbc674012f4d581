"""Every statement of the gateway on a real Postgres, whole turns over them, and what the courier removes when."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from services.console.stack import LocalStack
from services.gateway import store
from services.gateway.courier import FILES_AT_ONCE, LEASE, UNCITED_FOR, removal_courier
from services.gateway.domain.files import Citation, CitedFile, File, FileReceived, Leased, Upload
from services.gateway.handlers import HANDLERS
from services.gateway.settings import Settings
from shared.contracts.gateway import FileLimits
from shared.contracts.ticket_sync import FileCited, FileLapsed, FileReleased
from shared.contracts.values import Event, Payload
from shared.database import Connection
from shared.ids import new_id
from shared.messaging.directory import Directory
from shared.messaging.letters import Correspondence
from shared.messaging.turn import Turn
from shared.objects import ObjectStore
from tests.integration.conftest import ConnectionTo
from tests.integration.databases import connection_to, database_as_new, migrations_of
from tests.integration.messaging.posting import event

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
PLAN, LOGS, PHOTO = "a" * 64, "b" * 64, "c" * 64
FOUND = CitedFile(PLAN, 7, "plan.txt", "text/plain")
# The SHA-256 of no bytes at all (FIPS 180-4).
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.fixture
async def fresh(service_connection: ConnectionTo) -> Connection:
    return await service_connection("gateway")


async def kept(connection: Connection, *files: File) -> None:
    for file in files:
        assert await store.announce_file(connection, file.sha256)
    await connection.execute("UPDATE file SET announced_at = $1", NOW)
    await store.save_files(connection, list(files))


async def test_an_instance_is_let_in_with_the_usual_limits_or_its_own(fresh: Connection) -> None:
    assert await store.find_access(fresh, "nordlicht") is None
    for slug in ("nordlicht", "alpenwerk"):
        await fresh.execute("INSERT INTO access VALUES ($1, $2)", slug, bytes(32))
    await fresh.execute("INSERT INTO file_limits VALUES ('alpenwerk', 5, '{text/html}')")
    usual, own = [await store.find_access(fresh, slug) for slug in ("nordlicht", "alpenwerk")]
    assert usual and (usual.language, usual.token_hash, usual.limits) == ("de", bytes(32), FileLimits())
    assert own and own.limits == FileLimits(largest_bytes=5, refused_types=("text/html",))


async def test_content_is_found_by_its_digest_as_it_was_saved_last(fresh: Connection) -> None:
    files = [File(PLAN, 2, cited=True, unneeded_since=None), File(LOGS, 0, cited=False, unneeded_since=NOW)]
    await kept(fresh, *files)
    assert await store.lock_files(fresh, [PHOTO, LOGS, PLAN]) == files
    assert await store.announce_file(fresh, PLAN)
    assert (await store.lock_files(fresh, [PLAN]))[0] == files[0], "what is kept stays as it is"
    assert await store.announce_file(fresh, LOGS)
    assert (await store.lock_files(fresh, [LOGS]))[0] == files[1], "what was announced has not come yet"


async def test_who_announces_a_file_and_brings_another_keeps_nothing_stored_for_longer(fresh: Connection) -> None:
    await kept(fresh, File(PLAN, 0, cited=True, unneeded_since=NOW))
    await store.announce_file(fresh, PLAN)
    now = await fresh.fetchval("SELECT clock_timestamp()")
    assert await claimed(fresh, max(now, NOW + 30 * DAY)) == [], "it may be coming at this moment"
    assert await claimed(fresh, max(now + DAY, NOW + 30 * DAY)) == [PLAN]


async def test_uploads_and_citations_are_found_by_their_keys_as_they_were_saved_last(fresh: Connection) -> None:
    await kept(fresh, *(File(one, 1, cited=True, unneeded_since=None) for one in (PLAN, LOGS)))
    uploads = [Upload("alpenwerk", PLAN, 7, NOW), Upload("nordlicht", LOGS, 8, NOW, lapsed=True)]
    for saved in (uploads, [Upload(one.instance, one.sha256, 9, NOW + DAY) for one in uploads]):
        await store.save_uploads(fresh, saved)
        assert await store.lock_uploads(fresh, [*(one.key for one in reversed(saved)), ("nordlicht", PLAN)]) == saved
    outsourcing_id, entry_id = new_id(), new_id()
    finds = Citation(outsourcing_id, entry_id, "alpenwerk", 1, FOUND)
    finds_nothing = Citation(outsourcing_id, entry_id, "nordlicht", 2, None)
    await store.save_citations(fresh, [finds_nothing, finds])
    assert await store.lock_citations(fresh, [finds_nothing.key, finds.key]) == [finds, finds_nothing]
    assert await store.find_citation(fresh, outsourcing_id, entry_id, "alpenwerk") == FOUND
    for key in ((outsourcing_id, entry_id, "nordlicht"), (outsourcing_id, new_id(), "alpenwerk")):
        assert await store.find_citation(fresh, *key) is None
    await store.save_citations(fresh, [Citation(*finds.key, 2, None)])
    assert await store.lock_citations(fresh, [finds.key]) == [Citation(*finds.key, 2, None)]


@pytest.mark.parametrize(
    "broken",
    [
        "INSERT INTO file (sha256, unneeded_since) VALUES ('../plan', now())",
        f"UPDATE file SET kept_by = 1 WHERE sha256 = '{LOGS}'",
        f"UPDATE file SET removing_until = now() WHERE sha256 = '{PLAN}'",
        f"DELETE FROM file WHERE sha256 = '{PLAN}'",
        "INSERT INTO access VALUES ('nordlicht', 'short')",
        "INSERT INTO access VALUES ('nobody', decode(repeat('00', 32), 'hex'))",
        f"UPDATE citation SET name = NULL WHERE sha256 = '{PLAN}'",
    ],
)
async def test_nothing_is_kept_that_cannot_be(fresh: Connection, broken: str) -> None:
    await kept(fresh, File(PLAN, 1, cited=True, unneeded_since=None), File(LOGS, 0, cited=False, unneeded_since=NOW))
    await store.save_citations(fresh, [Citation(new_id(), new_id(), "nordlicht", 1, FOUND)])
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await fresh.execute(broken)


async def claimed(connection: Connection, now: datetime, limit: int = 10) -> list[str]:
    return sorted(one.sha256 for one in await leased(connection, now, limit))


async def leased(connection: Connection, now: datetime, limit: int = 10) -> list[Leased]:
    return await store.claim_unneeded_files(
        connection, now, uncited_for=DAY, cited_for=30 * DAY, lease=LEASE, limit=limit
    )


async def test_what_nothing_keeps_is_claimed_in_its_time_and_once(fresh: Connection) -> None:
    await kept(
        fresh,
        File(PLAN, 0, cited=True, unneeded_since=NOW),
        File(LOGS, 0, cited=False, unneeded_since=NOW),
        File(PHOTO, 1, cited=True, unneeded_since=None),
    )
    assert await claimed(fresh, NOW + DAY - SECOND) == []
    assert await claimed(fresh, NOW + DAY) == [LOGS]
    assert await claimed(fresh, NOW + DAY) == []
    assert await store.lock_files(fresh, [LOGS]) == [], "nobody counts on what is being removed"
    assert await claimed(fresh, NOW + DAY + LEASE + SECOND) == [LOGS], "who claimed it may have died"
    [plan, logs] = sorted(await leased(fresh, NOW + 30 * DAY), key=lambda one: one.sha256)
    assert (plan.sha256, logs.sha256) == (PLAN, LOGS)
    too_late = replace(plan, removing_until=plan.removing_until - SECOND)
    await store.delete_files(fresh, [logs, too_late, replace(logs, sha256=PHOTO)])
    assert [row["sha256"] for row in await fresh.fetch("SELECT sha256 FROM file ORDER BY 1")] == [PLAN, PHOTO]


async def test_what_is_being_removed_is_not_stored_anew_before_it_is_gone(fresh: Connection) -> None:
    assert await store.announce_file(fresh, PLAN)
    now = await fresh.fetchval("SELECT clock_timestamp()") + DAY
    [removed] = await leased(fresh, now)
    assert not await store.announce_file(fresh, PLAN)
    await store.delete_files(fresh, [removed])
    assert await store.announce_file(fresh, PLAN)


async def test_what_is_to_be_removed_is_found_by_an_index(fresh: Connection) -> None:
    for count, kept_by in ((3000, 1), (1000, 0)):
        await fresh.execute(
            """
            INSERT INTO file (sha256, kept_by, cited, unneeded_since)
            SELECT encode(sha256((($2::int)::text || n::text)::bytea), 'hex'), $2::int, n % 2 = 0,
                   CASE WHEN $2::int = 0 THEN $3::timestamptz + n * interval '1 minute' END
            FROM generate_series(1, $1) AS n
            """,
            *(count, kept_by, NOW),
        )
    await fresh.execute("ANALYZE file")
    asked: list[str] = []
    fresh.add_query_logger(lambda query: asked.append(query.query))
    assert len(await claimed(fresh, NOW + DAY + timedelta(minutes=10))) == 5
    await asyncio.sleep(0)  # the driver calls its loggers one step later
    plan = await fresh.fetch(f"EXPLAIN {asked[0]}", NOW, DAY, 30 * DAY, LEASE, FILES_AT_ONCE)
    lines = "\n".join(row[0] for row in plan)
    assert "file_unneeded" in lines and "Seq Scan" not in lines, lines


async def begun(connection: Connection, sha256: str = PLAN, *, size: int = 60, instance: str = "nordlicht") -> bool:
    """Whether there is room for so much, where an instance may have brought a hundred bytes that it has not cited."""
    room = partial(store.begin_transfer, connection, at_most=100, least=1, lasts=DAY)
    return await room(instance=instance, sha256=sha256, size=size) is not None


async def test_an_instance_brings_so_much_that_it_has_not_cited_and_more_when_it_has(fresh: Connection) -> None:
    assert await begun(fresh) and await begun(fresh, instance="alpenwerk")
    assert not await begun(fresh, LOGS), "the first one is on its way"
    await fresh.execute("DELETE FROM transfer")
    await kept(fresh, File(PLAN, 1, cited=True, unneeded_since=None))
    await store.save_uploads(fresh, [Upload("nordlicht", PLAN, 60, NOW)])
    await store.save_citations(fresh, [Citation(OUTSOURCING, ENTRY, "alpenwerk", 1, FOUND)])
    assert not await begun(fresh, LOGS), "that another has it under an entry changes nothing"
    assert await begun(fresh, PLAN), "the same once more is no more"
    await fresh.execute("UPDATE transfer SET ends_at = clock_timestamp()")
    assert await begun(fresh, LOGS, size=40) and not await begun(fresh, PHOTO, size=1)
    await store.save_citations(fresh, [Citation(OUTSOURCING, ENTRY, "nordlicht", 1, FOUND)])
    assert await begun(fresh, PHOTO)
    await store.save_citations(fresh, [Citation(OUTSOURCING, ENTRY, "nordlicht", 2, None)])
    assert not await begun(fresh, EMPTY, size=1)
    await store.save_uploads(fresh, [Upload("nordlicht", PLAN, 60, NOW, lapsed=True)])
    await fresh.execute("DELETE FROM transfer")
    assert await begun(fresh, EMPTY, size=100)


async def test_of_two_that_come_at_one_moment_one_has_the_last_room(two: tuple[Connection, Connection]) -> None:
    fresh, other = two
    async with fresh.transaction():
        assert await begun(fresh)
        second = asyncio.create_task(begun(other, LOGS))
        await somebody_waits(fresh)
    assert not await second


async def take(connection: Connection, *facts: tuple[str, Payload]) -> None:
    """These as they come to the worker, all in one turn."""
    turn = Turn(HANDLERS, directory := Directory(), Correspondence("gateway", directory))
    arrivals = [event(fact, "x", service=service) for service, fact in facts]
    await turn.take(connection, [turn.read(arrival) for arrival in arrivals])


def cited(reader: str, version: int, sha256: str) -> FileCited:
    told: dict[str, Any] = {"size": 0, "name": "plan.txt", "media_type": "text/plain"}
    return FileCited(outsourcing_id=OUTSOURCING, entry_id=ENTRY, reader=reader, version=version, sha256=sha256, **told)


OUTSOURCING, ENTRY = new_id(), new_id()


def uploaded(sha256: str) -> tuple[str, Payload]:
    return "gateway", FileReceived(instance="nordlicht", sha256=sha256, size=0, media_type="text/plain")


def told(fact: Event) -> tuple[str, Payload]:
    return "ticket_sync", fact


@pytest.fixture
async def two(stack: LocalStack) -> AsyncIterator[tuple[Connection, Connection]]:
    """Two connections to one fresh database."""
    async with (
        database_as_new(stack.database_admin_url, "gateway", migrations_of("gateway")) as url,
        connection_to(url) as first,
        connection_to(url) as second,
    ):
        yield first, second


async def both_at_one_moment(
    first: Connection, second: Connection, fact: tuple[str, Payload], meanwhile: tuple[str, Payload]
) -> None:
    """Two turns of which the second begins before the first has ended."""
    async with first.transaction():
        await take(first, fact)
        other = asyncio.create_task(take(second, meanwhile))
        await somebody_waits(first)
    await other


async def somebody_waits(connection: Connection) -> None:
    async with asyncio.timeout(10):
        while not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"):
            await asyncio.sleep(0.01)


async def test_of_two_turns_that_are_the_first_to_speak_of_an_entry_the_newer_version_stays(
    two: tuple[Connection, Connection],
) -> None:
    fresh, other = two
    await kept(fresh, File(PLAN, 1, cited=False, unneeded_since=None))
    gone = FileReleased(outsourcing_id=OUTSOURCING, entry_id=ENTRY, reader="alpenwerk", version=2)
    await both_at_one_moment(fresh, other, told(gone), told(cited("alpenwerk", 1, PLAN)))
    assert await store.find_citation(fresh, OUTSOURCING, ENTRY, "alpenwerk") is None
    assert [file.kept_by for file in await store.lock_files(fresh, [PLAN])] == [1]


async def test_who_brings_a_file_twice_at_one_moment_keeps_it_once(two: tuple[Connection, Connection]) -> None:
    fresh, other = two
    await kept(fresh, File(PLAN, 0, cited=False, unneeded_since=NOW))
    await both_at_one_moment(fresh, other, uploaded(PLAN), uploaded(PLAN))
    assert [file.kept_by for file in await store.lock_files(fresh, [PLAN])] == [1]


async def test_all_that_happens_to_a_file_folds_in_one_turn(fresh: Connection) -> None:
    for sha256 in (PLAN, LOGS):
        await store.announce_file(fresh, sha256)
    await take(
        fresh,
        uploaded(PLAN),
        uploaded(LOGS),
        told(cited("nordlicht", 1, PLAN)),
        told(cited("alpenwerk", 1, PLAN)),
        told(cited("nordlicht", 2, LOGS)),
        told(FileReleased(outsourcing_id=OUTSOURCING, entry_id=ENTRY, reader="alpenwerk", version=3)),
    )
    assert await fresh.fetchval("SELECT count(*) FROM inbox WHERE outcome = 'applied'") == 6
    plan, logs = await store.lock_files(fresh, [PLAN, LOGS])
    assert (plan.kept_by, logs.kept_by) == (1, 2)
    assert await store.find_citation(fresh, OUTSOURCING, ENTRY, "alpenwerk") is None
    at = await fresh.fetchval("SELECT uploaded_at FROM upload WHERE sha256 = $1", PLAN)
    await take(fresh, told(FileLapsed(instance="nordlicht", sha256=PLAN, uploaded_at=at)))
    [plan] = await store.lock_files(fresh, [PLAN])
    assert plan.kept_by == 0 and plan.cited and plan.unneeded_since is not None


SETTINGS: dict[str, Any] = {
    "database_url": "postgresql://unused.example/",
    "broker_url": "amqp://unused.example/",
    "link_keys": "k" * 32,
}


async def remove_what_is_due(connection: Connection, folder: Path, after: timedelta, days: int = 30) -> None:
    """One round of the courier as the runtime makes it, so much later than now."""
    carrying = removal_courier(Settings(**SETTINGS, files_retention_days=days), ObjectStore(folder.as_uri()))
    now = await connection.fetchval("SELECT clock_timestamp()") + after
    async with connection.transaction():
        digests = await carrying.claim(connection, now)
    results = [await carrying.act(digest) for digest in digests]
    async with connection.transaction():
        assert await carrying.record(connection, results, now) == []


async def nothing() -> AsyncIterator[bytes]:
    yield b""


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_content_leaves_the_store_when_the_last_reference_and_the_retention_time_are_gone(
    fresh: Connection, tmp_path: Path
) -> None:
    await store.announce_file(fresh, EMPTY)
    await ObjectStore(tmp_path.as_uri()).put(EMPTY, nothing())
    await take(fresh, uploaded(EMPTY), told(cited("alpenwerk", 1, EMPTY)))
    at = await fresh.fetchval("SELECT uploaded_at FROM upload")
    await take(fresh, told(FileLapsed(instance="nordlicht", sha256=EMPTY, uploaded_at=at)))
    await remove_what_is_due(fresh, tmp_path, 1000 * DAY)
    assert names_in(tmp_path) == [EMPTY], "somebody finds it"
    await take(fresh, told(FileReleased(outsourcing_id=OUTSOURCING, entry_id=ENTRY, reader="alpenwerk", version=2)))
    await remove_what_is_due(fresh, tmp_path, 7 * DAY - SECOND, days=7)
    assert names_in(tmp_path) == [EMPTY], "a backup that is restored may want it"
    await remove_what_is_due(fresh, tmp_path, 7 * DAY + SECOND, days=7)
    assert names_in(tmp_path) == []
    assert await fresh.fetchval("SELECT count(*) FROM file") == await fresh.fetchval("SELECT count(*) FROM upload") == 0


async def test_a_courier_that_was_frozen_for_longer_than_its_lease_removes_nothing_that_came_again(
    fresh: Connection, tmp_path: Path
) -> None:
    clock, objects = [0.0], ObjectStore(tmp_path.as_uri())
    carrying = removal_courier(Settings(**SETTINGS), objects, clock=lambda: clock[0])
    await store.announce_file(fresh, EMPTY)
    [removal] = await carrying.claim(fresh, await fresh.fetchval("SELECT clock_timestamp()") + DAY)
    clock[0] += LEASE.total_seconds()
    await fresh.execute("UPDATE file SET removing_until = clock_timestamp()")
    assert await store.announce_file(fresh, EMPTY)
    await objects.put(EMPTY, nothing())
    await carrying.record(fresh, [await carrying.act(removal), removal.leased], NOW)
    assert names_in(tmp_path) == [EMPTY] and len(await store.lock_files(fresh, [EMPTY])) == 1


async def test_what_a_crash_left_of_an_upload_is_removed_too(fresh: Connection, tmp_path: Path) -> None:
    await store.announce_file(fresh, PLAN)
    (tmp_path / f"{PLAN}#1").write_bytes(b"half")
    await remove_what_is_due(fresh, tmp_path, UNCITED_FOR - SECOND, days=0)
    assert names_in(tmp_path), "it may be coming at this moment"
    await remove_what_is_due(fresh, tmp_path, UNCITED_FOR + SECOND)
    assert names_in(tmp_path) == [] and await store.lock_files(fresh, [PLAN]) == []
