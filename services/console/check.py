"""`tandem check`: proves, service by service, that every message that was received ended in exactly one way."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import asyncpg

from services.console.settings import AdminSettings
from shared.database import Connection
from shared.messaging.broker_admin import broker_admin
from shared.messaging.topology import SERVICES

OUTCOMES = ("applied", "unchanged", "refused", "parked", "dropped", "dead")

# Each question finds rows that must not exist; the answer is how many there are.
QUESTIONS = {
    "applied messages without history": """
        SELECT count(*) FROM inbox LEFT JOIN history ON (cause_id, cause_source) = (inbox.id, inbox.source)
        WHERE inbox.outcome = 'applied' AND cause_id IS NULL
    """,
    "history without an applied message": """
        SELECT count(*) FROM history LEFT JOIN inbox ON (inbox.id, inbox.source) = (cause_id, cause_source)
        WHERE inbox.outcome IS DISTINCT FROM 'applied'
    """,
    "messages to publish without the message that caused them": """
        SELECT count(*) FROM outbox LEFT JOIN inbox ON (inbox.id, inbox.source) = (cause_id, cause_source)
        WHERE inbox.id IS NULL
    """,
    "messages counted as parked that wait nowhere": """
        SELECT count(*) FROM inbox LEFT JOIN parked ON (parked.id, parked.source) = (inbox.id, inbox.source)
        WHERE inbox.outcome = 'parked' AND parked.id IS NULL
    """,
    "waiting messages that are not counted as parked": """
        SELECT count(*) FROM parked LEFT JOIN inbox ON (inbox.id, inbox.source) = (parked.id, parked.source)
        WHERE inbox.outcome IS DISTINCT FROM 'parked'
    """,
    "subjects that wait for nothing": """
        SELECT count(*) FROM parked_subject
        WHERE NOT EXISTS (SELECT FROM parked
                          WHERE (parked.subject, parked.apart) = (parked_subject.subject, parked_subject.apart))
    """,
    "dead messages without a dead letter": """
        SELECT count(*) FROM inbox WHERE outcome = 'dead' AND NOT EXISTS (
            SELECT FROM outbox WHERE (cause_id, cause_source) = (inbox.id, inbox.source) AND exchange = 'tandem.dead')
    """,
    "refused commands whose sender was not told": """
        SELECT count(*) FROM inbox JOIN instance ON instance.slug = inbox.sender
        WHERE outcome = 'refused' AND instance.kind = 'psa' AND NOT EXISTS (
            SELECT FROM outbox WHERE (cause_id, cause_source) = (inbox.id, inbox.source) AND lane = inbox.sender)
    """,
}


@dataclass(frozen=True, slots=True)
class Account:
    """What one service received and how it ended; `wrong` names every question whose answer is not zero.

    `forged` counts the dead messages whose user, routing key and source named different senders.
    """

    service: str
    received: int
    outcomes: dict[str, int]
    unpublished: int
    stuck_subjects: int
    forged: int
    wrong: dict[str, int]
    in_flight: int = 0

    @property
    def balanced(self) -> bool:
        return not self.wrong and self.received == sum(self.outcomes.values())

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "balanced": self.balanced}

    def as_column(self) -> dict[str, str]:
        """The same as a column of a table, by the names of its lines."""
        counts = {"received": self.received, **self.outcomes}
        beside = {
            "in flight": self.in_flight,
            "unpublished": self.unpublished,
            "stuck subjects": self.stuck_subjects,
            "forged": self.forged,
        }
        verdict = "balanced" if self.balanced else "NOT BALANCED"
        return {**{name: str(count) for name, count in (counts | beside).items()}, "verdict": verdict}


async def check_service(connection: Connection, service: str) -> Account:
    """Count and join everything of one service at one instant, so that what is under way does not blur it."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(f'SET LOCAL search_path = "{service}"')
        counted = {
            row["outcome"]: row["n"]
            for row in await connection.fetch("SELECT outcome, count(*) AS n FROM inbox GROUP BY outcome")
        }
        answers = {question: await connection.fetchval(sql) for question, sql in QUESTIONS.items()}
        return Account(
            service=service,
            received=await connection.fetchval("SELECT count(*) FROM inbox"),
            outcomes={outcome: counted.get(outcome, 0) for outcome in OUTCOMES},
            unpublished=await connection.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL"),
            stuck_subjects=await connection.fetchval("SELECT count(*) FROM parked_subject WHERE status = 'stuck'"),
            forged=await connection.fetchval(
                "SELECT count(*) FROM inbox WHERE outcome = 'dead' AND problem ->> 'type' = 'message/forged'"
            ),
            wrong={question: count for question, count in answers.items() if count},
        )


async def check_all(settings: AdminSettings) -> list[Account]:
    """The accounts of all services, each beside what is still in its queues.

    Raises what asyncpg raises when the database cannot be reached, and BrokerRefused when the broker cannot.
    """
    async with broker_admin(settings.admin_broker_url.get_secret_value(), settings.vhost) as broker:
        queues = await broker.list_queues()
    connection = await asyncpg.connect(settings.admin_database_url.get_secret_value(), timeout=5)
    try:
        accounts = [await check_service(connection, service) for service in SERVICES]
    finally:
        await connection.close()
    return [replace(account, in_flight=_in_flight(account.service, queues)) for account in accounts]


def _in_flight(service: str, queues: list[dict[str, Any]]) -> int:
    """What the service's shard queues hold, delivered or not."""
    return sum(queue.get("messages", 0) for queue in queues if queue["name"].startswith(f"{service}.shard."))
