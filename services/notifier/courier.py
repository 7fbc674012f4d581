"""Takes letters to the mail server, outside any transaction, and brings back what it said."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from services.notifier import store
from services.notifier.clients import Answer, MailServer, Unreachable
from services.notifier.domain.delivery import Letter, Result, failure, settle
from services.notifier.settings import Settings, address_of
from services.notifier.texts import Answers, mail_of
from shared.database import Connection
from shared.messaging.outcomes import Caused
from shared.messaging.side_work import Courier

log = structlog.get_logger()

LETTERS_AT_ONCE = 100
# Letters that share a connection. Bags go out side by side.
LETTERS_IN_A_BAG = 25
# A bag stops here, and what is left of it goes back to be claimed again: a slow server must not keep a worker from
# ending, nor may a lease run out while its letter is still on the way (this, and the longest that one mail can take).
BAG_SECONDS = 8.0
LEASE = timedelta(minutes=5)

Bag = list[Letter]


def mail_courier(settings: Settings) -> Courier:
    """The courier of this mail server."""

    async def act(bag: Bag) -> list[Result]:
        return await deliver(bag, settings)

    return Courier("mail", claim=claim, act=act, record=record)


async def claim(connection: Connection, now: datetime) -> list[Bag]:
    """Lease what is due, in bags that share a connection each."""
    letters = await store.claim_due_letters(connection, now, lease=LEASE, at_most=LETTERS_AT_ONCE)
    return [letters[first : first + LETTERS_IN_A_BAG] for first in range(0, len(letters), LETTERS_IN_A_BAG)]


async def deliver(bag: Bag, settings: Settings) -> list[Result]:
    """Hand over one letter after the other; a server that cannot be reached is not asked again for the same bag."""
    server = MailServer(settings)
    stop_at = asyncio.get_running_loop().time() + BAG_SECONDS
    results: list[Result] = []
    try:
        for letter in bag:
            if asyncio.get_running_loop().time() > stop_at:
                results.append(Result(letter, "untried", ""))
            else:
                results.append(await _attempt(letter, server, settings))
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


async def _attempt(letter: Letter, server: MailServer, settings: Settings) -> Result:
    """One letter: written, handed over, answered."""
    try:
        links = Answers(settings.keys, settings.public_url).of(letter)
        mail = mail_of(letter, address_of(settings.smtp_sender), links)
    except Exception as unwritable:  # noqa: BLE001 a letter that cannot be written must not keep the others back
        # Only the kind of error is named: its words may quote the letter.
        log.error("letter not written", notification=_id(letter), error=type(unwritable).__name__)
        return Result(letter, "trouble", f"not written: {type(unwritable).__name__}")
    answer = await server.hand_over(mail, letter.notification.reader.address)
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
