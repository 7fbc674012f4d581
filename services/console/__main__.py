"""`tandem`: what administrators, operators and developers do from a command line."""

import asyncio
import dataclasses
import json
import sys
from datetime import datetime
from typing import Annotated, Any, NoReturn
from uuid import UUID

import asyncpg
import psycopg
import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console

from services.console import agreements, billing, instances, notifications, parked, renderings, sync, work
from services.console import check as checking
from services.console.migrating import migrate_all
from services.console.settings import AdminSettings, DatabaseSettings, WorkerPasswords
from services.console.showing import AsJson, as_operator, plain, print_table, show
from services.console.work import Filter, Outsourced, Received
from shared.contracts.gateway import REFUSED_TYPES, FileLimits
from shared.contracts.offer_handler import Instance
from shared.contracts.values import LARGEST_FILE_BYTES, ShortText
from shared.database import Connection
from shared.messaging.broker_admin import BrokerRefused
from shared.messaging.topology import SERVICES
from shared.settings import read_settings

# A trace would show what stands in variables, passwords among it.
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Tickets that two companies work on together.",
)
instance_app = typer.Typer(no_args_is_help=True, help="Who takes part.")
parked_app = typer.Typer(no_args_is_help=True, help="Messages that wait, and an operator's word on them.")
app.add_typer(instance_app, name="instance")
app.add_typer(parked_app, name="parked")
agreement_app = typer.Typer(no_args_is_help=True, help="What leads accept before they invite and send.")
app.add_typer(agreement_app, name="agreement")
work_app = typer.Typer(no_args_is_help=True, help="What an instance was given, and what it gave away.")
app.add_typer(work_app, name="work")
outsourcing_app = typer.Typer(no_args_is_help=True, help="One outsourcing.")
app.add_typer(outsourcing_app, name="outsourcing")
sync_app = typer.Typer(no_args_is_help=True, help="Whether both copies of a ticket are in step, and telling all again.")
app.add_typer(sync_app, name="sync")
app.add_typer(notifications.app, name="notifications")
app.add_typer(billing.app, name="billing")

MEBIBYTE = 1024 * 1024
LARGEST_MIB = LARGEST_FILE_BYTES // MEBIBYTE
DAYS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M"]
Service = Annotated[str, typer.Argument(help=", ".join(SERVICES))]
Slug = Annotated[str, typer.Argument(metavar="INSTANCE", help="its slug")]
Partner = Annotated[str | None, typer.Option(help="only with this partner")]
State = Annotated[str | None, typer.Option(help="only in this state, such as in_progress")]
DueBefore = Annotated[datetime | None, typer.Option(help="only what is due before, such as 2026-03-02", formats=DAYS)]
Subject = Annotated[str, typer.Argument(help="as `tandem parked list` shows it")]

# What went wrong is the caller's to mend, and a trace would not help with it.
EXPECTED = (
    BrokerRefused,
    instances.InstanceKnown,
    instances.InstanceUnknown,
    agreements.VersionKnown,
    asyncpg.PostgresError,
    psycopg.Error,
    OSError,
)


def main() -> None:
    """Run one command. Exit status 0: done; 1: it could not be done, or a check failed; 2: it was asked wrongly."""
    try:
        app()
    except EXPECTED as error:
        sys.exit(f"tandem: {error}")


@app.command()
def migrate(as_json: AsJson = False) -> None:
    """Bring database and broker to what this version needs; doing it again changes nothing."""
    applied = asyncio.run(migrate_all(read_settings(AdminSettings), read_settings(WorkerPasswords)))
    if as_json:
        print(json.dumps(applied, indent=2))
    else:
        for service, names in applied.items():
            print(f"{service}: {', '.join(names) or 'up to date'}")
        print("broker: topology and rights are in place")


@app.command()
def check(as_json: AsJson = False) -> None:
    """Prove that every message that was received ended in exactly one way; exit status 1 where it did not."""
    accounts = asyncio.run(checking.check_all(read_settings(AdminSettings)))
    if as_json:
        print(json.dumps([account.as_json() for account in accounts], indent=2))
    else:
        columns = {account.service: account.as_column() for account in accounts}
        lines = next(iter(columns.values()))
        print_table([{"": line, **{s: column[line] for s, column in columns.items()}} for line in lines])
        for account in accounts:
            for question, count in account.wrong.items():
                print(f"{account.service}: {count} {question}")
    sys.exit(0 if all(account.balanced for account in accounts) else 1)


