"""The courier between a real Postgres and a real SMTP server: what becomes of a mail, answer by answer."""

import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest
import structlog

from services.notifier import clients, courier
from services.notifier.domain.delivery import GIVE_UP_AFTER
from shared.contracts.notifier import NotificationFailed
from shared.database import Connection
from shared.messaging.outcomes import Deliver
from shared.objects import ObjectStore
from tests.integration.notifier.rounds import SettingsFor, intend, round_of, states, told_by_round
from tests.integration.notifier.smtp_server import DROP, HANG, OK, closed_door, mail_sink
from tests.unit.notifier.happenings import (
    APPROVED,
    FILES,
    INVOICE_RENDERED,
    NEWS,
    OUTSOURCING_ID,
    PARTNERSHIP_ID,
    PDF,
    TICKET,
)
from tests.unit.notifier.letters import (
    LANGUAGES,
    plain_of,
)


async def once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def test_a_mail_that_is_taken_is_sent_once(database: Connection, settings_for: SettingsFor) -> None:
    (told,) = await intend(database)
    async with mail_sink() as sink:
        settings = settings_for(sink.port)
        assert await round_of(database, settings) == 1
        assert await round_of(database, settings, after=timedelta(days=1)) == 0
    assert await states(database) == [("sent", 1, "2.0.0 kept")]
    (mail,) = sink.kept
    assert sink.recipients == ["service@alpenwerk.example"]
    assert mail["Message-ID"] == f"<{told.id}@tandem.example>"
    assert mail["Subject"] == f"NL-20417: {TICKET.title} (Nordlicht IT GmbH)"
    assert mail["To"] == "service@alpenwerk.example"
    assert mail["Auto-Submitted"] == "auto-generated"


async def test_each_side_is_told_in_its_own_language(database: Connection, settings_for: SettingsFor) -> None:
    await intend(database, APPROVED)
    async with mail_sink() as sink:
        await round_of(database, settings_for(sink.port))
    by_recipient = {mail["To"]: mail for mail in sink.kept}
    assert plain_of(by_recipient["service@nordlicht.example"]).startswith("Sie haben die Arbeit")
    assert plain_of(by_recipient["service@alpenwerk.example"]).startswith("Nordlicht IT GmbH approved")
    assert {mail["Content-Language"] for mail in sink.kept} == set(LANGUAGES)


async def test_many_letters_share_a_connection(database: Connection, settings_for: SettingsFor) -> None:
    await intend(database, times=courier.LETTERS_IN_A_BAG)
    async with mail_sink() as sink:
        await round_of(database, settings_for(sink.port))
    assert len(sink.kept) == courier.LETTERS_IN_A_BAG
    assert sink.connections == 1


@pytest.mark.parametrize("step", ["to_sender", "to_recipient", "to_data"])
async def test_not_now_is_asked_again_later(database: Connection, settings_for: SettingsFor, step: str) -> None:
    await intend(database)
    async with mail_sink() as sink:
        settings = settings_for(sink.port)
        setattr(sink, step, ["451 4.7.1 greylisted", OK])
        await round_of(database, settings)
        assert await states(database) == [("pending", 1, "451 4.7.1 greylisted")]
        assert await round_of(database, settings) == 0, "a pause comes first"
        assert await round_of(database, settings, after=timedelta(minutes=1)) == 1
    assert await states(database) == [("sent", 2, "2.0.0 kept")]
    assert len(sink.kept) == 1


@pytest.mark.parametrize("step", ["to_sender", "to_recipient", "to_data"])
async def test_never_is_final_and_keeps_the_servers_words(
    database: Connection, settings_for: SettingsFor, step: str
) -> None:
    await intend(database)
    async with mail_sink() as sink:
        setattr(sink, step, ["550 5.1.1 no such user here"])
        settings = settings_for(sink.port)
        _, [caused] = await told_by_round(database, settings)
        assert await told_by_round(database, settings, after=timedelta(days=1)) == (0, [])
    assert await states(database) == [("failed", 1, "550 5.1.1 no such user here")]
    (failed,) = caused.tell
    assert isinstance(failed, Deliver) and isinstance(failed.data, NotificationFailed)
    assert (failed.to, failed.data.words) == ("alpenwerk", "550 5.1.1 no such user here")
    assert sink.kept == []


async def test_one_refusal_does_not_keep_the_others_back(database: Connection, settings_for: SettingsFor) -> None:
    await intend(database, times=5)
    async with mail_sink() as sink:
        sink.to_data = [OK, "554 5.6.0 no", "450 4.2.0 busy", OK, OK]
        await round_of(database, settings_for(sink.port))
    assert sorted(state for state, _, _ in await states(database)) == ["failed", "pending", "sent", "sent", "sent"]
    assert len(sink.kept) == 3
    assert sink.connections == 1


async def test_who_answers_with_nonsense_is_left_and_the_others_go_out(
    database: Connection, settings_for: SettingsFor
) -> None:
    await intend(database, times=3)
    async with mail_sink() as sink:
        sink.to_data = [OK, "well, maybe", OK]
        await round_of(database, settings_for(sink.port))
    assert sorted(state for state, _, _ in await states(database)) == ["pending", "sent", "sent"]
    assert sink.connections == 2


