"""Takes letters to the mail server, outside any transaction, and brings back what it said."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from services.notifier import store
from services.notifier.clients import Answer, Invoices, MailServer, Unreachable, trusted_by
from services.notifier.domain.delivery import Letter, Result, failure, settle
from services.notifier.settings import Settings, address_of
from services.notifier.texts import Answers, mail_of
from shared.contracts.values import is_email
from shared.database import Connection
from shared.messaging.outcomes import Caused
from shared.messaging.side_work import Courier

log = structlog.get_logger()

LETTERS_AT_ONCE = 200
# Letters that share a connection. Bags go out side by side: more connections than these eight many servers refuse.
LETTERS_IN_A_BAG = 25
# A bag stops here, and what is left of it goes back to be claimed again: a slow server must not keep a worker from
# ending, nor may a lease run out while its letter is still on the way (this, and the longest that one mail can take).
BAG_SECONDS = 8.0
LEASE = timedelta(minutes=5)

Bag = list[Letter]


def mail_courier(settings: Settings) -> Courier:
    """The courier of this mail server and this installation's invoices."""
    office = Office(settings)

    async def act(bag: Bag) -> list[Result]:
        return await deliver(bag, office)

    return Courier("mail", claim=claim, act=act, record=record)


class Office:
    """Writes letters: links that are signed here, and invoices that go with them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # Read once: there are hundreds of them.
        self._trusted = trusted_by(settings)
        self._sender = address_of(settings.smtp_sender)
        self._answers = Answers(settings.keys, settings.public_url)
        self._invoices = Invoices(settings.invoices_store_url)
        # A mail with a file takes several times its size in memory.
        self._room_for_files = asyncio.Semaphore(1)

    def mail_server(self) -> MailServer:
        """The mail server for one bag."""
        return MailServer(self._settings, self._trusted)

    async def hand_over(self, letter: Letter, server: MailServer, stop_at: float) -> Answer | None:
        """The letter written and offered to the server, or None where its turn did not come in time.

        Raises Unreachable, and Unwritten where that cannot be.
        """
        file = letter.notification.facts.file
        if file is None or not file.fits:
            return await self._offer(letter, server, None)
        async with self._room_for_files:
            if asyncio.get_running_loop().time() > stop_at:
                return None
            try:
                attached = await self._invoices.read(file)
            except Exception as unread:  # noqa: BLE001 whatever the store says, the letter must not keep others back
                raise Unwritten(type(unread).__name__) from None
            return await self._offer(letter, server, attached)

    async def _offer(self, letter: Letter, server: MailServer, attached: bytes | None) -> Answer:
        address = letter.notification.reader.address
        if not is_email(address):
            # Nothing that a mail server could ever be asked; operators correct addresses past every check.
            return Answer("refused", "no mail server takes such an address")
        try:
            mail = mail_of(letter, self._sender, self._answers.of(letter), attached)
        except Exception as unwritable:  # noqa: BLE001 a letter that cannot be written must not keep others back
            # Only the kind of error is named: its words may quote the letter.
            raise Unwritten(type(unwritable).__name__) from None
        return await server.hand_over(mail, address)


class Unwritten(Exception):
    """A letter cannot be written, or what goes with it cannot be read; the words name the kind of error alone."""


async def claim(connection: Connection, now: datetime) -> list[Bag]:
    """Lease what is due, in bags that share a connection each."""
    return in_bags(await store.claim_due_letters(connection, now, lease=LEASE, at_most=LETTERS_AT_ONCE))


def in_bags(letters: list[Letter]) -> list[Bag]:
    """Letters of one thread go in one bag, so that they arrive in their order."""
    bags: list[Bag] = []
    bag_of: dict[tuple[UUID, str], Bag] = {}
    for letter in letters:
        if not bags or len(bags[-1]) >= LETTERS_IN_A_BAG:
            bags.append([])
        told = letter.notification
        bag_of.setdefault((told.subject_id, told.recipient), bags[-1]).append(letter)
    return [bag for bag in bags if bag]


async def deliver(bag: Bag, office: Office) -> list[Result]:
    """Hand over one letter after the other; a server that cannot be reached is not asked again for the same bag."""
    server = office.mail_server()
    stop_at = asyncio.get_running_loop().time() + BAG_SECONDS
    results: list[Result] = []
    try:
        for letter in bag:
            if asyncio.get_running_loop().time() > stop_at:
                results.append(Result(letter, "untried", ""))
            else:
                results.append(await _attempt(letter, server, office, stop_at))
    except Unreachable as unreachable:
        log.warning("mail server not reached", reason=str(unreachable))
        results += [Result(letter, "trouble", str(unreachable)) for letter in bag[len(results) :]]
    finally:
        await server.leave()
    return results


async def record(connection: Connection, results: Sequence[list[Result]], now: datetime) -> list[Caused]:
    """Write down where each letter stands now, and tell of those that failed for good."""
    settled = [(result, settle(result, now)) for bag in results for result in bag]
    written = await store.mark_settled(connection, [one for _, one in settled], now)
    failed = [result for result, one in settled if one.state == "failed" and one.id in written]
    for result in failed:
        log.warning("mail failed for good", notification=_id(result.letter), attempts=result.letter.attempts)
    return [failure(result, now) for result in failed]


async def _attempt(letter: Letter, server: MailServer, office: Office, stop_at: float) -> Result:
    """One letter: written, handed over, answered; one that cannot be written must not keep the others back."""
    try:
        answer = await office.hand_over(letter, server, stop_at)
    except Unwritten as unwritten:
        log.error("letter not written", notification=_id(letter), error=str(unwritten))
        return Result(letter, "trouble", f"not written: {unwritten}")
    if answer is None:
        return Result(letter, "untried", "")
    _log(letter, answer)
    return Result(letter, answer.verdict, answer.words)


def _log(letter: Letter, answer: Answer) -> None:
    """Ids and codes only; addresses, texts and the server's words stay in the row."""
    log.info(
        "mail offered",
        notification=_id(letter),
        kind=letter.notification.kind,
        attempt=letter.attempts,
        verdict=answer.verdict,
        code=answer.code,
    )


def _id(letter: Letter) -> str:
    return str(letter.notification.id)