@app.command("renderings")
def list_renderings(
    retry: Annotated[bool, typer.Option("--retry", help="try all of them again at once")] = False,
    as_json: AsJson = False,
) -> None:
    """Issued invoices whose PDF and XML are not there yet, with what went wrong last."""
    if retry:
        print(f"tried again now: {as_operator(renderings.try_again_now)}")
        return
    waiting = as_operator(renderings.list_waiting)
    show([dataclasses.asdict(one) for one in waiting], as_json=as_json, nothing="every issued invoice has its files")


@app.command()
def up(shards: Annotated[int, typer.Option(min=1, max=256, help="shard queues of each service")] = 1) -> None:
    """Broker, database, mail catcher and all workers on this machine, in the foreground until stopped."""
    # Its parts are for development and are not there in the image that runs the workers.
    from services.console import up as running  # noqa: PLC0415
    from services.console.stack import Unavailable  # noqa: PLC0415

    try:
        running.up(shards)
    except (running.AlreadyUp, Unavailable) as error:
        sys.exit(f"tandem: {error}")


@app.command()
def down() -> None:
    """End what `tandem up` started in this directory, wherever it runs."""
    from services.console import up as running  # noqa: PLC0415

    print("stopped" if running.down() else "nothing was up")


@instance_app.command("add")
def add_instance(
    slug: Annotated[str, typer.Argument(help="lower-case letters, digits and dashes, such as nordlicht")],
    name: Annotated[str, typer.Option(help="the company's name, as partners read it")],
    language: Annotated[str, typer.Option(help="of its e-mails and answers, such as de or en-GB")],
    email: Annotated[str, typer.Option(help="who is written to")],
    kind: Annotated[str, typer.Option(help="psa, or portal where it has no installation")] = "psa",
    as_json: AsJson = False,
) -> None:
    """Give an instance its user, its queue and its place in every service; prints what it needs, once."""
    try:
        instance = Instance.model_validate(
            {"slug": slug, "name": name, "language": language, "email": email, "kind": kind}
        )
    except ValidationError as wrong:
        _usage("\n".join(f"{error['loc'][0]}: {error['msg']}" for error in wrong.errors()))
    if instance.kind == "portal":
        asyncio.run(instances.add_portal_instance(read_settings(DatabaseSettings), instance))
        print(json.dumps(None) if as_json else "It is reached by e-mail: there is nothing to connect with.")
        return
    credentials = dataclasses.asdict(asyncio.run(instances.add_instance(read_settings(AdminSettings), instance)))
    if as_json:
        print(json.dumps(credentials, indent=2))
    else:
        for what, value in credentials.items():
            print(f"{what:9} {value}")
        print("Password, token and the queue's name are stored nowhere and not shown again.")


@instance_app.command("token")
def replace_token(slug: Slug, as_json: AsJson = False) -> None:
    """Give an instance another token for the gateway, once; the one it had opens nothing any more."""
    token = as_operator(lambda c: instances.replace_token(c, slug))
    print(json.dumps({"token": token}, indent=2) if as_json else token)


@instance_app.command("limit")
def limit_files(
    slug: Slug,
    largest_mib: Annotated[int, typer.Option(min=0, max=LARGEST_MIB, help="of a file, in MiB")] = LARGEST_MIB,
    refuse: Annotated[list[str] | None, typer.Option(help="a media type; again for another")] = None,
    as_json: AsJson = False,
) -> None:
    """Say which files an instance may send; what is left out is as usual."""
    try:
        limits = FileLimits(
            largest_bytes=largest_mib * MEBIBYTE, refused_types=tuple(map(str.lower, refuse or REFUSED_TYPES))
        )
    except ValidationError as wrong:
        _usage("\n".join(f"refuse: {error['msg']}" for error in wrong.errors()))
    as_operator(lambda c: instances.limit_files(c, slug, limits))
    shown = {"instance": slug, "largest_mib": largest_mib, "refused_types": limits.refused_types}
    print(
        json.dumps(shown, indent=2)
        if as_json
        else f"{slug}: up to {limits.largest}, and none of these: {', '.join(limits.refused_types)}"
    )


