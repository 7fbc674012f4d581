"""No instance fills the store with what no entry cites, over real HTTP."""

import asyncio
import hashlib

from services.gateway.settings import MEBIBYTE
from shared.contracts.ticket_sync import FileLapsed
from shared.database import Connection
from shared.ids import new_id
from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.test_http import cited, digest_of, fresh, problem_of, put

# What is free in the end: room for one, not for two.
FREE = 3 * MEBIBYTE // 2
ALLOWED = 1024 * MEBIBYTE


async def test_what_no_entry_cites_is_taken_up_to_a_limit_and_what_is_cited_or_lapses_makes_room(
    gateway: Gateway, database: Connection
) -> None:
    filler = hashlib.sha256(str(new_id()).encode()).hexdigest()
    uploaded_at = await database.fetchval("SELECT clock_timestamp()")
    await database.execute("INSERT INTO file (sha256, kept_by) VALUES ($1, 1)", filler)
    await database.execute(
        "INSERT INTO upload VALUES ('suedwind', $1, $2, $3, false)", filler, ALLOWED - FREE, uploaded_at
    )
    files = [fresh(MEBIBYTE) for _ in range(4)]
    async with gateway.client("suedwind") as suedwind:
        assert problem_of(await suedwind.put(digest_of(files[0]), content=files[1])) == "file/wrong-digest"
        both = await asyncio.gather(put(suedwind, files[0]), put(suedwind, files[1]))
        [taken] = [content for content, answer in zip(files, both, strict=False) if answer.status_code == 204]
        [refused] = [answer for answer in both if answer.status_code != 204]
        assert (refused.status_code, problem_of(refused)) == (429, "file/too-many-uncited")
        assert refused.headers["Retry-After"] == "60"
        assert refused.json()["detail"].startswith("Sie dürfen 1024 MiB hochgeladen haben, die noch kein Eintrag")
        assert len(gateway.stored().keys() & {digest_of(files[0]), digest_of(files[1])}) == 1
        await gateway.tell(cited("suedwind", taken, new_id(), new_id()), digest_of(taken))
        assert (await put(suedwind, files[2])).status_code == 204
        assert (await put(suedwind, files[3])).status_code == 429
        lapsed = FileLapsed(instance="suedwind", sha256=filler, uploaded_at=uploaded_at)
        await gateway.tell(lapsed, filler)
        assert (await put(suedwind, files[3])).status_code == 204
    assert await database.fetchval("SELECT count(*) FROM transfer WHERE instance = 'suedwind'") == 0
