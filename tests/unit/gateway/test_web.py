"""The gateway's HTTP where there is nothing behind it."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from services.gateway.handlers import HANDLERS
from services.gateway.web import application
from shared.links import Keys
from shared.messaging import intake
from shared.messaging.intake import Intake
from shared.objects import ObjectStore

NOWHERE = "postgresql://nobody:secret@127.0.0.1:1/tandem"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/health"), ("PUT", f"/files/{'a' * 64}"), ("GET", "/files/" + "/".join(["0" * 32] * 2))],
)
async def test_without_a_database_it_says_that_it_cannot_serve_now(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, method: str, path: str
) -> None:
    monkeypatch.setattr(intake, "PATIENCE_SECONDS", 0.2)
    neither: Any = None
    asked = Intake(handlers=HANDLERS, database_url=NOWHERE, turn=neither, relay=neither)
    store = ObjectStore(tmp_path.as_uri())
    served = httpx.ASGITransport(application(asked, store, store, Keys(["k" * 32]), 0))
    async with httpx.AsyncClient(transport=served, base_url="http://gateway.example") as client:
        answer = await client.request(method, path, headers={"Authorization": "Bearer nordlicht.x"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json() == {"type": "about:blank", "title": "Service Unavailable", "status": 503}
