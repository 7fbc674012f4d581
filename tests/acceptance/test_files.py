"""Files by claim check through a whole Tandem: brought over HTTP, cited in messages, read by the other side alone."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from demo import offers, report, work
from demo.acts import Stage, new_id, of_entry
from demo.cast import LEAD, OTHER, SERVICE
from demo.partners import Partner
from demo.performance import theatre
from demo.timeline import Timeline
from services.console.installation import Installation
from services.console.instances import replace_token
from tests.acceptance.partners import until
from tests.integration.databases import connection_to

PDF = "application/pdf"
SIZE = 4 * 1024 * 1024


async def test_files_cross_in_both_directions_and_a_third_instance_reads_none(
    installation: Installation, tmp_path: Path
) -> None:
    async with theatre(installation, tmp_path) as standing:
        lead, service, other = (standing.partners[slug] for slug in (LEAD, SERVICE, OTHER))
        stage = Stage(lead, service, other, standing.mailbox, Timeline(Console(quiet=True)), tmp_path)
        await offers.become_partners(stage)
        outsourcing_id = await work.outsource(stage)
        plan, protocol, newer, early = (_file(tmp_path / f"{name}.pdf") for name in ("plan", "protocol", "newer", "x"))
        entries = {path: new_id() for path in (plan, protocol, early)}

        for owner, reader, path in ((lead, service, plan), (service, lead, protocol)):
            await _put(owner, outsourcing_id, entries[path], path)
            replicated = await reader.gets("entry.replicated", of_entry(entries[path]))
            assert replicated["body"]["content"] is None
        await _put(lead, outsourcing_id, entries[plan], newer)
        await service.gets("entry.replicated", of_entry(entries[plan]), times=2)

        async with connection_to(installation.database_url) as operator:
            async with await _client(installation, operator, OTHER) as third:
                brought = await third.put(_digest_of(plan), content=plan.read_bytes(), headers={"Content-Type": PDF})
                assert brought.status_code == 204, "as if nobody had it"
                for path in (plan, protocol):
                    answer = await third.get(f"{outsourcing_id}/{entries[path]}")
                    assert (answer.status_code, answer.json()["type"]) == (404, "file/unknown")

            await lead.send("entry.put", outsourcing_id, **_entry(outsourcing_id, entries[early], early))
            async with await _client(installation, operator, LEAD) as again:
                await again.put(_digest_of(early), content=early.read_bytes(), headers={"Content-Type": PDF})
            await service.gets("entry.replicated", of_entry(entries[early]))

            await service.do("remove", outsourcing_id=outsourcing_id, entry_id=entries[protocol], author="L. Gruber")
            await lead.gets("entry.withdrawn", of_entry(entries[protocol]))

            async def found() -> bool:
                rows = await operator.fetch("SELECT reader, sha256 FROM gateway.citation WHERE sha256 IS NOT NULL")
                both = {(reader, _digest_of(path)) for reader in (LEAD, SERVICE) for path in (newer, early)}
                return {tuple(row) for row in rows} == both

            await until(found)
        outcome = await standing.outcome()
        assert report.problems_of(outcome.accounts) == []
        assert [row["whole"] for row in outcome.stores[SERVICE]["file"]] == [1, 1, 1]
        assert [row["whole"] for row in outcome.stores[LEAD]["file"]] == [1]
        for path in (plan, newer, early):
            assert (tmp_path / f"{SERVICE}.files" / _digest_of(path)).read_bytes() == path.read_bytes()
        [copy] = [row for row in outcome.stores[SERVICE]["entry"] if row["entry_id"] == entries[plan]]
        assert json.loads(copy["body"])["sha256"] == _digest_of(newer)


def _file(path: Path) -> Path:
    """A file of its own content."""
    path.write_bytes(path.name.encode().ljust(8, b".") * (SIZE // 8))
    return path


def _digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def _put(owner: Partner, outsourcing_id: str, entry_id: str, path: Path) -> None:
    """Its people attach a file that lies in a folder of theirs."""
    body = {"kind": "attachment", "name": path.name, "media_type": PDF}
    said = {"outsourcing_id": outsourcing_id, "entry_id": entry_id, "author": "P. Ost", "visibility": "shared"}
    await owner.do("put", **said, body=body, path=str(path))


def _entry(outsourcing_id: str, entry_id: str, path: Path) -> dict[str, Any]:
    """The command alone, without the upload."""
    told = {"name": path.name, "media_type": PDF, "size": SIZE, "sha256": _digest_of(path)}
    return {
        "actor": "p.ost",
        "outsourcing_id": outsourcing_id,
        "entry_id": entry_id,
        "version": 1,
        "visibility": "shared",
        "author": "P. Ost",
        "happened_at": datetime.now(UTC).isoformat(),
        "body": {"kind": "attachment", **told},
    }


async def _client(installation: Installation, operator: Any, slug: str) -> httpx.AsyncClient:
    """Somebody who speaks HTTP as this instance, with a new token."""
    token = {"Authorization": f"Bearer {await replace_token(operator, slug)}"}
    return httpx.AsyncClient(base_url=installation.files_url, headers=token, timeout=30)