@instance_app.command("list")
def list_instances(as_json: AsJson = False) -> None:
    """Every instance, by slug."""
    listed = asyncio.run(
        instances.list_instances(read_settings(DatabaseSettings).admin_database_url.get_secret_value())
    )
    show([dataclasses.asdict(one) for one in listed], as_json=as_json, nothing="no instance has been added")


@agreement_app.command("publish")
def publish_agreement(
    version: Annotated[str, typer.Argument(help="how leads name it when they accept it, such as 2026-01")],
    as_json: AsJson = False,
) -> None:
    """Put a version in force: who invites or sends must have accepted it from now on."""
    try:
        TypeAdapter(ShortText).validate_python(version)
    except ValidationError as wrong:
        _usage(f"version: {wrong.errors()[0]['msg']}")
    as_operator(lambda c: agreements.publish_version(c, version))
    list_agreements(as_json)


@agreement_app.command("list")
def list_agreements(as_json: AsJson = False) -> None:
    """Every version, the one in force at the top, and how many instances accepted it last."""
    show(as_operator(agreements.list_versions), as_json=as_json, nothing="no version has been published")


@parked_app.command("list")
def list_parked(
    service: Annotated[str | None, typer.Option(help="only this service")] = None, as_json: AsJson = False
) -> None:
    """Every subject that has parked messages, those longest waiting first."""
    wanted = [_known(service)] if service else list(SERVICES)

    async def list_all(connection: Connection) -> list[dict[str, Any]]:
        return [row for one in wanted for row in await parked.list_subjects(connection, one)]

    show(as_operator(list_all), as_json=as_json, nothing="nothing is parked")


@parked_app.command("show")
def show_parked(
    service: Service,
    subject: Subject,
    body: Annotated[bool, typer.Option("--body", help="the first message as it came; it may be personal")] = False,
    as_json: AsJson = False,
) -> None:
    """The waiting messages of one subject, in order."""
    _known(service)
    if body:
        print(json.dumps(as_operator(lambda c: parked.read_body(c, service, subject)), indent=2, ensure_ascii=False))
        return
    rows = as_operator(lambda c: parked.show_subject(c, service, subject))
    show(rows, as_json=as_json, nothing="nothing is parked under it")


@parked_app.command("replay")
def replay_parked(service: Service, subject: Subject) -> None:
    """Try a subject again at once, with all its retries before it."""
    _known(service)
    if not as_operator(lambda c: parked.replay_subject(c, service, subject)):
        sys.exit("tandem: nothing is parked under it")
    print("it is tried again; `tandem parked list` shows what still waits")


