"""The database of a service: its schema, its tables, and its role with least rights and limits on every wait."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql
from yoyo import get_backend, read_migrations

RUNTIME_MIGRATIONS = Path(__file__).parent / "messaging" / "migrations"

CONNECT_SECONDS = 5
# Another run may be in the middle of a large migration; one that is not done by then is somebody's to look at.
PATIENCE = "5min"
# One run at a time; whoever is cut off stands in nobody's way, for its lock ends with its connection.
TAKE_TURNS = "SELECT pg_advisory_lock(hashtext('tandem migrate'))"
# A turn takes milliseconds. What takes seconds is stuck, and a frozen worker must not hold its rows: what it has left
# open is undone before its leases run out.
LIMITS = {
    "statement_timeout": "10s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "5s",
}


def role_of(service: str) -> str:
    """The database role that a service's worker logs in as."""
    return f"tandem_{service}"


def migrate(admin_url: str, service: str, password: str, migrations: Path) -> list[str]:
    """Bring a service's schema up to date and its role's rights with it; tells which migrations were applied.

    Doing it again changes nothing, and goes on where a run was cut off. Raises psycopg.Error where the database cannot
    be reached or refuses.
    """
    with psycopg.connect(admin_url, autocommit=True, connect_timeout=CONNECT_SECONDS) as connection:
        with connection.transaction():
            connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(PATIENCE)))
            connection.execute(TAKE_TURNS)
        _make_role(connection, service, password)
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(service)))
        applied = _apply(admin_url, service, (RUNTIME_MIGRATIONS, migrations))
        _grant(connection, service)
    return applied


def _make_role(connection: "psycopg.Connection[object]", service: str, password: str) -> None:
    role, schema = sql.Identifier(role_of(service)), sql.Identifier(service)
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role_of(service),)).fetchone()
    if not known:
        connection.execute(sql.SQL("CREATE ROLE {}").format(role))
    connection.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(password)))
    database = sql.Identifier(connection.info.dbname)
    connection.execute(sql.SQL("ALTER ROLE {} IN DATABASE {} SET search_path = {}").format(role, database, schema))
    for limit, value in LIMITS.items():
        statement = sql.SQL("ALTER ROLE {} IN DATABASE {} SET {} = {}")
        connection.execute(statement.format(role, database, sql.Identifier(limit), sql.Literal(value)))


def _apply(admin_url: str, schema: str, folders: Sequence[Path]) -> list[str]:
    parts = urlsplit(admin_url)
    backend = get_backend(urlunsplit(parts._replace(scheme="postgresql+psycopg", query=f"schema={schema}")))
    # The library's own lock outlives who is killed; whoever left it there is gone, as we are the only run.
    backend.break_lock()
    waiting = backend.to_apply(read_migrations(*(str(folder) for folder in folders)))
    for migration in waiting:
        # What it makes and the note that it is made are there together, or neither is.
        with backend.transaction():
            migration.process_steps(backend, "apply")
            backend.mark_one(migration)
    backend.connection.close()
    return [migration.id for migration in waiting]


def _grant(connection: "psycopg.Connection[object]", service: str) -> None:
    """Rows may be read and written; what tables look like, and which migrations were applied, may not.

    Instances may be added, but the kind of one cannot be said: it is what the table makes it. Which shards there are is
    said by who declares their queues.
    """
    role, schema = sql.Identifier(role_of(service)), sql.Identifier(service)
    for statement in (
        "GRANT USAGE ON SCHEMA {schema} TO {role}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
        "REVOKE INSERT, UPDATE, DELETE ON {schema}.instance FROM {role}",
        "GRANT INSERT (slug, name, language, email) ON {schema}.instance TO {role}",
        "REVOKE UPDATE, DELETE ON {schema}.history FROM {role}",
        "REVOKE INSERT ON {schema}.shard FROM {role}",
    ):
        connection.execute(sql.SQL(statement).format(schema=schema, role=role))
    for table in ("_yoyo_log", "_yoyo_migration", "_yoyo_version", "yoyo_lock"):
        connection.execute(sql.SQL("REVOKE ALL ON {}.{} FROM {}").format(schema, sql.Identifier(table), role))
