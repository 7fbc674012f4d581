"""The containers fit the code: every worker runs, with the settings it needs and no others, and with few rights."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings

from services.billing.settings import Settings as BillingSettings
from services.console.settings import AdminSettings, WorkerPasswords
from services.gateway.settings import Settings as GatewaySettings
from services.notifier.settings import Settings as NotifierSettings
from services.offer_handler.settings import Settings as OfferHandlerSettings
from services.ticket_sync.settings import Settings as TicketSyncSettings
from shared.messaging.topology import SERVICES, worker_user
from shared.migrate import role_of
from shared.settings import LinkSettings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text().splitlines()
SETTINGS: dict[str, tuple[type[BaseSettings], ...]] = {
    "offer_handler": (OfferHandlerSettings,),
    "ticket_sync": (TicketSyncSettings,),
    "notifier": (NotifierSettings,),
    "billing": (BillingSettings,),
    "gateway": (GatewaySettings,),
    "migrate": (AdminSettings, WorkerPasswords),
}
EVERY_CONTAINER = pytest.mark.parametrize("name", COMPOSE)
OUR_CONTAINERS = pytest.mark.parametrize("name", SETTINGS)


def test_every_worker_has_a_container_that_starts_it() -> None:
    assert {name: COMPOSE[name]["command"] for name in SERVICES} == {name: [f"services.{name}"] for name in SERVICES}


@OUR_CONTAINERS
def test_a_container_is_told_all_that_is_needed_and_nothing_unknown(name: str) -> None:
    told = set(COMPOSE[name]["environment"])
    fields = {
        f"TANDEM_{field.upper()}": info for settings in SETTINGS[name] for field, info in settings.model_fields.items()
    }
    assert {field for field, info in fields.items() if info.is_required()} <= told <= set(fields)


@pytest.mark.parametrize("service", SERVICES)
def test_a_worker_has_no_user_and_no_password_but_its_own(service: str) -> None:
    environment = COMPOSE[service]["environment"]
    assert f"//{role_of(service)}:" in environment["TANDEM_DATABASE_URL"]
    assert f"//{worker_user(service)}:" in environment["TANDEM_BROKER_URL"]
    passwords = set(re.findall(r"\$\{(\w+)", str(environment)))
    keys = {"TANDEM_LINK_KEYS"} if issubclass(SETTINGS[service][0], LinkSettings) else set()
    assert passwords == {f"TANDEM_{service.upper()}_PASSWORD"} | keys


@EVERY_CONTAINER
def test_ports_are_open_to_this_machine_only_and_images_have_a_version(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in COMPOSE[name].get("ports", []))
    image = COMPOSE[name]["image"]
    assert image == "tandem" or re.search(r":v?\d", image), image


@OUR_CONTAINERS
def test_our_containers_have_few_rights_and_limits(name: str) -> None:
    container = COMPOSE[name]
    assert container["read_only"] and container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["mem_limit"] and container["pids_limit"]


def test_every_password_is_asked_for_and_none_is_given() -> None:
    text = (ROOT / "deploy/compose.yaml").read_text()
    example = dict(line.split("=", 1) for line in _lines("deploy/environment.example") if not line.startswith("#"))
    assert set(example.values()) == {""}
    assert set(re.findall(r"\$\{(\w+):\?", text)) == set(example)
    assert len(re.findall(r"\$\{\w+:\?", text)) == text.count("${"), "one that may be missing would be empty"


def test_the_image_runs_as_nobody_in_particular_and_verifies_what_it_installs() -> None:
    last_user = [line.split()[1] for line in DOCKERFILE if line.startswith("USER ")][-1]
    assert last_user not in {"root", "0"}
    assert any("--require-hashes" in line for line in DOCKERFILE)
    assert [line for line in DOCKERFILE if line.startswith("ENTRYPOINT")] == ['ENTRYPOINT ["python", "-m"]']


def test_the_image_s_packages_are_those_that_the_tests_ran_with() -> None:
    ours = _versions("deploy/requirements.lock")
    assert ours.items() <= _versions("requirements.lock").items()
    assert "pytest" not in ours and {"aio-pika", "asyncpg", "pydantic"} <= set(ours)


@OUR_CONTAINERS
def test_the_operating_handbook_names_every_setting(name: str) -> None:
    handbook = (ROOT / "docs/operating.md").read_text()
    settings = {f"TANDEM_{field.upper()}" for kind in SETTINGS[name] for field in kind.model_fields}
    assert {setting for setting in settings if f"`{setting}`" not in handbook} == set()


def _versions(name: str) -> dict[str, str]:
    return {
        match[1]: match[2] for line in _lines(name) if (match := re.match(r"([A-Za-z0-9._-]+)(?:\[.*\])?==(\S+)", line))
    }


def _lines(name: str) -> list[str]:
    return (ROOT / name).read_text().splitlines()