@parked_app.command("drop")
def drop_parked(
    service: Service,
    subject: Subject,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Drop the first waiting message of a subject for good, and let the rest be tried."""
    _known(service)
    if not yes:
        typer.confirm(f"Drop the first message that waits under {subject}? It will never take effect", abort=True)
    dropped = as_operator(lambda c: parked.drop_first(c, service, subject))
    if dropped is None:
        sys.exit("tandem: nothing is parked under it")
    print(f"dropped {dropped['kind']} {dropped['id']} from {dropped['sender']}")


@work_app.command("received")
def list_received(
    instance: Slug,
    only: Annotated[Received | None, typer.Option("--list", help="only this list")] = None,
    partner: Partner = None,
    state: State = None,
    due_before: DueBefore = None,
    as_json: AsJson = False,
) -> None:
    """What a service partner was given; what is due first stands at the top."""
    wanted = Filter(only, partner, state, _aware(due_before))
    rows = as_operator(lambda c: work.list_received(c, instance, wanted))
    show(rows, as_json=as_json, nothing="nothing like that was received")


@work_app.command("outsourced")
def list_outsourced(
    instance: Slug,
    only: Annotated[Outsourced | None, typer.Option("--list", help="only this list")] = None,
    partner: Partner = None,
    state: State = None,
    due_before: DueBefore = None,
    as_json: AsJson = False,
) -> None:
    """What a lead gave away; what is due first stands at the top."""
    wanted = Filter(only, partner, state, _aware(due_before))
    rows = as_operator(lambda c: work.list_outsourced(c, instance, wanted))
    show(rows, as_json=as_json, nothing="nothing like that was outsourced")


@outsourcing_app.command("show")
def show_outsourcing(outsourcing_id: Annotated[UUID, typer.Argument(metavar="ID")], as_json: AsJson = False) -> None:
    """An outsourcing and all that ever took effect on it: when, who, what, and by which message."""
    found = as_operator(lambda c: work.find_outsourcing(c, outsourcing_id))
    if found is None:
        sys.exit("tandem: there is no such outsourcing")
    history = as_operator(lambda c: work.list_history(c, outsourcing_id))
    if as_json:
        print(json.dumps({**found, "history": history}, indent=2, default=plain, ensure_ascii=False))
        return
    for name, value in found.items():
        print(f"{name.replace('_', ' '):15} {parked.as_text(value)}")
    lines = [{name: row[name] for name in work.TIMELINE} for row in history]
    show(lines, as_json=False, nothing="nothing has happened to it yet")


@sync_app.command("verify")
def verify_copies(
    outsourcing_id: Annotated[UUID | None, typer.Argument(metavar="[OUTSOURCING]", help="only this one")] = None,
    as_json: AsJson = False,
) -> None:
    """Prove that every copy that should be there was told and confirmed by the broker; exit status 1 where not."""
    with Console(stderr=True).status("verifying …") as progress:
        verdict = as_operator(
            lambda c: sync.verify(
                c, outsourcing_id, lambda count: progress.update(f"{count:,} outsourcings verified …")
            )
        )
    if outsourcing_id and not verdict.outsourcings:
        sys.exit("tandem: there is no such outsourcing, or it is not accepted yet")
    if as_json:
        print(json.dumps(dataclasses.asdict(verdict), indent=2, default=plain))
    else:
        nothing = f"told and confirmed: {verdict.copies} copies of {verdict.outsourcings} outsourcings"
        show([dataclasses.asdict(one) for one in verdict.wrong], as_json=False, nothing=nothing)
        if any(side.untold for side in verdict.wrong):
            print("untold: `tandem sync repair OUTSOURCING --side SIDE` tells it again")
        if any(side.unconfirmed for side in verdict.wrong):
            print("unconfirmed: on its way, or its recipient's queue is full; look again in a while")
    sys.exit(1 if verdict.wrong else 0)


@sync_app.command("repair")
def repair_side(
    side: Annotated[str, typer.Option(metavar="INSTANCE", help="who is told again")],
    outsourcing_id: Annotated[UUID | None, typer.Argument(metavar="[OUTSOURCING]", help="only on this one")] = None,
    as_json: AsJson = False,
) -> None:
    """Tell one side again all that it should hold of the other's, piece by piece; what it holds already stays."""
    with Console(stderr=True).status("ordering …") as progress:
        ordered = as_operator(
            lambda c: sync.order_repair(
                c, outsourcing_id, side, lambda count: progress.update(f"{count:,} tickets ordered …")
            )
        )
    if as_json:
        print(json.dumps({"side": side, "outsourcings": ordered}, indent=2))
    elif ordered:
        print(f"{side} is told all again (tickets: {ordered}); `tandem outsourcing show` shows of each how far that is")
    if not ordered:
        which = "outsourcing" if outsourcing_id is None else "such outsourcing"
        sys.exit(f"tandem: {side} has no {which} that is accepted, or no instance; `tandem instance list` shows all")


def _aware(day: datetime | None) -> datetime | None:
    """A day as it begins where the operator is."""
    return None if day is None else day.astimezone()


def _known(service: str) -> str:
    if service not in SERVICES:
        _usage(f"there is no service {service}; there are {', '.join(SERVICES)}")
    return service


def _usage(message: str) -> NoReturn:
    print(f"tandem: {message}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
