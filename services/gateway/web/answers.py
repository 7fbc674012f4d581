"""Answers by a link in an e-mail: opening it shows a page and changes nothing, its button says the answer.

Only what was signed opens anything, so a form needs no other proof of where it comes from, and no cookie.
"""

import asyncio
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import structlog
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from services.gateway.domain.questions import UNDECIDED, ButtonPressed, Question
from services.gateway.store import questions as question_store
from services.gateway.texts import STYLE_SHA256, Page, html_of, outcome_page, plain_page, question_page
from shared.links import PATH, Keys, Link
from shared.messaging.intake import Intake, NotTakenIn

log = structlog.get_logger()

# The longest reason there is, every character of it as four bytes that are written as three each, and two names.
LARGEST_FORM_BYTES = 32 * 1024
MOST_FIELDS = 10
FORM_SECONDS = 10.0
# An answer is decided within milliseconds where all is well; whoever pressed waits so long for the page to say it.
DECIDED_WITHIN_SECONDS = 1.0
LOOK_SECONDS = 0.05

# The address of the page is the secret: no other site is told it, no index and no cache keeps it.
GUARDED = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{STYLE_SHA256}'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class _NotAForm(Exception):
    """What came is larger than any answer there is, or no form at all."""


def answer_route(intake: Intake, keys: Keys) -> Route:
    """Where links lead."""
    return Route(PATH + "{token}", partial(_answer, intake, keys), methods=["GET", "POST"])


async def _answer(intake: Intake, keys: Keys, request: Request) -> Response:
    """What is asked, or what became of it; after the button, what the button has led to."""
    link = keys.link_of(request.path_params["token"])
    if link is None:
        return _page(plain_page("unknown", _language_of(request)), HTTPStatus.NOT_FOUND)
    try:
        return await (_press(intake, link, request) if request.method == "POST" else _show(intake, link))
    except NotTakenIn:
        return _page(plain_page("later", link.language), HTTPStatus.SERVICE_UNAVAILABLE)
    except (TimeoutError, _NotAForm):
        return _page(plain_page("unreadable", link.language), HTTPStatus.BAD_REQUEST)


async def _show(intake: Intake, link: Link) -> Response:
    """Read only: whoever opens the link, and however often."""
    question, lead_name, now = await _find(intake, link)
    if question is None or not question.is_put_to(link.instance, link.address):
        return _without_question(question, link, is_over=now >= link.until)
    if now < link.until and question.may_be_answered(now):
        return _page(question_page(link, question, lead_name))
    return _page(outcome_page(link, question, lead_name))


async def _press(intake: Intake, link: Link, request: Request) -> Response:
    """Say what the button says, if it may still be said, and show what came of it."""
    typed = await _form_of(request)
    question, lead_name, now = await _find(intake, link)
    open = question is not None and question.is_put_to(link.instance, link.address) and question.may_be_answered(now)
    if question is None or not open or now >= link.until:
        return await _show(intake, link)
    pressed, wrong = _pressed(link, question, typed)
    if pressed is None:
        page = question_page(link, question, lead_name, typed, wrong)
        return _page(page, HTTPStatus.UNPROCESSABLE_ENTITY)
    await intake.take(pressed, subject=str(link.id))
    log.info("answered by a link", instance=link.instance, purpose=link.purpose)
    await _decided(intake, link)
    # Relative, so that a proxy may serve us under any path; and a page that is loaded again presses nothing.
    return RedirectResponse(request.path_params["token"], HTTPStatus.SEE_OTHER, headers=GUARDED)


async def _decided(intake: Intake, link: Link) -> None:
    """Wait a moment until it is known what came of the answer."""
    for _look in range(int(DECIDED_WITHIN_SECONDS / LOOK_SECONDS)):
        question, _, _ = await _find(intake, link)
        if question is None or question.state not in UNDECIDED:
            return
        await asyncio.sleep(LOOK_SECONDS)


def _pressed(link: Link, question: Question, typed: dict[str, str]) -> tuple[ButtonPressed | None, set[str]]:
    """What the button says, or the names of the fields that it cannot be said with."""
    about, answer = link.purpose.split(".")
    said = {name: typed[name].strip() for name in ("organization", "name", "reason") if typed.get(name, "").strip()}
    told: dict[str, Any] = {
        "id": link.id,
        "about": about,
        "answer": answer,
        "instance": link.instance,
        "address": link.address,
    }
    missing: set[str] = {name for name in question.needs(told["answer"]) if name not in said}
    try:
        pressed = ButtonPressed.model_validate({**told, **said})
    except ValidationError as error:
        return None, missing | {str(one["loc"][0]) for one in error.errors(include_url=False, include_context=False)}
    return (None, missing) if missing else (pressed, set())


async def _find(intake: Intake, link: Link) -> tuple[Question | None, str, datetime]:
    """What the link asks, the name of the company that asks it, and the time."""
    about = link.purpose.partition(".")[0]
    return await intake.ask(partial(question_store.find_question, about=about, id=link.id))


def _without_question(question: Question | None, link: Link, *, is_over: bool) -> Response:
    """An e-mail may be quicker than what it tells of; what was put to another, or is forgotten, is not there."""
    if question is None and not is_over:
        return _page(plain_page("later", link.language), HTTPStatus.SERVICE_UNAVAILABLE)
    return _page(plain_page("unknown", link.language), HTTPStatus.NOT_FOUND)


async def _form_of(request: Request) -> dict[str, str]:
    """The fields of the form. Raises TimeoutError and _NotAForm."""
    body = bytearray()
    async with asyncio.timeout(FORM_SECONDS):
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_FORM_BYTES:
                raise _NotAForm
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError as unreadable:
        raise _NotAForm from unreadable


def _language_of(request: Request) -> str:
    """The first one that a browser asks for; of whom a link does not name, nothing else is known."""
    return request.headers.get("Accept-Language", "en").split(",")[0].partition(";")[0].strip()


def _page(page: Page, status: HTTPStatus = HTTPStatus.OK) -> Response:
    retry = {"Retry-After": "5"} if status is HTTPStatus.SERVICE_UNAVAILABLE else {}
    headers = {**GUARDED, **retry, "Content-Language": page.language}
    return HTMLResponse(html_of(page), status, headers)