@pytest.mark.parametrize("step", ["connect", "data", "quit"])
async def test_whatever_the_library_raises_the_results_of_the_other_mails_stand(
    database: Connection, settings_for: SettingsFor, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    works, calls = getattr(aiosmtplib.SMTP, step), []

    async def fails_the_second_time(connection: aiosmtplib.SMTP, *given: Any, **more: Any) -> Any:
        calls.append(step)
        if len(calls) == (1 if step == "quit" else 2):
            raise KeyError(step)
        return await works(connection, *given, **more)

    monkeypatch.setattr(aiosmtplib.SMTP, step, fails_the_second_time)
    await intend(database, times=3)
    async with mail_sink() as sink:
        sink.to_data = [OK, DROP] if step == "connect" else []
        await round_of(database, settings_for(sink.port))
    words = {
        "connect": ["no answer: SMTPServerDisconnected", "not reached: KeyError"],
        "data": ["no answer: KeyError"],
        "quit": [],
    }[step]
    sent = [("sent", 1, "2.0.0 kept")] * (3 - len(words))
    assert sorted(await states(database), key=str) == [("pending", 1, one) for one in words] + sent


async def test_a_lost_answer_doubles_the_mail_under_one_id_and_nothing_else(
    database: Connection, settings_for: SettingsFor
) -> None:
    await intend(database, times=3)
    async with mail_sink() as sink:
        settings = settings_for(sink.port)
        sink.to_data = [OK, DROP, OK]
        await round_of(database, settings)
        assert sorted(state for state, _, _ in await states(database)) == ["pending", "sent", "sent"]
        assert sink.connections == 2
        assert await round_of(database, settings, after=timedelta(minutes=1)) == 1
    ids = [mail["Message-ID"] for mail in sink.kept]
    assert len(ids) == 4
    assert len(set(ids)) == 3
    assert ids.count(ids[1]) == 2
    assert {state for state, _, _ in await states(database)} == {"sent"}


async def test_a_server_that_says_nothing_costs_a_limited_time(
    database: Connection, settings_for: SettingsFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "WHOLE_MAIL_ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(courier, "BAG_SECONDS", 0.2)
    await intend(database, times=3)
    async with mail_sink() as sink:
        sink.to_data = [HANG]
        await round_of(database, settings_for(sink.port))
        assert sorted(await states(database), key=str) == [
            ("pending", 0, None),
            ("pending", 0, None),
            ("pending", 1, "no answer: SMTPReadTimeoutError"),
        ]
        assert await round_of(database, settings_for(sink.port)) == 2, "those not tried are due at once"


async def test_a_server_that_looks_through_a_mail_before_it_answers_gets_it_once(
    database: Connection, settings_for: SettingsFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "ANSWER_SECONDS", 0.5)
    await intend(database)
    async with mail_sink() as sink:
        sink.thinks_seconds = 1.0
        await round_of(database, settings_for(sink.port))
        assert await states(database) == [("sent", 1, "2.0.0 kept")]
        assert sink.offered == 1


async def test_a_slow_server_is_left_in_time_and_what_it_did_not_get_to_is_due_at_once(
    database: Connection, settings_for: SettingsFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "BAG_SECONDS", 0.3)
    await intend(database, times=10)
    async with mail_sink() as sink:
        sink.thinks_seconds = 0.1
        await round_of(database, settings_for(sink.port))
        sent = len(sink.kept)
        assert 1 <= sent < 10
        assert sorted(state for state, _, _ in await states(database)) == ["pending"] * (10 - sent) + ["sent"] * sent
        sink.thinks_seconds = 0
        monkeypatch.undo()
        assert await round_of(database, settings_for(sink.port)) == 10 - sent
    assert len({mail["Message-ID"] for mail in sink.kept}) == len(sink.kept) == 10


@pytest.mark.parametrize("greeting", ["421 4.3.2 later", "554 5.3.2 no service here"])
async def test_a_server_that_lets_nobody_in_says_nothing_about_any_mail(
    database: Connection, settings_for: SettingsFor, greeting: str
) -> None:
    await intend(database, times=2)
    async with closed_door(greeting) as port:
        await round_of(database, settings_for(port))
    assert await states(database) == [("pending", 1, f"not reached: SMTPConnectResponseError {greeting[:3]}")] * 2


async def test_an_invoice_goes_with_its_mail_as_it_was_issued(
    database: Connection, settings_for: SettingsFor, tmp_path: Path
) -> None:
    await intend(database, INVOICE_RENDERED)
    store = ObjectStore(f"{tmp_path.as_uri()}/invoices")
    await store.put(FILES[1].sha256, once(PDF))
    async with mail_sink() as sink:
        await round_of(database, settings_for(sink.port, files_store_url=tmp_path.as_uri()))
    (mail,) = sink.kept
    (file,) = mail.iter_attachments()
    assert (file.get_content(), file.get_filename()) == (PDF, "AW-2026-00001.pdf")


@pytest.mark.parametrize("damage", ["gone", "damaged"])
async def test_an_invoice_that_is_not_what_was_issued_is_not_sent(
    database: Connection, settings_for: SettingsFor, tmp_path: Path, damage: str
) -> None:
    await intend(database, INVOICE_RENDERED)
    await intend(database)
    folder = tmp_path / "invoices"
    folder.mkdir()
    if damage == "damaged":
        (folder / FILES[1].sha256).write_bytes(PDF[::-1])
    async with mail_sink() as sink:
        await round_of(database, settings_for(sink.port, files_store_url=tmp_path.as_uri()))
    assert len(sink.kept) == 1, "the other letter goes out"
    error = {"gone": "FileNotFoundError", "damaged": "Damaged"}[damage]
    assert sorted(await states(database)) == [
        ("pending", 1, f"not written: {error}"),
        ("sent", 1, "2.0.0 kept"),
    ]


async def test_a_letter_whose_file_had_to_wait_too_long_goes_back_and_is_due_at_once(
    database: Connection, settings_for: SettingsFor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One file is in memory at a time, so the second bag waits for the first, until its own time is over."""
    monkeypatch.setattr(courier, "LETTERS_IN_A_BAG", 1)
    monkeypatch.setattr(courier, "BAG_SECONDS", 0.2)
    for subject in (OUTSOURCING_ID, PARTNERSHIP_ID):
        await intend(database, INVOICE_RENDERED.model_copy(update={"outsourcing_id": subject}))
    await ObjectStore(f"{tmp_path.as_uri()}/invoices").put(FILES[1].sha256, once(PDF))
    async with mail_sink() as sink:
        sink.thinks_seconds = 0.5
        settings = settings_for(sink.port, files_store_url=tmp_path.as_uri())
        assert await round_of(database, settings) == 2
        assert sorted(await states(database)) == [("pending", 0, None), ("sent", 1, "2.0.0 kept")]
        assert await round_of(database, settings) == 1
    assert len(sink.kept) == 2


async def test_letters_of_one_thread_go_out_in_their_order(database: Connection, settings_for: SettingsFor) -> None:
    await intend(database, times=courier.LETTERS_IN_A_BAG - 1)
    first, last = [await intend(database, event) for event in (NEWS, APPROVED)]
    await database.execute(
        "UPDATE notification SET next_attempt_at = next_attempt_at + interval '1 second' WHERE kind = 'approved'"
    )
    async with mail_sink() as sink:
        await round_of(database, settings_for(sink.port))
    to_lead = [mail["Message-ID"] for mail in sink.kept if mail["To"] == "service@nordlicht.example"]
    told = [one.id for one in (*first, *last) if one.recipient == "nordlicht"]
    assert to_lead == [f"<{id}@tandem.example>" for id in told]


async def test_nobody_listens_and_every_letter_waits(database: Connection, settings_for: SettingsFor) -> None:
    await intend(database, times=3)
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        settings = settings_for(reserved.getsockname()[1])
        await round_of(database, settings)
        assert await states(database) == [("pending", 1, "not reached: SMTPConnectError")] * 3
        await round_of(database, settings, after=GIVE_UP_AFTER)
    assert {state for state, _, _ in await states(database)} == {"failed"}


async def test_a_letter_that_cannot_be_written_harms_no_other(database: Connection, settings_for: SettingsFor) -> None:
    unwritable, _ = await intend(database, times=2)
    await database.execute("UPDATE notification SET kind = 'lunch' WHERE id = $1", unwritable.id)
    async with mail_sink() as sink:
        await round_of(database, settings_for(sink.port))
    assert sorted(await states(database)) == [("pending", 1, "not written: KeyError"), ("sent", 1, "2.0.0 kept")]


@pytest.mark.parametrize("address", ["a@b@c", "jürgen@alpenwerk.example", "a..b@alpenwerk.example"])
async def test_an_address_that_no_mail_server_takes_fails_at_once_and_its_instance_is_told(
    database: Connection, settings_for: SettingsFor, address: str
) -> None:
    unmailable, _ = await intend(database, times=2)
    await database.execute("UPDATE notification SET address = $2 WHERE id = $1", unmailable.id, address)
    async with mail_sink() as sink:
        _, [caused] = await told_by_round(database, settings_for(sink.port))
    words = "no mail server takes such an address"
    assert sorted(await states(database)) == [("failed", 1, words), ("sent", 1, "2.0.0 kept")]
    (failed,) = caused.tell
    assert isinstance(failed, Deliver) and isinstance(failed.data, NotificationFailed)
    assert (failed.data.recipient, failed.data.words) == (address, words)


async def test_neither_addresses_nor_texts_are_logged(database: Connection, settings_for: SettingsFor) -> None:
    await intend(database, times=4)
    async with mail_sink() as sink:
        sink.to_data = [OK, "550 5.1.1 <service@alpenwerk.example> is unknown", DROP]
        with structlog.testing.capture_logs() as logs:
            await round_of(database, settings_for(sink.port))
    assert len(logs) >= 4
    for secret in ("service@", "Druckserver", "Nordlicht IT", "is unknown", "Server startet"):
        assert secret not in str(logs)
