"""The local stack: really there, and back after its servers were killed. `test_up` shows that it leaves nothing."""

import os
import shutil
import tempfile
from pathlib import Path

import aio_pika
import asyncpg
import httpx
import pytest

from services.console.stack import LocalStack, Unavailable
from services.console.stack.packages import install_broker
from services.console.stack.postgres import EmbeddedPostgres, GivenPostgres, embedded_binaries, find_postgres
from services.console.stack.processes import processes_of
from services.console.stack.rabbitmq import RabbitMQ, find_rabbitmq


async def test_both_servers_answer(stack: LocalStack) -> None:
    database = await asyncpg.connect(stack.database_admin_url, timeout=5)
    assert await database.fetchval("select 1") == 1
    assert int(await database.fetchval("show max_connections")) >= 200
    await database.close()

    broker = await aio_pika.connect(_amqp_url(stack.rabbitmq), timeout=5)
    channel = await broker.channel()
    queue = await channel.declare_queue("stack-test", durable=True, arguments={"x-queue-type": "quorum"})
    await channel.default_exchange.publish(aio_pika.Message(b"hello"), routing_key=queue.name)
    arrived = await queue.get(timeout=5)
    assert arrived.body == b"hello"
    await arrived.ack()
    await queue.delete(if_unused=False, if_empty=False)
    await broker.close()

    async with httpx.AsyncClient(base_url=stack.broker_admin_url) as admin:
        assert (await admin.get("api/whoami")).json()["tags"] == ["administrator"]


async def test_roles_without_rights_can_log_in(stack: LocalStack) -> None:
    database = await asyncpg.connect(stack.database_admin_url, timeout=5)
    await database.execute("create role stack_test login password 'of-a-test'")
    url = httpx.URL(stack.database_admin_url).copy_with(username="stack_test", password="of-a-test")
    plain = await asyncpg.connect(str(url), timeout=5)
    assert await plain.fetchval("select current_user") == "stack_test"
    await plain.close()
    await database.execute("drop role stack_test")
    await database.close()


def test_what_was_found_is_told(stack: LocalStack) -> None:
    told = "\n".join(stack.describe())
    assert "Postgres" in told
    assert "RabbitMQ" in told
    assert str(stack.broker_amqp_port) in told


async def test_postgres_comes_back_on_the_same_port_with_what_it_had(tmp_path: Path) -> None:
    own = find_postgres(_open_to_all(tmp_path), fsync=False)
    own.start()
    try:
        await _run_sql(own.admin_url, "create table kept as select 'still here' as it")
        for end in (own.stop, own.kill):
            end()
            with pytest.raises(OSError, match="Connect call failed"):
                await _run_sql(own.admin_url, "select 1")
            own.start()
            assert await _run_sql(own.admin_url, "select it from kept") == "still here"
    finally:
        own.remove()


async def test_an_environment_that_others_cannot_enter_does_not_keep_postgres_from_starting(tmp_path: Path) -> None:
    binaries = embedded_binaries()
    assert binaries is not None
    package = binaries.parents[1]
    home = tmp_path / "home"
    shutil.copytree(binaries.parent, home / package.name / binaries.parent.name)
    shutil.copytree(package.with_name(f"{package.name}.libs"), home / f"{package.name}.libs")
    home.chmod(0o700)
    run = _open_to_all(tmp_path) / "run"
    run.mkdir()
    own = EmbeddedPostgres(run, home / binaries.relative_to(package.parent), fsync=False)
    try:
        own.start()
        assert await _run_sql(own.admin_url, "select 1") == 1
    finally:
        own.remove()
    assert list(run.iterdir()) == []


async def test_rabbitmq_comes_back_on_the_same_ports_with_what_it_had(tmp_path: Path) -> None:
    own = find_rabbitmq(tmp_path)
    own.start()
    try:
        async with httpx.AsyncClient(base_url=own.admin_url) as admin:
            (await admin.put("api/vhosts/kept")).raise_for_status()
        own.kill()
        with pytest.raises(aio_pika.exceptions.AMQPConnectionError):
            await aio_pika.connect(_amqp_url(own), timeout=5)
        own.start()
        async with httpx.AsyncClient(base_url=own.admin_url) as admin:
            assert (await admin.get("api/vhosts/kept")).status_code == httpx.codes.OK
    finally:
        own.remove()
    assert processes_of(tmp_path) == []


def test_a_given_server_is_used_and_left_alone(
    stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEM_LOCAL_DATABASE_URL", stack.database_admin_url)
    monkeypatch.setenv("TANDEM_LOCAL_BROKER_URL", stack.broker_admin_url)
    with LocalStack() as given:
        assert isinstance(given.postgres, GivenPostgres)
        assert given.database_admin_url == stack.database_admin_url
        assert given.broker_amqp_port == stack.broker_amqp_port
        with pytest.raises(Unavailable):
            given.rabbitmq.kill()
    assert httpx.get(f"{stack.broker_admin_url}api/whoami").status_code == httpx.codes.OK


def test_a_given_server_that_does_not_answer_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TANDEM_LOCAL_DATABASE_URL", "postgresql://somebody@127.0.0.1:1/postgres")
    with pytest.raises(Unavailable, match="does not answer"):
        find_postgres(tmp_path, fsync=True).start()
    monkeypatch.setenv("TANDEM_LOCAL_BROKER_URL", "http://somebody:secret@127.0.0.1:1/")
    with pytest.raises(Unavailable, match="does not answer"):
        find_rabbitmq(tmp_path).start()


def test_where_nothing_may_be_installed_the_one_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Unavailable, match=r"apt-get install --yes rabbitmq-server|brew install|packages"):
        install_broker()


def _open_to_all(directory: Path) -> Path:
    """Let the database's own user pass, as it may where the stack makes the directory."""
    temporary = Path(tempfile.gettempdir()).resolve()
    for level in (directory, *directory.parents):
        if level == temporary:
            break
        level.chmod(0o711)
    return directory


async def _run_sql(url: str, sql: str) -> object:
    database = await asyncpg.connect(url, timeout=5)
    try:
        return await database.fetchval(sql)
    finally:
        await database.close()


def _amqp_url(broker: RabbitMQ) -> str:
    admin = httpx.URL(broker.admin_url)
    return f"amqp://{admin.username}:{admin.password}@{broker.amqp_host}:{broker.amqp_port}/"
