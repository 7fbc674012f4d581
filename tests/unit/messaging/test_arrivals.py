"""Whose word counts: what the gateway says counts as said by whom it names, and nobody else may name anybody."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from services.offer_handler.handlers import HANDLERS
from shared.contracts.offer_handler import DeadlinePassed, OfferAccept, OfferCancel, PartnershipAccept
from shared.ids import new_id
from shared.messaging.arrivals import Arrival, Dead, Readable, tell_apart
from shared.messaging.outcomes import Refused
from tests.integration.messaging.posting import by_button, command, event

OUTSOURCING = new_id()
ACCEPT = OfferAccept(actor="office@huber.example", on_behalf_of="alpenwerk", outsourcing_id=OUTSOURCING)


def arrived(arrival: Arrival) -> Readable | Dead:
    return tell_apart(arrival, HANDLERS.models)


def with_data(arrival: Arrival, **fields: Any) -> Arrival:
    envelope = json.loads(arrival.body)
    envelope["data"] |= fields
    return replace(arrival, body=json.dumps(envelope).encode())


def test_what_the_gateway_says_is_said_by_whom_it_names() -> None:
    id = new_id()
    said = arrived(by_button(ACCEPT, str(OUTSOURCING), id=id))
    assert isinstance(said, Readable) and said.refusal is None
    assert (said.sender, said.key, said.data) == ("alpenwerk", (id, "/tandem/gateway"), ACCEPT)
    joining = PartnershipAccept(actor="x", on_behalf_of="sub-0123456789abcdef", partnership_id=OUTSOURCING)
    said = arrived(by_button(joining, str(OUTSOURCING)))
    assert isinstance(said, Readable) and said.sender == "sub-0123456789abcdef"


@pytest.mark.parametrize(
    "change",
    [
        {"user_id": "tandem.notifier"},
        {"user_id": "alpenwerk"},
        {"user_id": None},
        {"exchange": "tandem.events"},
        {"routing_key": "alpenwerk.offer.accept.00"},
        {"body": command(ACCEPT, str(OUTSOURCING), sender="alpenwerk").body},
    ],
    ids=["another worker", "an instance", "nobody", "an event", "an instance's key", "an instance's source"],
)
def test_the_gateway_counts_only_as_itself(change: dict[str, Any]) -> None:
    said = arrived(replace(by_button(ACCEPT, str(OUTSOURCING)), **change))
    assert isinstance(said, Dead) and (said.problem, said.answer_to) == ("message/forged", None)


@pytest.mark.parametrize("named", [None, "tandem", "tandem/ticket_sync", "/instances/alpenwerk", 7, "Alpenwerk"])
def test_the_gateway_speaks_for_an_instance_and_never_for_a_worker(named: object) -> None:
    said = arrived(with_data(by_button(ACCEPT, str(OUTSOURCING)), on_behalf_of=named))
    assert isinstance(said, Dead) and said.problem == "message/forged"


def test_the_gateway_tells_other_workers_as_itself() -> None:
    told = event(DeadlinePassed(outsourcing_id=OUTSOURCING, due_at=datetime.now(UTC)), "x", service="gateway")
    said = arrived(told)
    assert isinstance(said, Readable) and said.sender == "tandem/gateway"


def test_the_gateway_says_nothing_but_what_a_button_can() -> None:
    cancel = OfferCancel(actor="x", outsourcing_id=OUTSOURCING)
    said = arrived(with_data(by_button(cancel, str(OUTSOURCING)), on_behalf_of="nordlicht"))
    assert isinstance(said, Dead) and said.problem == "message/forged"


def test_an_instance_speaks_for_itself_and_is_told_so_with_all_its_other_mistakes() -> None:
    said = arrived(with_data(command(ACCEPT, str(OUTSOURCING), sender="elbtal"), organization=7))
    assert isinstance(said, Readable) and said.sender == "elbtal" and said.data is None
    assert isinstance(said.refusal, Refused) and said.refusal.problem == "message/invalid"
    assert [one.pointer for one in said.refusal.errors] == ["/data/on_behalf_of", "/data/organization"]


def test_a_command_that_is_nobody_else_s_to_say_knows_no_such_field() -> None:
    cancel = OfferCancel(actor="x", outsourcing_id=OUTSOURCING)
    said = arrived(with_data(command(cancel, str(OUTSOURCING)), on_behalf_of="alpenwerk"))
    assert isinstance(said, Readable) and isinstance(said.refusal, Refused)
    assert [one.pointer for one in said.refusal.errors] == ["/data/on_behalf_of"]
