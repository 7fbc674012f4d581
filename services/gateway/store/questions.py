"""What is asked by links in e-mails: every statement about questions."""

from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from services.gateway.domain.questions import Details, Question, State
from shared.database import Connection, columns_of

QUESTION_COLUMNS = tuple(field.name for field in fields(Question))
QUESTION = ", ".join(f"question.{column}" for column in QUESTION_COLUMNS)


async def find_question(connection: Connection, about: str, id: UUID) -> tuple[Question | None, str, datetime]:
    """A question, how the company is called that asks it, and the database's clock; also where there is no question."""
    row = await connection.fetchrow(
        f"""
        SELECT clock_timestamp() AS now, coalesce(instance.name, question.lead, '') AS lead_name, {QUESTION}
        FROM (VALUES ($1::text, $2::uuid)) AS wanted (about, id)
        LEFT JOIN question ON (question.about, question.id) = (wanted.about, wanted.id)
        LEFT JOIN instance ON instance.slug = question.lead
        """,
        about,
        id,
    )
    return None if row["about"] is None else _question(row), row["lead_name"], row["now"]


async def lock_questions(connection: Connection, keys: list[tuple[str, UUID]]) -> list[Question]:
    """Those of these questions that there are, in the order of their keys."""
    rows = await connection.fetch(
        f"""
        SELECT {QUESTION} FROM question JOIN unnest($1::text[], $2::uuid[]) AS wanted (about, id) USING (about, id)
        ORDER BY about, id FOR UPDATE OF question
        """,
        *columns_of(keys, 2),
    )
    return [_question(row) for row in rows]


async def save_questions(connection: Connection, questions: list[Question]) -> None:
    """New questions, and where known ones stand now."""
    rows = [
        (
            *(one.about, one.id, one.lead, one.service, one.recipient, one.title),
            one.details.model_dump_json(exclude_defaults=True) if one.details else None,
            *(one.needs_organization, one.needs_name, one.ends_at),
            *(one.state, one.answer, one.answered_by, one.answered_at),
        )
        for one in questions
    ]
    await connection.execute(
        """
        INSERT INTO question (about, id, lead, service, recipient, title, details, needs_organization, needs_name,
                              ends_at, state, answer, answered_by, answered_at)
        SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[],
                             $8::bool[], $9::bool[], $10::timestamptz[], $11::text[], $12::text[], $13::text[],
                             $14::timestamptz[])
        ON CONFLICT (about, id) DO UPDATE SET
            recipient = excluded.recipient,
            details = excluded.details,
            ends_at = excluded.ends_at,
            state = excluded.state,
            answer = excluded.answer,
            answered_by = excluded.answered_by,
            answered_at = excluded.answered_at
        """,
        *columns_of(rows, 14),
    )


async def delete_questions(connection: Connection, *, ended_before: datetime, at_most: int) -> None:
    """Forget questions whose time was over before then, the oldest first."""
    await connection.execute(
        """
        DELETE FROM question WHERE (about, id) IN (
            SELECT about, id FROM question WHERE ends_at < $1 ORDER BY ends_at LIMIT $2 FOR UPDATE SKIP LOCKED)
        """,
        ended_before,
        at_most,
    )


def _question(row: Any) -> Question:
    values = {name: row[name] for name in QUESTION_COLUMNS}
    details = None if row["details"] is None else Details.model_validate_json(row["details"])
    return Question(**values | {"details": details, "state": State(row["state"])})
